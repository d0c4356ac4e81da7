"""Degrees over time: how strong an expression is in every frame.

A curve is ``float32 [T]`` in 0..1, degrees are ``float32 [T, E]``, one column for each expression
(section "Controllable image-to-video translation": the action variable, and its vector of several
expressions). The length of the array is the length of the video, its shape the rhythm; frames do
not know of each other, so any array will do. Keyframes, easing and names are ours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from sensorium.suggest import did_you_mean

LONGEST = 100_000
"""Frames of one curve at most."""

_NOUNS = {
    "happiness": "happy",
    "joy": "happy",
    "smile": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "afraid",
    "fearful": "afraid",
    "scared": "afraid",
    "contempt": "contemptuous",
}
"""What the data sets call them, for suggestions."""


def ramp(frames: int) -> Float32[Tensor, "T"]:
    """From 0 to 1 in equal steps, both included; one frame alone is at 1.

    Raises:
        ValueError: for less than one frame, as all curves here.
    """
    _check_length(frames)
    return torch.linspace(0, 1, frames) if frames > 1 else torch.ones(1)


def ease(frames: int) -> Float32[Tensor, "T"]:
    """From 0 to 1, starting and arriving gently (half a cosine)."""
    return 0.5 - 0.5 * torch.cos(math.pi * ramp(frames))


def hold(frames: int) -> Float32[Tensor, "T"]:
    """1 all along."""
    _check_length(frames)
    return torch.ones(frames)


def pulse(frames: int, peak: float = 0.4) -> Float32[Tensor, "T"]:
    """From 0 up to 1 and back to 0; some frame is at 1 exactly.

    Args:
        frames: how many.
        peak: where the top is, 0 at the first frame and 1 at the last.
    """
    _check_length(frames)
    if not 0 <= peak <= 1:
        raise ValueError(f"the peak must lie within 0..1 of the time, got {peak!r}")
    top = round(peak * (frames - 1))
    if frames > 2:
        top = min(max(top, 1), frames - 2)
    time = torch.arange(frames)
    up, down = time / max(top, 1), (frames - 1 - time) / max(frames - 1 - top, 1)
    curve = torch.minimum(up, down).clamp(0, 1)
    curve[top] = 1.0
    return curve


CURVES: dict[str, Callable[[int], Float32[Tensor, "T"]]] = {
    "ramp": ramp,
    "pulse": pulse,
    "hold": hold,
    "ease": ease,
}
"""Curves by name."""


def curve(name: str, frames: int) -> Float32[Tensor, "T"]:
    """The curve of a name.

    Raises:
        ValueError: for a name that is none.
    """
    if name not in CURVES:
        raise ValueError(f"no curve {name!r}{did_you_mean(name, CURVES)}")
    return CURVES[name](frames)


def keyframes(
    keys: str | Sequence[tuple[float, float]], frames: int | None = None
) -> Float32[Tensor, "T"]:
    """A curve through given degrees at given frames, straight in between.

    Frames count from 0. Before the first key and after the last one the degree stays as there. A
    key at ``frames`` stands for the end, so that it is the last frame's.

    Args:
        keys: ``"0:0,12:1,24:0.3"``, or pairs of frame and degree.
        frames: how many; by default up to the last key.

    Raises:
        ValueError: when the text is none such, a degree lies outside 0..1, or frames do not rise.
    """
    pairs = _parse(keys) if isinstance(keys, str) else [(float(f), float(d)) for f, d in keys]
    if not pairs:
        raise ValueError('an intensity needs keys as in "0:0,12:1,24:0.3", got none')
    for at, degree in pairs:
        if not (math.isfinite(at) and at >= 0):
            raise ValueError(f"intensity: frames count from 0, got {at:g}")
        if not 0 <= degree <= 1:
            raise ValueError(f"intensity: a degree lies in 0..1, got {degree:g} at frame {at:g}")
    for (before, _), (after, _) in itertools.pairwise(pairs):
        if after <= before:
            raise ValueError(
                f"intensity: each key must be at a later frame than the one before, got {after:g} "
                f"after {before:g}"
            )
    count = max(1, math.ceil(pairs[-1][0])) if frames is None else frames
    _check_length(count)
    places = [min(at, count - 1) if at <= count else at for at, _ in pairs]
    if len(places) > 1 and places[-1] <= places[-2]:
        raise ValueError(
            f"intensity: of {count} frames the last is {count - 1}, so that the keys at frames "
            f"{pairs[-2][0]:g} and {pairs[-1][0]:g} are both its; leave one out"
        )
    if places[-1] > count - 1:
        raise ValueError(
            f"intensity: the key at frame {places[-1]:g} lies beyond the end of {count} frames; "
            f"ask for --frames {math.ceil(places[-1])}"
        )
    values = np.interp(np.arange(count), places, [degree for _, degree in pairs])
    return torch.from_numpy(values.astype(np.float32))


def mixing(
    curve: Float[Tensor, "T"], mix: Mapping[str, float], expressions: Sequence[str]
) -> Float32[Tensor, "T E"]:
    """Degrees of a mixture that follows a curve: ``{"happy": 0.6, "surprised": 0.3}``.

    Raises:
        ValueError: for an expression that is none of ``expressions``, or a share outside 0..1.
    """
    return curve.float()[:, None] * _vector(mix, expressions)


def transition(
    first: str | Mapping[str, float],
    second: str | Mapping[str, float],
    frames: int | Float[Tensor, "T"],
    expressions: Sequence[str],
) -> Float32[Tensor, "T E"]:
    """Degrees that lead from one expression through the neutral face to another (figure 5c).

    Args:
        first: a name, or a mixture.
        second: likewise.
        frames: how many, or the way as a curve: at 0 all is the first, at 1 all the second.
        expressions: names of the columns.

    Raises:
        ValueError: as in `mixing`.
    """
    way = ramp(frames) if isinstance(frames, int) else frames.float()
    gone = mixing((1 - 2 * way).clamp(0, 1), _mixture(first), expressions)
    come = mixing((2 * way - 1).clamp(0, 1), _mixture(second), expressions)
    return gone + come


def check_expression(name: str, expressions: Sequence[str]) -> None:
    """Refuses an expression that is not known.

    Raises:
        ValueError: with the nearest one.
    """
    if name in expressions:
        return
    lower = name.strip().lower()
    near = lower if lower in expressions else _NOUNS.get(lower, "")
    hint = did_you_mean(lower, expressions)
    if lower == "neutral":
        hint = "; the neutral face is any expression at intensity 0"
    elif near in expressions:
        hint = f"; did you mean {near!r}? known: {', '.join(expressions)}"
    raise ValueError(f"no expression {name!r}{hint}")


def describe(degrees: Float[Tensor, "T E"], expressions: Sequence[str]) -> str:
    """What is shown, in a few words: ``happy``, ``happy+sad``, ``angry>happy``, ``neutral``.

    Expressions with the same rhythm are mixed (``+``); others follow each other (``>``), by the
    middle of their time.
    """
    peaks = degrees.amax(0) if len(degrees) else torch.zeros(len(expressions))
    shown = [k for k in range(len(expressions)) if float(peaks[k]) > 0]
    if not shown:
        return "neutral"
    time = torch.arange(len(degrees), dtype=degrees.dtype)
    groups: list[tuple[float, list[int]]] = []
    for k in shown:
        middle = float((degrees[:, k] * time).sum() / degrees[:, k].sum())
        for at, group in groups:
            same = degrees[:, k] / peaks[k] - degrees[:, group[0]] / peaks[group[0]]
            if float(same.abs().max()) < 0.02 and abs(at - middle) < 1:
                group.append(k)
                break
        else:
            groups.append((middle, [k]))
    return ">".join("+".join(expressions[k] for k in group) for _, group in sorted(groups))


def _vector(mix: Mapping[str, float], expressions: Sequence[str]) -> Float32[Tensor, "E"]:
    """Shares in the order of the columns."""
    vector = torch.zeros(len(expressions))
    for name, share in mix.items():
        check_expression(name, expressions)
        if not 0 <= share <= 1:
            raise ValueError(f"the share of {name!r} must lie in 0..1, got {share!r}")
        vector[list(expressions).index(name)] = share
    return vector


def _mixture(what: str | Mapping[str, float]) -> Mapping[str, float]:
    return {what: 1.0} if isinstance(what, str) else what


def _parse(text: str) -> list[tuple[float, float]]:
    """Pairs of frame and degree."""
    pairs = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        frame, colon, degree = part.partition(":")
        try:
            pairs.append((float(frame), float(degree)))
        except ValueError:
            raise ValueError(
                f"intensity: got {part!r}, expected FRAME:DEGREE as in 0:0,12:1,24:0.3"
                + ("" if colon else " (a colon between them, a comma between keys)")
            ) from None
    return pairs


def _check_length(frames: int) -> None:
    if not 1 <= frames <= LONGEST:
        raise ValueError(f"a curve has 1 to {LONGEST} frames, got {frames!r}")
