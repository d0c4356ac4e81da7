"""`SoundData`: which recordings systems for sound are trained and tested on, mixed how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sensorium.recipe import Split
from sensorium.seeds import split_seed
from sensorium.sounds.datasets.mixing import Mixing, Mixtures, Recordings
from sensorium.sounds.datasets.stage import StageSolos
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.types import Clip
from sensorium.worlds.stage.script import INSTRUMENTS, Instrument

Kind = Literal["stage"]


@dataclass(frozen=True)
class SoundData:
    """Solos, mixed.

    Attributes:
        kind: ``stage`` is the procedural world; the others are published sets.
        mixing: how solos become mixtures in training.
        testing: how they do in validation and test.
        spectra: length and rate of the sound; taken over by the system.
        view: which pictures; taken over by the system.
        length: solos in training.
        held_out: mixtures in validation and in test.
        seconds: length of a stage solo.
        kinds: instruments of the stage.
        moves: share of stage solos in which the performer moves about.
        twins: whether stage solos come in pairs of the same look.
        cache: folder for rendered solos.
    """

    kind: Kind = "stage"
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
    cache: Path | None = None

    def open(self, split: Split) -> Mixtures:
        """The mixtures of one split."""
        count = self.length if split == "train" else self.held_out
        mixing = self.mixing if split == "train" else self.testing
        return Mixtures(self.recordings(split), count, split, mixing, self.spectra, self.view)

    def recordings(self, split: Split) -> Recordings:
        """The solos of one split: in validation and test as many as mixtures, at most 160."""
        block = 2 * len(self.kinds)
        held_out = block * max(1, min(160, self.held_out) // block)
        return StageSolos(
            split=split,
            count=self.length if split == "train" else held_out,
            seconds=self.seconds,
            size=self.view.size * 5 // 4,
            fps=self.view.fps,
            rate=self.spectra.rate,
            kinds=self.kinds,
            twins=self.twins,
            moves=self.moves,
            cache=self.cache,
        )

    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the labels."""
        return self.kinds

    def adapt(self, config: Any) -> Any:
        """The system's config with these classes, this signal path and this view."""
        return replace(config, classes=self.classes(), spectra=self.spectra, view=self.view)

    def clips(self, split: Split) -> Iterator[Clip]:
        """Some whole videos with one to three performers, to calibrate on."""
        from sensorium.worlds import stage

        for k in range(24):
            episode = stage.compose(split_seed(split, 1_000_000 + k), 10.0, 1 + k % 3)
            yield stage.clip(episode, 180, 240 if k % 2 else 320, fps=24.0)
