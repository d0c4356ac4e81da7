"""Which places of a video are sources of sound, and how many.

In windows spread evenly over the file (`probe`), places are heard. A place is a source of its own
when its sound is not the sum of other places' sounds: places between two players see both and let
both through, places on one player sound the same. So candidates are taken away one by one, always
the one whose print a non-negative sum of the others' prints explains best, until none is explained
to more than `EXPLAINED`, or the wanted number is left. What is left in each window is joined over
time (see `identity`). The number of sources, unless it is given, is the number of tracks that hold
at least `LEAST_SHARE` of the energy that all tracks hold, at most `MOST`.

Two players whose sound a system cannot tell apart are one source to it, and are counted as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.optimize import nnls
from torch import Tensor

from sensorium.sounds.separation.identity import Sighting, Track, join
from sensorium.sounds.separation.places import (
    place_features,
    place_sounds,
    positions,
    representatives,
    timbre,
)

if TYPE_CHECKING:
    from sensorium.sounds.systems import Heard, SoundSystem

MOST = 6  # sources found without being asked for more
LEAST_SHARE = 0.1  # of the energy of all tracks, for a track to count
EXPLAINED = 0.85  # share of a print's energy that others' prints explain, for it to be no source
_AUDIBLE = 0.02  # share of the window's energy below which a place is silent
_AUDIBLE_OF_BEST = 0.1  # likewise, of the loudest place's
_ALIKE = 0.97  # cosine of two prints that are the same sound
_CANDIDATES = 12  # places of a window that are compared with each other
_STILL, _MOVING = 64, 12  # places that are heard where masks are cheap, and where they are not
_APART = 0.1  # what a picture's width counts for, of a print's energy
_EXEMPLARS, _GROUNDS = 8, 24  # looks kept of a source, and of the background


@dataclass(frozen=True)
class Candidate:
    """A place of one window that sounds; ``look`` is raw, not yet relative to the background.

    ``timbre`` is the mean over time of its print.
    """

    window: int
    place: tuple[float, float]
    energy: float
    look: Float[Tensor, " K"]
    timbre: Float[Tensor, " R"]


@dataclass(frozen=True)
class Probe:
    """What one window shows and sounds like.

    Attributes:
        candidates: places that sound.
        ground: looks of the places that do not.

    Shape:
        ``ground``: ``[G, K]``.
    """

    candidates: tuple[Candidate, ...]
    ground: Float[Tensor, "G K"]


@dataclass(frozen=True)
class Source:
    """Something that sounds.

    Attributes:
        looks: exemplars, relative to the background.
        place: where it was heard best, x and y as fractions of the picture.
        places: likewise of each shot in which it was heard.

    Shape:
        ``looks``: ``[E, K]``.
    """

    looks: Float[Tensor, "E K"]
    place: tuple[float, float]
    places: Mapping[int, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cast:
    """The sources of a file, and what is none of them.

    Shape:
        ``centre``: ``[K]``, the mean background look; ``ground``: ``[G, K]``, relative to it.
    """

    sources: tuple[Source, ...]
    centre: Float[Tensor, " K"]
    ground: Float[Tensor, "G K"]


def probe(
    system: SoundSystem,
    window: int,
    maps: Float[Tensor, "K T h w"],
    sound: tuple[Heard, Float[Tensor, "F t"], float],
    wanted: int | None,
) -> Probe:
    """Listen to the places of one window.

    Args:
        system: that listens.
        window: its number.
        maps: what it sees.
        sound: what the sound network makes of it, its magnitude, and its power relative to other
            windows.
        wanted: number of sources, if given.
    """
    heard, magnitude, power = sound
    features = place_features(maps)
    looks = system.appearance(features.mean(-1)).cpu()
    chosen, nearest = representatives(features, _STILL if maps.shape[1] == 1 else _MOVING)
    sounds = place_sounds(system, features[chosen], heard, magnitude)
    everywhere = sounds.energy[nearest.cpu()]
    floor = max(_AUDIBLE, _AUDIBLE_OF_BEST * float(sounds.energy.max()))
    audible = torch.nonzero(sounds.energy >= floor).flatten()
    places = positions(*maps.shape[-2:])[chosen.cpu()]
    kept = pick(sounds.prints[audible], sounds.energy[audible], places[audible], wanted)
    return Probe(
        candidates=tuple(
            Candidate(
                window,
                (float(places[k, 0]), float(places[k, 1])),
                float(sounds.energy[k]) * power,
                looks[chosen[k].cpu()],
                timbre(sounds.prints[k]),
            )
            for k in audible[kept].tolist()
        ),
        ground=looks[everywhere < floor],
    )


def pick(
    prints: Float[Tensor, "P D"],
    energy: Float[Tensor, " P"],
    places: Float[Tensor, "P 2"],
    wanted: int | None,
) -> list[int]:
    """Which places are sources of their own; loudest first."""
    least = wanted or 1
    left = _distinct(prints, energy, places, least)
    scale = prints.norm(dim=1).clamp_min(1e-12)
    columns = (prints / scale[:, None]).double().numpy()
    distance = torch.cdist(places, places)
    while len(left) > least:
        unexplained = [_residual(columns, k, [j for j in left if j != k]) for k in left]
        apart = [min(float(distance[k, j]) for j in left if j != k) for k in left]
        worth = [u + _APART * a for u, a in zip(unexplained, apart, strict=True)]
        weakest = min(range(len(left)), key=lambda i: (round(worth[i], 6), float(energy[left[i]])))
        if wanted is None and unexplained[weakest] > 1 - EXPLAINED:
            break
        left.pop(weakest)
    return left


def _distinct(prints: Tensor, energy: Tensor, places: Tensor, least: int) -> list[int]:
    """The loudest place of each sound, and, where that is too few, the farthest others."""
    order = energy.argsort(descending=True).tolist()
    unit = F.normalize(prints, dim=1)
    alike = unit @ unit.T
    left: list[int] = []
    for k in order:
        if len(left) < _CANDIDATES and all(float(alike[k, j]) < _ALIKE for j in left):
            left.append(k)
    others = [k for k in order if k not in left]
    while len(left) < least and others:
        far = torch.cdist(places[others], places[left]).amin(1)
        left.append(others.pop(int(far.argmax())))
    return left


def _residual(columns: np.ndarray, index: int, others: list[int]) -> float:
    """Share of a unit print that no non-negative sum of others explains."""
    return float(nnls(columns[others].T, columns[index])[1]) ** 2


def cast(
    probes: Sequence[Probe], wanted: int | None, shot: Callable[[int], int] = lambda window: 0
) -> Cast:
    """The sources of a file from its probes; none where all is silent.

    Args:
        probes: in order of time.
        wanted: number of sources, if given.
        shot: the number of a window's shot.

    Raises:
        ValueError: when fewer sources sound than are wanted.
    """
    looks = [c.look for p in probes for c in p.candidates]
    if not looks:  # silence
        return Cast((), torch.zeros(0), torch.zeros(0, 0))
    grounds = torch.cat([p.ground for p in probes])
    centre = (grounds if len(grounds) else torch.stack(looks)).mean(0)
    windows = [
        [
            Sighting(c.window, c.place, c.energy, c.look - centre, shot(c.window), c.timbre)
            for c in p.candidates
        ]
        for p in probes
    ]
    tracks = join(windows, wanted or 1)
    if wanted is None:
        total = sum(t.energy for t in tracks)
        tracks = [t for t in tracks if t.energy >= LEAST_SHARE * total][:MOST]
    elif len(tracks) < wanted:
        raise ValueError(
            f"got {wanted} sources to separate, but only {len(tracks)} places sound different from "
            "the background; ask for fewer, or point at them (--at X,Y)"
        )
    ground = grounds - centre
    if len(ground):
        ground = ground[representatives(ground[:, :, None], _GROUNDS)[0]]
    return Cast(tuple(_source(t) for t in tracks[: wanted or MOST]), centre, ground)


def _source(track: Track) -> Source:
    looks = torch.stack([s.look for s in sorted(track.sightings, key=lambda s: -s.energy)])
    strong = looks[: max(1, (len(looks) + 1) // 2)]  # a faint sighting may be somebody else
    chosen = representatives(strong[:, :, None], _EXEMPLARS)[0]
    best: dict[int, Sighting] = {}
    for sighting in track.sightings:
        known = best.get(sighting.shot)
        if known is None or sighting.energy > known.energy:
            best[sighting.shot] = sighting
    places = {shot: sighting.place for shot, sighting in best.items()}
    return Source(strong[chosen], track.strongest.place, places)
