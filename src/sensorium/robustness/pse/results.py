"""`Explanation`: what a perturbation does, as numbers, as words and as a picture."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.pse.cells import Cells
from sensorium.robustness.pse.ratio import KINDS, Kind, Whole, shares
from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Names:
    """What to call things.

    Attributes:
        classes: of the network, in the order of its logits.
        file: the picture or clip.
        system: whose logits.
        attack: what made the perturbation.
        unfamiliarity: 0..1, above 0.5 for an input unlike anything the network knows; ``None``:
            it cannot tell.
    """

    classes: tuple[str, ...]
    file: str = "picture"
    system: str = "network"
    attack: str = "the attack"
    unfamiliarity: float | None = None


@dataclass(frozen=True)
class Look:
    """Where the network looks, and how much of the perturbation lies there.

    The four maps are ``C(x0, t0)``, ``C(x0, t)``, ``C(x', t0)`` and ``C(x', t)``: of the clean and
    the attacked input, for the true label and the target.

    Attributes:
        method: ``"cam"`` or ``"grad-cam"``.
        percentile: above which a place counts.
        maps: the upsampled maps by name.
        masks: the places that count.
        scores: interpretability score of the perturbation by each.
        chances: what a perturbation that is equally strong everywhere would score.
    """

    method: str
    percentile: float
    maps: dict[str, Float[Tensor, "*T H W"]] = field(repr=False)
    masks: dict[str, Bool[Tensor, "*T H W"]] = field(repr=False)
    scores: dict[str, float]
    chances: dict[str, float]


@dataclass(frozen=True)
class Explanation(Result):
    """An adversarial example explained by promotion and suppression.

    Attributes:
        names: of the classes, the file, the system and the attack.
        true: number of the true label.
        target: of the label that the attack wants.
        clean: the input, 0..1.
        attacked: the adversarial example.
        logits: of both.
        cells: what is explained.
        target_contributions: of each cell to the target's logit.
        true_contributions: to the true label's.
        ratios: promotion–suppression ratio of each cell; NaN for unused and adverse ones.
        kinds: a `Kind` for each cell.
        whole: what the whole perturbation does to the two logits.
        look: activation maps and interpretability scores.
        kept: outcomes of keeping and taking away cells by kind (`keep_by_kind`).
        proxy_rank: rank correlation of the first-order proxy with the exact contributions, for the
            target and the true label.

    Shape:
        ``clean``, ``attacked``: ``[C, H, W]`` or ``[T, C, H, W]``; ``logits``: ``[2, K]``; values
        of cells ``[N]``.
    """

    names: Names
    true: int
    target: int
    clean: Float[Tensor, "*T C H W"] = field(repr=False)
    attacked: Float[Tensor, "*T C H W"] = field(repr=False)
    logits: Float[Tensor, "2 K"] = field(repr=False)
    cells: Cells = field(repr=False)
    target_contributions: Float[Tensor, " N"] = field(repr=False)
    true_contributions: Float[Tensor, " N"] = field(repr=False)
    ratios: Float[Tensor, " N"] = field(repr=False)
    kinds: Int64[Tensor, " N"] = field(repr=False)
    whole: Whole
    look: Look
    kept: dict[str, dict[str, float]] = field(repr=False)
    proxy_rank: tuple[float, float]

    @property
    def true_label(self) -> str:
        """Its name."""
        return self.names.classes[self.true]

    @property
    def target_label(self) -> str:
        """Its name."""
        return self.names.classes[self.target]

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the input is unlike anything the network knows (``None``: cannot tell)."""
        far = self.names.unfamiliarity
        return None if far is None else far > 0.5

    @property
    def answer(self) -> int:
        """Number of the label that the network now gives."""
        return int(self.logits[1].argmax())

    @property
    def success(self) -> bool:
        """Whether the target is the answer."""
        return self.answer == self.target

    def probability(self, label: int, *, attacked: bool) -> float:
        """How sure the network is of a label, before or after, 0..1."""
        return float(self.logits[int(attacked)].softmax(0)[label])

    @property
    def shares(self) -> dict[str, float]:
        """The share of each kind among the used cells."""
        found = shares(self.kinds[None])[0].tolist()
        return {kind.word: value for kind, value in zip(KINDS, found, strict=True)}

    @property
    def used(self) -> int:
        """How many cells are perturbed."""
        return int((self.kinds != int(Kind.UNUSED)).sum())

    def verdict(self) -> str:
        """In words, some sentences."""
        from sensorium.robustness.pse.words import verdict

        return verdict(self)

    def to_dict(self) -> dict[str, Any]:
        """``file``, ``system``, ``label``, ``score``, ``target``, ``success``, ``verdict`` ..."""
        d = self.attacked - self.clean
        norms = {"l1": d.abs().sum(), "l2": d.norm(), "linf": d.abs().amax()}
        return {
            "file": self.names.file,
            "system": self.names.system,
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": _plain(self.names.unfamiliarity),
            "attack": self.names.attack,
            "label": self.true_label,
            "score": _plain(self.probability(self.true, attacked=False)),
            "target": self.target_label,
            "answer": self.names.classes[self.answer],
            "answer_score": _plain(self.probability(self.answer, attacked=True)),
            "success": self.success,
            "kind": self.whole.kind.word,
            "ratio": _plain(self.whole.ratio),
            "logits": {"target": _plain(self.whole.target), "true": _plain(self.whole.true)},
            "norms": {name: _plain(float(value)) for name, value in norms.items()},
            "cells": {"all": self.cells.count, "used": self.used, **_plain(self.shares)},
            "maps": self.look.method,
            "interpretability": _plain(self.look.scores),
            "chance": _plain(self.look.chances),
            "kept": _plain(self.kept),
            "proxy_rank": {
                "target": _plain(self.proxy_rank[0]),
                "true": _plain(self.proxy_rank[1]),
            },
            "verdict": self.verdict(),
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``explanation.json`` (with every cell) and ``explanation.png``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "grid": list(self.cells.shape),
            "kinds": [Kind(k).word for k in self.kinds.tolist()],
            "ratios": _plain(self.ratios.tolist()),
            "target_contributions": _plain(self.target_contributions.tolist()),
            "true_contributions": _plain(self.true_contributions.tolist()),
        }
        data, picture = folder / "explanation.json", folder / "explanation.png"
        data.write_text(
            json.dumps({**self.to_dict(), "each_cell": values}) + "\n", encoding="utf-8"
        )
        self.figure().savefig(picture, dpi=120, bbox_inches="tight")
        return [data, picture]

    def figure(self) -> Figure:
        """Input, perturbation, ratio map, activation maps and the verdict; of a clip by frames."""
        from sensorium.robustness.pse.figure import explanation_figure

        return explanation_figure(self)


def _plain(value: Any) -> Any:
    """Numbers rounded, NaN as ``None``."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
