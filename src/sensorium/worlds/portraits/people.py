"""Who sits for a portrait: everything about a person that no expression changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from sensorium.seeds import generator
from sensorium.worlds.portraits.actions import UNITS

Colour = tuple[int, int, int]
Thing = TypeVar("Thing")
Split = Literal["train", "val", "test", "judges"]

SPLITS: tuple[Split, ...] = ("train", "val", "test", "judges")
"""Parts of the people; nobody is in two of them."""

SKINS: tuple[Colour, ...] = (
    (250, 221, 199),
    (240, 200, 170),
    (226, 178, 140),
    (205, 152, 112),
    (172, 118, 82),
    (142, 94, 66),
    (118, 79, 58),
    (98, 65, 50),
)
"""From light to dark."""

HAIRS: dict[str, Colour] = {
    "black": (34, 28, 28),
    "dark brown": (64, 42, 30),
    "brown": (104, 68, 42),
    "red": (152, 74, 36),
    "blond": (206, 166, 96),
    "grey": (168, 166, 164),
}
IRISES: tuple[Colour, ...] = (
    (84, 54, 34),
    (60, 40, 30),
    (70, 110, 150),
    (84, 120, 84),
    (120, 130, 136),
    (130, 92, 48),
)
HAIR_STYLES = ("crop", "parted", "fringe", "long", "curls", "bun", "bald", "receding")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GLASSES = ("none", "round", "square")
BACKDROPS = ("plain", "window", "stripes", "spots", "shelves")


@dataclass(frozen=True)
class Proportions:
    """Lengths in widths of the frame, from the middle of the head; y points down.

    Attributes:
        width: half the face's, at the cheekbones.
        crown: height of the skull's top.
        chin: height of the chin.
        square: exponent of the jaw's curve; 2 is an ellipse, more is squarer.
        taper: how much narrower the chin is.
        eye_distance: from the middle to an eye.
        eye_height: of the eyes' middles.
        eye_width: half an eye's.
        eye_opening: from the lid to the eye's middle.
        eye_tilt: height of the outer corners, in eye widths.
        brow_height: above the eyes.
        brow_arch: of the brows' tops over their ends.
        brow_tilt: of the outer ends over the inner ones.
        brow_thickness: at the thickest.
        nose_height: of the nose's base.
        nose_width: half the wings'.
        mouth_height: of the mouth's line.
        mouth_width: half the mouth's.
        upper_lip: thickness.
        lower_lip: thickness.
        bow: depth of the upper lip's bow, in its thicknesses.
    """

    width: float
    crown: float
    chin: float
    square: float
    taper: float
    eye_distance: float
    eye_height: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    brow_height: float
    brow_arch: float
    brow_tilt: float
    brow_thickness: float
    nose_height: float
    nose_width: float
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    bow: float


@dataclass(frozen=True)
class Setting:
    """Where and how a person is pictured.

    Attributes:
        backdrop: one of `BACKDROPS`.
        colours: two of the backdrop.
        shirt: colour.
        collar: whether the shirt has one.
        light: from where the light comes: right is above 0, -1..1.
        height: of the light over the face, 0..1.
        contrast: how dark the shade is, 0..1.
        warmth: of the light: red against blue, about -1..1.
        gain: exposure, about 1.
    """

    backdrop: str
    colours: tuple[Colour, Colour]
    shirt: Colour
    collar: bool
    light: float
    height: float
    contrast: float
    warmth: float
    gain: float


@dataclass(frozen=True)
class Identity:
    """A person.

    Attributes:
        seed: who; details such as curls and freckles are drawn from it.
        proportions: lengths.
        skin: colour.
        tone: its place in `SKINS`, 0 (light) to 7 (dark).
        lips: colour.
        iris: colour.
        hair: colour.
        hair_style: one of `HAIR_STYLES`.
        hair_length: of long hair and hair on top, 0..1.
        brows: colour.
        beard: one of `BEARDS`.
        glasses: one of `GLASSES`.
        frames: colour of the glasses.
        age: lines in the face, 0 (none) to 1 (deep).
        freckles: how many, 0..1.
        mole: where, in widths of the frame; ``None`` for none.
        lashes: 0..1.
        setting: background, clothes and light.
        style: a factor per action unit (`actions.UNITS`).
        gain: how expressive, a factor on all of them.
        smirk_left: on which side of the picture contempt shows.
    """

    seed: int
    proportions: Proportions
    skin: Colour
    tone: int
    lips: Colour
    iris: Colour
    hair: Colour
    hair_style: str
    hair_length: float
    brows: Colour
    beard: str
    glasses: str
    frames: Colour
    age: float
    freckles: float
    mole: tuple[float, float] | None
    lashes: float
    setting: Setting
    style: tuple[float, ...]
    gain: float
    smirk_left: bool

    def groups(self) -> dict[str, str]:
        """Whom a person belongs with, for errors per group."""
        return {
            "skin": ("light", "medium", "dark")[(self.tone >= 3) + (self.tone >= 5)],
            "age": ("young", "middle", "old")[(self.age >= 0.35) + (self.age >= 0.65)],
            "glasses": "no" if self.glasses == "none" else "yes",
            "beard": "no" if self.beard == "none" else "yes",
            "hair": self.hair_style,
        }


def split_seed(split: str, index: int) -> int:
    """The identity's seed of person ``index`` of a split; the splits are residues modulo 4.

    Raises:
        ValueError: for an unknown split or an index below 0.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if index < 0:
        raise ValueError(f"index must be 0 or more, got {index}")
    return 4 * index + SPLITS.index(split)


