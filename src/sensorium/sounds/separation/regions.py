"""Where each source is in a window's picture, from what is seen alone.

A place belongs to the source, or to the background, whose exemplars its look is nearest to. Where
two sources look alike, the nearer one has it, which is why each source's place is followed from
window to window (Hungarian method, see `identity`); a cut puts it where the source was heard in the
new shot, or, where it was not, anywhere. A source that nothing in the picture looks like
is not there, and gets silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.sounds.separation.identity import assign, price, unlike
from sensorium.sounds.separation.places import positions
from sensorium.sounds.separation.sources import Cast

_SHARP = 0.12  # of the squared distance from sources to the background, where shares fall to 1/e
_NEARER = 10.0  # how much a picture's width counts between sources that look alike
_FAR = 0.4  # of the picture; beyond, distance counts no more
_BELONGS = 0.5  # share from which a place is part of a source


class Follower:
    """Finds sources again, window after window.

    Args:
        cast: the sources.

    Shape:
        looks ``[K, h, w]``; shares ``[S, h, w]``: 0..1, how much of each source's sound belongs to
        each place.
    """

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.places = torch.tensor([s.place for s in cast.sources]).view(-1, 2)
        self.known = torch.ones(len(cast.sources), dtype=torch.bool)
        self._scale = _SHARP * _contrast(cast)

    def enter(self, shot: int) -> None:
        """A new shot begins; nobody is where he was."""
        for index, source in enumerate(self.cast.sources):
            self.known[index] = shot in source.places
            self.places[index] = torch.tensor(source.places.get(shot, source.place))

    def shares(self, looks: Float[Tensor, "K h w"]) -> Float[Tensor, "S h w"]:
        """Where each source is in the next window."""
        height, width = looks.shape[-2:]
        if not self.cast.sources:
            return torch.zeros(0, height, width)
        relative = looks.flatten(1).T - self.cast.centre  # [K, h*w] -> [h*w, K]
        grid = positions(height, width)
        sources = [s.looks for s in self.cast.sources]
        distance = torch.stack([_nearest(relative, s) for s in sources]) / self._scale
        if len(self.cast.ground):
            ground = _nearest(relative, self.cast.ground) / self._scale
        else:
            ground = distance.amin(0) + 1.0
        belongs = torch.sigmoid(ground - distance.amin(0))
        self._follow(relative, belongs.view(height, width), grid)
        far = self._far(grid)
        split = torch.softmax(-distance - _NEARER * far, 0)
        return (belongs * split).view(-1, height, width)  # [S, h*w] -> [S, h, w]

    def _follow(self, looks: Tensor, belongs: Float[Tensor, "h w"], grid: Tensor) -> None:
        """Move each source's place to the peak that is it."""
        peaks = torch.nonzero((_peaks(belongs) & (belongs > _BELONGS)).flatten()).flatten()
        if not len(peaks):
            return
        means = torch.stack([s.looks.mean(0) for s in self.cast.sources])
        prices = price(means, self.places, looks[peaks], grid[peaks])
        if not self.known.all():
            by_look = unlike(means, looks[peaks])
            prices = torch.where(self.known[:, None], prices, by_look)
        for source, peak in assign(prices):
            self.places[source] = grid[peaks[peak]]
            self.known[source] = True

    def _far(self, grid: Float[Tensor, "P 2"]) -> Float[Tensor, "S P"]:
        """How far each place is from each source; where that is not known, as far as can be."""
        far = torch.cdist(self.places, grid).clamp_max(_FAR)
        return far.masked_fill(~self.known[:, None], _FAR)


def regions_of(shares: Float[Tensor, "S h w"]) -> Bool[Tensor, "S h w"]:
    """The places that are part of each source; none where it is not there."""
    return shares > _BELONGS


def around(
    points: Sequence[tuple[float, float]], height: int, width: int
) -> Float[Tensor, "S h w"]:
    """Shares of the sources at given points: the place of each and its neighbours.

    A place goes to the nearest point.

    Args:
        points: x and y as fractions of the picture.
        height: of the map.
        width: of the map.
    """
    places = torch.tensor(points).view(-1, 1, 2)
    size = torch.tensor([width, height])
    cell = (places * size).floor().clamp_max(size - 1)
    grid = (positions(height, width) * size).floor()
    near = ((grid - cell).abs().amax(-1) <= 1).float()  # [S, h*w]
    distance = (positions(height, width) - places).square().sum(-1)
    mine = distance <= distance.amin(0)
    return (near * mine).view(-1, height, width)


def _nearest(looks: Float[Tensor, "P K"], exemplars: Float[Tensor, "E K"]) -> Float[Tensor, " P"]:
    return torch.cdist(looks, exemplars).square().amin(1)


def _contrast(cast: Cast) -> float:
    """How far sources lie from the background: the least of them, squared."""
    if not cast.sources:
        return 1.0
    if not len(cast.ground):
        return max(1e-12, min(float(s.looks.square().sum(1).mean()) for s in cast.sources))
    means = [float(_nearest(s.looks, cast.ground).mean()) for s in cast.sources]
    return max(1e-12, min(means))


def _peaks(x: Float[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    return x >= F.max_pool2d(x[None, None], 3, 1, 1)[0, 0]
