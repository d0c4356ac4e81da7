"""What is seen, as vectors at a low rate: moves, things and colours, here and there.

``moves`` is a ResNet with temporal shift (Lin, Gan, Han, arXiv:1811.08383) whose weights are those
of the bundled ``tsm``; ``things`` tells which kind of instrument in which colour is where
(`Performers`). Several performers share a picture. So all is averaged over a coarse grid of places,
and once more weighted by where the picture changes; and of every thing that could be there it is
told how much of it is seen and how much it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium import images
from sensorium.events.performers import Performers
from sensorium.layers.resnet import RESNETS, ResNet
from sensorium.layers.temporal_shift import TemporalShift
from sensorium.types import Video
from sensorium.worlds.stage.looks.paint import COLOURS
from sensorium.worlds.stage.script import INSTRUMENTS

MOVES, THINGS = "tsm/model.safetensors", "stage-performers.safetensors"
_PREFIX = "network.backbone."
_REACH = 4  # pictures that a picture's maps look back and ahead: one per block
_STRIDE = 16  # of the maps of moves; those of things are twice as fine
_DECODE_AT_ONCE = 8  # full-size pictures held at a time
_HUES = 12
_PALETTE = _HUES + 4


@dataclass(frozen=True)
class SeenConfig:
    """What `Seen` is built from.

    Attributes:
        size: height and width in pixels to which pictures are brought.
        moves: whether the network with temporal shift looks.
        things: whether the network that knows instruments looks.
        colours: whether colours are counted.
        places: rows and columns of the grid of places; 0 and 0 for none.
        moved: whether what changes is looked at by itself.
    """

    size: int = 112
    moves: bool = True
    things: bool = True
    colours: bool = True
    places: tuple[int, int] = (2, 3)
    moved: bool = True

    def __post_init__(self) -> None:
        if self.size < _STRIDE or self.size % _STRIDE:
            raise ValueError(
                f"seen: size must be a multiple of {_STRIDE} pixels, got {self.size!r}"
            )
        if not (self.moves or self.things or self.colours):
            raise ValueError("seen: moves, things or colours must be on, got none of them")
        if not self.moved and not all(self.places):
            raise ValueError("seen: needs places or moved, got neither")


class Seen(nn.Module):
    """Vectors of pictures, one per picture.

    In order: for every place the means of the maps of moves, of kinds and colours of things, of the
    colours of the picture, and of the change; the same weighted by the change, where its middle is
    (y, x) and how much there is; and of every thing how much is seen and how much of it changes.
    """

    def __init__(self, config: SeenConfig) -> None:
        super().__init__()
        self.config = config
        self.moves = ShiftedResNet() if config.moves else None
        self.things = Performers() if config.things else None
        self.channels = RESNETS["resnet_tiny"].features * config.moves
        self.channels += (len(INSTRUMENTS) + len(COLOURS)) * config.things
        self.channels += _PALETTE * config.colours
        for network in self.children():
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dim(self) -> int:
        """Numbers per picture."""
        rows, columns = self.config.places
        things = 2 * len(INSTRUMENTS) * len(COLOURS) * self.config.things
        moved = (self.channels + 3) * self.config.moved
        return rows * columns * (self.channels + 1) + moved + things

    def start_from_bundled(self) -> None:
        """Take the weights that come with the package."""
        folder = Path(str(files("sensorium"))) / "weights"
        if self.moves is not None:
            state = load_file(folder / MOVES)
            own = {k.removeprefix(_PREFIX): v for k, v in state.items() if k.startswith(_PREFIX)}
            self.moves.trunk.load_state_dict(own)
        if self.things is not None:
            self.things.load_state_dict(load_file(folder / THINGS))

    def of(self, video: Video, start: float, steps: int, rate: float) -> Float[Tensor, "N D"]:
        """Vectors of ``steps`` pictures, the first in the middle of the step at ``start`` seconds.

        Args:
            video: may be of any size.
            start: seconds.
            steps: how many.
            rate: pictures looked at per second.
        """
        last = max(1, round((video.span.end - start) * rate))  # steps until the video ends
        first = min(0, round((video.span.start - start) * rate))
        before, after = min(_REACH, -first), max(0, min(_REACH, last - steps))
        times = [round(start + (i + 0.5) / rate, 6) for i in range(-before, steps + after)]
        size = (self.config.size, self.config.size)
        pictures = torch.cat(
            [
                images.resize(video.frames(times[i : i + _DECODE_AT_ONCE]), size)
                for i in range(0, len(times), _DECODE_AT_ONCE)
            ]
        )
        out: Tensor = self(pictures)[before : before + steps]
        return out

    def forward(self, pictures: UInt8[Tensor, "T 3 H W"]) -> Float[Tensor, "T D"]:
        """Vectors of successive pictures."""
        looked = images.normalise(pictures).contiguous(memory_format=torch.channels_last)
        change = changes(pictures, (2 * self._side, 2 * self._side))
        parts: list[Tensor] = []
        maps: list[Tensor] = []
        with torch.autocast(looked.device.type, torch.bfloat16):
            if self.moves is not None:
                maps.append(self.moves(looked).float())
            there = None if self.things is None else self.things(looked)
        if there is not None:
            kinds = there.unflatten(1, (len(INSTRUMENTS), len(COLOURS)))
            maps.append(F.avg_pool2d(torch.cat([kinds.sum(2), kinds.sum(1)], 1), 2))
            parts += _of_things(there, change)
        if self.config.colours:
            maps.append(colours(pictures, (self._side, self._side)))
        coarse = F.avg_pool2d(change, 2)
        if self.config.moved:
            parts[:0] = _moved(torch.cat(maps, 1), coarse)
        if all(self.config.places):
            both = torch.cat([*maps, coarse], 1)
            parts.insert(0, F.adaptive_avg_pool2d(both, self.config.places).flatten(1))
        return torch.cat(parts, 1)

    @property
    def _side(self) -> int:
        """Rows, and columns, of the maps of moves."""
        return -(-self.config.size // _STRIDE)


def _moved(maps: Float[Tensor, "T C h w"], change: Float[Tensor, "T 1 h w"]) -> list[Tensor]:
    """Maps weighted by the change, the middle of the change, and how much there is."""
    share = change / change.sum((2, 3), keepdim=True).clamp_min(1e-6)
    share = share.flatten(2)  # [T, 1, h, w] -> [T, 1, h*w]
    middle = (share @ _grid(maps).flatten(1).T)[:, 0]
    return [(maps.flatten(2) @ share.mT)[..., 0], middle, change.mean((2, 3))]


def _of_things(
    there: Float[Tensor, "T K h w"], change: Float[Tensor, "T 1 h w"]
) -> list[Float[Tensor, "T K"]]:
    """How much of each thing is seen, and how much of it changes (logarithmic)."""
    size = there.sum((2, 3))  # in places
    much = (there * change).sum((2, 3)) / (0.5 + size)
    return [(1 + size).log(), (1 + 1000 * much).log()]


class ShiftedResNet(nn.Module):
    """`ResNet` with the shift before every block's branch, on one clip.

    Shape:
        ``[T, 3, H, W] -> [T, 128, H / 16, W / 16]``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ResNet(RESNETS["resnet_tiny"])
        self.shift = TemporalShift()

    def forward(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T D h w"]:
        """The last stage's maps."""
        x, time = self.trunk.stem(pictures), len(pictures)
        for _, block in self.trunk.blocks():
            x = block.rest(x, self.shift.then(block.first, x, time))
        return x


def colours(pictures: UInt8[Tensor, "T 3 H W"], size: tuple[int, int]) -> Float[Tensor, "T K h w"]:
    """Shares of hues (by how strong they are), of black, grey and white, and the mean strength."""
    small = F.adaptive_avg_pool2d(pictures.float() / 255, (4 * size[0], 4 * size[1]))
    high, low = small.amax(1), small.amin(1)
    chroma = high - low
    red, green, blue = small.unbind(1)
    across = 2 * red - green - blue
    hue = torch.atan2(3**0.5 * (green - blue), across) * (_HUES / (2 * torch.pi))
    middles = torch.arange(_HUES, device=hue.device).view(-1, 1, 1)
    away = (hue[:, None] - middles + _HUES / 2) % _HUES - _HUES / 2
    hues = (1 - away.abs()).clamp_min(0) * chroma[:, None]  # [T, hues, h, w]
    pale = (1 - 2 * chroma).clamp_min(0)
    white = pale * (3 * high - 2).clamp_min(0)
    black = pale * (1 - 3 * high).clamp_min(0)
    rest = torch.stack([white, black, pale - white - black, chroma], 1)
    return F.avg_pool2d(torch.cat([hues, rest], 1), 4)


def changes(pictures: UInt8[Tensor, "T 3 H W"], size: tuple[int, int]) -> Float[Tensor, "T 1 h w"]:
    """How much each place differs from the pictures before and after."""
    small = pictures.float() / 255
    step = (small[1:] - small[:-1]).abs().mean(1, keepdim=True)
    step = F.adaptive_avg_pool2d(step, size)
    step = (step - step.flatten(1).median(1).values[:, None, None, None]).clamp_min(0)
    none = step.new_zeros(1, *step.shape[1:]) if len(step) else small.new_zeros(1, 1, *size)
    return torch.cat([none, step]) + torch.cat([step, none])


def _grid(maps: Tensor) -> Float[Tensor, "2 h w"]:
    """Height and x of each place, -1 .. 1."""
    rows, columns = maps.shape[-2:]
    y = torch.linspace(-1, 1, rows, device=maps.device)
    x = torch.linspace(-1, 1, columns, device=maps.device)
    return torch.stack(torch.meshgrid(y, x, indexing="ij"))
