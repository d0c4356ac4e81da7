"""Moves of the whole performer whose meaning lies in time alone.

Moves come in pairs, and each is its partner played backwards, exactly: both members draw their
`Course` from the same distribution, and the curve of one at ``u`` is the curve of the other at
``1 - u``. A single frame, or a bag of frames without their order, therefore cannot tell the two
apart.

In the pair *flash then nod* / *nod then flash* only the order of two acts differs, each of which
looks the same backwards. *Wave then vanish* is *appear then wave* backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensorium.worlds.stage.script import Course

Curve = NDArray[np.float64]  # [T]
Channels = dict[str, Curve]

CHANNELS = ("x", "y", "size", "angle", "fan", "presence", "wave", "swing", "flash", "nod")
"""What a move can move: the fields of `Pose`, and four that are 0 outside a move."""


@dataclass(frozen=True)
class Family:
    """What both members of a pair share.

    Attributes:
        channel: the field of `Pose` that differs between start and end, or ``None``.
        bounds: where its values must stay.
        amount: least and greatest change.
        curve: channel values for ``u`` in 0..1 of the forward member.
    """

    channel: str | None
    bounds: tuple[float, float]
    amount: tuple[float, float]
    curve: Callable[[Course, Curve], Channels]


@dataclass(frozen=True)
class Move:
    """One class of moves.

    Attributes:
        partner: what it is when time runs backwards.
        mirror: what it is in a mirror (left and right exchanged).
        forward: whether it runs its family's curve forwards.
        family: what it shares with its partner.
    """

    partner: str
    mirror: str
    forward: bool
    family: Family

    def curve(self, course: Course, u: Curve) -> Channels:
        """The channels that this move sets, for progress ``u`` in 0..1.

        Shape:
            ``u`` and each channel: ``[T]``.
        """
        return self.family.curve(course, u if self.forward else 1.0 - u)

    def draw(self, rng: np.random.Generator, now: float | None = None) -> Course | None:
        """A course, from the same distribution for both partners.

        Args:
            rng: where the randomness comes from.
            now: value of the family's channel when the move starts; ``None`` leaves it free.

        Returns:
            ``None`` when there is no room for the move from ``now``.
        """
        amount = float(rng.uniform(*self.family.amount))
        place = float(rng.uniform())
        details = {
            "bend": float(rng.uniform()),
            "lead": float(rng.uniform(0.36, 0.46)),
            "gap": float(rng.uniform(0.06, 0.12)),
            "cycles": int(rng.integers(1, 3)),
        }
        floor, ceiling = self.family.bounds
        if self.family.channel == "size":  # sizes change by ratios
            floor, ceiling = float(np.log(floor)), float(np.log(ceiling))
            now = None if now is None else float(np.log(now))
        if now is None:
            low = floor + place * (ceiling - floor - amount)
        else:
            room = ceiling - now if self.forward else now - floor
            if room < self.family.amount[0]:
                return None
            amount = min(amount, room)
            low = now if self.forward else now - amount
        high = low + amount
        if self.family.channel == "size":
            low, high = float(np.exp(low)), float(np.exp(high))
        # rounded, so that machines whose exponentials differ in the last bit agree
        return Course(round(low, 9), round(high, 9), **details)  # type: ignore[arg-type]


def progress(u: Curve, bend: float) -> Curve:
    """How far a change has got, 0..1: steady or gentle at both ends, alike at both ends."""
    u = np.clip(u, 0.0, 1.0)
    return (1.0 - bend) * u + bend * u * u * (3.0 - 2.0 * u)


def _between(course: Course, u: Curve) -> Curve:
    return course.low + (course.high - course.low) * progress(u, course.bend)


def _bumps(v: Curve, cycles: int) -> Curve:
    """``cycles`` bumps of height 1 over ``v`` in 0..1, the same backwards, 0 outside."""
    return np.minimum(1.0, 1.7 * np.sin(np.pi * cycles * np.clip(v, 0.0, 1.0)) ** 2)


def _lift(course: Course, u: Curve) -> Channels:
    return {"y": -_between(course, u)}


def _slide(course: Course, u: Curve) -> Channels:
    return {"x": _between(course, u)}


def _zoom(course: Course, u: Curve) -> Channels:
    return {"size": course.low * (course.high / course.low) ** progress(u, course.bend)}


def _turn(course: Course, u: Curve) -> Channels:
    return {"angle": _between(course, u)}


def _open(course: Course, u: Curve) -> Channels:
    return {"fan": _between(course, u)}


def _enter(course: Course, u: Curve) -> Channels:
    part = (u - course.lead - course.gap) / (1.0 - course.lead - course.gap)
    part = np.clip(part, 0.0, 1.0)
    raised = np.minimum(1.0, 4.0 * np.minimum(part, 1.0 - part))
    swing = np.cos(2.0 * np.pi * (course.cycles + 1) * (part - 0.5))
    arrived = progress(u / course.lead, course.bend)
    presence = course.low + (course.high - course.low) * arrived
    return {"presence": presence, "wave": raised, "swing": swing * raised}


def _flash_nod(course: Course, u: Curve) -> Channels:
    nodding = (u - course.lead - course.gap) / (1.0 - course.lead - course.gap)
    return {
        "flash": _bumps(u / course.lead, course.cycles),
        "nod": _bumps(nodding, course.cycles),
    }


LIFT = Family("y", (-0.27, 0.27), (0.22, 0.46), _lift)
SLIDE = Family("x", (-0.36, 0.36), (0.26, 0.66), _slide)
ZOOM = Family("size", (0.26, 0.95), (0.45, 1.0), _zoom)
TURN = Family("angle", (-12.6, 12.6), (1.6, 4.2), _turn)
OPEN = Family("fan", (0.0, 1.0), (0.7, 1.0), _open)
ENTER = Family("presence", (0.0, 1.0), (1.0, 1.0), _enter)
FLASH_NOD = Family(None, (0.0, 0.0), (0.0, 0.0), _flash_nod)

MOVES: dict[str, Move] = {
    "rise": Move("sink", "rise", True, LIFT),
    "sink": Move("rise", "sink", False, LIFT),
    "slide right": Move("slide left", "slide left", True, SLIDE),
    "slide left": Move("slide right", "slide right", False, SLIDE),
    "approach": Move("recede", "approach", True, ZOOM),
    "recede": Move("approach", "recede", False, ZOOM),
    "turn clockwise": Move("turn anticlockwise", "turn anticlockwise", True, TURN),
    "turn anticlockwise": Move("turn clockwise", "turn clockwise", False, TURN),
    "open": Move("close", "open", True, OPEN),
    "close": Move("open", "close", False, OPEN),
    "appear then wave": Move("wave then vanish", "appear then wave", True, ENTER),
    "wave then vanish": Move("appear then wave", "wave then vanish", False, ENTER),
    "flash then nod": Move("nod then flash", "flash then nod", True, FLASH_NOD),
    "nod then flash": Move("flash then nod", "nod then flash", False, FLASH_NOD),
}

REST = "rest"
"""The class of clips in which performers only play."""

LABELS: tuple[str, ...] = (*MOVES, REST)
"""The classes of the stage's action recognition, in their fixed order."""


def partner(label: str) -> str:
    """The label of the same clip played backwards."""
    return label if label == REST else MOVES[label].partner


def mirror(label: str) -> str:
    """The label of the same clip seen in a mirror."""
    return label if label == REST else MOVES[label].mirror
