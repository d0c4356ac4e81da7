"""What an episode looks and sounds like apart from what happens: cast, scenery, camera, room.

None of these draws knows a label, so that no colour, size, place, light or loudness gives one away.
"""

from __future__ import annotations

import numpy as np

from sensorium.worlds.stage import backdrops
from sensorium.worlds.stage.looks import DESIGNS
from sensorium.worlds.stage.looks.paint import COLOURS, COSTUMES
from sensorium.worlds.stage.script import (
    INSTRUMENTS,
    Backdrop,
    Camera,
    Instrument,
    Performer,
    Pose,
    Room,
)


def any_seed(rng: np.random.Generator) -> int:
    """A fresh seed for something below."""
    return int(rng.integers(1 << 48))


def choose(rng: np.random.Generator, names: tuple[str, ...] | list[str]) -> str:
    """One of the names, each as likely."""
    return names[int(rng.integers(len(names)))]


def cast(
    rng: np.random.Generator,
    home: Pose,
    kind: Instrument | None = None,
    colour: str | None = None,
) -> Performer:
    """A performer with a free choice of everything that is not given; it has no notes yet."""
    return Performer(
        kind=kind or INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))],
        design=int(rng.integers(DESIGNS)),
        colour=colour or choose(rng, list(COLOURS)),
        costume=choose(rng, list(COSTUMES)),
        facing=int(rng.choice((-1, 1))),
        home=home,
        look=any_seed(rng),
        timbre=any_seed(rng),
        gain=round(float(np.exp(rng.uniform(np.log(0.35), 0.0))), 4),
        pan=round(float(np.clip(2.0 * home.x, -1.0, 1.0)), 3),
    )


def scenery(rng: np.random.Generator) -> Backdrop:
    """A backdrop with light and up to two things in the foreground."""
    walls = list(backdrops.WALLS)
    props = tuple(
        (
            choose(rng, list(backdrops.PROPS)),
            round(float(rng.uniform(-0.5, 0.5)), 3),
            round(float(rng.uniform(0.15, 0.38)), 3),
        )
        for _ in range(int(rng.integers(0, 3)))
    )
    return Backdrop(
        pattern=choose(rng, list(backdrops.PATTERNS)),
        hues=(choose(rng, walls), choose(rng, walls), choose(rng, walls)),
        grain=round(float(rng.uniform(0.0, 0.5)), 3),
        light=round(float(rng.uniform(0.7, 1.15)), 3),
        warmth=round(float(rng.uniform(-1.0, 1.0)), 3),
        spot=round(float(rng.uniform(-0.3, 0.3)), 3) if rng.uniform() < 0.4 else None,
        props=props,
        seed=any_seed(rng),
    )


def camera(rng: np.random.Generator, seconds: float) -> Camera:
    """A drift as likely one way as the other; slower and further in longer episodes."""
    reach = min(0.16, 0.05 * seconds)
    drift = rng.uniform(-reach, reach, 2)
    return Camera(
        drift=(round(float(drift[0]), 4), round(float(0.5 * drift[1]), 4)),
        zoom=round(float(np.exp(rng.uniform(-1.0, 1.0) * min(0.12, 0.04 * seconds))), 4),
        sway=round(float(rng.uniform(0.0, 0.015)), 4),
        sway_hertz=round(float(rng.uniform(0.1, 0.4)), 3),
    )


def room(rng: np.random.Generator) -> Room:
    """Reverberation, noise and loudness."""
    return Room(
        reverb=round(float(rng.uniform(0.05, 0.35)), 3),
        noise=round(float(np.exp(rng.uniform(np.log(2e-4), np.log(4e-3)))), 6),
        loudness=round(float(rng.uniform(0.8, 2.4)), 3),
        seed=any_seed(rng),
    )
