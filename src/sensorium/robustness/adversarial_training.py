"""Adversarial pictures to train on: R+FGSM and PGD, each sample with a budget of its own.

As defensive quantisation combines them (arXiv:1904.08444, section 5): the budget of each sample is
the size of a normal variable of deviation delta, at most 2 delta (delta 8/255 covers 0..16/255), so
that clean pictures are seen as well. R+FGSM (Tramer et al., arXiv:1705.07204) spends half of it on
random signs; FGSM alone teaches a network to hide its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

Adversarial = Literal["none", "rfgsm", "pgd"]

Logits = Callable[[Tensor], Tensor]


def budgets(like: Float[Tensor, "B C H W"], delta: float) -> Float[Tensor, "B 1 1 1"]:
    """A budget per sample: ``min(|e|, 2 delta)`` with normal e of deviation delta."""
    drawn = torch.randn(len(like), device=like.device).abs() * delta
    return drawn.clamp_max(2 * delta).view(-1, 1, 1, 1)  # [B] -> [B, 1, 1, 1]


def gradient(
    logits: Logits, x: Float[Tensor, "B C H W"], y: Int64[Tensor, "B"]
) -> Float[Tensor, "B C H W"]:
    """Of the summed cross entropy with respect to the pictures."""
    with torch.enable_grad():
        given = x.detach().requires_grad_()
        loss = F.cross_entropy(logits(given).float(), y, reduction="sum")
        (found,) = torch.autograd.grad(loss, given)
    return found


def rfgsm(
    logits: Logits, x: Float[Tensor, "B C H W"], y: Int64[Tensor, "B"], eps: Tensor
) -> Float[Tensor, "B C H W"]:
    """Half of the budget in random signs, half along the gradient's there."""
    start = (x + eps / 2 * torch.randn_like(x).sign()).clamp(0, 1)
    return (start + eps / 2 * gradient(logits, start, y).sign()).clamp(0, 1)


def pgd(
    logits: Logits,
    x: Float[Tensor, "B C H W"],
    y: Int64[Tensor, "B"],
    eps: Tensor,
    step: float = 1 / 255,
) -> Float[Tensor, "B C H W"]:
    """Steps along the gradient's sign from a random point, within each sample's budget.

    How many follows from the budget, as in the paper: in units of the step, the whole part of the
    lesser of eps + 4 and 1.25 eps.
    """
    units = eps / step
    count = torch.minimum(units + 4, 1.25 * units).floor().clamp_min(1)
    low, high = (x - eps).clamp_min(0), (x + eps).clamp_max(1)
    at = torch.clamp(x + eps * (2 * torch.rand_like(x) - 1), low, high)
    for k in range(int(count.max())):
        moved = at + step * gradient(logits, at, y).sign()
        at = torch.where(count > k, torch.clamp(moved, low, high), at)
    return at


def adversarial(
    kind: Adversarial,
    logits: Logits,
    x: Float[Tensor, "B C H W"],
    y: Int64[Tensor, "B"],
    delta: float,
) -> Float[Tensor, "B C H W"]:
    """Pictures to train on; call with the network in ``eval()`` mode.

    Raises:
        ValueError: for an unknown kind, or a delta out of 0..1.
    """
    if kind not in ("none", "rfgsm", "pgd"):
        raise ValueError(f"adversarial must be none, rfgsm or pgd, got {kind!r}")
    if not 0 <= delta <= 1:
        raise ValueError(f"delta must be 0..1, as pixel values are, got {delta!r}; use delta / 255")
    if kind == "none" or delta == 0:
        return x
    eps = budgets(x, delta)
    if kind == "rfgsm":
        return rfgsm(logits, x, y, eps).detach()
    return pgd(logits, x, y, eps, delta / 8).detach()
