"""What is measured of a system of expressions while it is trained: batches of single pictures.

Sweeps of degrees, identity among many people and distances between sets need more than a batch;
``benchmarks/expressions_quality.py`` measures those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.expressions import metrics
from sensorium.expressions.judges import Judges, bundled_judges

if TYPE_CHECKING:
    from sensorium.system import Batch, Meter

_PICTURES = ("l1", "psnr", "ssim")
JUDGED = ("accuracy", "intensity_mae", "others", "identity", "landmark_nme", "mouth_nme")
"""Meters of what the judges say, who know the portrait world's expressions alone."""


def expression_meters() -> dict[str, Meter]:
    """Fresh meters, each a mean; those that were told nothing are left out by `evaluate`.

    ``l1``, ``psnr``, ``ssim`` of the frame, and of the face and the mouth (``ssim_mouth``), with
    ``copy_ssim`` ... of the given picture itself beside them (``copy_psnr`` flatters it: where the
    target is the given picture it counts 100 dB); ``neutral_psnr`` of f(picture, 0);
    what the bundled judges say: ``accuracy``, ``intensity_mae``, ``others``, ``identity``,
    ``landmark_nme``, ``mouth_nme`` (see `metrics.judged_scores`).
    """
    from torchmetrics import MeanMetric

    compared = [f"{name}{where}" for name in _PICTURES for where in ("", "_face", "_mouth")]
    names = [*compared, *(f"copy_{name}" for name in compared), "neutral_psnr", *JUDGED]
    return {name: MeanMetric() for name in names}


@torch.no_grad()
def measure(
    made: Float[Tensor, "B 3 S S"],
    batch: Batch,
    meters: Mapping[str, Meter],
    *,
    still: Float[Tensor, "B 3 S S"] | None = None,
    judges: Judges | None = None,
) -> None:
    """Feed generated pictures of a batch to the meters.

    Args:
        made: generated from ``batch["neutral"]`` at ``batch["degrees"]``, floats in 0..1.
        batch: ``neutral`` and ``target`` ``uint8 [B, 3, S, S]``, ``degrees`` ``float [B, E]``,
            ``landmarks`` ``float [B, 68, 2]`` in 0..1, ``mouth`` and ``face`` ``bool [B, S, S]``.
        meters: of `expression_meters`.
        still: generated from the same pictures at no degree, for ``neutral_psnr``.
        judges: default: the bundled ones.
    """
    given, true = (batch[name].float().cpu() / 255 for name in ("neutral", "target"))
    made = made.float().cpu().clamp(0, 1)
    masks = {name: batch[name].bool().cpu() for name in ("face", "mouth")}
    scores = metrics.picture_scores(made, true, masks)
    scores |= {f"copy_{k}": v for k, v in metrics.picture_scores(given, true, masks).items()}
    if still is not None:
        scores["neutral_psnr"] = metrics.psnr(still.float().cpu().clamp(0, 1), given)
    looking = bundled_judges() if judges is None else judges
    scores |= metrics.judged_scores(
        looking.judge(made),
        looking.judge(given),
        batch["degrees"].float().cpu(),
        batch["landmarks"].float().cpu(),
    )
    for name, values in scores.items():
        told = values[~values.isnan()]  # a mask may be empty
        if name in meters and len(told):
            meters[name].update(told)
