"""Where everything in a face is: the 68 landmarks and the outlines, from person and actions.

Lengths are in widths of the frame from the middle of the head, x to the right, y down, the head
upright; `Place` puts them into a picture. The landmarks are the usual 68 (iBUG 300-W): jaw 0-16
from the picture's left, brows 17-26, nose 27-35, eyes 36-47, outer lips 48-59, inner lips
60-67. All that is drawn is drawn through them, so they are exact by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.portraits.actions import Actions
from sensorium.worlds.portraits.people import Identity, Proportions

Points = NDArray[np.float64]  # [N, 2]

EARS_AT = -0.05
"""The height at which the face is widest, and where the jaw's landmarks start."""

JAW, LEFT_BROW, RIGHT_BROW = slice(0, 17), slice(17, 22), slice(22, 27)
NOSE, LEFT_EYE, RIGHT_EYE = slice(27, 36), slice(36, 42), slice(42, 48)
OUTER_LIPS, INNER_LIPS = slice(48, 60), slice(60, 68)

MIRROR: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""Landmark ``i`` of a mirrored picture is the mirror image of landmark ``MIRROR[i]``."""


@dataclass(frozen=True)
class Pose:
    """How the head is held.

    Attributes:
        dx: to the right of the frame's middle, in widths of the frame.
        dy: below it.
        roll: turned clockwise, in radians.
        scale: of the head; 1 fills the frame.
    """

    dx: float = 0.0
    dy: float = 0.0
    roll: float = 0.0
    scale: float = 1.0


REST = Pose()
"""Upright in the middle."""


_OUTER_AT = np.array([-1.0, -0.62, -0.24, 0.0, 0.24, 0.62, 1.0])
_INNER_AT = np.array([-0.9, -0.42, 0.0, 0.42, 0.9])
_ACROSS = np.unique(np.concatenate([_OUTER_AT, _INNER_AT, np.arange(-15, 16) / 15.5]))
_OUTER_IS, _INNER_IS = np.searchsorted(_ACROSS, _OUTER_AT), np.searchsorted(_ACROSS, _INNER_AT)
_AWAY = np.abs(_ACROSS)
_DIP = np.maximum(0.0, 1.0 - (_ACROSS / 0.24) ** 2)
_SWELL = 1.0 - _AWAY**1.5
_SNARL = np.clip((1.0 - _AWAY) / 0.3, 0.0, 1.0) * (0.9 - 0.6 * _DIP)


@dataclass(frozen=True)
class Lips:
    """Four curves from the left corner to the right one.

    Attributes:
        top: the upper lip's outer edge ``[N, 2]``.
        up: its inner edge.
        low: the lower lip's inner edge.
        bottom: its outer edge.
    """

    top: Points
    up: Points
    low: Points
    bottom: Points

    def landmarks(self) -> Points:
        """Twelve outer and eight inner points, on the curves."""
        return np.concatenate(
            [
                self.top[_OUTER_IS],
                self.bottom[_OUTER_IS[5:0:-1]],
                self.up[_INNER_IS],
                self.low[_INNER_IS[3:0:-1]],
            ]
        )


@dataclass(frozen=True)
class Shape:
    """A face's lines, the head upright.

    Attributes:
        landmarks: the 68 points ``[68, 2]``.
        outline: of the face with the forehead, closed ``[N, 2]``.
        lips: the mouth's curves.
        chin: how far the chin has dropped.
    """

    landmarks: Points
    outline: Points
    lips: Lips
    chin: float


def shape(who: Identity, does: Actions, blink: float) -> Shape:
    """The lines of a person's face."""
    p = who.proportions
    chin = 0.06 * max(0.0, does.jaw_drop) - 0.008 * does.chin_raise
    outline, jaw = _outline(p, chin, 0.008 * max(0.0, does.cheek_raise))
    mouth = lips(p, does)
    points = np.concatenate(
        [
            jaw,
            _brow(p, does, does.outer_brow_left, -1)[::-1],
            _brow(p, does, does.outer_brow_right, 1),
            _nose(p, does),
            _eye(p, does, blink, -1),
            _eye(p, does, blink, 1),
            mouth.landmarks(),
        ]
    )
    return Shape(points, outline, mouth, chin)


