"""What is minimised, as a module, so that distributed wrappers see a forward pass."""

from __future__ import annotations

from torch import Tensor, nn

from sensorium.recipe import Stage
from sensorium.suggest import did_you_mean
from sensorium.system import Batch, System


class Objective(nn.Module):
    """``System.losses`` behind ``forward``: gradients are averaged over processes by hooks there.

    Args:
        system: whose losses.
        stage: its ``weights`` choose and weigh them; without weights ``loss`` is minimised.
    """

    def __init__(self, system: System, stage: Stage) -> None:
        super().__init__()
        self.system = system
        self.stage = stage

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and all losses without their graphs (it as ``loss``).

        Raises:
            ValueError: when the system gives no such loss, or one that is no scalar.
        """
        losses = self.system.losses(batch)
        for name, value in losses.items():
            if value.ndim:
                raise ValueError(
                    f"{self.system.name}: loss {name!r} has shape {list(value.shape)}, "
                    "expected a scalar; average it"
                )
        wanted = self.stage.weights or (("loss", 1.0),)
        for name, _ in wanted:
            if name not in losses:
                hint = did_you_mean(name, losses)
                raise ValueError(f"stage {self.stage.name!r}: no loss is called {name!r}{hint}")
        terms = [losses[name] * weight for name, weight in wanted]
        objective = sum(terms[1:], start=terms[0]) if self.stage.weights else losses["loss"]
        seen = {"loss": objective, **{k: v for k, v in losses.items() if k != "loss"}}
        return objective, {name: value.detach().float() for name, value in seen.items()}
