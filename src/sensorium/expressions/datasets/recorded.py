"""`RecordedExpressions`: real people's expressions as training examples, by the sets' own layouts.

The examples are those of `portraits.Portraits`: the first frame of a clip and another one of it,
stored larger (289 to 256 pixels, at any size), cropped and mirrored alike. What a frame's degree is
follows from time, as in the paper, or from how far the landmarks have come.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from sensorium.expressions.datasets.ck_plus import read_ck_plus
from sensorium.expressions.datasets.clips import read_clips
from sensorium.expressions.datasets.framing import BLANKS, Box, Framing, Look
from sensorium.expressions.datasets.mmi import read_mmi
from sensorium.expressions.datasets.mug import read_mug
from sensorium.expressions.datasets.oulu_casia import read_oulu_casia
from sensorium.expressions.datasets.portraits import DRAWN, Pairs
from sensorium.expressions.datasets.recordings import Recording, of_split
from sensorium.expressions.datasets.taken import Takes
from sensorium.expressions.faces import MODEL_PAGE, MODEL_VARIABLE, model_file
from sensorium.expressions.finders import FinderName, finder
from sensorium.expressions.landmarks import (
    CachedLandmarks,
    FileLandmarks,
    FoundLandmarks,
    LandmarkProvider,
)
from sensorium.plain import to_plain
from sensorium.recipe import Split

Kind = Literal["clips", "ck-plus", "oulu-casia", "mug", "mmi"]
Landmarks = Literal["files", "cached", "none", "dlib", "mediapipe", "face-alignment"]

_OPTIONAL = ("landmarks", "mouth", "face")


@dataclass(frozen=True)
class RecordedExpressions:
    """Clips of people who go from a neutral face to an expression.

    Attributes:
        kind: whose layout.
        root: the data folder.
        variant: of Oulu-CASIA: modality and light, or the cropped faces (``VL_Acropped/Strong``).
        expressions: to read; other clips are left out. Taken over by the system.
        size: pixels a side. Taken over by the system.
        frames: of a clip, evenly spaced from the neutral one to the peak.
        degrees: ``time``: a frame's share of the way to the peak in time, as in the paper;
            ``path``: in the way that the landmarks go.
        landmarks: ``files`` that came with the set (CK+), ``cached`` ones, those that a finder
            gives, or ``none``.
        landmark_folder: of the cached ones, one ``.npz`` per clip; what a finder gives is kept
            there.
        landmark_model: the finder's model file.
        framing: which part of the frames is seen, see `framing.Look`.
        grey: whether colours are taken away; default: of CK+, which is grey but for a few people.
        blank: what is painted over, as shares (left, top, right, bottom); default: CK+'s time code.
        mirror: share of training examples that are mirrored (never where contempt is shown).
        cache: folder for what is seen of the clips; none: read when asked for.
    """

    kind: Kind = "clips"
    root: Path | None = None
    variant: str = "VL/Strong"
    expressions: tuple[str, ...] = ("happy", "angry", "surprised")
    size: int = 64
    frames: int = 21
    degrees: Literal["time", "path"] = "time"
    landmarks: Landmarks = "files"
    landmark_folder: Path | None = None
    landmark_model: Path | None = None
    framing: Framing = "eyes"
    grey: bool | None = None
    blank: Box | None = None
    mirror: float = 0.5
    cache: Path | None = None

    def __post_init__(self) -> None:
        if not self.expressions or len(set(self.expressions)) != len(self.expressions):
            raise ValueError(f"data: expressions must differ, got {', '.join(self.expressions)}")
        for name, least in (("size", 8), ("frames", 2)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"data: {name} must be at least {least}, got {getattr(self, name)!r}"
                )
        if not 0 <= self.mirror <= 1:
            raise ValueError(f"data: mirror is a share from 0 to 1, got {self.mirror!r}")
        if self.blank is not None:
            left, top, right, bottom = self.blank
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError(
                    f"data: blank is left, top, right, bottom within 0..1, got {self.blank}"
                )
        if self.landmarks == "none" and (self.framing == "eyes" or self.degrees == "path"):
            field = "framing eyes" if self.framing == "eyes" else "degrees path"
            raise ValueError(
                f"data: {field} needs landmarks; set --data.framing middle (or found) and "
                "--data.degrees time, or give --data.landmarks"
            )
        if self.landmarks == "cached" and self.landmark_folder is None:
            raise ValueError("data: cached landmarks need --data.landmark-folder")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        where = "" if self.root is None else f" of {Path(self.root).name}"
        return (
            f"recordings{where} ({self.kind}): {', '.join(self.expressions)}, "
            f"{self.size} x {self.size} pixels"
        )

    def open(self, split: Split) -> RecordedPairs:
        """The examples of one split; no subject is in two.

        Raises:
            ValueError: when data are missing or malformed, with what to do.
        """
        rows = self.recordings(split)
        if not rows:
            raise ValueError(
                f"{self.kind}: no clips of {', '.join(self.expressions)} for {split} in "
                f"{self.root}; are there three subjects or more?"
            )
        unmarked = [row for row in rows if not row.marks]
        if self.landmarks == "files" and unmarked:
            raise ValueError(
                f"{self.kind}: {len(unmarked)} of {len(rows)} {split} clips came without landmarks "
                f"(first: {unmarked[0].clip}); set --data.landmarks to a finder or cached, or to "
                "none with --data.framing middle"
            )
        if self.framing == "found" and model_file() is None:
            raise ValueError(
                f"data: framing found needs YuNet's model file in {MODEL_VARIABLE} (from "
                f"{MODEL_PAGE}); or set --data.framing eyes or middle"
            )
        takes = Takes(
            rows,
            self.expressions,
            self._look(),
            self.frames,
            self.degrees,
            self._provider(),
            None if self.cache is None else Path(self.cache) / self._name(),
        )
        return RecordedPairs(takes, self.size, self.mirror if split == "train" else None)

    def recordings(self, split: Split) -> list[Recording]:
        """The manifest of one split.

        Raises:
            ValueError: when data are missing or malformed, with what to do.
        """
        rows = self._read()
        wanted = [row for row in rows if row.expression in self.expressions]
        told = Counter(row.expression for row in rows)
        lacking = [name for name in self.expressions if not told[name]]
        if lacking:
            raise ValueError(
                f"{self.kind}: no clips of {', '.join(lacking)} in {self.root}; it has "
                f"{', '.join(sorted(told)) or 'none'}: set --data.expressions"
            )
        if len(wanted) < len(rows):
            logging.getLogger(__name__).info(
                "%s: %d of %d clips show other expressions",
                *(self.kind, len(rows) - len(wanted)),
                len(rows),
            )
        return of_split(wanted, split)

    def adapt(self, config: Any) -> Any:
        """The system's config with this size and these expressions."""
        return replace(config, expressions=self.expressions, size=self.size)

    def _read(self) -> list[Recording]:
        if self.kind == "oulu-casia":
            return read_oulu_casia(self.root, self.variant)
        if self.kind == "clips":
            return read_clips(self.root, self.expressions)
        return {"ck-plus": read_ck_plus, "mug": read_mug, "mmi": read_mmi}[self.kind](self.root)

    def _look(self) -> Look:
        grey = self.kind == "ck-plus" if self.grey is None else self.grey
        blank = BLANKS.get(self.kind) if self.blank is None else self.blank
        return Look(round(self.size * DRAWN), self.framing, grey, blank)

    def _provider(self) -> LandmarkProvider | None:
        if self.landmarks == "none":
            return None
        if self.landmarks == "files":
            return FileLandmarks()
        if self.landmarks == "cached":
            assert self.landmark_folder is not None
            return CachedLandmarks(self.landmark_folder)
        return _Found(self.landmarks, self.landmark_model, self.landmark_folder).provider()

    def _name(self) -> str:
        """Of the cache's folder: another one wherever something else would be in it."""
        told = {
            name: value
            for name, value in to_plain(self).items()
            if name not in ("cache", "mirror", "landmark_model")
        }
        mark = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
        return f"{self.kind}-{self.size}px-{mark}"


@dataclass(frozen=True)
class _Found:
    """A finder, made when it is first needed."""

    name: FinderName
    model: Path | None
    folder: Path | None

    def provider(self) -> LandmarkProvider:
        found = FoundLandmarks(finder(self.name, self.model))
        return found if self.folder is None else CachedLandmarks(self.folder, found)


class RecordedPairs:
    """The first frame of a clip with another one: the keys of `portraits.Pairs`.

    Where landmarks are not known, training examples have no ``landmarks`` and no ``face``, and no
    ``mouth`` either unless the set has masks of it; examples to measure by have landmarks that are
    NaN and masks that are empty, which meters leave out.
    """

    def __init__(self, takes: Takes, size: int, mirror: float | None) -> None:
        self.takes = takes
        self.pairs = Pairs(takes, size, "time", mirror)
        self.training = mirror is not None

    def __len__(self) -> int:
        return len(self.takes)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Clip ``index``; ``seed`` draws the target frame, the crop and whether to mirror.

        Raises:
            ValueError: when a file cannot be read.
        """
        example = self.pairs.example(index, seed)
        if not self.training:
            return example
        known = self.takes.known(index)
        return {k: v for k, v in example.items() if k not in _OPTIONAL or k in known}
