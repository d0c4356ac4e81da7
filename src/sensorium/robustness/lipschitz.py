"""Keeping a network from enlarging perturbations: orthogonal rows, convex sums, true norms.

Defensive quantisation (arXiv:1904.08444, section 4) follows Parseval networks (Cisse et al.,
arXiv:1704.08847): to the loss comes ``beta / 2 * sum_l ||W_l^T W_l - I||_F^2`` over all
convolutions (as ``out x (in * k * k)`` matrices) and linear layers, and residual sums become convex
ones. The papers leave open what is said here: ``W^T W`` cannot be ``I`` when W has fewer rows than
columns, but the gradient is that of the smaller Gram matrix, which is what we compute; and the norm
of the matrix is not the norm of the convolution, which is up to k times larger (`conv_norm`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

Penalty = Literal["raw", "folded", "strict"]
"""Which matrix is to be orthogonal.

``raw``: the weights, as in the paper. ``folded``: times the scale that batch normalisation puts on
each row, its statistics taken as constants (without it, the penalty says nothing about gain).
``strict``: ``k`` times the weights of a ``k x k`` convolution, which bounds the convolution itself.
"""


class MeanNorm(nn.Module):
    """What is left of batch normalisation without its division: a shift, which enlarges nothing.

    Mean-only batch normalisation (Salimans, Kingma, arXiv:1602.07868, section 4).

    Args:
        channels: of the maps.

    Shape:
        ``[B, channels, H, W]`` to the same.
    """

    running_mean: Tensor

    def __init__(self, channels: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.num_features, self.momentum = channels, momentum
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))

    def forward(self, x: Float[Tensor, "B D H W"]) -> Float[Tensor, "B D H W"]:
        """Minus the batch's mean (in ``eval()`` mode: the running one), plus the bias."""
        mean = self.running_mean
        if self.training:
            mean = x.mean((0, 2, 3))
            self.running_mean.lerp_(mean.detach().to(self.running_mean.dtype), self.momentum)
        return x - (mean - self.bias).to(x.dtype)[:, None, None]


Norm = nn.BatchNorm2d | MeanNorm


