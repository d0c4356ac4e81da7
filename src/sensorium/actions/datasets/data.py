"""`ActionData`: names a data set of labelled clips and opens its splits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sensorium.actions.augment import Augmentation, Fit
from sensorium.actions.datasets.by_protocol import ProtocolTest
from sensorium.actions.datasets.folder import read_folder
from sensorium.actions.datasets.kinetics import read_kinetics
from sensorium.actions.datasets.lists import read_lists
from sensorium.actions.datasets.records import LabelOrder, Listing, Source
from sensorium.actions.datasets.something import (
    read_jester,
    read_something_v1,
    read_something_v2,
)
from sensorium.actions.datasets.stage import StageClips, StageExamples, stage_classes, stage_films
from sensorium.actions.datasets.ucf_hmdb import read_hmdb51, read_ucf101
from sensorium.actions.datasets.video_examples import Look, VideoExamples
from sensorium.actions.protocols import find_protocol
from sensorium.actions.sampling import Sampling
from sensorium.recipe import Split
from sensorium.system import System
from sensorium.types import Clip

Kind = Literal[
    "stage",
    "folder",
    "list",
    "something-v1",
    "something-v2",
    "jester",
    "kinetics",
    "ucf101",
    "hmdb51",
]

READERS: dict[str, Callable[[Source, Split], Listing]] = {
    "folder": read_folder,
    "list": read_lists,
    "something-v1": read_something_v1,
    "something-v2": read_something_v2,
    "jester": read_jester,
    "kinetics": read_kinetics,
    "ucf101": read_ucf101,
    "hmdb51": read_hmdb51,
}

TEMPLATES: dict[str, str] = {
    "stage": "",
    "folder": "",
    "list": "img_{:05d}.jpg",
    "something-v1": "{:05d}.jpg",
    "something-v2": "{:06d}.jpg",
    "jester": "{:05d}.jpg",
    "kinetics": "img_{:05d}.jpg",
    "ucf101": "img_{:05d}.jpg",
    "hmdb51": "img_{:05d}.jpg",
}
"""File names of extracted frames as TSM's tools write them."""

_STAGE_SECONDS, _STAGE_FPS = 2.0, 8.0
_FILMS = 48


