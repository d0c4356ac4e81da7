"""Who is who from one window to the next: sightings joined into tracks.

Sightings of a window are given to the tracks known so far by the Hungarian method, the price being
how little they look alike (one less the cosine of their looks) and how far apart they lie; beyond a
reach a sighting starts a track of its own. A cut to another camera moves everybody: between shots
it counts, in place of distance, how little they sound alike. Tracks that look alike and are never
seen at the same time are one source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

_FAR = 0.4  # of the picture; no distance costs more
_DISTANCE = 1.0  # price of a picture's width
_REACH = 0.7  # highest price at which a sighting still belongs to a track
_ALIKE = 0.8  # cosine above which tracks that never meet are one


@dataclass(frozen=True)
class Sighting:
    """A place that sounds, in one window.

    Attributes:
        window: its number.
        place: x and y, fractions of the picture.
        energy: share of the window's energy, 0..1.
        look: the place's features relative to the background, where looks are compared.
        shot: in which it is seen.
        timbre: its mean spectrum; not needed where all is one shot.
    """

    window: int
    place: tuple[float, float]
    energy: float
    look: Float[Tensor, " K"]
    shot: int = 0
    timbre: Float[Tensor, " R"] | None = None


@dataclass
class Track:
    """Sightings of one source, in order of time."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def energy(self) -> float:
        """Sum of the sightings' energies."""
        return sum(s.energy for s in self.sightings)

    @property
    def look(self) -> Float[Tensor, " K"]:
        """Mean look, weighted by energy."""
        weights = torch.tensor([s.energy for s in self.sightings]) + 1e-12
        looks = torch.stack([s.look for s in self.sightings])
        return (weights[:, None] * looks).sum(0) / weights.sum()

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1]

    @property
    def strongest(self) -> Sighting:
        """The sighting of highest energy."""
        return max(self.sightings, key=lambda s: s.energy)


def unlike(looks: Float[Tensor, "A K"], others: Float[Tensor, "B K"]) -> Float[Tensor, "A B"]:
    """How little things look alike: one less the cosine."""
    return 1 - F.cosine_similarity(looks[:, None], others[None], dim=-1)


def price(
    looks: Float[Tensor, "A K"],
    places: Float[Tensor, "A 2"],
    other_looks: Float[Tensor, "B K"],
    other_places: Float[Tensor, "B 2"],
) -> Float[Tensor, "A B"]:
    """What it costs to take one thing for another."""
    distance = torch.cdist(places, other_places).clamp_max(_FAR)
    return unlike(looks, other_looks) + _DISTANCE * distance


def assign(prices: Float[Tensor, "A B"], reach: float = _REACH) -> list[tuple[int, int]]:
    """Pairs of least total price (Hungarian method), without those beyond ``reach``."""
    if not prices.numel():
        return []
    capped = prices.clamp_max(2 * reach)  # a pair out of reach must not pull others apart
    rows, columns = linear_sum_assignment(capped.double().numpy())
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(a, b) for a, b in pairs if float(prices[a, b]) <= reach]


def join(windows: Sequence[Sequence[Sighting]], least: int = 1) -> list[Track]:
    """Tracks from the sightings of each window, in order of time; strongest first.

    Args:
        windows: the sightings of each.
        least: tracks to leave apart, even if they look alike.
    """
    tracks: list[Track] = []
    for sightings in windows:
        if not sightings:
            continue
        taken: dict[int, int] = {}
        if tracks:
            taken = {s: t for t, s in assign(_prices(tracks, sightings))}
        for number, sighting in enumerate(sightings):
            if number in taken:
                tracks[taken[number]].sightings.append(sighting)
            else:
                tracks.append(Track([sighting]))
    return sorted(_merged(tracks, least), key=lambda t: -t.energy)


def _prices(tracks: Sequence[Track], sightings: Sequence[Sighting]) -> Float[Tensor, "A B"]:
    """What it costs to take a sighting for one of a track."""
    last = [t.last for t in tracks]
    looks = torch.stack([t.look for t in tracks])
    others = torch.stack([s.look for s in sightings])
    places = torch.tensor([s.place for s in last])
    prices = price(looks, places, others, torch.tensor([s.place for s in sightings]))
    by_look = unlike(looks, others)
    for a, before in enumerate(last):
        for b, now in enumerate(sightings):
            if before.shot != now.shot:
                prices[a, b] = by_look[a, b] + _apart(before, now)
    return prices


def _apart(before: Sighting, now: Sighting) -> float:
    """How little two sightings sound alike, at most as dear as distance."""
    if before.timbre is None or now.timbre is None:
        return 0.0
    alike = F.cosine_similarity(before.timbre, now.timbre, dim=0)
    return min(_DISTANCE * _FAR, 1 - float(alike))


def _merged(tracks: list[Track], least: int) -> list[Track]:
    """Tracks that look alike and never meet, made one, the most alike first."""
    tracks = list(tracks)
    while len(tracks) > max(1, least):
        looks = torch.stack([t.look for t in tracks])
        alike = F.cosine_similarity(looks[:, None], looks[None], dim=-1)
        alike.fill_diagonal_(-1)
        for a in range(len(tracks)):
            mine = {s.window for s in tracks[a].sightings}
            for b in range(a):
                if mine & {s.window for s in tracks[b].sightings}:
                    alike[a, b] = alike[b, a] = -1
        best = int(alike.argmax())
        a, b = divmod(best, len(tracks))
        if float(alike[a, b]) < _ALIKE:
            break
        both = sorted([*tracks[a].sightings, *tracks[b].sightings], key=lambda s: s.window)
        tracks = [t for k, t in enumerate(tracks) if k not in (a, b)] + [Track(both)]
    return tracks
