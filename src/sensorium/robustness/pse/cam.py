"""Class activation maps: which places speak for a label.

For a network that ends in the mean over all places and a linear layer, the map of label l is
CAM(u, v) = sum_k w[l, k] A_k(u, v) (Zhou et al., arXiv:1512.04150), whose mean over all places,
with the bias, is the logit. For any other network it is Grad-CAM (Selvaraju et al.,
arXiv:1610.02391): the same with the gradients' mean over all places for weights, and nothing below
0. For the first kind the two agree up to the factor ``h * w`` and the cut at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from sensorium.robustness.pse.maps import LastMaps, as_rows, last_maps

Method = Literal["auto", "cam", "grad-cam"]


@dataclass(frozen=True)
class ActivationMaps:
    """Maps of some labels for each input, as coarse as the network's last maps.

    Attributes:
        values: of each label, R rows for each input (frames or snippets of a clip; else 1).
        method: ``"cam"`` or ``"grad-cam"``.
        logits: of all labels.

    Shape:
        ``values``: ``[B, L, R, h, w]``; ``logits``: ``[B, K]``.
    """

    values: Float[Tensor, "B L R h w"]
    method: str
    logits: Float[Tensor, "B K"]

    def over(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B L *T H W"]:
        """Upsampled bilinearly to the inputs ``[B, C, H, W]`` or clips ``[B, T, C, H, W]``.

        A clip's row is repeated for the frames that it speaks of.
        """
        batch, labels, rows = self.values.shape[:3]
        flat = self.values.flatten(0, 2)[:, None]  # [B, L, R, h, w] -> [B*L*R, 1, h, w]
        size = (int(x.shape[-2]), int(x.shape[-1]))
        large = F.interpolate(flat, size, mode="bilinear", align_corners=False)
        maps = large.view(batch, labels, rows, *size)  # -> [B, L, R, H, W]
        if x.ndim == 4:
            return maps.mean(2)
        frames = x.shape[1]
        which = torch.arange(frames, device=maps.device) * rows // frames
        return maps[:, :, which]


def activation_maps(
    network: Callable[[Tensor], Tensor],
    x: Float[Tensor, "B ..."],
    labels: Int64[Tensor, "B L"],
    *,
    method: Method = "auto",
    layer: nn.Module | None = None,
    batch: int = 64,
) -> ActivationMaps:
    """CAM where it is defined, Grad-CAM elsewhere.

    Args:
        network: logits of inputs in 0..1, in ``eval()`` mode.
        x: pictures ``[B, C, H, W]`` or clips ``[B, T, C, H, W]``.
        labels: whose maps, for each input.
        method: ``"cam"`` refuses networks without it.
        layer: whose output to look at (then Grad-CAM); default the last maps.
        batch: inputs in one pass.

    Raises:
        ValueError: when the network has no maps, or no CAM though it is asked for.
    """
    parts = [
        _maps_of(last_maps(network, some, layer), wanted, method)
        for some, wanted in zip(torch.split(x, batch), torch.split(labels, batch), strict=True)
    ]
    return _joined(parts)


def _maps_of(seen: LastMaps, labels: Int64[Tensor, "b L"], method: Method) -> ActivationMaps:
    """Maps of one batch."""
    if method == "cam" and not seen.pooled:
        raise ValueError(
            "this network does not end in the mean over all places and a linear layer, so it has "
            "no class activation maps; take method='grad-cam'"
        )
    batch, wanted = labels.shape
    maps = as_rows(seen.maps)
    rows, (h, w) = len(maps) // batch, maps.shape[2:]
    exact = seen.pooled and method != "grad-cam"
    found = []
    for k in range(wanted):
        chosen = seen.logits.gather(1, labels[:, k : k + 1]).sum()
        (slope,) = torch.autograd.grad(chosen, seen.maps, retain_graph=True)
        weights = as_rows(slope).mean((2, 3), keepdim=True)
        weights = weights * (h * w * rows) if exact else weights
        value = (weights * maps).sum(1).detach()  # [B*R, D, h, w] -> [B*R, h, w]
        found.append((value if exact else value.relu()).view(batch, rows, h, w))
    name = "cam" if exact else "grad-cam"
    return ActivationMaps(torch.stack(found, 1), name, seen.logits.detach())


def _joined(parts: Sequence[ActivationMaps]) -> ActivationMaps:
    """Batches put together; Grad-CAM if any of them is."""
    names = {part.method for part in parts}
    if len(names) > 1:
        raise ValueError(
            "some inputs have class activation maps and others do not; take method='grad-cam'"
        )
    return ActivationMaps(
        torch.cat([part.values for part in parts]),
        parts[0].method,
        torch.cat([part.logits for part in parts]),
    )
