"""`Portraits`: pairs of a neutral face and the same face at some degree, from the portrait world.

As the paper trains: a clip from neutral to peak, its first frame as the input, any frame as the
target, drawn larger (289 to 256 pixels) and cropped at random, the same for all of a sample. Ours
may also show some of them whole, as pictures come in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sensorium import images
from sensorium.expressions.datasets.sittings import (
    FACE,
    LOPSIDED,
    MOUTH,
    Drawn,
    Sittings,
    mirror_landmarks,
)
from sensorium.recipe import Split
from sensorium.seeds import derive, generator
from sensorium.types import Clip, FrameVideo
from sensorium.worlds.portraits import EXPRESSIONS, draw, sit, split_seed

_CLIPS = 256  # people to calibrate on
DRAWN = 289 / 256
"""How much larger pictures are drawn than the crop, of the paper."""


@dataclass(frozen=True)
class Portraits:
    """Faces of the portrait world.

    Attributes:
        length: sittings to train on, one expression of one person each.
        held_out: sittings in validation.
        tested: sittings in the test.
        expressions: shown. Taken over by the system.
        size: pixels a side. Taken over by the system.
        frames: of a sitting, evenly spaced from the neutral face to the peak.
        labels: ``time``: the degree is the frame's share of the way to the peak, as in the paper;
            ``true``: the world's own degree, which rises neither evenly nor always to 1.
        mirror: share of training examples that are mirrored (never where contempt is shown).
        cache: folder for what is drawn; none: drawn when asked for.
        processes: that draw into the folder; 0: as many as there are cores.
        whole: share of training examples that are seen whole, shrunk from the drawn size, as the
            system sees a picture that it is given; of the others a part is cropped, where all is
            289 / 256 larger. 0: all are cropped, as the paper trains. In validation and test all
            are cropped, in the middle.
        still: whether heads are held as in the first frame of a training sitting, and no eye
            blinks. Filmed ones move a little, which nothing in the given picture tells.
    """

    length: int = 4200
    held_out: int = 140
    tested: int = 420
    expressions: tuple[str, ...] = EXPRESSIONS
    size: int = 64
    frames: int = 10
    labels: Literal["time", "true"] = "time"
    mirror: float = 0.5
    cache: Path | None = None
    processes: int = 0
    whole: float = 0.0
    still: bool = False

    def __post_init__(self) -> None:
        for name in self.expressions:
            if name not in EXPRESSIONS:
                raise ValueError(
                    f"portraits show {', '.join(EXPRESSIONS)}; got the expression {name!r}"
                )
        if self.frames < 2:
            raise ValueError(f"a sitting needs at least 2 frames, got {self.frames}")
        if not 0 <= self.whole <= 1:
            raise ValueError(f"whole is a share from 0 to 1, got {self.whole}")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        people = -(-self.length // max(1, len(self.expressions)))
        return (
            f"drawn portraits: {people:,} people, {len(self.expressions)} expressions each, "
            f"{self.size} x {self.size} pixels"
            + (f", {100 * self.whole:.0f} % whole and the others cropped" if self.whole else "")
            + (", heads held still" if self.still else "")
            + (", true degrees" if self.labels == "true" else "")
        )

    def open(self, split: Split) -> Pairs:
        """The examples of one split."""
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        train = split == "train"
        sittings = Sittings(
            split,
            count,
            self.expressions,
            self.frames,
            round(self.size * DRAWN),
            self.cache,
            self.processes,
            self.still and train,
        )
        mirror = self.mirror if train else None
        return Pairs(sittings, self.size, self.labels, mirror, self.whole if train else 0.0)

    def clips(self, split: Split) -> Iterator[Clip]:
        """Neutral faces of people who are in none of the sittings, to calibrate on.

        Two by two they are pictured whole, and cropped as in training.
        """
        count = {"train": self.length, "val": self.held_out, "test": self.tested}[split]
        first = -(-count // len(self.expressions))
        side = round(self.size * DRAWN)
        for k in range(_CLIPS):
            who = split_seed(split, first + k)
            sitting = sit(derive(who, "sitting", "calibration"), identity_seed=who)
            whole = k % 4 < 2
            frame = draw(sitting.face(0), self.size if whole else side).frame
            if not whole:
                left, top = generator(who, "crop").integers(side - self.size + 1, size=2).tolist()
                frame = frame[:, top : top + self.size, left : left + self.size]
            yield Clip(FrameVideo(frame[None], 24.0), None, f"portrait {who}")

    def adapt(self, config: Any) -> Any:
        """The system's config with this size and these expressions."""
        return replace(config, expressions=self.expressions, size=self.size)


class Shown(Protocol):
    """People who show expressions, drawn (`Sittings`) or recorded (`taken.Takes`)."""

    expressions: tuple[str, ...]
    frames: int

    @property
    def side(self) -> int:
        """Pixels a side of the pictures."""

    def __len__(self) -> int:
        """Sittings."""

    def expression(self, index: int) -> int:
        """The number of the expression that sitting ``index`` shows."""

    def drawn(self, index: int, steps: Sequence[int]) -> Drawn:
        """Some frames of sitting ``index``, by their number."""


