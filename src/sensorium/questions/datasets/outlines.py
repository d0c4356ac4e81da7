"""Outlines as a trained finder draws them, for the attribute network to learn from.

As published, the attribute network learns from what the detector found, matched to the truth by the
overlap of masks (arXiv:1810.02338, section 4.1; 0.7 in the released code), not from true masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray

from sensorium.questions.crops import Outline
from sensorium.questions.datasets.rendered import Rendered, RenderedScenes
from sensorium.questions.finder import Finder, Found
from sensorium.questions.mask_rcnn import MaskRCNNFinder
from sensorium.worlds.blocks.vocabulary import MOST

LEAST_OVERLAP = 0.7
_NAMES = ("ids", "centres", "boxes", "seen")


@dataclass(frozen=True)
class Drawn:
    """What a finder drew in one scene, in the order of the true blocks; K is ten.

    Shape:
        ``ids``: ``uint8 [H, W]``, number of the true block + 1 where its match was drawn.
        ``centres``: ``float32 [K, 2]``, ``boxes``: ``float32 [K, 4]``, as found. ``seen``: ``bool
        [K]``, whether the block was found.
    """

    ids: UInt8[np.ndarray, "H W"]
    centres: Float32[np.ndarray, "K 2"]
    boxes: Float32[np.ndarray, "K 4"]
    seen: Bool[np.ndarray, "K"]

    def outline(self, number: int) -> Outline | None:
        """The outline of a true block; ``None`` where it was not found."""
        if not self.seen[number]:
            return None
        x, y = self.centres[number].tolist()
        x0, y0, x1, y1 = self.boxes[number].tolist()
        return Outline((x, y), (x0, y0, x1, y1), np.asarray(self.ids == number + 1))


class DrawnOutlines:
    """The outlines in a folder that `draw_outlines` filled."""

    def __init__(self, folder: Path) -> None:
        files = [Path(folder) / f"{name}.npy" for name in _NAMES]
        missing = [f.name for f in files if not f.exists()]
        if missing:
            raise ValueError(
                f"{folder}: no {missing[0]}; expected a folder of outlines, which "
                "sensorium.questions.datasets.outlines.draw_outlines writes"
            )
        self.folder = Path(folder)
        self.arrays = [np.load(f, mmap_mode="r") for f in files]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> Drawn:
        """What was drawn in scene ``index``."""
        ids, centres, boxes, seen = (array[index] for array in self.arrays)
        return Drawn(ids, centres, boxes, seen)

    def __reduce__(self) -> tuple[type[DrawnOutlines], tuple[Path]]:
        """Other processes open the files themselves."""
        return DrawnOutlines, (self.folder,)


@torch.no_grad()
def draw_outlines(
    finder: Finder | MaskRCNNFinder, scenes: RenderedScenes, folder: Path, *, batch: int = 8
) -> None:
    """Let a finder (in ``eval()`` mode) draw all blocks of scenes, and keep it in a folder."""
    rows: list[Drawn] = []
    for first in range(0, len(scenes), batch):
        some = [scenes[k] for k in range(first, min(first + batch, len(scenes)))]
        pictures = np.stack([s.pixels for s in some]).transpose(0, 3, 1, 2)  # [B,H,W,3]->[B,3,H,W]
        found = finder.find(torch.from_numpy(pictures))
        rows += [match(one, f) for one, f in zip(some, found, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    for name in _NAMES:
        np.save(folder / f"{name}.npy", _stacked(rows, name))


def match(one: Rendered, found: Found) -> Drawn:
    """What was found of each true block: the mask that overlaps it most, if by 0.7."""
    masks, ids = found.masks.cpu().numpy(), np.zeros_like(one.ids)
    centres, boxes = np.zeros((MOST, 2), np.float32), np.zeros((MOST, 4), np.float32)
    seen = np.zeros(MOST, bool)
    for number in range(one.count):
        truth = one.ids == number + 1
        overlaps = [float((m & truth).sum() / max(1, (m | truth).sum())) for m in masks]
        if not overlaps or max(overlaps) < LEAST_OVERLAP:
            continue
        best = int(np.argmax(overlaps))
        ids[masks[best]] = number + 1
        centres[number], boxes[number] = found.centres[best].cpu(), found.boxes[best].cpu()
        seen[number] = True
    return Drawn(ids, centres, boxes, seen)


def _stacked(rows: Sequence[Drawn], name: str) -> NDArray[np.generic]:
    out: NDArray[np.generic] = np.stack([getattr(r, name) for r in rows])
    return out