@lru_cache(maxsize=256)
def _resting_outline(p: Proportions) -> tuple[Points, Points]:
    """The outline at rest, from the left ear by the chin to the right one, then over the head."""
    t = np.linspace(0.0, np.pi, 33)
    c, s = np.cos(t), np.sin(t)
    c[16], s[0], s[32] = 0.0, 0.0, 0.0
    power = 2.0 / p.square
    y = EARS_AT + (p.chin - EARS_AT) * np.abs(s) ** power
    x = -p.width * np.sign(c) * np.abs(c) ** power * (1.0 - p.taper * np.abs(s) ** 3)
    top_x, top_y = -p.width * c[::-1], EARS_AT + (p.crown - EARS_AT) * np.abs(s) ** 0.92
    return np.stack([x, y], 1), np.stack([top_x, top_y], 1)[1:-1]


def _outline(p: Proportions, chin: float, cheeks: float) -> tuple[Points, Points]:
    """The closed outline and the 17 points of the jaw on it."""
    jaw, top = (a.copy() for a in _resting_outline(p))
    depth = np.maximum(0.0, (jaw[:, 1] - 0.02) / (p.chin - 0.02))
    jaw[:, 1] += chin * depth * depth
    side = np.clip(1.0 - np.abs(jaw[:, 1] - 0.08) / 0.14, 0.0, 1.0)
    jaw[:, 0] += np.sign(jaw[:, 0]) * cheeks * side
    return np.concatenate([jaw, top]), jaw[::2]


_ALONG = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
_INNER = np.array([1.0, 0.62, 0.25, 0.05, 0.0])
_OUTER = np.array([0.05, 0.3, 0.7, 1.0, 0.85])
_LOWER = np.array([1.0, 0.8, 0.45, 0.12, 0.0])
_ARCH = np.array([0.0, 0.62, 0.95, 1.0, 0.2])


def _brow(p: Proportions, does: Actions, outer: float, side: int) -> Points:
    """Five points from the inner end to the outer one."""
    length = 2.05 * p.eye_width + 0.006
    x = p.eye_distance - 1.1 * p.eye_width + length * _ALONG
    y = p.eye_height - p.brow_height - p.brow_arch * _ARCH - p.brow_tilt * _ALONG
    frown = does.brow_lower + 0.6 * does.nose_wrinkle
    y = y - 0.044 * (does.inner_brow * _INNER + outer * _OUTER)
    y = y + 0.036 * frown * _LOWER + 0.006 * does.nose_wrinkle
    x = x - 0.016 * frown * _LOWER * (1.0 - 0.3 * _ALONG)
    return np.stack([side * x, y], 1)


def _nose(p: Proportions, does: Actions) -> Points:
    """Four points down the bridge, five along the base from left to right."""
    lift = 0.014 * does.nose_wrinkle
    top = p.eye_height + 0.008
    tip = p.nose_height - 0.022 - 0.6 * lift
    bridge = [(0.0, top + (tip - top) * share) for share in (0.0, 0.36, 0.7, 1.0)]
    wide = p.nose_width * (1.0 + 0.10 * does.flare + 0.08 * does.nose_wrinkle)
    wide *= 1.0 + 0.04 * (does.smile_left + does.smile_right)
    base = p.nose_height
    wings = [(-wide, -0.006 - lift), (-0.5 * wide, 0.004 - 0.6 * lift), (0.0, 0.010 - 0.3 * lift)]
    wings += [(-x, y) for x, y in wings[1::-1]]
    return np.array([*bridge, *((x, base + y) for x, y in wings)])


