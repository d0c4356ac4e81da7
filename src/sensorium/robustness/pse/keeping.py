"""What a perturbation still does when only some of its cells are kept, or some are taken away.

Xu et al. (arXiv:1904.02057) take away the cells of one kind to show that each is needed. The
control that tells whether it is the kind that matters, and not how many cells are left, is as many
used cells chosen at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.pse.cells import Cells
from sensorium.robustness.pse.contributions import Network, logits_of
from sensorium.robustness.pse.ratio import KINDS, Kind


@dataclass(frozen=True)
class Outcome:
    """What a network says to each input.

    Attributes:
        hits: whether the target is the answer.
        fooled: whether the true label is not.
        target: change of the target's logit from the clean input.
        true: change of the true label's logit.
        cells: how many perturbed cells the input has.
    """

    hits: Bool[Tensor, " B"]
    fooled: Bool[Tensor, " B"]
    target: Float[Tensor, " B"]
    true: Float[Tensor, " B"]
    cells: Int64[Tensor, " B"]

    def mean(self) -> dict[str, float]:
        """Shares and mean changes over the inputs."""
        named = {"hits": self.hits, "fooled": self.fooled, "cells": self.cells}
        named |= {"target_logit": self.target, "true_logit": self.true}
        return {name: float(value.double().mean()) for name, value in named.items()}


def with_cells(
    clean: Float[Tensor, "B *T C H W"],
    attacked: Float[Tensor, "B *T C H W"],
    cells: Cells,
    keep: Bool[Tensor, "B N"],
) -> Float[Tensor, "B *T C H W"]:
    """The attacked input where a cell is kept, the clean one elsewhere."""
    return torch.where(cells.spread(keep).unsqueeze(-3), attacked, clean)


def random_cells(
    used: Bool[Tensor, "B N"], count: Int64[Tensor, " B"], generator: torch.Generator
) -> Bool[Tensor, "B N"]:
    """As many of each input's used cells as ``count`` says, at random."""
    noise = torch.rand(used.shape, generator=generator).to(used.device)
    order = noise.masked_fill(~used, 2.0).argsort(1).argsort(1)
    return (order < count[:, None]) & used


@dataclass(frozen=True)
class Judged:
    """Inputs with their labels, ready to be asked about again and again.

    Attributes:
        network: the classifier.
        clean: as they were.
        attacked: as they are.
        true: true labels.
        target: target labels.
        cells: the cells of a perturbation.
    """

    network: Network
    clean: Float[Tensor, "B ..."]
    attacked: Float[Tensor, "B ..."]
    true: Int64[Tensor, " B"]
    target: Int64[Tensor, " B"]
    cells: Cells

    def outcome(self, keep: Bool[Tensor, "B N"], batch: int = 256) -> Outcome:
        """What comes of keeping some cells."""
        mixed = with_cells(self.clean, self.attacked, self.cells, keep)
        before = logits_of(self.network, self.clean, batch)
        after = logits_of(self.network, mixed, batch)
        change, answer = after - before, after.argmax(1)
        return Outcome(
            answer == self.target,
            answer != self.true,
            change.gather(1, self.target[:, None])[:, 0],
            change.gather(1, self.true[:, None])[:, 0],
            keep.sum(1),
        )


def keep_by_kind(
    judged: Judged, kinds: Int64[Tensor, "B N"], generator: torch.Generator
) -> Mapping[str, Outcome]:
    """Outcomes of keeping and of taking away each kind of cell, each beside its random control.

    Returns:
        ``"all"``; and for each kind ``"only KIND"``, ``"without KIND"``, and both with
        ``", random"`` behind, which keep as many used cells chosen at random.
    """
    used = kinds != int(Kind.UNUSED)
    found = {"all": judged.outcome(used)}
    for kind in KINDS:
        mine = kinds == int(kind)
        for name, keep in ((f"only {kind.word}", mine), (f"without {kind.word}", used & ~mine)):
            found[name] = judged.outcome(keep)
            control = random_cells(used, keep.sum(1), generator)
            found[f"{name}, random"] = judged.outcome(control)
    return found
