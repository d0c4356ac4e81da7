"""What the networks of expression translation are trained with (arXiv:1808.02992, eqs 3 to 6).

The printed objective cannot be meant: taken literally the generator *maximises* the landmark and
continuity terms, and the reconstruction of the text is not in it. Ours: the discriminators minimise
``L_g + L_l``; the generator minimises its (non-saturating) adversarial terms and the weighted sum
of the others.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call

from sensorium.expressions.discriminators import Critics

DELTA = 0.1
"""The step of the continuity term, of the paper."""


def reconstruction(
    made: Float[Tensor, "B 3 S S"],
    true: Float[Tensor, "B 3 S S"],
    weight: Float[Tensor, "B S S"] | None = None,
    squared: float = 0.0,
) -> Float[Tensor, ""]:
    """``L_r``: mean L1, of the paper; ours may weigh pixels and add squares.

    Args:
        made: painted, in -1..1.
        true: the target.
        weight: of each pixel; none: all count 1.
        squared: weight of the squared differences.
    """
    error = (made - true).abs()
    if squared:
        error = error + squared * error.square()
    return error.mean() if weight is None else (error * weight[:, None]).mean()


def neighbours(
    degrees: Float[Tensor, "B E"], direction: Float[Tensor, "B E"]
) -> Float[Tensor, "B 3 E"]:
    """The degrees, a step less and a step more along ``direction``, kept within 0..1.

    Where a step would leave 0..1 it is shortened, at an end to nothing; the paper does not say.
    """
    step = DELTA * direction
    return torch.stack([degrees, degrees - step, degrees + step], 1).clamp(0, 1)


def continuity(pictures: Float[Tensor, "B 3 C S S"]) -> Float[Tensor, ""]:
    """``R_t`` (eq 5): how far the picture is from those a step before and after it."""
    return (pictures[:, :1] - pictures[:, 1:]).abs().mean((2, 3, 4)).sum(1).mean()


def landmark_distance(
    told: Float[Tensor, "B 68 2"], true: Float[Tensor, "B 68 2"]
) -> Float[Tensor, ""]:
    """``L_k``: L2 norm of the error, per landmark (root of the mean square), in picture sides."""
    return (told - true).square().sum(2).mean(1).add(1e-12).sqrt().mean()


def discrimination(
    critics: Critics,
    true: Float[Tensor, "B 3 S S"],
    painted: Float[Tensor, "B 3 S S"],
    neutral: Float[Tensor, "B 3 S S"],
    mouth: Bool[Tensor, "B S S"],
) -> list[Float[Tensor, ""]]:
    """``L_g`` and ``L_l`` (eqs 3, 4), halved as in pix2pix; the generator gets no gradient."""
    real = critics(true, neutral, mouth)
    fake = critics(painted.detach(), neutral, mouth)
    return [
        0.5 * (F.softplus(-r).mean() + F.softplus(f).mean())
        for r, f in zip(real, fake, strict=True)
        if r is not None
    ]


def persuasion(
    critics: Critics,
    painted: Float[Tensor, "B 3 S S"],
    neutral: Float[Tensor, "B 3 S S"],
    mouth: Bool[Tensor, "B S S"],
) -> list[Float[Tensor, ""]]:
    """The generator's adversarial terms, ``-log D``; the discriminators get no gradient."""
    still = {name: p.detach() for name, p in critics.named_parameters()}
    judged = functional_call(critics, still, (painted, neutral, mouth))
    return [F.softplus(-logits).mean() for logits in judged if logits is not None]
