"""One stage while it runs: objective and optimiser as Accelerate prepared them, and one step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sensorium.recipe import Recipe, Stage
from sensorium.seeds import derive
from sensorium.suggest import did_you_mean
from sensorium.system import Batch, System
from sensorium.training.objective import Objective
from sensorium.training.optimisation import freeze, optimisation
from sensorium.training.randomness import seeded

if TYPE_CHECKING:
    from accelerate import Accelerator


class ActiveStage:
    """A stage of a run.

    Args:
        accelerator: of the run.
        system: on its device.
        recipe: of the run.
        stage: which one.
        trainable: names of the parameters that may be trained at all.

    Attributes:
        first: steps of the run before this stage.
        last_saved: step of the newest checkpoint, 0 when there is none.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        system: System,
        recipe: Recipe,
        stage: Stage,
        trainable: frozenset[str],
    ) -> None:
        self.accelerator, self.system, self.recipe, self.stage = accelerator, system, recipe, stage
        self.trainable = trainable
        self.first = 0
        self.last_saved = 0
        self.train()
        self.optimisation = optimisation(system, stage)
        self.objective, self.optimisation.optimiser = accelerator.prepare(
            Objective(system, stage), self.optimisation.optimiser
        )

    def train(self) -> None:
        """Training mode, what is frozen frozen."""
        freeze(self.system, self.stage, self.trainable)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs besides the weights."""
        scaler = self.accelerator.scaler
        return {
            "optimiser": self.optimisation.optimiser.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.optimisation.optimiser.load_state_dict(state["optimiser"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def step(self, number: int, stream: Iterator[Batch]) -> tuple[dict[str, float], float]:
        """Step ``number`` (from 1, of the whole run); returns the losses and the learning rate.

        Raises:
            ValueError: when a loss or the gradient is not finite; the weights stay as they were.
        """
        accelerator, optimiser = self.accelerator, self.optimisation.optimiser
        rate = self.optimisation.set_rate(number - 1 - self.first)
        anneal(self.system, self.stage, number - 1 - self.first)
        path = (self.recipe.seed, "step", number, accelerator.process_index)
        seen: list[dict[str, Tensor]] = []
        losses: dict[str, float] = {}
        for micro in range(self.recipe.accumulate):
            batch = next(stream)
            with (
                seeded(derive(*path, micro), accelerator.device),
                accelerator.accumulate(self.objective),
            ):
                objective, parts = self.objective(batch)
                accelerator.backward(objective)
                seen.append(parts)
                if accelerator.sync_gradients:
                    losses = self._mean(seen)
                    self._refuse_bad_losses(number, losses)
                    self._clip(number)
                optimiser.step()
                optimiser.zero_grad()
        return losses, rate

    def _mean(self, seen: list[dict[str, Tensor]]) -> dict[str, float]:
        """Each loss over micro-batches and processes."""
        names = list(seen[0])
        # [A, L] -> [L]
        mean = torch.stack([torch.stack([parts[n] for n in names]) for parts in seen]).mean(0)
        values = self.accelerator.reduce(mean, reduction="mean").tolist()
        return dict(zip(names, values, strict=True))

    def _clip(self, number: int) -> None:
        """Clip the gradient's norm and look at it (in fp16 it may overflow: the scaler copes)."""
        parameters = [p for p in self.system.parameters() if p.grad is not None]
        limit = self.stage.optimiser.clip_norm
        if limit > 0:
            norm = self.accelerator.clip_grad_norm_(parameters, limit)
        else:
            norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self.recipe.precision != "fp16" and not math.isfinite(float(norm)):
            raise self._stop(number, f"the gradient's norm is {float(norm)}")

    def _refuse_bad_losses(self, number: int, losses: dict[str, float]) -> None:
        """Stop before a bad loss reaches the weights."""
        if math.isfinite(losses["loss"]):
            return
        bad = [n for n, v in losses.items() if not math.isfinite(v) and n != "loss"] or ["loss"]
        raise self._stop(number, " and ".join(f"{n} is {losses[n]}" for n in bad))

    def _stop(self, number: int, what: str) -> ValueError:
        kept = (
            f"the checkpoint of step {self.last_saved} is good"
            if self.last_saved
            else "there is no checkpoint yet"
        )
        return ValueError(
            f"step {number}: {what}; stopped, {kept}; lower the learning rate or check the data"
        )


def anneal(system: System, stage: Stage, step: int) -> None:
    """Set the stage's annealed buffers for ``step`` (from 0, within the stage).

    Raises:
        ValueError: for a name that is no scalar buffer, or values that are not positive.
    """
    buffers = dict(system.named_buffers())
    share = step / max(1, stage.steps - 1)
    for name, first, last in stage.anneal:
        if name not in buffers or buffers[name].ndim:
            hint = did_you_mean(name, [n for n, b in buffers.items() if not b.ndim])
            raise ValueError(f"stage {stage.name!r}: no scalar buffer is called {name!r}{hint}")
        if first != last and not (first > 0 and last > 0):
            raise ValueError(
                f"stage {stage.name!r}: {name!r} is annealed from {first} to {last}, expected "
                "values above 0"
            )
        buffers[name].fill_(first if first == last else first * (last / first) ** share)