def layers(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    """Convolutions and linear layers with their names, in order of registration."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield name, module


def norms_after(model: nn.Module) -> dict[nn.Module, Norm]:
    """The normalisation that follows each convolution: its next sibling, of as many channels.

    In a pre-activation block this is the second normalisation after the first convolution; a
    convolution whose output is summed first has none.
    """
    found: dict[nn.Module, Norm] = {}
    for parent in model.modules():
        children = list(parent.children())
        for one, after in pairwise(children):
            if not (isinstance(one, nn.Conv2d) and isinstance(after, Norm)):
                continue
            if one.out_channels == after.num_features:
                found[one] = after
    return found


def norm_scale(norm: Norm) -> Float[Tensor, "D"]:
    """What a normalisation multiplies each channel by, in ``eval()`` mode.

    Raises:
        ValueError: when it keeps no statistics.
    """
    if isinstance(norm, MeanNorm):
        return torch.ones_like(norm.running_mean)
    if norm.running_var is None:
        raise ValueError("a batch normalisation without running statistics has no fixed scale")
    scale = (norm.running_var + norm.eps).rsqrt()
    return scale if norm.weight is None else norm.weight * scale


def matrices(layer: nn.Conv2d | nn.Linear) -> Float[Tensor, "G D F"]:
    """The weights as one matrix per group: output channels by inputs of each.

    Shape:
        ``[D, C / G, k, k]`` to ``[G, D / G, C / G * k * k]``; linear ``[D, C]`` to ``[1, D, C]``.
    """
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    weight = layer.weight
    return weight.reshape(groups, len(weight) // groups, -1)


def orthogonality(matrix: Float[Tensor, "*G D F"]) -> Float[Tensor, ""]:
    """``||W W^T - I||_F^2`` or ``||W^T W - I||_F^2``, whichever Gram matrix is smaller.

    The two differ by the constant ``|F - D|`` and have the same gradient; the smaller one is 0 for
    orthogonal rows (or columns), so that figures of different layers compare.
    """
    rows, columns = matrix.shape[-2:]
    gram = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
    return (gram - torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)).square().sum()


def penalty(model: nn.Module, kind: Penalty = "raw", gain: float = 1.0) -> Float[Tensor, ""]:
    """The sum of `orthogonality` over all convolutions and linear layers; multiply by beta / 2.

    Args:
        model: whose.
        kind: which matrices.
        gain: what the singular values of convolutions are held at.

    Raises:
        ValueError: for an unknown kind, or a model without such layers.
    """
    if kind not in ("raw", "folded", "strict"):
        raise ValueError(f"penalty must be raw, folded or strict, got {kind!r}")
    after = norms_after(model) if kind == "folded" else {}
    terms = []
    for _, layer in layers(model):
        matrix = matrices(layer).float()
        if isinstance(layer, nn.Conv2d):
            matrix = matrix / gain
        if layer in after:
            matrix = matrix * norm_scale(after[layer]).detach().view(len(matrix), -1, 1)
        if kind == "strict" and isinstance(layer, nn.Conv2d):
            matrix = matrix * float(layer.kernel_size[0] * layer.kernel_size[1]) ** 0.5
        terms.append(orthogonality(matrix))
    if not terms:
        raise ValueError(f"{type(model).__name__} has no convolution and no linear layer")
    return torch.stack(terms).sum()


def simplex(values: Float[Tensor, "... M"]) -> Float[Tensor, "... M"]:
    """The nearest point with coordinates of at least 0 that sum to 1 (Duchi et al. 2008)."""
    ordered = values.sort(-1, descending=True).values
    count = torch.arange(1, values.shape[-1] + 1, device=values.device, dtype=values.dtype)
    threshold = (ordered.cumsum(-1) - 1) / count
    kept = (ordered > threshold).sum(-1, keepdim=True)
    return (values - threshold.gather(-1, kept - 1)).clamp_min(0)


class ConvexSum(nn.Module):
    """``a x + (1 - a) y`` with a learnt ``a`` that stays within 0..1 (arXiv:1704.08847).

    The two coefficients are put back onto the simplex at the start of every training pass, which is
    after every step of the optimiser.

    Shape:
        two of the same shape to one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shares = nn.Parameter(torch.full((2,), 0.5))

    def forward(self, x: Float[Tensor, "..."], y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sum."""
        if self.training:
            with torch.no_grad():
                self.shares.copy_(simplex(self.shares))
            shares: Tensor = self.shares
        else:
            shares = simplex(self.shares)
        return shares[0] * x + shares[1] * y


class PlainSum(nn.Module):
    """``x + y``, the usual residual sum."""

    def forward(self, x: Float[Tensor, "..."], y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sum."""
        return x + y


def matrix_norm(layer: nn.Conv2d | nn.Linear, scale: Tensor | None = None) -> float:
    """The largest singular value of the weights as a matrix, what the penalty holds at 1.

    Args:
        layer: whose.
        scale: of each output channel (batch normalisation's).
    """
    matrix = matrices(layer).detach().double()
    if scale is not None:
        matrix = matrix * scale.detach().double().view(len(matrix), -1, 1)
    return float(torch.linalg.matrix_norm(matrix, 2).amax())


def conv_norm(
    layer: nn.Conv2d | nn.Linear, size: tuple[int, int] = (32, 32), scale: Tensor | None = None
) -> float:
    """The true L2 norm of a convolution, for circular padding, by the Fourier transform.

    At each frequency a convolution is a matrix ``out x in`` (Sedghi et al., arXiv:1805.10408). A
    stride folds frequencies onto each other: their matrices stand side by side, over the stride.

    Args:
        layer: a linear layer's norm is that of its matrix.
        size: height and width of its input, made divisible by the stride.
        scale: of each output channel (batch normalisation's).
    """
    if isinstance(layer, nn.Linear):
        return matrix_norm(layer, scale)
    weight = layer.weight.detach().double()
    if scale is not None:
        weight = weight * scale.detach().double().view(-1, 1, 1, 1)
    (down, across), (tall, wide) = _pair(layer.stride), _pair(layer.dilation)
    height, width = (
        max(-(-n // s) * s, (k - 1) * d + 1) // s * s or s
        for n, s, k, d in zip(
            size, (down, across), layer.weight.shape[-2:], (tall, wide), strict=True
        )
    )
    kernel = weight.new_zeros(*weight.shape[:2], height, width)
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            kernel[..., i * tall % height, j * wide % width] += weight[..., i, j]
    spectrum = torch.fft.fft2(kernel).view(
        layer.groups, -1, weight.shape[1], down, height // down, across, width // across
    )  # [D, C, H, W] -> [G, D / G, C, s, H / s, t, W / t]: aliases a stride's step apart
    folded = spectrum.permute(0, 4, 6, 1, 2, 3, 5).flatten(4)  # -> [G, h, w, D / G, C * s * t]
    largest = float(_largest(folded).amax())
    return largest / math.sqrt(down * across)


def _largest(matrix: Complex[Tensor, "... D F"]) -> Float[Tensor, "..."]:
    """Largest singular values, by the smaller Gram matrix."""
    rows, columns = matrix.shape[-2:]
    gram = matrix @ matrix.mH if rows <= columns else matrix.mH @ matrix
    squared: Tensor = torch.linalg.eigvalsh(gram)[..., -1].clamp_min(0)
    return squared.sqrt()


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
