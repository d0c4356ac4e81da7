"""Signs that gradients are masked: that a network looks robust because attacks cannot see.

By the check list of Athalye et al. (arXiv:1802.00420) and Carlini et al. (arXiv:1902.06705).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_GAP = 0.02  # of accuracy, beyond which a sign counts


@dataclass(frozen=True)
class Masking:
    """What was looked at; shares of 0..1 of all samples.

    Attributes:
        zero_gradients: share of the backward passes that gave nothing but zeros.
        last_iterate: accuracy by the last iterate of plain PGD.
        best_iterate: accuracy by the best iterate of the same run.
        search_only: share that random search broke and gradients did not; ``None``: no search.
        transfer_only: share that only examples of another network broke, or only the backward
            pass of another network; ``None``: no other network.
        whole_range: accuracy under a budget of half the range, which turns any picture grey, by
            plain PGD; ``None``: not asked.
        chance: one over the number of classes.
    """

    zero_gradients: float
    last_iterate: float
    best_iterate: float
    search_only: float | None
    transfer_only: float | None
    whole_range: float | None
    chance: float

    @property
    def signs(self) -> tuple[str, ...]:
        """What speaks for masked gradients, a sentence each; empty when nothing does."""
        found = []
        if self.zero_gradients > _GAP:
            found.append(f"{self.zero_gradients:.0%} of the gradients are zero")
        gap = self.last_iterate - self.best_iterate
        if gap > _GAP:
            found.append(f"the last iterate hides {gap:.0%} that an earlier one broke")
        if self.search_only is not None and self.search_only > _GAP:
            found.append(f"random search broke {self.search_only:.0%} that gradients did not")
        if self.transfer_only is not None and self.transfer_only > _GAP:
            found.append(f"another network's gradients broke {self.transfer_only:.0%} more")
        if self.whole_range is not None and self.whole_range > self.chance:
            found.append(f"{self.whole_range:.0%} withstand a budget that turns pictures grey")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """The figures and the signs."""
        return {
            "zero_gradients": self.zero_gradients,
            "last_iterate": self.last_iterate,
            "best_iterate": self.best_iterate,
            "search_only": self.search_only,
            "transfer_only": self.transfer_only,
            "whole_range": self.whole_range,
            "chance": self.chance,
            "signs": list(self.signs),
        }
