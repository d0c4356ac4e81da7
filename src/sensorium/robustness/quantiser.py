"""Uniform quantisation of activations and weights to 1-8 bits, with straight-through gradients.

Defensive quantisation (Lin, Gan, Han, arXiv:1904.08444, section 2; DoReFa's rule, arXiv:1606.06160,
over 0..c instead of 0..1): after each activation layer values are clipped to 0..c and rounded to
``2^n`` levels, ``q(x) = s round(clip(x, 0, c) / s)`` with ``s = c / (2^n - 1)``. The gradient is
that of the clip: 1 inside, 0 where it cuts. Ours also takes the bound from data, and rounds weights
(per output channel, symmetric), which the paper leaves in floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

MOST_BITS = 8


def check_bits(bits: int, name: str = "bits") -> None:
    """Refuse what is neither 0 (floats) nor 1 to 8.

    Raises:
        ValueError: with what was got.
    """
    if not isinstance(bits, int) or not 0 <= bits <= MOST_BITS:
        raise ValueError(f"{name} must be 1 to {MOST_BITS}, or 0 for floats, got {bits!r}")


def round_through(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The nearest integers (half to even), exactly; the gradient passes as if nothing were done."""
    return x + (x.round() - x).detach()  # exact for |x| < 2^22: both sums are


class ActivationQuantiser(nn.Module):
    """``relu``, a bound, and ``2^bits`` levels between; with 0 bits only the first two.

    Args:
        bits: 1 to 8, or 0 for floats.
        clip: the upper bound c, above 0.

    Raises:
        ValueError: for other bits, or a bound that is not above 0.

    Shape:
        any to the same.

    Example:
        >>> ActivationQuantiser(1)(torch.tensor([-1.0, 2.9, 3.1, 7.0]))
        tensor([0., 0., 6., 6.])
    """

    clip: Tensor

    def __init__(self, bits: int, clip: float = 6.0) -> None:
        super().__init__()
        check_bits(bits)
        if not 0 < clip < float("inf"):
            raise ValueError(f"clip must be above 0 and finite, got {clip!r}")
        self.bits = bits
        self.register_buffer("clip", torch.tensor(float(clip)))

    @property
    def levels(self) -> int:
        """Steps from 0 to the bound: one less than the number of values."""
        return (1 << self.bits) - 1

    @property
    def step(self) -> Tensor:
        """Distance between two values."""
        return self.clip / self.levels

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Clipped, and rounded to a level."""
        if not self.bits:
            return torch.minimum(F.relu(x), self.clip.to(x.dtype))
        inside = torch.minimum(F.relu(x.float()), self.clip)
        return (round_through(inside / self.step) * self.step).to(x.dtype)

    def extra_repr(self) -> str:
        """Bits and bound."""
        return f"bits={self.bits}, clip={float(self.clip):g}"


class WeightQuantiser(nn.Module):
    """Symmetric levels per output channel; with 1 bit the sign times the mean size.

    Args:
        bits: 1 to 8.

    Shape:
        ``[D, ...]`` to the same.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        check_bits(bits)
        self.bits = bits

    def forward(self, weight: Float[Tensor, "D ..."]) -> Float[Tensor, "D ..."]:
        """Rounded; the gradient passes as if nothing were done."""
        if not self.bits:
            return weight
        flat = weight.detach().abs().flatten(1)
        over = [-1] + [1] * (weight.ndim - 1)
        if self.bits == 1:
            size = flat.mean(1).view(over)
            sign = torch.where(weight.detach() < 0, -size, size)
            return weight + (sign - weight).detach()
        step = weight_steps(weight, self.bits).view(over)
        return round_through(weight / step) * step


def weight_steps(weight: Float[Tensor, "D ..."], bits: int = 8) -> Float[Tensor, "D"]:
    """Distance between two levels of each output channel: its largest size is the last level."""
    largest = weight.detach().abs().flatten(1).amax(1)
    return largest.clamp_min(1e-30) / ((1 << bits - 1) - 1)


def quantise_weights(model: nn.Module, bits: int) -> None:
    """Round the weights of every convolution and linear layer in each forward pass.

    The float weights go on being what is trained, as ``parametrizations.weight.original``.

    Raises:
        ValueError: for other bits than 1 to 8 (0 does nothing).
    """
    check_bits(bits, "weight_bits")
    if bits:
        for module in list(model.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear):
                parametrize.register_parametrization(module, "weight", WeightQuantiser(bits))


def quantisers(model: nn.Module) -> Iterator[tuple[str, ActivationQuantiser]]:
    """Every activation quantiser with its name, in order of registration."""
    for name, module in model.named_modules():
        if isinstance(module, ActivationQuantiser):
            yield name, module


def set_bits(model: nn.Module, bits: int) -> None:
    """Give every activation quantiser of a trained network another number of bits.

    Raises:
        ValueError: for other bits than 0 to 8, or a network without quantisers.
    """
    check_bits(bits)
    found = [q for _, q in quantisers(model)]
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no activation quantisers; "
            "wrap it by quantise_activations(model, bits)"
        )
    for quantiser in found:
        quantiser.bits = bits


@torch.no_grad()
def calibrate_clips(
    model: nn.Module, batches: Iterable[Float[Tensor, "B ..."]], share: float = 0.999
) -> dict[str, float]:
    """Put every quantiser's bound where a share of its positive inputs lies below.

    Inputs are taken from the network with its quantisers switched off.

    Args:
        model: in ``eval()`` mode.
        batches: what it is called with.
        share: of the inputs above 0, 0..1.

    Returns:
        The bound per quantiser; one that never saw a positive value keeps its own.

    Raises:
        ValueError: without batches, or for a share out of range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share!r}")
    sites = dict(quantisers(model))
    seen: dict[str, list[Tensor]] = {name: [] for name in sites}
    bits = {name: (q.bits, q.clip.clone()) for name, q in sites.items()}
    hooks = [q.register_forward_pre_hook(_keeper(seen[name], share)) for name, q in sites.items()]
    count = 0
    try:
        for quantiser in sites.values():
            quantiser.bits = 0
            quantiser.clip.fill_(torch.finfo(torch.float32).max)
        for batch in batches:
            count += 1
            model(batch)
    finally:
        for hook in hooks:
            hook.remove()
        for name, quantiser in sites.items():
            quantiser.bits = bits[name][0]
            quantiser.clip.copy_(bits[name][1])
    if not count:
        raise ValueError("got no batches to calibrate on, expected at least one")
    for name, quantiser in sites.items():
        if seen[name]:
            quantiser.clip.copy_(torch.stack(seen[name]).mean())
    return {name: float(q.clip) for name, q in sites.items()}


def _keeper(seen: list[Tensor], share: float) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """A hook that notes the bound that one batch asks for."""

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        bound = upper_bound(inputs[0], share)
        if bound is not None:
            seen.append(bound)

    return hook


def upper_bound(values: Float[Tensor, "..."], share: float) -> Tensor | None:
    """The value that a share of the positive ones lies below; ``None`` without positive ones."""
    positive = values.detach()[values.detach() > 0].flatten().float()
    if not len(positive):
        return None
    return positive.kthvalue(max(1, min(len(positive), round(share * len(positive))))).values
