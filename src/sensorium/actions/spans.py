"""From scores per window to actions with a start and an end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.actions.results import Action
from sensorium.types import Span


def merge_windows(
    windows: Sequence[Span],
    scores: Float[Tensor, "W K"],
    classes: Sequence[str],
    *,
    skip: str | None = None,
    top: int = 5,
) -> tuple[Action, ...]:
    """Runs of the same best class over the time line, in order of time.

    Time is cut at the windows' borders; each piece takes the mean of the windows over it, weighted
    by how near their centres are. A single window (a trimmed clip) gives its ``top`` classes.

    Args:
        windows: in order of their start, each as long as the others, without gaps.
        scores: probabilities per window.
        classes: names of the columns.
        skip: a class that means that nothing happens; its runs are left out.
        top: how many classes a single window gives.
    """
    if len(windows) == 1:
        values, index = scores[0].topk(min(top, len(classes)))
        ranked = zip(values.tolist(), index.tolist(), strict=True)
        return tuple(Action(windows[0], classes[k], v) for v, k in ranked if classes[k] != skip)
    borders = sorted({round(t, 6) for w in windows for t in (w.start, w.end)})
    pieces = [Span(a, b) for a, b in pairwise(borders) if b - a > 1e-3]
    mean = torch.stack([_mean_over(piece.centre, windows, scores) for piece in pieces])
    best = mean.argmax(1).tolist()
    actions = []
    for k, run in groupby(range(len(pieces)), key=best.__getitem__):
        where = list(run)
        if classes[k] != skip:
            span = Span(pieces[where[0]].start, pieces[where[-1]].end)
            lengths = torch.tensor([pieces[i].duration for i in where])
            score = float((mean[where, k] * lengths).sum() / lengths.sum())
            actions.append(Action(span, classes[k], score))
    return tuple(actions)


def _mean_over(time: float, windows: Sequence[Span], scores: Tensor) -> Tensor:
    """Mean of the windows over ``time``, weighted by nearness of their centres: ``[K]``."""
    first = bisect_right(windows, time, key=lambda w: w.end)
    last = max(first + 1, bisect_right(windows, time, key=lambda w: w.start))
    reach = windows[0].duration / 2
    near = [max(1e-4, 1 - abs(time - w.centre) / reach) for w in windows[first:last]]
    weight = torch.tensor(near)
    return weight @ scores[first:last] / weight.sum()
