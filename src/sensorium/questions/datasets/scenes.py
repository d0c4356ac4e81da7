"""`SceneData`: pictures of blocks for the finder, and blocks cut out for the attribute network."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sensorium.questions.crops import CropView, Outline, cut, stacked
from sensorium.questions.datasets.outlines import DrawnOutlines
from sensorium.questions.datasets.rendered import Condition, Rendered, RenderedScenes
from sensorium.recipe import Split
from sensorium.seeds import generator

Kind = Literal["pictures", "blocks"]
_DRAWN = 0.75  # share of the finder's own outlines where there are any


@dataclass(frozen=True)
class Roughness:
    """How far a block's outline in training may lie from the truth, as the finder's does.

    Attributes:
        shift: of the middle, and of each side of the box, in shares of the box's longer side
            (standard deviation).
        edge: how far the mask's corners are rounded at most, in pixels.
        exact: share of the blocks that are left as they are.
    """

    shift: float = 0.03
    edge: float = 4.0
    exact: float = 0.1


@dataclass(frozen=True)
class SceneData:
    """Scenes of the blocks world.

    Attributes:
        kind: ``pictures`` for the finder (see `Finder` for the keys), ``blocks`` for the attribute
            network (see `AttributeNet`). Pictures also have ``values`` (int8 [10, 4], -1 beyond
            ``count``) and ``positions`` (float32 [10, 3]), to measure with.
        condition: which colours cubes and cylinders may have (``a`` and ``b``: CLEVR-CoGenT).
        length: scenes to train on.
        held_out: scenes in validation.
        tested: scenes in the test.
        height: of the pictures, in pixels.
        width: the same.
        working: height and width at which the finder is trained; validation and test have whole
            pictures. Taken over by the system.
        view: how blocks are cut out. Taken over by the system.
        each: blocks per example.
        mirror: share of training examples that are mirrored (what was right is left).
        roughness: of the outlines in training.
        drawn: folder of outlines that a finder drew in the scenes to train on (`outlines`), to
            learn from them as well; none: only from true ones, roughened.
        cache: folder for rendered scenes; none: they are drawn when asked for.
        processes: that draw into the folder; 0: as many as there are cores.
    """

    kind: Kind = "pictures"
    condition: Condition = "any"
    length: int = 6000
    held_out: int = 500
    tested: int = 1000
    height: int = 320
    width: int = 480
    working: tuple[int, int] = (160, 240)
    view: CropView = field(default_factory=CropView)
    each: int = 4
    mirror: float = 0.5
    roughness: Roughness = field(default_factory=Roughness)
    drawn: Path | None = None
    cache: Path | None = None
    processes: int = 0

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        colors = {"any": "", "a": " (CoGenT's condition A)", "b": " (CoGenT's condition B)"}
        return (
            f"the procedural blocks world{colors[self.condition]}: {self.length:,} scenes of three "
            f"to ten blocks at {self.width} x {self.height} pixels"
        )

    def open(self, split: Split) -> ScenePictures | SceneBlocks:
        """The examples of one split."""
        scenes, train = self.scenes(split), split == "train"
        if self.kind == "pictures":
            working = self.working if train else None
            return ScenePictures(scenes, working, self.mirror if train else 0.0)
        blocks = SceneBlocks(scenes, self.view, self.each)
        if not train:
            return blocks
        drawn = None if self.drawn is None else DrawnOutlines(self.drawn)
        if drawn is not None and len(drawn) < len(scenes):
            raise ValueError(
                f"{self.drawn}: outlines of {len(drawn)} scenes, expected {len(scenes)}; draw the "
                "others, or set --data.length to what there is"
            )
        return replace(blocks, mirror=self.mirror, roughness=self.roughness, drawn=drawn)

    def scenes(self, split: Split) -> RenderedScenes:
        """The scenes of one split."""
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        return RenderedScenes(
            split, count, self.height, self.width, self.condition, self.cache, self.processes
        )

    def adapt(self, config: Any) -> Any:
        """The system's config with this working size and this view of blocks."""
        names = {f.name for f in fields(config)}
        if not {"finder", "attributes"} <= names:
            return config
        height, width = self.working
        return replace(
            config,
            finder=replace(config.finder, height=height, width=width),
            attributes=replace(config.attributes, view=self.view),
        )


