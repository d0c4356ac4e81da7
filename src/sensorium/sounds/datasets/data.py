"""`SoundData`: which recordings systems for sound are trained and tested on, mixed how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sensorium.optical_flow import FlowGrid
from sensorium.recipe import Split
from sensorium.seeds import split_seed
from sensorium.sounds.datasets.mixing import Mixing, Mixtures, Recordings, Sights
from sensorium.sounds.datasets.published import (
    PUBLISHED,
    PublishedMixtures,
    PublishedTest,
    of_so_many,
)
from sensorium.sounds.datasets.recordings import (
    ListedRecordings,
    Missing,
    Reading,
    classes_of,
    open_mixtures,
    open_recordings,
)
from sensorium.sounds.datasets.stage import StageSolos
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.system import System
from sensorium.types import Clip
from sensorium.worlds.stage.script import INSTRUMENTS, Instrument

Kind = Literal[
    "stage",
    "auto",
    "folder",
    "manifest",
    "prepared",
    "music",
    "solos",
    "urmp",
    "sop",
    "ccol",
    "clipsep",
    "avpc",
    "audioset",
    "vggsound",
]
_FILMS = 24


@dataclass(frozen=True)
class SoundData:
    """Solos, mixed.

    Attributes:
        kind: ``stage`` is the procedural world; a ``folder`` of your own films, what ``sensorium
            prepare`` made (``prepared``), or a published set by its lists; ``auto`` looks.
        root: folder of the media, or of what was prepared.
        annotations: a list file, or the folder of the lists; default: ``root``.
        missing: what to do about recordings that are not there: ``error``, or ``skip`` them and
            say how many.
        listed_fps: of listed frame folders, in hertz; 0: what the kind says.
        mixing: how solos become mixtures in training.
        testing: how they do in validation and test.
        spectra: length and rate of the sound; taken over by the system.
        view: which pictures; taken over by the system.
        length: examples in a training epoch; of the stage also its solos.
        held_out: mixtures in validation and in test.
        seconds: length of a stage solo.
        kinds: instruments of the stage.
        moves: share of stage solos in which the performer moves about.
        twins: whether stage solos come in pairs of the same look.
        flow: which optical flow examples hold (`MotionsSystem` needs it); taken over by the system.
        cache: folder for rendered solos.
    """

    kind: Kind = "stage"
    root: Path | None = None
    annotations: Path | None = None
    missing: Missing = "error"
    listed_fps: float = 0.0
    mixing: Mixing = field(default_factory=Mixing)
    testing: Mixing = field(default_factory=lambda: Mixing(policy="different"))
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=SoundView)
    length: int = 800
    held_out: int = 256
    seconds: float = 12.0
    kinds: tuple[Instrument, ...] = INSTRUMENTS
    moves: float = 0.5
    twins: bool = False
    flow: FlowGrid | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.view.seconds > self.spectra.seconds + 1 / self.view.fps:  # published: 6 of 5.94 s
            raise ValueError(
                f"a window of sound lasts {self.spectra.seconds:.2f} s, but its {self.view.frames} "
                f"pictures span {self.view.seconds:.2f} s; take fewer (--data.view.frames), closer "
                "ones (--data.view.stride) or more sound (--data.spectra.frames)"
            )

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        mixed = (
            f"{self.mixing.sources} mixed ({self.mixing.policy}), {self.spectra.seconds:.2g} s at "
            f"{self.spectra.rate} Hz with {self.view.frames} pictures of {self.view.size} x "
            f"{self.view.size} pixels"
        )
        if self.kind == "stage":
            return f"the procedural stage: {self.length:,} solos of {self.seconds:g} s, {mixed}"
        lists = self.annotations or self.root
        where = "" if lists is None else f" in {Path(lists).name}"
        return f"{self.kind}{where}, {mixed}"

    def open(self, split: Split) -> Mixtures:
        """The mixtures of one split.

        Raises:
            ValueError: when the data are missing, malformed, or too few to be mixed.
        """
        count = self.length if split == "train" else self.held_out
        mixing = self.mixing if split == "train" else self.testing
        recordings = self.recordings(split)
        if self.kind != "stage":
            self._suits(recordings, split, mixing)
        return Mixtures(recordings, count, split, mixing, self.spectra, self.view, self.flow)

    def protocol(self, name: str, system: System) -> PublishedTest:
        """The test ``published``: the mixtures that the set publishes.

        Raises:
            ValueError: for another name, or when the set has no mixtures of ``testing.sources``.
        """
        if name != PUBLISHED:
            raise ValueError(f"no test protocol is called {name!r}; known: {PUBLISHED}")
        if self.kind == "stage":
            raise ValueError(
                "the stage publishes no mixtures, it draws them; leave the protocol out, or name "
                "a set that does (--data.kind urmp, --data.root DIR)"
            )
        every = open_mixtures(self._lists(), self.kind, self.missing, self._reading())
        kept = of_so_many(every, self.testing.sources)
        sights = Sights(self.view, self.flow, self.spectra.seconds)
        return PublishedTest(system, PublishedMixtures(kept, self.spectra.samples, sights))

    def recordings(self, split: Split) -> Recordings:
        """The solos of one split; of the stage, to test on, as many as mixtures, at most 160.

        Raises:
            ValueError: when the data are missing or malformed.
        """
        if self.kind != "stage":
            return self._listed(split)
        block = 2 * len(self.kinds)
        held_out = block * max(1, min(160, self.held_out) // block)
        return StageSolos(
            split=split,
            count=self.length if split == "train" else held_out,
            seconds=self.seconds,
            # fields are searched on whole pictures of the view's size, which are not cropped
            size=self.view.size if self.flow else self.view.size * 5 // 4,
            fps=self.view.fps,
            rate=self.spectra.rate,
            kinds=self.kinds,
            twins=self.twins,
            moves=self.moves,
            flow=self.flow,
            cache=self.cache,
        )

    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the labels.

        Raises:
            ValueError: when the data are missing or malformed.
        """
        if self.kind != "stage":
            return classes_of(self._lists(), self.kind, self._reading())
        return self.kinds

    def adapt(self, config: Any) -> Any:
        """The system's config with these classes, this signal path, this view and this flow."""
        flow = {"flow": self.flow} if self.flow and hasattr(config, "flow") else {}
        return replace(config, classes=self.classes(), spectra=self.spectra, view=self.view, **flow)

    def clips(self, split: Split) -> Iterator[Clip]:
        """Some whole videos to calibrate on; of the stage with one to three performers."""
        if self.kind != "stage":
            found = self._listed(split)
            for index in range(min(_FILMS, len(found))):
                opened = found[index].opened
                yield Clip(opened.video, opened.audio, found[index].item.place)
            return
        from sensorium.worlds import stage

        for k in range(_FILMS):
            episode = stage.compose(split_seed(split, 1_000_000 + k), 10.0, 1 + k % 3)
            yield stage.clip(episode, 180, 240 if k % 2 else 320, fps=24.0)

    def _listed(self, split: Split) -> ListedRecordings:
        return open_recordings(self._lists(), self.kind, split, self.missing, self._reading())

    def _lists(self) -> Path:
        root = self.annotations or self.root
        if root is None:
            raise ValueError(
                f"{self.kind}: no data folder given; set --data.root to the folder of the videos, "
                "or to what sensorium prepare made"
            )
        return Path(root)

    def _reading(self) -> Reading:
        media = self.root if self.annotations is not None else None
        return Reading(self.spectra.rate, self.view.size * 5 // 4, media, self.listed_fps)

    def _suits(self, recordings: Recordings, split: Split, mixing: Mixing) -> None:
        """Refuses before training starts what no mixture can be made of."""
        if mixing.silent:
            raise ValueError(
                f"{self.kind}: real recordings have no silent ones without a performer; set "
                "--data.mixing.silent to 0"
            )
        if mixing.policy != "same-video" and len(recordings) < mixing.sources:
            raise ValueError(
                f"{self.kind}: {len(recordings)} {split} recordings cannot be mixed "
                f"{mixing.sources} at a time; give at least {mixing.sources} in each of train, "
                "val and test"
            )
