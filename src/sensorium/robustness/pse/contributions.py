"""What each cell, or each unit, of an adversarial example contributes to the logits.

With x' = x + d, and d without its cell i, the contribution of the cell to label l is

    m[l, i] = Z_l(x') - Z_l(x' with cell i as in x)

computed exactly, one forward pass for each perturbed cell (arXiv:1904.02057, pixel-level analysis;
the sign is ours: a cell that helps a targeted attack has m > 0 for the target or m < 0 for the true
label). `first_order` is the cheap proxy <grad Z_l, d_i>, which the exact one is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from sensorium.robustness.pse.cells import Cells

Network = Callable[[Tensor], Tensor]
"""Logits ``[B, K]`` of pictures or clips in 0..1, which are its only argument."""


def logits_of(
    network: Network, x: Float[Tensor, "B ..."], batch: int = 256
) -> Float[Tensor, "B K"]:
    """Logits in chunks, without gradients."""
    with torch.no_grad():
        return torch.cat([network(part) for part in torch.split(x, batch)])


@torch.no_grad()
def contributions(
    network: Network,
    clean: Float[Tensor, "B ..."],
    attacked: Float[Tensor, "B ..."],
    labels: Int64[Tensor, "B L"],
    cells: Cells,
    *,
    batch: int = 256,
) -> Float[Tensor, "B L N"]:
    """Leave one cell out: how far each logit falls when a cell is as in the clean input.

    Exactly 0 for cells that are not perturbed; they cost nothing.

    Args:
        network: logits of inputs in 0..1, in ``eval()`` mode.
        clean: pictures ``[B, C, H, W]`` or clips ``[B, T, C, H, W]``.
        attacked: of the same shape.
        labels: whose logits, for each input.
        cells: what is left out at a time.
        batch: inputs in one forward pass.
    """
    whole = logits_of(network, attacked, batch).gather(1, labels)
    perturbed = cells.norms((attacked - clean).float()) > 0
    which, number = perturbed.nonzero(as_tuple=True)
    found = whole.new_zeros(len(clean), labels.shape[1], cells.count)
    for rows, cell in zip(torch.split(which, batch), torch.split(number, batch), strict=True):
        without = torch.where(cells.masks(cell), clean[rows], attacked[rows])
        left = network(without).gather(1, labels[rows])
        found[rows, :, cell] = whole[rows] - left
    return found


def first_order(
    network: Network,
    clean: Float[Tensor, "B ..."],
    attacked: Float[Tensor, "B ..."],
    labels: Int64[Tensor, "B L"],
    cells: Cells,
    *,
    at: float = 1.0,
) -> Float[Tensor, "B L N"]:
    """The proxy: gradient of each logit times the perturbation, summed over each cell.

    Args:
        network: as in `contributions`.
        clean: as there.
        attacked: as there.
        labels: as there.
        cells: as there.
        at: where the gradient is taken, from 0 (the clean input) to 1 (the attacked one).
    """
    change = attacked - clean
    point = (clean + at * change).detach().requires_grad_()
    with torch.enable_grad():
        logits = network(point).gather(1, labels)
        columns = range(labels.shape[1])
        slopes = [
            torch.autograd.grad(logits[:, k].sum(), point, retain_graph=True) for k in columns
        ]
    return torch.stack([cells.sums((g * change).sum(-3)) for (g,) in slopes], 1)


def rank_correlation(
    a: Float[Tensor, "B N"], b: Float[Tensor, "B N"], used: Tensor | None = None
) -> Float[Tensor, " B"]:
    """Spearman's rank correlation of two values per cell, for each input (NaN where constant).

    Args:
        a: one value.
        b: the other.
        used: ``bool [B, N]``, the cells that count; default all.
    """
    from scipy.stats import rankdata

    found = []
    for k in range(len(a)):
        keep = slice(None) if used is None else used[k]
        ranks = [torch.from_numpy(rankdata(v[k][keep].double().cpu().numpy())) for v in (a, b)]
        x, y = (r - r.mean() if len(r) else r for r in ranks)
        scale = float(x.norm() * y.norm())
        found.append(float(x @ y) / scale if scale > 0 else math.nan)
    return torch.tensor(found)


@torch.no_grad()
def unit_contributions(
    network: nn.Module,
    layer: nn.Module,
    clean: Float[Tensor, "B ..."],
    attacked: Float[Tensor, "B ..."],
    labels: Int64[Tensor, "B L"],
    *,
    batch: int = 64,
) -> Float[Tensor, "B L D"]:
    """The same for units: a unit's map is put back to what the clean input gives.

    Args:
        network: holds ``layer``; in ``eval()`` mode.
        layer: one of its modules, whose output is ``[B*R, D, ...]`` with R rows for each input
            (R frames of a clip, 1 otherwise).
        clean: as in `contributions`.
        attacked: as there.
        labels: as there.
        batch: inputs in one forward pass.
    """
    before = _outputs(network, layer, clean, batch)
    whole = logits_of(network, attacked, batch).gather(1, labels)
    rows, units = before.shape[1:3]
    found = whole.new_zeros(len(clean), labels.shape[1], units)
    pairs = torch.cartesian_prod(torch.arange(len(clean)), torch.arange(units)).to(clean.device)
    for part in torch.split(pairs, batch):
        which, unit = part.unbind(1)

        def put_back(
            _module: nn.Module,
            _inputs: object,
            output: Tensor,
            which: Tensor = which,
            unit: Tensor = unit,
        ) -> Tensor:
            maps = output.view(len(which), rows, units, *output.shape[2:]).clone()
            here = torch.arange(len(which), device=maps.device)
            maps[here, :, unit] = before[which, :, unit]
            return maps.view_as(output)  # [P, R, D, ...] -> [P*R, D, ...]

        hook = layer.register_forward_hook(put_back)
        try:
            left = network(attacked[which]).gather(1, labels[which])
        finally:
            hook.remove()
        found[which, :, unit] = whole[which] - left
    return found


def _outputs(
    network: nn.Module, layer: nn.Module, x: Float[Tensor, "B ..."], batch: int
) -> Float[Tensor, "B R D ..."]:
    """What a layer gives."""
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _m, _i, output: kept.append(output.detach().clone()))
    try:
        logits_of(network, x, batch)
    finally:
        hook.remove()
    if not kept:
        raise ValueError(f"the network never calls the layer {type(layer).__name__}; name another")
    whole = torch.cat(kept)
    return whole.view(len(x), -1, *whole.shape[1:])  # [B*R, D, ...] -> [B, R, D, ...]
