"""Metrics of generated expressions: of pictures, of what judges see in them, and of whole sweeps.

SSIM over a whole frame says little: a copy of the input scores high, since most of a frame never
moves. So all that compares pictures also takes a mask (face, mouth), and all is to be read beside a
copy of the input. ``frechet_judge`` is the Fréchet distance between Gaussians, as in FID, but in
the features of a judge trained here on drawn portraits: its values compare with nothing published.

Pictures are floats in 0..1. Functions give one value for each picture or sweep unless they say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn import functional as F

from sensorium.expressions.judges import Judged

LEFT_EYE, RIGHT_EYE = 36, 45
"""Outer corners of the eyes among the 68 landmarks; their distance is the unit of errors."""

MOUTH = slice(48, 68)
"""Lips among the 68 landmarks."""

PEAK = 0.5
"""From this commanded degree on, the expression is expected to be named."""

_WINDOW = 11  # pixels of SSIM's Gaussian window, as published

# --- pictures -------------------------------------------------------------------------------------


def l1(
    made: Float[Tensor, "N 3 H W"],
    true: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N H W"] | None = None,
) -> Float[Tensor, " N"]:
    """Mean absolute difference, over a mask where one is given."""
    return _within((made - true).abs().mean(1), mask)


def psnr(
    made: Float[Tensor, "N 3 H W"],
    true: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N H W"] | None = None,
) -> Float[Tensor, " N"]:
    """Peak signal-to-noise ratio in dB, over a mask where one is given; at most 100."""
    error = _within((made - true).square().mean(1), mask)
    return -10 * error.clamp_min(1e-10).log10()


def ssim(
    made: Float[Tensor, "N 3 H W"],
    true: Float[Tensor, "N 3 H W"],
    mask: Bool[Tensor, "N H W"] | None = None,
) -> Float[Tensor, " N"]:
    """Structural similarity (torchmetrics'), over a mask where one is given.

    Raises:
        ValueError: when a picture is smaller than SSIM's window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    if min(made.shape[-2:]) < _WINDOW:
        raise ValueError(
            f"SSIM needs pictures of {_WINDOW} pixels to a side, got {list(made.shape[-2:])}"
        )
    found = structural_similarity_index_measure(
        made, true, data_range=1.0, reduction="none", return_full_image=True
    )
    if mask is None:
        return found[0].reshape(len(made))
    return _within(found[1].mean(1), mask)


def picture_scores(
    made: Float[Tensor, "N 3 H W"],
    true: Float[Tensor, "N 3 H W"],
    masks: Mapping[str, Bool[Tensor, "N H W"]],
) -> dict[str, Float[Tensor, " N"]]:
    """``l1``, ``psnr`` and ``ssim`` over the frame and, as in ``ssim_mouth``, over every mask."""
    out = {"l1": l1(made, true), "psnr": psnr(made, true), "ssim": ssim(made, true)}
    for name, mask in masks.items():
        out |= {
            f"l1_{name}": l1(made, true, mask),
            f"psnr_{name}": psnr(made, true, mask),
            f"ssim_{name}": ssim(made, true, mask),
        }
    return out


def _within(
    values: Float[Tensor, "N H W"], mask: Bool[Tensor, "N H W"] | None
) -> Float[Tensor, " N"]:
    """Means over the mask; NaN where it is empty."""
    if mask is None:
        return values.mean((1, 2))
    inside = mask.to(values)
    return (values * inside).sum((1, 2)) / inside.sum((1, 2))


# --- what judges see in pictures ------------------------------------------------------------------


def nme(
    found: Float[Tensor, "N 68 2"], true: Float[Tensor, "N 68 2"], points: slice = slice(None)
) -> Float[Tensor, " N"]:
    """Mean distance of landmarks from the true ones, in distances between the outer eye corners."""
    unit = vector_norm(true[:, LEFT_EYE] - true[:, RIGHT_EYE], dim=1)
    away: Tensor = vector_norm((found - true)[:, points], dim=2).mean(1) / unit
    return away


def named(judged: Judged, degrees: Float[Tensor, "N E"]) -> tuple[Tensor, Tensor]:
    """Named and commanded expression, ``int64 [M]``, where one alone is commanded to `PEAK`."""
    alone = (degrees > 0).sum(1) == 1
    shown = alone & (degrees.amax(1) >= PEAK)
    return judged.logits[shown].argmax(1), degrees[shown].argmax(1)


def intensity(judged: Judged, degrees: Float[Tensor, "N E"]) -> Float[Tensor, " N"]:
    """Judged degree of the commanded expression (of the strongest, where several are)."""
    return judged.degrees.gather(1, degrees.argmax(1, keepdim=True)).squeeze(1)


def judged_scores(
    judged: Judged,
    given: Judged,
    degrees: Float[Tensor, "N E"],
    landmarks: Float[Tensor, "N 68 2"] | None = None,
) -> dict[str, Float[Tensor, " M"]]:
    """What judges see in generated faces.

    Args:
        judged: the generated ones.
        given: the pictures that they were made from.
        degrees: commanded.
        landmarks: of the true faces, as shares of width and height; left out where unknown.

    Returns:
        ``accuracy`` (of those with one expression at `PEAK` or above), ``intensity_mae`` (of the
        commanded expression), ``others`` (mean absolute judged degree of those not commanded),
        ``identity`` (cosine to the given picture), ``landmark_nme`` and ``mouth_nme``.
    """
    said, meant = named(judged, degrees)
    wanted = degrees.amax(1)
    quiet = degrees == 0
    out = {
        "accuracy": (said == meant).float(),
        "intensity_mae": (intensity(judged, degrees) - wanted).abs(),
        "others": (judged.degrees.abs() * quiet).sum(1) / quiet.sum(1).clamp_min(1),
        "identity": (judged.identity * given.identity).sum(1),
    }
    if landmarks is not None:
        out["landmark_nme"] = nme(judged.landmarks, landmarks)
        out["mouth_nme"] = nme(judged.landmarks, landmarks, MOUTH)
    return out


def confusion(
    said: Int64[Tensor, " N"], meant: Int64[Tensor, " N"], classes: int
) -> Int64[Tensor, "E E"]:
    """How often each commanded expression (row) was named as each (column)."""
    return torch.bincount(meant * classes + said, minlength=classes**2).reshape(classes, classes)


def reidentified(
    identity: Float[Tensor, "N D"], person: Int64[Tensor, " N"], gallery: Float[Tensor, "P D"]
) -> Float[Tensor, " N"]:
    """Whether the likest of the people's vectors is that of the right person."""
    return ((identity @ gallery.T).argmax(1) == person).float()


# --- sweeps ---------------------------------------------------------------------------------------


def spearman(commanded: Float[Tensor, "C T"], judged: Float[Tensor, "C T"]) -> Float[Tensor, " C"]:
    """Rank correlation within each sweep; 0 where what was judged never changes."""
    from scipy.stats import rankdata

    def ranks(values: Tensor) -> Tensor:
        of = torch.from_numpy(rankdata(values.detach().cpu().double().numpy(), axis=1))
        return of - of.mean(1, keepdim=True)

    a, b = ranks(commanded), ranks(judged)
    spread = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(spread > 0, (a * b).sum(1) / spread.clamp_min(1e-12), 0.0).float()


def monotone(judged: Float[Tensor, "C T"]) -> Float[Tensor, " C"]:
    """Share of the steps of a rising sweep in which what was judged rises."""
    return (judged.diff(dim=1) > 0).float().mean(1)


def jump_ratio(frames: Float[Tensor, "T 3 H W"]) -> float:
    """Greatest change between neighbours over the mean one; NaN where nothing changes.

    1 is perfectly even; a switch from one picture to another has ``T - 1``.
    """
    steps = frames.diff(dim=0).abs().mean((1, 2, 3))
    mean = float(steps.mean())
    return float(steps.max()) / mean if mean > 0 else float("nan")


def path(landmarks: Float[Tensor, "C T 68 2"]) -> Float[Tensor, "C T"]:
    """How far the landmarks are from those of the first frame (the paper's figure 3).

    Root mean square over the points, in distances between the outer eye corners.
    """
    first = landmarks[:, :1]
    unit = vector_norm(first[:, :, LEFT_EYE] - first[:, :, RIGHT_EYE], dim=2)
    away: Tensor = (landmarks - first).square().sum(3).mean(2).sqrt() / unit
    return away


def path_rmse(
    made: Float[Tensor, "C T 68 2"], true: Float[Tensor, "C T 68 2"]
) -> Float[Tensor, " C"]:
    """Root mean square difference of the two curves of `path`."""
    return (path(made) - path(true)).square().mean(1).sqrt()


def acd(identity: Float[Tensor, "C T D"]) -> Float[Tensor, " C"]:
    """Average content distance: mean distance between the vectors of a clip's frames."""
    frames = identity.shape[1]
    if frames < 2:
        raise ValueError(f"distances between frames need two or more, got {frames}")
    return torch.stack([F.pdist(clip).mean() for clip in identity])


# --- sets -----------------------------------------------------------------------------------------


def frechet(one: Float[Tensor, "N F"], other: Float[Tensor, "M F"]) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features.

    Raises:
        ValueError: when a set has fewer members than features: its covariance says nothing.
    """
    least = min(len(one), len(other))
    if least <= one.shape[1]:
        raise ValueError(
            f"a Fréchet distance of {one.shape[1]} features needs more than as many faces in each "
            f"set, got {least}"
        )
    a, b = one.double(), other.double()
    first, second = a.T.cov(), b.T.cov()
    # the trace of the root of a product is the sum of the roots of its eigenvalues
    shared = torch.linalg.eigvals(first @ second).real.clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, float(apart + first.trace() + second.trace() - 2 * shared))


def by_group(
    values: Float[Tensor, " N"], groups: Sequence[Mapping[str, object]]
) -> dict[str, dict[str, float]]:
    """Means by group of people: ``{"glasses": {"no": ..., "yes": ...}, ...}``.

    Args:
        values: one for each picture or sweep; NaN are left out.
        groups: of its person, as `worlds.portraits.Identity.groups` gives them.
    """
    told: dict[str, dict[str, list[float]]] = {}
    for value, own in zip(values.tolist(), groups, strict=True):
        if value == value:
            for name, group in own.items():
                told.setdefault(name, {}).setdefault(_said(group), []).append(value)
    return {
        name: {group: sum(v) / len(v) for group, v in sorted(of.items())}
        for name, of in told.items()
    }


def _said(group: object) -> str:
    """A group in words."""
    return ("no", "yes")[group] if isinstance(group, bool) else str(group)
