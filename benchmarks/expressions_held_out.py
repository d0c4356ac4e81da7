"""Held-out people of the portrait world for `expressions_quality.py`: what is asked, and the truth.

The world can draw any person at any degrees in the pose of the given picture, so there is a true
picture for every command: for each degree of a sweep, and for mixtures of expressions, which no
recorded set has. Pictures are framed as those of the training: drawn larger, the middle cut out.
Contempt shows on one side for everybody, since nothing in a face at rest tells which.

Beside these stand clips as filmed, where the head moves a little, eyes blink, and the label is the
time within the clip and not the degree, as in the paper.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from sensorium import seeds
from sensorium.expressions.datasets.portraits import DRAWN
from sensorium.worlds.portraits import (
    EXPRESSIONS,
    Face,
    Identity,
    Portrait,
    draw,
    identity,
    sit,
    split_seed,
)

STEPS = 11
"""Degrees of a sweep: 0, 0.1 ... 1."""

FINE = 41
"""Degrees of the sweeps in which jumps are looked for."""

MIXTURES = 3
"""Mixtures of two expressions for every person."""

_AT_ONCE = 8  # people


@dataclass(frozen=True)
class Truth:
    """True pictures.

    Attributes:
        frames: drawn.
        landmarks: shares of width and height.
        face: where the face is.
        mouth: where the mouth is, with some room.
    """

    frames: UInt8[Tensor, "B T 3 S S"]
    landmarks: Float[Tensor, "B T 68 2"]
    face: Bool[Tensor, "B T S S"]
    mouth: Bool[Tensor, "B T S S"]

    def __getitem__(self, chosen: slice | Tensor) -> Truth:
        return Truth(*(x[chosen] for x in vars(self).values()))


@dataclass(frozen=True)
class Asked:
    """What is asked of a system, and what would be right.

    Attributes:
        people: numbers of the persons.
        pictures: given, floats in 0..1.
        degrees: commanded.
        truth: the true pictures.
        peaks: true pictures at degree 1 of each expression that is asked for, floats in 0..1.
    """

    people: list[int]
    pictures: Float[Tensor, "B 3 S S"]
    degrees: Float[Tensor, "B T E"]
    truth: Truth
    peaks: Float[Tensor, "B E 3 S S"]

    @property
    def true(self) -> Float[Tensor, "B T 3 S S"]:
        """The true pictures as floats in 0..1."""
        return self.truth.frames.float() / 255


class Maker(Protocol):
    """Whatever makes pictures as asked."""

    def __call__(self, asked: Asked) -> Float[Tensor, "B T 3 S S"]:
        """Floats in 0..1."""


def truth(asked: Asked) -> Float[Tensor, "B T 3 S S"]:
    """True videos: the ceiling."""
    return asked.true


def copy_input(asked: Asked) -> Float[Tensor, "B T 3 S S"]:
    """The given picture, whatever is asked."""
    return asked.pictures[:, None].expand(-1, asked.degrees.shape[1], -1, -1, -1)


def cross_fade(asked: Asked) -> Float[Tensor, "B T 3 S S"]:
    """From the given picture to the true one at degree 1, which nobody else is shown."""
    added = asked.peaks - asked.pictures[:, None]
    faded = asked.pictures[:, None] + torch.einsum("bte,bechw->btchw", asked.degrees, added)
    return faded.clamp(0, 1)


class Generates(Protocol):
    """A system of expressions, or a baseline."""

    def generate(
        self, picture: Float[Tensor, "B 3 S S"], degrees: Float[Tensor, "B T E"]
    ) -> Float[Tensor, "B T 3 S S"]:
        """Floats in 0..1."""


def made_by(system: Generates) -> Maker:
    """What a system makes."""

    @torch.no_grad()
    def make(asked: Asked) -> Float[Tensor, "B T 3 S S"]:
        return system.generate(asked.pictures, asked.degrees).float().clamp(0, 1)

    return make


# --- people ---------------------------------------------------------------------------------------


class HeldOut:
    """People of one split, each with a picture without expression.

    Args:
        split: ``val`` to choose, ``test`` to report.
        people: how many.
        size: of the pictures.
        drawn: how much larger they are drawn than what is cut out; 1: the whole picture is seen.
        cache: folder for what is drawn; ``None``: none.
    """

    def __init__(
        self,
        split: str,
        people: int,
        size: int = 64,
        *,
        drawn: float = DRAWN,
        cache: Path | None = None,
    ) -> None:
        self.split, self.size, self.side = split, size, round(size * drawn)
        every = (identity(split_seed(split, i)) for i in range(people))
        self.people: list[Identity] = [replace(who, smirk_left=False) for who in every]
        nothing = torch.zeros(len(EXPRESSIONS))
        neutral = [self._truth([[self._drawn(who, nothing)]]).frames[0, 0] for who in self.people]
        self.pictures: Float[Tensor, "P 3 S S"] = torch.stack(neutral) / 255
        self.cache = cache
        self._peaks: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.people)

    def groups(self) -> list[dict[str, str]]:
        """Of every person."""
        return [who.groups() for who in self.people]

    def sweeps(self, steps: int = STEPS) -> Iterator[Asked]:
        """Every expression of everybody, from nothing to full; one expression at a time."""
        rise = torch.linspace(0, 1, steps)
        for which in range(len(EXPRESSIONS)):
            for people in self._parts():
                yield self.asked(people, one_hot(which, rise))

    def asked(self, people: list[int], degrees: Float[Tensor, "T E"]) -> Asked:
        """The same of several people."""
        return self._asked(people, degrees.expand(len(people), -1, -1))

    def fine_sweeps(self) -> Iterator[Asked]:
        """One expression of everybody in small steps."""
        rise = torch.linspace(0, 1, FINE)
        for people in self._parts():
            degrees = [one_hot(p % len(EXPRESSIONS), rise) for p in people]
            yield self._asked(people, torch.stack(degrees))

    def mixtures(self) -> Iterator[Asked]:
        """Of two expressions, each at 0.3 to 0.7."""
        for people in self._parts():
            yield self._asked(people, torch.stack([self._mixed(p) for p in people]))

    def filmed(self) -> Iterator[Asked]:
        """A clip of every person: asked for are its labels, given is its first frame."""
        for person, who in enumerate(self.people):
            which = person % len(EXPRESSIONS)
            sitting = sit(
                seeds.derive(who.seed, "filmed"),
                EXPRESSIONS[which],
                onset_only=True,
                identity_seed=who.seed,
            )
            label = sitting.label
            sitting = replace(sitting, identity=who)
            told = self._truth([[draw(sitting.face(i), self.side) for i in range(len(label))]])
            first = told.frames[:, 0].float() / 255
            peaks = first[:, None].repeat(1, len(EXPRESSIONS), 1, 1, 1)
            peaks[:, which] = told.frames[:, -1].float() / 255
            yield Asked([person], first, one_hot(which, label)[None], told, peaks)

    def _parts(self) -> Iterator[list[int]]:
        for first in range(0, len(self), _AT_ONCE):
            yield list(range(first, min(first + _AT_ONCE, len(self))))

    def _mixed(self, person: int) -> Float[Tensor, "T E"]:
        rng = seeds.generator(self.people[person].seed, "mixtures")
        out = torch.zeros(MIXTURES, len(EXPRESSIONS))
        for row in out:
            for which in rng.choice(len(EXPRESSIONS), 2, replace=False):
                row[int(which)] = float(rng.uniform(0.3, 0.7))
        return out

    def _asked(self, people: list[int], degrees: Float[Tensor, "B T E"]) -> Asked:
        told = self._kept(people, degrees)
        wanted = (degrees > 0).any(1)  # [B, T, E] -> [B, E]
        peaks = self.pictures[people][:, None].repeat(1, len(EXPRESSIONS), 1, 1, 1)
        for row, person in enumerate(people):
            for which in wanted[row].nonzero()[:, 0].tolist():
                peaks[row, which] = self._peak(person, which)
        return Asked(people, self.pictures[people], degrees, told, peaks)

    def _peak(self, person: int, which: int) -> Float[Tensor, "3 S S"]:
        key = person * len(EXPRESSIONS) + which
        if key not in self._peaks:
            full = one_hot(which, torch.ones(1))[0]
            drawn = self._truth([[self._drawn(self.people[person], full)]])
            self._peaks[key] = drawn.frames[0, 0] / 255
        return self._peaks[key]

    def _kept(self, people: list[int], degrees: Float[Tensor, "B T E"]) -> Truth:
        """The true pictures, drawn once for all who measure."""

        def make() -> Truth:
            rows = [
                [self._drawn(self.people[p], d) for d in degrees[row]]
                for row, p in enumerate(people)
            ]
            return self._truth(rows)

        if self.cache is None:
            return make()
        # the look of the people is part of the key: a world drawn otherwise is drawn anew
        key = hashlib.sha256(
            degrees.contiguous().numpy().tobytes() + self.pictures[people].numpy().tobytes()
        )
        key.update(repr(people).encode())
        return kept(
            self.cache / f"{self.split}-{self.size}-{self.side}-{key.hexdigest()[:24]}.npz", make
        )

    def _drawn(self, who: Identity, degrees: Float[Tensor, " E"]) -> Portrait:
        return draw(Face(who, tuple(degrees.clamp(0, 1).tolist())), self.side)

    def _truth(self, rows: list[list[Portrait]]) -> Truth:
        """Portraits, the middle of each cut out."""
        edge = (self.side - self.size) // 2
        window = slice(edge, edge + self.size)

        def stacked(value: Callable[[Portrait], Tensor]) -> Tensor:
            return torch.stack([torch.stack([value(p) for p in row]) for row in rows])

        return Truth(
            stacked(lambda p: p.frame)[..., window, window],
            (stacked(lambda p: p.landmarks) - edge) / self.size,
            stacked(Portrait.face_mask)[..., window, window],
            stacked(Portrait.mouth_mask)[..., window, window],
        )


def one_hot(which: int, degrees: Float[Tensor, " T"]) -> Float[Tensor, "T E"]:
    """A course of one expression, the others at rest."""
    out = torch.zeros(len(degrees), len(EXPRESSIONS))
    out[:, which] = degrees
    return out


def kept(path: Path, make: Callable[[], Truth]) -> Truth:
    """From a file, or made and put there."""
    if path.exists():
        with np.load(path) as found:
            return Truth(*(torch.from_numpy(found[n]) for n in Truth.__annotations__))
    told = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    with unfinished.open("wb") as file:
        np.savez(file, **{n: x.numpy() for n, x in vars(told).items()})
    unfinished.replace(path)
    return told
