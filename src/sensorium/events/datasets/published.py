"""`PublishedStories`: ActivityNet Captions, YouCook2 or Charades-STA with published features.

Published files have no test split with annotations, so the published validation split (of
Charades-STA the test split) is our ``test``, and ``val`` is a few training videos that are held
out. Videos whose features are missing are left out, with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sensorium.events.datasets import charades, youcook2
from sensorium.events.datasets.activitynet import FILES, read_activitynet
from sensorium.events.datasets.annotations import Annotation
from sensorium.events.datasets.charades import read_charades
from sensorium.events.datasets.hdf5 import KEY, RATE, FeatureFile
from sensorium.events.datasets.passages import (
    Form,
    Passage,
    PassageExamples,
    in_draw,
    most_told,
)
from sensorium.events.datasets.youcook2 import read_youcook2
from sensorium.events.vocabulary import Words
from sensorium.recipe import Split

Layout = Literal["activitynet", "youcook2", "charades"]


@dataclass(frozen=True)
class PublishedStories:
    """Annotated videos as features and sentences.

    Attributes:
        folder: of the annotations, by their published names.
        features: HDF5 file, ``<video>/<key>``.
        layout: whose files they are.
        kind: ``weak``: training examples have no spans; ``full``: they have.
        key: name of the table of vectors in a video's group.
        rate: vectors per second in the file, in hertz.
        stride: every how many vectors one is taken.
        steps: vectors of an example; longer videos are resampled to as many.
        rows: sentences of a training example; of more, some are drawn each time.
        longest: numbers of a sentence, both ends counted.
        held_out: training videos to validate on.
    """

    folder: Path = Path("activitynet_captions")
    features: Path = Path("activitynet_captions/c3d_features.hdf5")
    layout: Layout = "activitynet"
    kind: Literal["weak", "full"] = "weak"
    key: str = KEY
    rate: float = RATE
    stride: int = 2
    steps: int = 512
    rows: int = 32
    longest: int = 22
    held_out: int = 500

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("rows", 1), ("longest", 3), ("held_out", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"data: {name} must be at least {least}, got {getattr(self, name)!r}"
                )
        if self.layout not in _READERS:
            raise ValueError(
                f"data: layout must be {', '.join(sorted(_READERS))}, got {self.layout!r}"
            )
        if self.kind not in ("weak", "full"):
            raise ValueError(f"data: kind must be weak or full, got {self.kind!r}")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        times = "without their times" if self.kind == "weak" else "with their times"
        return f"the videos and sentences of {Path(self.folder).name} ({self.layout}), {times}"

    def open(self, split: Split) -> PassageExamples:
        """The examples of one split.

        Raises:
            ValueError: when files are missing or malformed, or no video has features.
        """
        vectors = self.vectors()
        passages = [
            Passage(video, None, annotation.duration, annotation.events)
            for video, annotation in self.annotations(split).items()
            if annotation.events
        ]
        kept = [passage for passage in passages if passage.video in vectors]
        if not kept:
            first = passages[0].video if passages else "none"
            raise ValueError(
                f"{self.features}: has features of none of the {len(passages)} videos of the "
                f"{split} split (first: {first}); are they of the same set?"
            )
        if len(kept) < len(passages):
            logging.getLogger(__name__).warning(
                "%s: %d of %d videos of the %s split have no features and are left out",
                *(self.features, len(passages) - len(kept), len(passages), split),
            )
        trained = split == "train"
        rows = min(self.rows, most_told(kept)) if trained else most_told(kept)
        form = Form(self.steps, rows, self.longest, not trained or self.kind == "full")
        return PassageExamples(kept, vectors, self.words(), form)

    def annotations(self, split: Split) -> dict[str, Annotation]:
        """The annotations of one split; with ActivityNet's, the first of two for the test split."""
        read = _READERS[self.layout]
        if split == "test":
            return read(Path(self.folder), False)
        videos = read(Path(self.folder), True)
        if len(videos) <= self.held_out:
            raise ValueError(
                f"{self.folder}: {len(videos)} training videos, of which {self.held_out} are to "
                "be held out; give a smaller held_out"
            )
        held = set(in_draw(list(videos))[: self.held_out])
        return {name: a for name, a in videos.items() if (name in held) == (split == "val")}

    def vectors(self) -> FeatureFile:
        """The features."""
        return FeatureFile(self.features, self.rate, self.stride, self.key)

    def words(self) -> Words:
        """The vocabulary of the training sentences."""
        told = self.annotations("train").values()
        return Words.of(text for annotation in told for _, text in annotation.events)

    def adapt(self, config: Any) -> Any:
        """A `WSDECConfig` with these data's vocabulary, and what its features are like.

        Windows are as long as the longest example: published videos are described whole.
        """
        vectors = self.vectors()
        return replace(
            config,
            words=self.words().words,
            dim=vectors.dim,
            rate=vectors.rate,
            seconds=self.steps / vectors.rate,
            features=None,
        )


def _activitynet(folder: Path, train: bool) -> dict[str, Annotation]:
    return read_activitynet(folder / FILES["train" if train else "val_1"])


def _youcook2(folder: Path, train: bool) -> dict[str, Annotation]:
    return read_youcook2(folder, youcook2.SUBSETS["train" if train else "val"])


def _charades(folder: Path, train: bool) -> dict[str, Annotation]:
    split = "train" if train else "test"
    lengths = folder / charades.LENGTHS[split]
    return read_charades(folder / charades.FILES[split], lengths if lengths.is_file() else None)


_READERS: dict[str, Callable[[Path, bool], dict[str, Annotation]]] = {
    "activitynet": _activitynet,
    "youcook2": _youcook2,
    "charades": _charades,
}
