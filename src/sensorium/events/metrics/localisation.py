"""How well sentences are found: R@1 at temporal IoU 0.3, 0.5, 0.7, and the mean IoU.

Published twice over: as a mean over sentences (micro), and as a mean over videos of their means
(macro), as the code of arXiv:1812.03849 prints it. Both are given; an IoU that equals the threshold
counts as found, as in most papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from sensorium.types import Span

THRESHOLDS = (0.3, 0.5, 0.7)


def overlaps(
    first: Sequence[Span], second: Sequence[Span], epsilon: float = 0.0
) -> Float64[np.ndarray, "N M"]:
    """IoU of every span with every other, 0..1.

    Args:
        first: ``N`` spans.
        second: ``M`` spans.
        epsilon: seconds that are added to the union; the evaluation server adds 1e-8.
    """
    a = np.array([(s.start, s.end) for s in first], np.float64).reshape(-1, 1, 2)
    b = np.array([(s.start, s.end) for s in second], np.float64).reshape(1, -1, 2)
    shared = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0])
    shared = shared.clip(min=0)
    union = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - shared
    out: Float64[np.ndarray, "N M"] = np.zeros_like(shared)
    np.divide(shared, union + epsilon, out=out, where=union > 0)
    return out


def localisation(
    found: Mapping[str, Sequence[Span]],
    true: Mapping[str, Sequence[Span]],
    thresholds: Sequence[float] = THRESHOLDS,
) -> dict[str, float]:
    """R@1 and mean IoU, 0..1.

    Args:
        found: by video, one span for each of its sentences.
        true: the annotated ones, in the same order.
        thresholds: of the IoU.

    Returns:
        Means over sentences, ``miou`` and ``recall1_iou0.5`` for each threshold; means over videos
        of the same names with ``_macro`` at the end; and ``sentences``, how many there are.

    Raises:
        ValueError: when videos or their numbers of sentences differ, or there is no sentence.
    """
    if found.keys() != true.keys():
        odd = sorted(found.keys() ^ true.keys())
        raise ValueError(
            f"{len(odd)} videos are in only one of found and true, such as {odd[0]!r}; give both "
            "for every video"
        )
    rows = []
    for video, spans in true.items():
        if len(found[video]) != len(spans):
            raise ValueError(
                f"{video}: got {len(found[video])} spans for {len(spans)} sentences; give one each"
            )
        pairs = zip(found[video], spans, strict=True)
        if spans:
            rows.append(_figures(np.array([a.iou(b) for a, b in pairs]), thresholds))
    if not rows:
        raise ValueError("got no sentence to find; give at least one video with a sentence")
    names = ("miou", *(f"recall1_iou{t:g}" for t in thresholds))
    micro = np.concatenate(rows).mean(0)
    macro = np.stack([row.mean(0) for row in rows]).mean(0)
    out = {name: float(value) for name, value in zip(names, micro, strict=True)}
    out |= {f"{name}_macro": float(value) for name, value in zip(names, macro, strict=True)}
    return out | {"sentences": float(sum(map(len, rows)))}


def _figures(
    ious: Float64[np.ndarray, " S"], thresholds: Sequence[float]
) -> Float64[np.ndarray, "S K"]:
    """IoU, and whether it reaches each threshold."""
    return np.stack([ious, *((ious >= t).astype(np.float64) for t in thresholds)], 1)