@dataclass
class ScenePictures:
    """Whole pictures with all that is known of them."""

    scenes: RenderedScenes
    working: tuple[int, int] | None
    mirror: float

    def __len__(self) -> int:
        return len(self.scenes)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Picture ``index``; ``seed`` decides whether it is mirrored."""
        one = self.scenes[index]
        if generator(seed, "mirror").random() < self.mirror:
            one = mirrored(one)
        if self.working is not None:
            one = shrunk(one, self.working)
        return {
            "picture": torch.from_numpy(np.array(one.pixels.transpose(2, 0, 1))),
            "count": torch.tensor(one.count),
            **{
                name: torch.from_numpy(np.array(getattr(one, name)))
                for name in ("ids", "centres", "boxes", "values", "positions")
            },
        }


@dataclass
class SceneBlocks:
    """Some blocks of each scene, cut out."""

    scenes: RenderedScenes
    view: CropView
    each: int
    mirror: float = 0.0
    roughness: Roughness | None = None
    drawn: DrawnOutlines | None = None

    def __len__(self) -> int:
        return len(self.scenes)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Blocks of scene ``index``, drawn by ``seed``; some twice when it has too few."""
        one, random = self.scenes[index], generator(seed, "blocks")
        flip = bool(random.random() < self.mirror)
        if flip:
            one = mirrored(one)
        chosen = np.resize(random.permutation(one.count), self.each)
        pixels = np.ascontiguousarray(one.pixels)
        outlines = [self._outline(one, (index, int(k)), flip, random) for k in chosen]
        crops, masks, places = stacked([cut(pixels, o, self.view) for o in outlines])
        return {
            "crop": torch.from_numpy(crops),
            "mask": torch.from_numpy(masks),
            "place": torch.from_numpy(places),
            "value": torch.from_numpy(one.values[chosen].astype(np.int64)),
            "position": torch.from_numpy(one.positions[chosen]),
        }

    def _outline(
        self, one: Rendered, which: tuple[int, int], flip: bool, random: np.random.Generator
    ) -> Outline:
        """Of a block: the true one, a roughened one, or as the finder drew it."""
        index, number = which
        outline = outline_of(one, number)
        if self.roughness is None:
            return outline
        if self.drawn is not None and random.random() < _DRAWN:
            drawn = self.drawn[index].outline(number)
            if drawn is not None:
                return _flipped(drawn) if flip else drawn
        return roughened(outline, self.roughness, random)


def outline_of(one: Rendered, number: int) -> Outline:
    """The true outline of a block."""
    x, y = one.centres[number].tolist()
    x0, y0, x1, y1 = one.boxes[number].tolist()
    return Outline((x, y), (x0, y0, x1, y1), np.asarray(one.ids == number + 1))


def _flipped(outline: Outline) -> Outline:
    """As in a mirror."""
    width = outline.mask.shape[1]
    (x, y), (x0, y0, x1, y1) = outline.centre, outline.box
    return Outline((width - x, y), (width - x1, y0, width - x0, y1), outline.mask[:, ::-1])


def mirrored(one: Rendered) -> Rendered:
    """As in a mirror: what was right is left. The lamps are mirrored, too."""
    width, there = one.pixels.shape[1], np.arange(len(one.centres)) < one.count
    centres, boxes, positions = one.centres.copy(), one.boxes.copy(), one.positions.copy()
    centres[there, 0] = width - centres[there, 0]
    boxes[there, 0], boxes[there, 2] = width - one.boxes[there, 2], width - one.boxes[there, 0]
    positions[:, 0] *= -1
    return replace(
        one,
        pixels=one.pixels[:, ::-1],
        ids=one.ids[:, ::-1],
        centres=centres,
        boxes=boxes,
        positions=positions,
    )


def shrunk(one: Rendered, size: tuple[int, int]) -> Rendered:
    """At another size of the same aspect."""
    height, width = one.ids.shape
    rows, columns = size
    factors = np.array([columns / width, rows / height], np.float32)
    pixels = np.ascontiguousarray(one.pixels)
    ids = np.ascontiguousarray(one.ids)
    return replace(
        one,
        pixels=cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA),
        ids=cv2.resize(ids, (columns, rows), interpolation=cv2.INTER_NEAREST_EXACT),
        centres=one.centres * factors,
        boxes=one.boxes * np.tile(factors, 2),
    )


def roughened(outline: Outline, how: Roughness, random: np.random.Generator) -> Outline:
    """An outline as a finder might give it."""
    if random.random() < how.exact:
        return outline
    x0, y0, x1, y1 = outline.box
    spread = how.shift * max(x1 - x0, y1 - y0)
    x, y = np.array(outline.centre) + random.normal(0, spread, 2)
    left, top, right, bottom = np.array(outline.box) + random.normal(0, spread, 4)
    box = (float(left), float(top), float(max(right, left + 2)), float(max(bottom, top + 2)))
    return Outline((float(x), float(y)), box, _edged(outline, how, random))


def _edged(outline: Outline, how: Roughness, random: np.random.Generator) -> NDArray[np.bool_]:
    """The mask with its edge blurred and moved, in the part of the picture around it."""
    height, width = outline.mask.shape
    room = 8
    x0, y0, x1, y1 = (round(v) for v in outline.box)
    rows = slice(max(0, y0 - room), min(height, y1 + room))
    columns = slice(max(0, x0 - room), min(width, x1 + room))
    part = outline.mask[rows, columns].astype(np.float32)
    sigma = 1.0 + how.edge * random.random()
    soft = cv2.GaussianBlur(part, (0, 0), sigma) + random.normal(0, 0.1)
    moved = cv2.GaussianBlur(
        random.normal(0, 1.0, part.shape).astype(np.float32), (0, 0), 3.0, None, 3.0
    )
    mask = np.zeros_like(outline.mask)
    mask[rows, columns] = soft + moved > 0.5
    return mask if mask.any() else outline.mask
