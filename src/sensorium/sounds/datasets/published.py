"""The test mixtures that a set publishes, as the protocol ``published`` of ``sensorium evaluate``.

Each mixture's recordings are heard together from one moment on, in the middle of the shortest, so
that the tracks of a piece stay in step; they are mixed as loud as they are, and none is drawn.
Mixtures of other numbers of sources than ``testing.sources`` are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensorium.recipe import Split
from sensorium.seeds import generator
from sensorium.sounds.datasets.mixing import Recording, Sights
from sensorium.system import Batch, Meter, System

PUBLISHED = "published"


class PublishedMixtures:
    """Examples as `Mixtures` gives them.

    Args:
        mixtures: the recordings of each.
        samples: of a window of sound.
        sights: what is seen of it.
    """

    def __init__(
        self, mixtures: Sequence[tuple[Recording, ...]], samples: int, sights: Sights
    ) -> None:
        self.mixtures, self.samples, self.sights = tuple(mixtures), samples, sights

    def __len__(self) -> int:
        """How many mixtures."""
        return len(self.mixtures)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """One mixture's parts; ``seed`` changes nothing."""
        parts = self.mixtures[index]
        start = max(0.0, 0.5 * (min(part.seconds for part in parts) - self.sights.seconds))
        rng = generator(index, PUBLISHED)  # nothing is drawn from it
        seen = [self.sights.of(part, start, rng) for part in parts]
        return {
            "waves": torch.stack([part.samples(start, self.samples) for part in parts]),
            **{key: torch.stack([sight[key] for sight in seen]) for key in seen[0]},
            "label": torch.tensor([part.label for part in parts]),
        }


@dataclass(frozen=True)
class PublishedTest:
    """The protocol: every published mixture once.

    Attributes:
        system: that is measured.
        examples: the mixtures.
    """

    system: System
    examples: PublishedMixtures

    @property
    def views(self) -> int:
        """Forward passes per example."""
        return 1

    def open(self, split: Split) -> PublishedMixtures:
        """The mixtures.

        Raises:
            ValueError: for another split than ``test``.
        """
        if split != "test":
            raise ValueError(f"published mixtures are of the test split, got {split!r}")
        return self.examples

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """As the system measures any mixture."""
        self.system.measure(batch, meters)


def of_so_many(
    mixtures: Sequence[tuple[Recording, ...]], sources: int
) -> list[tuple[Recording, ...]]:
    """The mixtures of so many sources.

    Raises:
        ValueError: when there are none.
    """
    kept = [mixture for mixture in mixtures if len(mixture) == sources]
    if not kept:
        counts = sorted({len(mixture) for mixture in mixtures})
        raise ValueError(
            f"none of the {len(mixtures)} published mixtures has {sources} sources, they have "
            f"{', '.join(map(str, counts))}; say how many with --data.testing.sources"
        )
    return kept
