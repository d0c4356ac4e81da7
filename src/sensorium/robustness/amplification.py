"""Error amplification: how a perturbation grows from layer to layer, and how much each may add.

Defensive quantisation (arXiv:1904.08444, section 3) measures ``D(A, A') = ||A - A'|| / ||A||`` of
activations of clean and perturbed pictures. It uses the L2 norm; we give L1 as well, since the two
disagree about what a quantiser does: for values anywhere in their steps, rounding keeps the mean
size of small changes but enlarges their mean square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.robustness.lipschitz import conv_norm, layers, matrix_norm, norm_scale, norms_after


@dataclass(frozen=True)
class Change:
    """How much one layer's values change, relative to their size.

    Attributes:
        layer: its name.
        l1: ``||A - A'||_1 / ||A||_1``, the mean over samples.
        l2: the same with the L2 norm.
        same: share of values that are exactly equal.
    """

    layer: str
    l1: float
    l2: float
    same: float


@torch.no_grad()
def changes(
    model: nn.Module,
    clean: Float[Tensor, "B ..."],
    perturbed: Float[Tensor, "B ..."],
    at: Mapping[str, nn.Module] | None = None,
    side: Literal["input", "output"] = "input",
) -> list[Change]:
    """How much a perturbation changes each layer, in the order in which layers are first called.

    Args:
        model: in ``eval()`` mode.
        clean: what it is called with.
        perturbed: the same samples, changed.
        at: layers by name; default: every convolution and linear layer.
        side: their inputs (after the activation before them) or outputs.

    Raises:
        ValueError: when the two batches differ in shape, or no such layer is called.
    """
    if clean.shape != perturbed.shape:
        raise ValueError(
            f"clean and perturbed must have one shape, got {list(clean.shape)} and "
            f"{list(perturbed.shape)}"
        )
    chosen = dict(layers(model)) if at is None else dict(at)
    first = _values(model, clean, chosen, side)
    second = _values(model, perturbed, chosen, side)
    if not first:
        raise ValueError("none of the layers was called, so that nothing can be compared")
    return [_change(name, first[name], second[name], len(clean)) for name in first]


def _values(
    model: nn.Module, x: Tensor, chosen: Mapping[str, nn.Module], side: str
) -> dict[str, Tensor]:
    """What each layer takes in (or gives) in one forward pass, at its first call."""
    seen: dict[str, Tensor] = {}
    hooks = [module.register_forward_hook(_keeper(seen, n, side)) for n, module in chosen.items()]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _keeper(seen: dict[str, Tensor], name: str, side: str) -> Callable[..., None]:
    def hook(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        seen.setdefault(name, (inputs[0] if side == "input" else output).detach().float().clone())

    return hook


def _change(name: str, clean: Tensor, perturbed: Tensor, batch: int) -> Change:
    """Of one layer; frames of one clip count as one sample."""
    a, b = clean.reshape(batch, -1), perturbed.reshape(batch, -1)  # [B*T, ...] -> [B, T...]
    sizes = [((a - b).norm(p, dim=1) / a.norm(p, dim=1).clamp_min(1e-12)).mean() for p in (1, 2)]
    return Change(name, float(sizes[0]), float(sizes[1]), float((a == b).float().mean()))


@dataclass(frozen=True)
class LayerNorm:
    """By how much one layer can enlarge a change, in L2.

    Attributes:
        layer: its name.
        raw: largest singular value of its weights as a matrix: what the penalty holds at 1.
        folded: the same with the scale of the batch normalisation that follows.
        operator: the true norm of the convolution (circular padding), with that scale.
    """

    layer: str
    raw: float
    folded: float
    operator: float


def layer_norms(model: nn.Module, x: Float[Tensor, "B ..."]) -> list[LayerNorm]:
    """The norms of every convolution and linear layer, for inputs like ``x``.

    Raises:
        ValueError: when the model has no such layer, or calls none.
    """
    chosen, after = dict(layers(model)), norms_after(model)
    with torch.no_grad():
        inputs = _values(model, x, chosen, "input")
    if not inputs:
        raise ValueError(f"{type(model).__name__} calls no convolution and no linear layer")
    found = []
    for name in inputs:
        layer = chosen[name]
        scale = norm_scale(after[layer]) if layer in after else None
        size = (
            (int(inputs[name].shape[-2]), int(inputs[name].shape[-1]))
            if inputs[name].ndim == 4
            else (1, 1)
        )
        operator = conv_norm(layer, size, scale)
        found.append(LayerNorm(name, matrix_norm(layer), matrix_norm(layer, scale), operator))
    return found


def mean_changes(parts: Iterable[list[Change]]) -> list[Change]:
    """The mean over batches of equal size, layer by layer.

    Raises:
        ValueError: without parts.
    """
    columns = list(zip(*parts, strict=True))
    if not columns:
        raise ValueError("got no changes to average, expected at least one batch")
    return [
        Change(
            layer[0].layer,
            *(sum(getattr(c, f) for c in layer) / len(layer) for f in ("l1", "l2", "same")),
        )
        for layer in columns
    ]
