"""From a clip to its stems: find the sources, follow them through the pictures, separate lazily.

The pictures are first cut into shots (`find_shots`): windows keep to one where they can, and nobody
is taken to be where he was before a cut. Then three passes. Over at most `Options.probes` windows,
evenly spaced: where does sound come from, and from how many sources (see `sources`). Over the
pictures of all windows: where is each source, and what does it look like there (see `regions`);
nothing is heard, and features are reused between overlapping windows. The third pass, over the
sound, is made when samples are asked for (see `separator`). None needs more memory for an hour than
for a minute, but for a few hundred numbers a window.

How ours differs from arXiv:1804.03160, which stops at two-second clips of a duet: that paper shows
each pixel's sound; a file needs stems with an identity. Masks stay soft, where the paper's scoring
cuts them at 0.5, and are weighed against each other (see `Separator.masks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.sounds.results import REST, Stem, Stems
from sensorium.sounds.separation.looks import Looks
from sensorium.sounds.separation.places import positions
from sensorium.sounds.separation.regions import Follower, around, regions_of
from sensorium.sounds.separation.separator import Separator, Told, silence
from sensorium.sounds.separation.sources import Cast, cast, probe
from sensorium.sounds.separation.spool import Spool
from sensorium.sounds.separation.windows import Windows
from sensorium.sounds.shots import find_shots
from sensorium.sounds.systems import SoundSystem
from sensorium.types import Clip

Point = tuple[float, float]
_SILENT = 1e-5  # root mean square of a window that is not listened to
_JUDGED = 8  # windows from which a stem's score is taken
_CUTTING = 0.2  # share of the work before the sound that looking for cuts is
_AT_ONCE = 8  # windows whose pictures go through the network together


@dataclass(frozen=True)
class Options:
    """How a file is separated.

    Attributes:
        sources: how many, or ``None`` to find out.
        points: x and y in 0..1 of the picture (from its left and top): separate what sounds there
            instead, one stem each.
        probes: windows that are listened to in order to find the sources.
    """

    sources: int | None = None
    points: tuple[Point, ...] = ()
    probes: int = 32

    def __post_init__(self) -> None:
        if self.sources is not None and self.sources < 1:
            raise ValueError(f"sources must be 1 or more, or auto, got {self.sources}")
        if self.points and self.sources is not None:
            raise ValueError("give either a number of sources or points, not both")
        for x, y in self.points:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(
                    f"a point is x,y in 0..1 of the picture (from left and top), got {x:g},{y:g}"
                )
        if self.probes < 1:
            raise ValueError(f"probes must be 1 or more, got {self.probes}")


DEFAULT = Options()


@torch.no_grad()
def separate(
    system: SoundSystem, clip: Clip, options: Options = DEFAULT, told: Told = silence
) -> Stems:
    """Each source of a clip as its own track, computed when it is asked for.

    Args:
        system: whose networks, in ``eval()`` mode.
        clip: with pictures and sound.
        options: how many sources, or where.
        told: takes the share of the work up to the sound that is done, 0..1.

    Raises:
        ValueError: when the clip lacks pictures or sound, or fewer sources sound than are wanted.
        MediaError: when the file cannot be read.
    """
    audio, video = clip.need_audio(), clip.need_video()
    shots = find_shots(video, told=lambda share: told(_CUTTING * share))
    told = _rest_of(told)
    windows = Windows.over(audio.span, system.config.spectra, shots)
    looks = Looks(system, video, windows)
    if options.points:
        shares, visuals = _followed(looks, _Points(options.points), told)
        present = torch.ones(shares.shape[:2], dtype=torch.bool)
    else:
        found = _found(looks, clip, options, lambda share: told(0.5 * share))
        shares, visuals = _followed(looks, Follower(found), lambda share: told(0.5 + 0.5 * share))
        present = regions_of(shares).flatten(2).any(-1)
    separator = Separator(system, clip, windows, visuals, present)
    return Stems(
        file=clip.name,
        system=system.weights,
        rate=audio.rate,
        channels=audio.channels,
        span=audio.span,
        stems=_judged(separator, shares, options.points),
        unfamiliarity=system.unfamiliarity(clip),
        windows=windows.spans(),
        shares=shares,
        separator=separator,
    )


def _rest_of(told: Told) -> Told:
    """What is left to be told once the shots are known."""
    return lambda share: told(_CUTTING + (1 - _CUTTING) * share)


def _evenly(count: int, most: int) -> list[int]:
    """At most so many of the first ``count`` numbers, evenly spaced."""
    if count <= most:
        return list(range(count))
    return [int((k + 0.5) * count / most) for k in range(most)]


def _found(looks: Looks, clip: Clip, options: Options, told: Told) -> Cast:
    """The first pass: listen here and there."""
    system, windows, audio = looks.system, looks.windows, clip.need_audio()
    device = next(system.parameters()).device
    probes = []
    chosen = _evenly(len(windows), options.probes)
    for done, index in enumerate(chosen, start=1):
        wave = windows.hear(audio, index)
        power = float(wave.square().mean())
        if power > _SILENT**2:
            magnitude = system.spectra.stft(wave[None].to(device)).abs()
            sound = (system.hear(magnitude), magnitude[0], power)
            probes.append(probe(system, index, looks.maps([index])[0], sound, options.sources))
        told(done / len(chosen))
    return cast(probes, options.sources, windows.shot)


class _Points:
    """In place of a `Follower`: sources that stay where they were pointed at."""

    def __init__(self, points: tuple[Point, ...]) -> None:
        self.points = points

    def shares(self, looks: Float[Tensor, "K h w"]) -> Float[Tensor, "S h w"]:
        """The places around each point."""
        return around(self.points, *looks.shape[-2:])

    def enter(self, shot: int) -> None:
        """They stay."""


def _followed(
    looks: Looks, follower: Follower | _Points, told: Told
) -> tuple[Float[Tensor, "W S h w"], Spool]:
    """The second pass: where each source is in each window, and what it looks like there."""
    system, count = looks.system, len(looks.windows)
    shares: list[Tensor] = []
    visuals: Spool | None = None
    for at in range(0, count, _AT_ONCE):
        some = range(at, min(at + _AT_ONCE, count))
        for index, maps in zip(some, looks.maps(some), strict=True):
            shot, shots = looks.windows.shot(index), len(looks.windows.shots)
            if shots > 1 and (index == 0 or shot != looks.windows.shot(index - 1)):
                follower.enter(shot)
            look = system.appearance(maps.mean(1).flatten(1).T)  # [K, T, h, w] -> [h*w, K]
            share = follower.shares(look.T.view(-1, *maps.shape[-2:]).cpu())
            regions = regions_of(share).to(maps.device)
            visual = system.pool(maps[None], regions[None])[0]  # [S, K, T]
            visuals = visuals or Spool(tuple(visual.shape))
            visuals.append(visual)
            shares.append(share)
        told(some.stop / count)
    assert visuals is not None, "every sound has a window"
    return torch.stack(shares), visuals


def _judged(
    separator: Separator, shares: Float[Tensor, "W S h w"], points: Sequence[Point]
) -> tuple[Stem, ...]:
    """Label, score and place of each stem, the rest last.

    The score says how decided the masks are: their mean, weighted by the sound that they let
    through, is 1 when every bin is given to one stem alone.
    """
    system, present = separator.system, separator.present
    sources = separator.sources
    let, decided = torch.zeros(sources + 1), torch.zeros(sources + 1)
    weighted = torch.zeros(shares.shape[1:])
    seen = torch.nonzero(present.any(1)).flatten().tolist() if sources else []
    for index in [seen[k] for k in _evenly(len(seen), _JUDGED)] or [0]:
        masks, magnitude = separator.masks([index])
        rest = (1 - masks[0].sum(0, keepdim=True)).clamp_min(0)
        every, power = torch.cat([masks[0], rest]), magnitude[0].square()
        let += (every * power).sum((-2, -1)).cpu()
        decided += (every.square() * power).sum((-2, -1)).cpu()
        weighted += shares[index] * (every[:-1].square() * power).sum((-2, -1)).cpu()[:, None, None]
    scores = (decided / let.clamp_min(1e-12)).clamp(0, 1).tolist()
    names = system.names(_mean_look(separator)) if sources else []
    places = list(points) or [_brightest(w) for w in weighted]
    return (
        *(Stem(names[k] or f"source {k + 1}", scores[k], places[k]) for k in range(sources)),
        Stem(REST, scores[-1], None),
    )


def _mean_look(separator: Separator) -> Float[Tensor, "S K"]:
    """Each source's visual feature, averaged over windows in which it is seen."""
    visuals, present = separator.visuals, separator.present
    chosen = _evenly(len(visuals), 256)
    total = torch.zeros(visuals.shape[:2])
    for index in chosen:
        total += visuals[index].mean(-1).where(present[index][:, None], 0.0)
    mean = total / present[chosen].sum(0).clamp_min(1)[:, None]
    return mean.to(separator.device)


def _brightest(weights: Float[Tensor, "h w"]) -> Point:
    """The middle of the place of highest weight, x and y in 0..1."""
    best = int(weights.argmax())
    x, y = positions(*weights.shape)[best].tolist()
    return x, y
