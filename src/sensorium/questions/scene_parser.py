"""`SceneParser`: a picture becomes a list of blocks (NS-VQA, arXiv:1810.02338, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor, nn

from sensorium.questions.attributes import AttributeNet, AttributesConfig, Told
from sensorium.questions.crops import Crop, Outline, cut, stacked
from sensorium.questions.finder import Finder, FinderConfig, Found
from sensorium.questions.mask_rcnn import MaskRCNNFinder
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

_AT_ONCE = 16  # pictures in one pass

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class SeenScene:
    """What is seen in one picture, the surest first.

    Attributes:
        items: the blocks.
        scores: how sure it is of each, 0..1: that it is there, times that each attribute is right.
        boxes: x0, y0, x1, y1 of what is visible of each, in pixels.
        masks: of what is visible of each.
        height: of the picture, in pixels.
        width: the same.

    Shape:
        ``masks``: ``bool [N, H, W]``.
    """

    items: tuple[Item, ...]
    scores: tuple[float, ...]
    boxes: tuple[Box, ...]
    masks: Bool[np.ndarray, "N H W"] = field(repr=False)
    height: int
    width: int


class SceneParser(nn.Module):
    """Finds the blocks of pictures, then looks at each.

    Example:
        >>> parser = SceneParser(FinderConfig(threshold=1.0), AttributesConfig()).eval()
        >>> parser.parse(torch.zeros(1, 3, 90, 120, dtype=torch.uint8))[0].items
        ()
    """

    def __init__(self, finder: FinderConfig, attributes: AttributesConfig) -> None:
        super().__init__()
        self.finder: Finder | MaskRCNNFinder
        self.finder = Finder(finder) if finder.kind == "centres" else MaskRCNNFinder(finder)
        self.attributes = AttributeNet(attributes)

    @torch.no_grad()
    def parse(self, pictures: UInt8[Tensor, "B 3 H W"]) -> list[SeenScene]:
        """What is in each picture, of any size and aspect. Call in ``eval()`` mode.

        Raises:
            ValueError: when ``pictures`` are no pictures.
        """
        if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
            raise ValueError(
                f"pictures must be uint8 [B, 3, H, W], got {pictures.dtype} "
                f"{list(pictures.shape)}; scale to 0..255 and call .to(torch.uint8)"
            )
        out: list[SeenScene] = []
        for first in range(0, len(pictures), _AT_ONCE):
            some = pictures[first : first + _AT_ONCE]
            out.extend(self._told(some, self.finder.find(some)))
        return out

    def _told(self, pictures: UInt8[Tensor, "B 3 H W"], found: list[Found]) -> list[SeenScene]:
        """Look at everything that was found, in one pass."""
        pixels = pictures.permute(0, 2, 3, 1).cpu().numpy()  # [B, 3, H, W] -> [B, H, W, 3]
        crops = [c for k, f in enumerate(found) for c in self._crops(pixels[k], f)]
        told = self._tell(crops) if crops else None
        out, first = [], 0
        for f in found:
            out.append(_seen(f, told, first, pictures.shape[-2:]))
            first += len(f.scores)
        return out

    def _crops(self, pixels: UInt8[np.ndarray, "H W 3"], found: Found) -> list[Crop]:
        """Each block of one picture as the attribute network sees it."""
        pixels = np.ascontiguousarray(pixels)
        masks = found.masks.cpu().numpy()
        return [
            cut(pixels, Outline(tuple(centre), tuple(box), mask), self.attributes.config.view)
            for centre, box, mask in zip(
                found.centres.tolist(), found.boxes.tolist(), masks, strict=True
            )
        ]

    def _tell(self, crops: list[Crop]) -> Told:
        """What the attribute network says of crops."""
        device = self.attributes.fc.weight.device
        return self.attributes.tell(*(torch.from_numpy(x).to(device) for x in stacked(crops)))


def _seen(found: Found, told: Told | None, first: int, size: torch.Size) -> SeenScene:
    """One picture's part of what was told, from number ``first`` on; the surest first."""
    height, width = size
    count = len(found.scores)
    if told is None or not count:
        return SeenScene((), (), (), np.zeros((0, height, width), bool), height, width)
    part = slice(first, first + count)
    sure = (found.scores * told.sure[part].prod(1)).clamp(0, 1).cpu()
    order = sure.argsort(descending=True, stable=True).tolist()
    values, places = told.values[part].tolist(), told.positions[part].tolist()
    boxes = found.boxes.tolist()
    items = tuple(_item(values[k], places[k]) for k in order)
    scores = tuple(float(sure[k]) for k in order)
    masks = found.masks.cpu().numpy()[order]
    return SeenScene(items, scores, tuple(tuple(boxes[k]) for k in order), masks, height, width)


def _item(values: list[int], position: list[float]) -> Item:
    """In words."""
    size, color, material, shape = (VALUES[a][v] for a, v in zip(ATTRIBUTES, values, strict=True))
    right, front, up = position
    return Item(size, color, material, shape, (right, front, up))