class Pairs:
    """The first frame of a sitting with another one.

    An example holds ``neutral`` and ``target``: ``uint8 [3, S, S]``; ``degrees``: ``float32 [E]``;
    ``expression``: ``int64``; of the target ``landmarks``: ``float32 [68, 2]`` in 0..1, ``mouth``
    and ``face``: ``bool [S, S]``.

    Args:
        sittings: pictures larger than ``size``.
        size: pixels a side of the examples.
        labels: see `Portraits`.
        mirror: share of examples that are mirrored; none: the middle is cropped, nothing mirrored.
        whole: share of examples that are seen whole; 0: all are cropped. None is where ``mirror``
            is none.
    """

    def __init__(
        self,
        sittings: Shown,
        size: int,
        labels: Literal["time", "true"] = "time",
        mirror: float | None = None,
        whole: float = 0.0,
    ) -> None:
        self.sittings, self.size, self.mirror, self.whole = sittings, size, mirror, whole
        self.column = ("time", "true").index(labels)

    def __len__(self) -> int:
        return len(self.sittings)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Sitting ``index``; ``seed`` draws the target frame, the view and whether to mirror."""
        random = generator(seed, "portraits")
        step = int(random.integers(self.sittings.frames))
        drawn = self.sittings.drawn(index, (0, step))
        expression = self.sittings.expression(index)
        degrees = torch.zeros(len(self.sittings.expressions))
        degrees[expression] = float(drawn.labels[1, self.column])
        return {
            **_seen(drawn, self.view(index, random), self.size),
            "degrees": degrees,
            "expression": torch.tensor(expression),
        }

    def view(self, index: int, random: np.random.Generator) -> View:
        """What to see of sitting ``index``, and whether to mirror it."""
        spare = self.sittings.side - self.size
        if self.mirror is None:
            return View(spare // 2, spare // 2, self.size, False)
        left, top = (int(random.integers(spare + 1)) for _ in range(2))
        turns = bool(random.random() < self.mirror)
        name = self.sittings.expressions[self.sittings.expression(index)]
        turns = turns and name != LOPSIDED
        if self.whole and random.random() < self.whole:
            return View(0, 0, self.sittings.side, turns)
        return View(left, top, self.size, turns)


@dataclass(frozen=True)
class PortraitClips:
    """Whole clips for training, for systems that make a video at once; measured on pairs.

    Attributes:
        portraits: whose sittings, size and mirroring.
        steps: frames after the neutral one, evenly spaced to the peak.
    """

    portraits: Portraits = field(default_factory=Portraits)
    steps: int = 10

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        return f"{self.portraits}, clips of {self.steps} frames"

    def open(self, split: Split) -> Pairs | Clips:
        """Clips to train on, pairs to measure."""
        pairs = self.portraits.open(split)
        return Clips(pairs, self.steps) if split == "train" else pairs

    def adapt(self, config: Any) -> Any:
        """The system's config with this size and these expressions."""
        return replace(self.portraits.adapt(config), steps=self.steps)


class Clips:
    """The first frame of a sitting with all later ones.

    An example holds ``neutral``: ``uint8 [3, S, S]``; ``targets``: ``uint8 [T, 3, S, S]``;
    of these ``face`` and ``mouth``: ``bool [T, S, S]``; ``expression``: ``int64``.

    Args:
        pairs: of the sittings.
        steps: T; the nearest of the frames that are kept of a sitting.
    """

    def __init__(self, pairs: Pairs, steps: int) -> None:
        self.pairs, self.steps = pairs, steps

    def __len__(self) -> int:
        return len(self.pairs)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Sitting ``index``; ``seed`` draws the view and whether to mirror."""
        last = self.pairs.sittings.frames - 1
        shown = [round(last * k / self.steps) for k in range(self.steps + 1)]
        drawn = self.pairs.sittings.drawn(index, shown)
        view = self.pairs.view(index, generator(seed, "portraits"))
        pictures = _pictures(drawn.pixels, view, self.pairs.size)
        masks = drawn.masks[1:]
        return {
            "neutral": pictures[0],
            "targets": pictures[1:],
            "face": _mask(masks, FACE, view, self.pairs.size),
            "mouth": _mask(masks, MOUTH, view, self.pairs.size),
            "expression": torch.tensor(self.pairs.sittings.expression(index)),
        }


@dataclass(frozen=True)
class View:
    """A square window of ``size`` pixels, mirrored or not."""

    left: int
    top: int
    size: int
    mirrored: bool


def _window(frames: NDArray[Any], view: View) -> NDArray[Any]:
    """Frames ``[F, D, D, ...]`` through the window."""
    rows = slice(view.top, view.top + view.size)
    columns = slice(view.left, view.left + view.size)
    out = frames[:, rows, columns]
    return out[:, :, ::-1] if view.mirrored else out


def _pictures(frames: NDArray[Any], view: View, size: int) -> Tensor:
    """Frames ``[F, D, D, 3]`` through the window, ``uint8 [F, 3, S, S]``."""
    seen = _window(frames, view).transpose(0, 3, 1, 2)  # [F, s, s, 3] -> [F, 3, s, s]
    return images.resize(torch.from_numpy(np.ascontiguousarray(seen)), (size, size))


def _mask(masks: NDArray[Any], bit: int, view: View, size: int) -> Tensor:
    """One of the masks ``[F, D, D]`` through the window, ``bool [F, S, S]``."""
    seen = torch.from_numpy(np.ascontiguousarray(_window(masks, view) & bit)) > 0
    if view.size == size:
        return seen
    return images.resize(seen[:, None].float(), (size, size))[:, 0] > 0.5


def _seen(drawn: Drawn, view: View, size: int) -> dict[str, Tensor]:
    """Two frames as input and target, seen and mirrored alike."""
    points = (drawn.landmarks[1] * drawn.pixels.shape[1] - (view.left, view.top)) / view.size
    if view.mirrored:
        points = mirror_landmarks(points)
    frames = _pictures(drawn.pixels, view, size)
    return {
        "neutral": frames[0],
        "target": frames[1],
        "landmarks": torch.from_numpy(points.astype(np.float32)),
        "mouth": _mask(drawn.masks[1:], MOUTH, view, size)[0],
        "face": _mask(drawn.masks[1:], FACE, view, size)[0],
    }
