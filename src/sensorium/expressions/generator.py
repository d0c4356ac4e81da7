"""The generator: one picture and an array of degrees in, one picture per degree out.

Controllable Image-to-Video Translation (arXiv:1808.02992): a base encoder sees the picture, so does
one residual encoder per expression; at every level the features are summed with the degrees as
factors, ``F_l = e0_l(I) + sum_i a_i e_i,l(I)``, and a decoder paints from all levels. Frames are
independent of each other. Ours computes only the residual encoders whose degree is not zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from sensorium.expressions.decoder import Decoder
from sensorium.expressions.encoders import Encoder, Norm, initialise
from sensorium.expressions.landmark_head import LandmarkHead

ResidualIn = Literal["features", "pixels", "input"]
"""Where the degrees come in: in the features of every level (the paper), in the picture
(``I + sum_i a_i R_i(I)``, which the authors tried first), or as planes beside the input."""


@dataclass(frozen=True)
class Encoded:
    """A batch of pictures, encoded once for any number of degrees.

    Attributes:
        pictures: ``[B, 3, S, S]``.
        base: what degree 0 has, ``[B, ...]`` per level.
        residual: what degree 1 adds, ``[P, ...]`` per level, one row per pair of a picture and an
            expression, in the order of the pictures.
        rows: which picture each pair is of.
        experts: which expression.
    """

    pictures: Tensor
    base: list[Tensor]
    residual: list[Tensor]
    rows: Int64[Tensor, "P"]
    experts: Int64[Tensor, "P"]


class Generator(nn.Module):
    """Base encoder, residual encoders, decoder and landmark head.

    Args:
        expressions: how many, E.
        channels: of each level, outermost first; pictures have ``2 ** len(channels)`` pixels a side
            or a multiple of that.
        norm: of encoders and decoder.
        residual_in: where the degrees come in.
        landmarks: whether there is a landmark head.
        dropout: of the decoder.
        input_skip: whether the decoder paints what is to be added to the picture, so that at the
            start degree 0 gives the picture back; the paper paints anew.

    Example:
        >>> generator = Generator(2, (4, 8, 8)).eval()
        >>> pictures, points = generator(torch.zeros(1, 3, 8, 8), torch.zeros(1, 5, 2))
        >>> list(pictures.shape), list(points.shape)
        ([5, 3, 8, 8], [5, 68, 2])
    """

    def __init__(
        self,
        expressions: int,
        channels: tuple[int, ...],
        norm: Norm = "batch",
        *,
        residual_in: ResidualIn = "features",
        landmarks: bool = True,
        dropout: float = 0.0,
        input_skip: bool = False,
    ) -> None:
        super().__init__()
        self.residual_in, self.input_skip = residual_in, input_skip
        planes = expressions if residual_in == "input" else 0
        self.base = Encoder(channels, norm, 3 + planes)
        count = 0 if residual_in == "input" else expressions
        self.residuals = nn.ModuleList(Encoder(channels, norm) for _ in range(count))
        self.decoder = Decoder(channels, norm, dropout)
        self.head = LandmarkHead(self.decoder.penultimate) if landmarks else None
        initialise(self)

    def encode(self, pictures: Float[Tensor, "B 3 S S"], active: Bool[Tensor, "B E"]) -> Encoded:
        """Base features, and those of the expressions that are ``active`` in each picture."""
        if self.residual_in == "input":
            nothing = torch.zeros(0, dtype=torch.long, device=pictures.device)
            return Encoded(pictures, [], [], nothing, nothing)
        base = self.base(pictures)
        found: list[list[Tensor]] = []
        rows, experts = [], []
        for expert, encoder in enumerate(self.residuals):
            mine = active[:, expert].nonzero()[:, 0]
            if len(mine):
                found.append(encoder(pictures if len(mine) == len(pictures) else pictures[mine]))
                rows.append(mine)
                experts.append(torch.full_like(mine, expert))
        if self.residual_in == "pixels":
            maps = self.decoder.maps(base)
            base = [maps, pictures]
            seen = [self.decoder.maps(features) for features in found]
            found = [[x, 2 * self.decoder.paint(x)] for x in seen]
        if not found:
            nothing = torch.zeros(0, dtype=torch.long, device=pictures.device)
            return Encoded(pictures, base, [], nothing, nothing)
        order = torch.argsort(torch.cat(rows), stable=True)
        residual = [torch.cat(level) for level in zip(*found, strict=True)]
        if len(found) > 1:
            residual = [level[order] for level in residual]
        return Encoded(pictures, base, residual, torch.cat(rows)[order], torch.cat(experts)[order])

    def decode(
        self, encoded: Encoded, degrees: Float[Tensor, "B T E"]
    ) -> tuple[Float[Tensor, "N 3 S S"], Float[Tensor, "N 68 2"] | None]:
        """Pictures and their landmarks; ``N = B*T``, the frames of a picture in a row.

        Pictures are in -1..1; what is added to a picture may lead a little beyond.
        """
        if self.residual_in == "input":
            pictures, maps = self.decoder(self.base(_with_planes(encoded.pictures, degrees)))
        elif self.residual_in == "pixels":
            maps, pictures = summed(encoded, degrees)
        else:
            pictures, maps = self.decoder(summed(encoded, degrees))
        if self.input_skip and self.residual_in != "pixels":
            pictures = encoded.pictures.repeat_interleave(degrees.shape[1], 0) + 2 * pictures
        return pictures, None if self.head is None else self.head(maps)

    def forward(
        self, pictures: Float[Tensor, "B 3 S S"], degrees: Float[Tensor, "B T E"]
    ) -> tuple[Float[Tensor, "N 3 S S"], Float[Tensor, "N 68 2"] | None]:
        """`encode` and `decode`."""
        return self.decode(self.encode(pictures, (degrees != 0).any(1)), degrees)

    def look(self, pictures: Float[Tensor, "B 3 S S"]) -> list[Tensor]:
        """Features of the base encoder at no degree."""
        if self.residual_in == "input":
            count = next(self.base.parameters()).shape[1] - 3
            pictures = _with_planes(pictures, pictures.new_zeros(len(pictures), 1, count))
        features: list[Tensor] = self.base(pictures)
        return features

    def idle(self, active: Bool[Tensor, "B E"]) -> Iterator[nn.Parameter]:
        """Parameters that play no part in a batch with these active expressions."""
        used = active.any(0).tolist()
        for encoder, needed in zip(self.residuals, used[: len(self.residuals)], strict=True):
            if not needed:
                yield from encoder.parameters()
        if self.residual_in == "pixels":
            if self.head is None:
                yield from self.base.parameters()
            if not any(used):
                yield from self.decoder.parameters()


def summed(encoded: Encoded, degrees: Float[Tensor, "B T E"]) -> list[Tensor]:
    """``F_l = e0_l + sum_i a_i e_i,l`` at every level: ``[B*T, ...]`` each."""
    frames = degrees.shape[1]
    base = [level.repeat_interleave(frames, 0) for level in encoded.base]
    if not encoded.residual:
        return base
    share = degrees[encoded.rows, :, encoded.experts].flatten()  # [P, T] -> [P*T]
    steps = torch.arange(frames, device=degrees.device)
    rows = (encoded.rows[:, None] * frames + steps).flatten()
    alone = torch.equal(rows, torch.arange(len(base[0]), device=rows.device))
    out = []
    for still, moved in zip(base, encoded.residual, strict=True):
        factor = share.to(moved.dtype).view(-1, 1, 1, 1)
        added = moved.repeat_interleave(frames, 0) * factor
        out.append(still + added if alone else still.index_add(0, rows, added.to(still.dtype)))
    return out


def _with_planes(
    pictures: Float[Tensor, "B 3 S S"], degrees: Float[Tensor, "B T E"]
) -> Float[Tensor, "N C S S"]:
    """Each picture once per frame, with one constant plane per degree beside it."""
    x = pictures.repeat_interleave(degrees.shape[1], 0)
    planes = degrees.flatten(0, 1)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes.to(x.dtype)], 1)