def _eye(p: Proportions, does: Actions, blink: float, side: int) -> Points:
    """Six points: the left corner, the upper lid, the right corner, the lower lid."""
    up = p.eye_opening * max(
        0.12,
        1.0
        + 0.62 * does.lid_raise
        - 0.3 * does.lid_tighten
        - 0.62 * does.droop
        - 0.12 * does.nose_wrinkle
        - 0.1 * max(0.0, does.brow_lower),
    )
    low = (
        0.78
        * p.eye_opening
        * max(0.1, 1.0 + 0.12 * does.lid_raise - 0.62 * does.cheek_raise - 0.55 * does.lid_tighten)
    )
    shut = 0.82 * low
    up = up + (-shut - up) * blink
    wide = p.eye_width
    outer, inner = p.eye_distance + wide, p.eye_distance - wide
    tilt = -p.eye_tilt * wide * 0.5
    sad = 0.10 * does.inner_brow * max(0.0, does.droop)  # the upper lid hangs outside
    y = p.eye_height
    tops = (-up * (1.0 + sad) - 0.3 * tilt, -up * (1.0 - 2.0 * sad) + 0.3 * tilt)
    points = [
        (inner, y - tilt),
        (p.eye_distance - 0.36 * wide, y + tops[0]),
        (p.eye_distance + 0.36 * wide, y + tops[1]),
        (outer, y + tilt),
        (p.eye_distance + 0.36 * wide, y + low + 0.3 * tilt),
        (p.eye_distance - 0.36 * wide, y + low - 0.3 * tilt),
    ]
    if side > 0:
        return np.array(points)
    order = (3, 2, 1, 0, 5, 4)
    return np.array([(-points[i][0], points[i][1]) for i in order])


def lips(p: Proportions, does: Actions) -> Lips:
    """Where the lips are; from rest they only open with the jaw, the part and the lips' raisers."""
    still = 1.0 + 0.3 * does.stretch - 0.34 * does.pucker - 0.06 * does.tighten
    down = 0.036 * does.corner_down + 0.012 * max(0.0, does.stretch)
    left, right = (
        (
            p.mouth_width * (still + 0.3 * smile + 0.1 * dimple),
            down - 0.044 * smile - 0.010 * dimple,
        )
        for smile, dimple in (
            (does.smile_left, does.dimple_left),
            (does.smile_right, does.dimple_right),
        )
    )
    x = _ACROSS * np.where(_ACROSS < 0, left[0], right[0])
    middle = p.mouth_height + 0.018 * max(0.0, does.jaw_drop) - 0.014 * does.chin_raise
    line = middle + _AWAY * _AWAY * np.where(_ACROSS < 0, left[1], right[1])
    thin = 1.0 - 0.55 * max(0.0, does.press) - 0.3 * max(0.0, does.tighten)
    smiling = max(0.0, 0.5 * (does.smile_left + does.smile_right))
    upper = p.upper_lip * max(0.25, thin - 0.25 * smiling + 0.25 * does.pucker)
    lower = p.lower_lip * max(0.25, thin - 0.1 * smiling + 0.1 * does.pucker)
    parted, jaw, raised = max(0.0, does.part), max(0.0, does.jaw_drop), max(0.0, does.lip_raise)
    lift = 0.011 * parted + 0.018 * jaw + 0.026 * raised
    drop = 0.022 * parted + 0.085 * jaw + 0.02 * max(0.0, does.lower_lip_down) + 0.008 * raised
    sharp = 2.0 + 2.0 * max(0.0, does.stretch)
    gape = np.maximum(0.0, 1.0 - (_AWAY / 0.9) ** sharp) ** (1.0 - 0.4 * min(1.0, jaw))
    up, low = line - lift * gape, line + drop * gape
    top = up - upper * _SWELL * (1.0 - p.bow * _DIP) - 0.008 * raised * _SNARL
    bottom = low + lower * (1.0 - _AWAY**2.4)
    return Lips(*(np.stack([x, y], 1) for y in (top, up, low, bottom)))