def identity(seed: int) -> Identity:
    """The person of a seed; each trait is drawn on its own."""
    rng = generator(seed, "portrait")
    tone = int(rng.integers(len(SKINS)))
    skin = _varied(rng, SKINS[tone], 0.05)
    age = float(rng.uniform())
    hair_name = _pick(rng, tuple(HAIRS)[: 6 if age > 0.35 else 5])
    hair = _varied(rng, HAIRS[hair_name], 0.12)
    blood = float(rng.uniform(0.0, 1.0))
    return Identity(
        seed=seed,
        proportions=_proportions(rng),
        skin=skin,
        tone=tone,
        lips=_mixed(skin, (176, 52, 62), 0.34 + 0.28 * blood),
        iris=_varied(rng, _pick(rng, IRISES), 0.15),
        hair=hair,
        hair_style=_pick(rng, HAIR_STYLES),
        hair_length=float(rng.uniform()),
        brows=_brows(hair, skin, float(rng.uniform(0.3, 0.8))),
        beard=_pick(rng, BEARDS) if rng.uniform() < 0.32 else "none",
        glasses=_pick(rng, GLASSES[1:]) if rng.uniform() < 0.2 else "none",
        frames=_varied(rng, _pick(rng, ((28, 28, 30), (96, 60, 36), (120, 124, 132))), 0.2),
        age=age,
        freckles=float(rng.uniform()) if rng.uniform() < 0.2 else 0.0,
        mole=_mole(rng) if rng.uniform() < 0.25 else None,
        lashes=float(rng.uniform()),
        setting=_setting(rng),
        style=tuple(float(s) for s in np.clip(rng.normal(1.0, 0.09, len(UNITS)), 0.75, 1.25)),
        gain=float(rng.uniform(0.86, 1.1)),
        smirk_left=bool(rng.uniform() < 0.5),
    )


def _proportions(rng: np.random.Generator) -> Proportions:
    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Proportions(
        width=between(0.262, 0.306),
        crown=between(-0.43, -0.39),
        chin=between(0.325, 0.37),
        square=between(2.0, 2.7),
        taper=between(0.06, 0.26),
        eye_distance=between(0.112, 0.130),
        eye_height=between(-0.075, -0.045),
        eye_width=between(0.056, 0.068),
        eye_opening=between(0.023, 0.031),
        eye_tilt=between(-0.12, 0.16),
        brow_height=between(0.072, 0.090),
        brow_arch=between(0.008, 0.02),
        brow_tilt=between(-0.008, 0.01),
        brow_thickness=between(0.014, 0.026),
        nose_height=between(0.085, 0.112),
        nose_width=between(0.040, 0.056),
        mouth_height=between(0.195, 0.218),
        mouth_width=between(0.086, 0.106),
        upper_lip=between(0.015, 0.026),
        lower_lip=between(0.020, 0.032),
        bow=between(0.1, 0.35),
    )


def _setting(rng: np.random.Generator) -> Setting:
    grey = tuple([int(rng.integers(60, 210))] * 3)
    first = _mixed(tuple(int(c) for c in rng.integers(50, 226, 3)), grey, 0.45)  # type: ignore[arg-type]
    second = _mixed(tuple(int(c) for c in rng.integers(40, 236, 3)), grey, 0.35)  # type: ignore[arg-type]
    shirt = tuple(int(c) for c in rng.integers(30, 226, 3))
    return Setting(
        backdrop=_pick(rng, BACKDROPS),
        colours=(first, second),
        shirt=shirt,  # type: ignore[arg-type]
        collar=bool(rng.uniform() < 0.5),
        light=float(rng.uniform(-1.0, 1.0)),
        height=float(rng.uniform(0.2, 1.0)),
        contrast=float(rng.uniform(0.3, 0.85)),
        warmth=float(rng.uniform(-1.0, 1.0)),
        gain=float(rng.uniform(0.92, 1.1)),
    )


def _mole(rng: np.random.Generator) -> tuple[float, float]:
    side = float(rng.choice((-1, 1)))
    return side * float(rng.uniform(0.09, 0.19)), float(rng.uniform(0.06, 0.2))


def _brows(hair: Colour, skin: Colour, share: float) -> Colour:
    """Darker than the hair, and than the skin."""
    mixed = _mixed(hair, (40, 28, 24), share)
    return tuple(min(a, int(0.5 * b)) for a, b in zip(mixed, skin, strict=True))  # type: ignore[return-value]


def _pick(rng: np.random.Generator, things: tuple[Thing, ...]) -> Thing:
    return things[int(rng.integers(len(things)))]


def _varied(rng: np.random.Generator, colour: Colour, share: float) -> Colour:
    """The colour, a little lighter or darker and a little off in hue."""
    bright = float(rng.uniform(1 - share, 1 + share))
    off = rng.uniform(-4, 4, 3)
    return tuple(int(np.clip(c * bright + o, 0, 255)) for c, o in zip(colour, off, strict=True))  # type: ignore[return-value]


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second colour in the first."""
    return tuple(int(a + (b - a) * share) for a, b in zip(first, second, strict=True))  # type: ignore[return-value]