@dataclass(frozen=True)
class ActionData:
    """A data set of labelled clips.

    Attributes:
        kind: the procedural ``stage``, a ``folder`` per class, list files (``list``), or a
            published set by its published layout.
        root: folder of the videos or frame folders.
        annotations: folder of the annotation files; default: ``root``.
        split_number: 1, 2 or 3 (UCF101, HMDB51).
        label_order: of Something-Something V1 and Jester: ``sorted`` (TSM) or ``file``
            (MMAction2).
        template: names of extracted frames; default: TSM's for the set (`TEMPLATES`).
        missing: what to do when the disk lacks videos that the annotations name, or with a
            ``folder`` cannot be read: ``error``, or ``skip`` them and say how many.
        sampling: which frames of a clip.
        size: side of the frames in pixels.
        fit: how whole pictures become square, see ``augment.fitted_size``.
        augmentation: of training clips.
        fps: rate at which videos are looked at; 0 is their own (stage: 8; frame folders: 25).
        window_seconds: part of a video to look at; 0 is all of it (stage: 2).
        length: training clips of the stage.
        held_out: validation clips of the stage, and test pairs (a clip and its reverse).
        episodes: share of the stage's training and validation clips that are cut out of whole
            episodes; the others, and all test clips, show a single move.
        cache: folder in which the stage's clips are kept once rendered; default: render each
            time.
    """

    kind: Kind = "stage"
    root: Path | None = None
    annotations: Path | None = None
    split_number: int = 1
    label_order: LabelOrder = "sorted"
    template: str | None = None
    missing: Literal["error", "skip"] = "error"
    sampling: Sampling = field(default_factory=Sampling)
    size: int = 112
    fit: Fit = "crop"
    augmentation: Augmentation = field(default_factory=Augmentation)
    fps: float = 0.0
    window_seconds: float = 0.0
    length: int = 8192
    held_out: int = 512
    episodes: float = 0.0
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("fps", 0), ("window_seconds", 0), ("length", 1)):
            if not least <= getattr(self, name) < float("inf"):
                raise ValueError(
                    f"data: {name} must be at least {least}, got {getattr(self, name)!r}"
                )

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        look = self._look()
        count = "frame" if look.sampling.count == 1 else "frames"
        seen = f"{look.sampling.count} {count} of {self.size} x {self.size} pixels"
        if self.kind == "stage":
            return (
                f"the procedural stage: {self.length:,} clips of {look.window_seconds:g} s, {seen}"
            )
        where = "" if self.root is None else f" in {Path(self.root).name}"
        return f"{self.kind}{where}, {seen}"

    def open(self, split: Split) -> VideoExamples | StageExamples:
        """The examples of one split.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """
        if self.kind == "stage":
            return self._stage(split)
        listing = READERS[self.kind](self._source(), split)
        if listing.missing:
            self._report(split, listing)
        if not listing.records:
            raise ValueError(
                f"{self.kind}: no videos for {split} in {self.root}; check --data.root "
                "and, for a folder per class, that each class has at least 3 videos"
            )
        examples = VideoExamples(listing, split, self._look())
        return self._readable(examples) if self.kind == "folder" else examples

    def protocol(self, name: str, system: System) -> ProtocolTest:
        """How one of the papers' test protocols tests ``system`` on these data.

        Raises:
            ValueError: when there is no such protocol, or it is not for this sampling.
        """
        return ProtocolTest(self, find_protocol(name, self.sampling), system)

    def clips(self, split: Split) -> Iterator[Clip]:
        """Up to 48 whole videos of a split (of the stage: episodes of 10 s in several sizes)."""
        if self.kind == "stage":
            yield from stage_films(split, _FILMS)
            return
        examples = self.open(split)
        for index in range(min(_FILMS, len(examples))):
            yield Clip(examples.video(index)[0], None, f"{split} {index}")

    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the labels.

        Raises:
            ValueError: when the data are missing or malformed.
        """
        if self.kind == "stage":
            return stage_classes()
        return READERS[self.kind](self._source(), "train").classes

    def adapt(self, config: Any) -> Any:
        """The system's config with these classes and, where it has a ``view``, this way to look.

        What the network sees in use is what it sees in training: size, fit, sampling, frame rate
        and window are said once, by the data.
        """
        config = replace(config, classes=self.classes())
        if not hasattr(config, "view"):
            return config
        look = self._look()
        view = replace(
            config.view,
            size=look.size,
            fit=look.fit,
            sampling=look.sampling,
            fps=look.fps,
            window_seconds=look.window_seconds,
        )
        return replace(config, view=view)

    def _source(self) -> Source:
        if self.root is None:
            raise ValueError(
                f"{self.kind}: no data folder given; set --data.root to the folder of the videos"
            )
        root = Path(self.root)
        annotations = Path(self.annotations or root)
        template = TEMPLATES[self.kind] if self.template is None else self.template
        return Source(root, annotations, self.split_number, self.label_order, template)

    def _look(self) -> Look:
        template = TEMPLATES.get(self.kind, "") if self.template is None else self.template
        return Look(
            sampling=self.sampling,
            size=self.size,
            fit=self.fit,
            augmentation=self.augmentation,
            fps=self.fps or (_STAGE_FPS if self.kind == "stage" else 0.0),
            window_seconds=self.window_seconds or (_STAGE_SECONDS if self.kind == "stage" else 0.0),
            template=template,
        )

    def _report(self, split: Split, listing: Listing) -> None:
        total = len(listing.missing) + len(listing.records)
        what = f"{self.kind}: {len(listing.missing)} of {total} {split} videos are missing"
        if self.missing == "error":
            raise ValueError(
                f"{what}, the first is {listing.missing[0]}; get them, or leave them out "
                "with --data.missing skip"
            )
        logging.getLogger(__name__).warning("%s and left out", what)

    def _readable(self, examples: VideoExamples) -> VideoExamples:
        """Your own videos are opened before a run starts, so that it does not end on a bad one."""
        bad = examples.unreadable()
        if not bad:
            return examples
        listing, split = examples.listing, examples.split
        what = f"folder: {len(bad)} of {len(listing.records)} {split} videos cannot be read"
        good = tuple(record for record in listing.records if record not in bad)
        if self.missing == "error" or not good:
            raise ValueError(
                f"{what}, the first: {next(iter(bad.values()))}; mend or remove them, or leave "
                "them out with --data.missing skip"
            )
        logging.getLogger(__name__).warning("%s and left out: %s", what, "; ".join(bad.values()))
        return VideoExamples(replace(listing, records=good), split, examples.look)

    def _stage(self, split: Split) -> StageExamples:
        look = self._look()
        clips = StageClips(
            split=split,
            count=self.length if split == "train" else self.held_out,
            seconds=look.window_seconds,
            fps=look.fps,
            size=self.size * 8 // 7,
            cache=self.cache,
            episodes=0.0 if split == "test" else self.episodes,
        )
        return StageExamples(clips, split, look)
