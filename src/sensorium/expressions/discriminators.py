"""The two discriminators: one looks at the whole picture, one at the mouth (arXiv:1808.02992).

The paper gives each "3 convolution layers" and shows the local one the product of the picture with
the filled hull of the mouth's landmarks, full size and black outside. Ours offers the four-layer
PatchGAN of pix2pix beside the literal three, the input as a condition (as the authors' successor
AffineGAN has), and cuts the mouth out: on the full canvas hardly a hundredth of the pixels says
anything, and the mean over the map drowns it.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.expressions.encoders import SLOPE, Norm, initialise, norm_of

Kind = Literal["three", "patch"]
BLACK = -1.0
MARGIN = 0.25
"""How much is cut out around the mouth, as a share of its larger side."""


class Discriminator(nn.Module):
    """Real or painted, patch by patch.

    Args:
        kind: ``three`` convolutions of strides 2, 2, 1, or the five of a ``patch`` discriminator
            that sees 70 pixels.
        width: channels of the first layer.
        norm: of the layers between the first and the last.
        inputs: channels of the picture (with the input beside it: 6).

    Shape:
        ``[B, inputs, H, W]`` to logits ``[B, 1, h, w]``; ``H`` and ``W`` of at least 16 pixels
        (``patch``: 32).
    """

    def __init__(
        self, kind: Kind = "three", width: int = 64, norm: Norm = "none", inputs: int = 3
    ) -> None:
        super().__init__()
        widths = (width, 2 * width) if kind == "three" else (width, 2 * width, 4 * width, 8 * width)
        strides = (2, 2) if kind == "three" else (2, 2, 2, 1)
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        below = inputs
        for level, (out, stride) in enumerate(zip(widths, strides, strict=True)):
            normed = level > 0 and norm != "none"
            self.convs.append(nn.Conv2d(below, out, 4, stride, 1, bias=not normed))
            self.norms.append(norm_of(norm, out) if normed else nn.Identity())
            below = out
        self.last = nn.Conv2d(below, 1, 4, 1, 1)
        initialise(self)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 h w"]:
        """Logits of being real."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), SLOPE)
        logits: Tensor = self.last(x)
        return logits.float()


class Critics(nn.Module):
    """The global and the local discriminator.

    Args:
        kind: of both, see `Discriminator`.
        width: the same.
        norm: the same.
        conditional: whether they see the input picture beside the one they judge.
        local: whether there is a local one.
        crop: pixels a side to which the mouth is cut out; 0: the whole canvas, as printed.
    """

    def __init__(
        self,
        kind: Kind = "three",
        width: int = 64,
        norm: Norm = "none",
        *,
        conditional: bool = False,
        local: bool = True,
        crop: int = 32,
    ) -> None:
        super().__init__()
        inputs = 6 if conditional else 3
        self.conditional, self.crop = conditional, crop
        self.whole = Discriminator(kind, width, norm, inputs)
        self.mouth = Discriminator(kind, width, norm, inputs) if local else None

    def forward(
        self,
        pictures: Float[Tensor, "B 3 S S"],
        neutral: Float[Tensor, "B 3 S S"],
        mouth: Bool[Tensor, "B S S"],
    ) -> tuple[Float[Tensor, "B 1 h w"], Float[Tensor, "B 1 k l"] | None]:
        """Logits of the whole picture and of the mouth.

        Args:
            pictures: to be judged, in -1..1.
            neutral: the input; looked at only by conditional discriminators.
            mouth: of the *true* picture, for real and painted ones alike.
        """
        x = torch.cat([pictures, neutral], 1) if self.conditional else pictures
        whole = self.whole(x)
        if self.mouth is None:
            return whole, None
        return whole, self.mouth(cut_out(x, mouth, self.crop))


def cut_out(
    pictures: Float[Tensor, "B C S S"], mouth: Bool[Tensor, "B S S"], size: int
) -> Float[Tensor, "B C s s"]:
    """Pictures with black outside the mask, cut to the square around it and brought to ``size``.

    Gradients flow into the pictures. A mask without a pixel cuts nothing. ``size`` 0: no cutting.
    """
    masked = torch.where(mouth[:, None], pictures, torch.full_like(pictures, BLACK))
    if size == 0:
        return masked
    centre, half = _squares(mouth)
    # affine maps of the output's -1..1 to the input's
    theta = torch.zeros(len(mouth), 2, 3, device=mouth.device)
    theta[:, 0, 0] = theta[:, 1, 1] = half
    theta[:, :, 2] = centre
    channels = pictures.shape[1]
    grid = F.affine_grid(theta, [len(mouth), channels, size, size], align_corners=False)
    cut = F.grid_sample(masked.float(), grid, padding_mode="border", align_corners=False)
    return cut.contiguous(memory_format=torch.channels_last)


def _squares(mouth: Bool[Tensor, "B S S"]) -> tuple[Float[Tensor, "B 2"], Float[Tensor, "B"]]:
    """Centre (x, y) and half side of the square around each mask, in -1..1 of the picture."""
    side = mouth.shape[-1]
    places = torch.arange(side, device=mouth.device)
    ends = []
    for axis in (1, 2):  # what is seen over the rows: columns, and the other way round
        seen = mouth.any(axis)
        first = torch.where(seen, places, side).amin(1)
        last = torch.where(seen, places, -1).amax(1) + 1
        empty = last <= first
        ends.append((first.masked_fill(empty, 0), last.masked_fill(empty, side)))
    low = torch.stack([first for first, _ in ends], 1).float()
    high = torch.stack([last for _, last in ends], 1).float()
    centre = (low + high) / side - 1
    half = (high - low).amax(1) / side * (1 + MARGIN)
    return centre, half
