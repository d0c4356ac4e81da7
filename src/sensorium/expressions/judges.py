"""Independent judges of generated faces: which expression, how strong, where, and of whom.

Nothing else tells whether a generated face smiles: what a system was trained on cannot be asked.
`ExpressionJudge` names the expression, its degrees and 68 landmarks; `IdentityJudge` gives faces of
one person like vectors. Both are small networks of their own weights, which no system has seen,
trained by ``benchmarks/portrait_judges.py`` on people of the portrait world's ``judges`` split, who
are in no other. They know drawn portraits and nothing else: on photographs they mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.worlds.portraits import EXPRESSIONS

SIZE = 64
"""Pixels to a side that the judges look at; other sizes are brought to it."""

POINTS = 68
WEIGHTS = "portrait-judges.safetensors"
_AT_ONCE = 256
_MAPS = 32  # channels from which landmarks are found


@dataclass(frozen=True)
class Judged:
    """What the judges say of some faces.

    Attributes:
        logits: of the expressions, in their order.
        degrees: of each expression, 0 none, 1 full; not clipped.
        landmarks: ``(x, y)`` as shares of width and height.
        features: of the expression judge, for distances between sets of faces.
        identity: unit vectors, alike for faces of one person.
    """

    logits: Float[Tensor, "N E"]
    degrees: Float[Tensor, "N E"]
    landmarks: Float[Tensor, "N 68 2"]
    features: Float[Tensor, "N F"]
    identity: Float[Tensor, "N 64"]

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, chosen: slice | Tensor) -> Judged:
        return Judged(*(getattr(self, f.name)[chosen] for f in fields(self)))


def _block(before: int, after: int) -> nn.Sequential:
    """Halves the picture: two convolutions, batch norms and rectifiers."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, 2, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, 1, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class Trunk(nn.Module):
    """Four blocks.

    Shape:
        ``[N, 3, 64, 64]`` -> four maps, of 32, 16, 8 and 4 pixels to a side.
    """

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        pairs = zip((3, *channels), channels, strict=False)
        self.blocks = nn.ModuleList(_block(a, b) for a, b in pairs)

    def forward(self, pictures: Float[Tensor, "N 3 64 64"]) -> list[Tensor]:
        """The maps, finest first."""
        maps = []
        x = 4 * (pictures - 0.5)
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps


class ExpressionJudge(nn.Module):
    """Expression, degrees and landmarks of a face.

    Landmarks are the centres of mass of 68 maps, so that they move with the face.
    """

    def __init__(self, expressions: int = len(EXPRESSIONS)) -> None:
        super().__init__()
        channels = (16, 32, 48, 64)
        self.trunk = Trunk(channels)
        width = channels[-1] * 16
        self.name = nn.Linear(width, expressions)
        self.degree = nn.Linear(width, expressions)
        self.across = nn.ModuleList(nn.Conv2d(c, _MAPS, 1) for c in channels)
        self.fuse = nn.Sequential(nn.Conv2d(_MAPS, _MAPS, 3, 1, 1), nn.ReLU())
        self.points = nn.Conv2d(_MAPS, POINTS, 1)

    def forward(
        self, pictures: Float[Tensor, "N 3 64 64"]
    ) -> tuple[
        Float[Tensor, "N E"], Float[Tensor, "N E"], Float[Tensor, "N 68 2"], Float[Tensor, "N F"]
    ]:
        """Logits, degrees, landmarks, features."""
        maps = self.trunk(pictures)
        flat = maps[-1].flatten(1)
        fine: Tensor = self.across[-1](maps[-1])
        for level in (2, 1, 0):
            fine = self.across[level](maps[level]) + F.interpolate(fine, scale_factor=2.0)
        places = centres(self.points(self.fuse(fine)))
        return self.name(flat), self.degree(flat), places, maps[-1].mean((2, 3))


class IdentityJudge(nn.Module):
    """A face as a unit vector that tells who it is."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = (16, 32, 48, 48)
        self.trunk = Trunk(channels)
        self.embed = nn.Linear(channels[-1] * 16, width)

    def forward(self, pictures: Float[Tensor, "N 3 64 64"]) -> Float[Tensor, "N 64"]:
        """Unit vectors."""
        return F.normalize(self.embed(self.trunk(pictures)[-1].flatten(1)), dim=1)


class Judges(nn.Module):
    """Both judges, always in ``eval()`` mode and without gradients when they `judge`."""

    def __init__(self) -> None:
        super().__init__()
        self.expression = ExpressionJudge()
        self.identity = IdentityJudge()

    @torch.no_grad()
    def judge(self, pictures: UInt8[Tensor, "N 3 H W"] | Float[Tensor, "N 3 H W"]) -> Judged:
        """What they say of faces.

        Args:
            pictures: ``uint8``, or floats in 0..1.

        Raises:
            ValueError: when they are not pictures.
        """
        if pictures.ndim != 4 or pictures.shape[1] != 3 or not len(pictures):
            raise ValueError(f"judges need pictures [N, 3, H, W], got {list(pictures.shape)}")
        training = self.training
        self.eval()
        try:
            parts = [self._some(part) for part in torch.split(pictures, _AT_ONCE)]
        finally:
            self.train(training)
        names = [f.name for f in fields(Judged)]
        return Judged(*(torch.cat([getattr(p, n) for p in parts]) for n in names))

    def _some(self, pictures: Tensor) -> Judged:
        device = self.identity.embed.weight.device
        looked = brought(pictures.to(device))
        logits, degrees, places, features = self.expression(looked)
        return Judged(logits, degrees, places, features, self.identity(looked))


def centres(maps: Float[Tensor, "N K H W"]) -> Float[Tensor, "N K 2"]:
    """Centres of mass ``(x, y)`` of the maps' soft-max, as shares of width and height."""
    count, points, height, width = maps.shape
    weight = maps.flatten(2).softmax(2).view(count, points, height, width)
    x = (torch.arange(width, device=maps.device) + 0.5) / width
    y = (torch.arange(height, device=maps.device) + 0.5) / height
    return torch.stack([(weight.sum(2) * x).sum(2), (weight.sum(3) * y).sum(2)], 2)


def brought(pictures: Tensor) -> Float[Tensor, "N 3 64 64"]:
    """Pictures as floats of the judges' size."""
    looked = pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()
    if looked.shape[-2:] == (SIZE, SIZE):
        return looked
    smaller = max(looked.shape[-2:]) > SIZE
    return F.interpolate(looked, (SIZE, SIZE), mode="bilinear", antialias=smaller)


def judges_of(path: str | Path) -> Judges:
    """Judges with the weights of a file.

    Raises:
        ValueError: when there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path}: no judges' weights; train them: python benchmarks/portrait_judges.py"
        )
    judges = Judges()
    state = load_file(path)
    judges.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return judges.eval().requires_grad_(False)


@cache
def bundled_judges() -> Judges:
    """The judges that come with the package.

    Raises:
        ValueError: when they do not.
    """
    return judges_of(str(files("sensorium").joinpath("weights", WEIGHTS)))
