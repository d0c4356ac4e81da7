"""Where a perturbed sample may lie: within a budget of the clean one, and within 0..1.

Bounds are rounded towards the clean sample, so that a result never leaves the budget by the width
of a float.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.robustness.classifier import check_eps, check_input

Norm = Literal["linf", "l2"]
_INSIDE = 1 - 1e-6  # of an L2 radius: room for the rounding of the sum


def per_sample(values: Float[Tensor, "B"], like: Tensor) -> Tensor:
    """A number per sample, shaped so that it multiplies samples: ``[B] -> [B, 1, 1, ...]``."""
    return values.view(-1, *[1] * (like.ndim - 1))


def lengths(d: Float[Tensor, "B ..."]) -> Float[Tensor, "B"]:
    """The Euclidean length of each sample, summed in float64."""
    found: Tensor = torch.linalg.vector_norm(d.flatten(1).double(), dim=1)
    return found.to(d.dtype)


def check_support(support: Tensor | None, x: Tensor) -> Bool[Tensor, "B ..."] | None:
    """Where the perturbation may be, as booleans of the samples' shape.

    Raises:
        ValueError: when it does not fit the samples.
    """
    if support is None:
        return None
    try:
        return torch.broadcast_to(support.to(x.device) > 0, x.shape)
    except RuntimeError:
        raise ValueError(
            f"support {list(support.shape)} does not fit samples {list(x.shape)}; expected 1 for "
            "what may change and 0 elsewhere, each axis 1 or as long as the samples'"
        ) from None


class Ball:
    """All samples within ``eps`` of the clean ones, within 0..1, unchanged off the support.

    Args:
        x: the clean samples.
        eps: radius, in units of pixel values (0..1).
        norm: of the perturbation, per sample.
        support: 1 where a sample may change, 0 elsewhere; ``None``: everywhere.

    Raises:
        ValueError: for samples that are not in 0..1, a radius that makes no sense, or a support
            that does not fit.
    """

    def __init__(
        self, x: Float[Tensor, "B ..."], eps: float, norm: Norm, support: Tensor | None = None
    ) -> None:
        if norm not in ("linf", "l2"):
            raise ValueError(f"norm must be linf or l2, got {norm!r}")
        check_input(x)
        check_eps(eps, norm, x.shape[1:])
        self.x, self.eps, self.norm = x, eps, norm
        self.support = check_support(support, x)
        reach = eps if norm == "linf" else 1.0
        wide = x.double()
        self.low = _not_below(wide.sub(reach).clamp_(min=0), x.dtype)
        self.high = _not_above(wide.add(reach).clamp_(max=1), x.dtype)
        if self.support is not None:
            self.low = torch.where(self.support, self.low, x)
            self.high = torch.where(self.support, self.high, x)

    def take(self, index: Tensor) -> Ball:
        """The balls of some of the samples (an index or a mask)."""
        part = object.__new__(Ball)
        part.eps, part.norm = self.eps, self.norm
        part.x, part.low, part.high = self.x[index], self.low[index], self.high[index]
        part.support = None if self.support is None else self.support[index]
        return part

    def project(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """The nearest point inside (L2: of the ball, then of 0..1, which lies nearer still)."""
        if self.norm == "l2":
            d = x - self.x
            if self.support is not None:
                d = d * self.support
            factor = (self.eps * _INSIDE / lengths(d).clamp(min=1e-12)).clamp(max=1)
            x = self.x + d * per_sample(factor, d)
        return torch.clamp(x, self.low, self.high)

    def start(self, generator: torch.Generator) -> Float[Tensor, "B ..."]:
        """A random point inside: in Linf evenly, in L2 at an even distance in any direction.

        Nearly all of a ball of many dimensions lies at its surface, from where fewer are broken.
        """
        x = self.x
        if self.norm == "linf":
            noise = torch.rand(x.shape, generator=generator, dtype=x.dtype).mul_(2).sub_(1)
            return self.project(x + self.eps * noise.to(x.device))
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
        if self.support is not None:
            noise = noise * self.support
        radius = self.eps * torch.rand(len(x), generator=generator, dtype=x.dtype).to(x.device)
        return self.project(x + noise * per_sample(radius / lengths(noise).clamp(min=1e-12), x))

    def uphill(self, gradient: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """The steepest step of length 1 in the ball's norm; none where the gradient is zero."""
        if self.support is not None:
            gradient = gradient * self.support
        if self.norm == "linf":
            return gradient.sign()
        return gradient / per_sample(lengths(gradient).clamp(min=1e-12), gradient)


def _not_below(bound: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = bound.to(dtype)
    up = torch.nextafter(rounded, torch.full_like(rounded, torch.inf))
    return torch.where(rounded.double() < bound, up, rounded)


def _not_above(bound: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = bound.to(dtype)
    down = torch.nextafter(rounded, torch.full_like(rounded, -torch.inf))
    return torch.where(rounded.double() > bound, down, rounded)


def norms(d: Float[Tensor, "B ..."]) -> dict[str, Float[Tensor, "B"]]:
    """``l0`` (values that changed), ``l1``, ``l2`` and ``linf`` of each sample's perturbation."""
    flat = d.flatten(1).double()
    size = torch.linalg.vector_norm
    return {
        "l0": (flat != 0).sum(1).float(),
        "l1": size(flat, 1, dim=1).float(),
        "l2": size(flat, dim=1).float(),
        "linf": size(flat, torch.inf, dim=1).float(),
    }
