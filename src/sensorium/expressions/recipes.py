"""Recipes of expression translation.

``expressions`` makes the bundled weights: 64 pixels, all seven expressions of the portrait world,
a network small enough for a CPU. ``expressions-paper`` has the paper's sizes and settings where it
gives any; what it leaves open is marked below. Each ablation and baseline is a recipe of its own
that differs from ``expressions`` in what its name says and nothing else. Reconstruction goes first
in all, then the adversarial pair: the paper begins with everything at once. ``expressions`` does
both again with people who hold still: where heads move, discriminators that see the input learn
that real pictures differ from it everywhere, and a generator that cannot know the motion answers
with a stripe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensorium.expressions.datasets.portraits import Portraits
from sensorium.expressions.datasets.recorded import RecordedExpressions
from sensorium.expressions.systems import ExpressionsConfig
from sensorium.recipe import Optimiser, Recipe, Schedule, Stage

ADAM = Optimiser("adam", lr=1e-3, momentum=0.5, weight_decay=0.0, clip_norm=0.0)
"""The paper's, but for the rate: 2e-4 is too slow for small networks and few steps."""

FAST = replace(ADAM, lr=4e-3, momentum=0.9)
"""For reconstruction alone, where nothing is played against anything."""

SMALL = ExpressionsConfig(
    channels=(32, 48, 48, 40, 24, 16),
    input_skip=True,
    reconstruction_weight=40.0,
    face_weight=3.0,
    mouth_weight=8.0,
    squared_weight=4.0,
    adversarial_weight=2.0,
    local_weight=2.0,
    d_rate=1.0,
)
"""What learns within minutes on a CPU: the decoder paints changes, and looks where they are."""

CONSTANT = Schedule("constant")

PAPER = ("happy", "angry", "surprised")
"""The paper's expressions."""


def stages_of(
    warm: tuple[int, ...], steps: int, first: Optimiser = ADAM, second: Optimiser = ADAM
) -> tuple[Stage, ...]:
    """Reconstruction, then everything; the rate goes to zero in each stage.

    Args:
        warm: steps without discriminators; each turn begins at half the rate of the one before.
        steps: steps with them.
        first: optimiser of the former.
        second: of the latter.
    """
    turns = tuple(
        reconstruction(f"reconstruction {turn}", count, first, 0.5 ** (turn - 1))
        for turn, count in enumerate(warm, 1)
    )
    return (*turns, adversarial("adversarial", steps, second))


def reconstruction(name: str, steps: int, optimiser: Optimiser, factor: float = 1.0) -> Stage:
    """The discriminators rest; ``factor`` is of the optimiser's rate."""
    return Stage(
        name,
        steps,
        replace(optimiser, lr=optimiser.lr * factor),
        Schedule("cosine", warmup=0.02),
        freeze=("critics",),
        anneal=(("adversarial", 0.0, 0.0),),
    )


def adversarial(name: str, steps: int, optimiser: Optimiser) -> Stage:
    """Everything."""
    anneal = (("adversarial", 1.0, 1.0),)
    return Stage(name, steps, optimiser, Schedule("cosine"), anneal=anneal)


FILMED = stages_of((5000, 2000), 1000, FAST)
"""On sittings as filmed: heads drift a little, eyes blink."""

STILL = (
    reconstruction("held still", 4000, FAST, 0.5),
    adversarial("adversarial, held still", 1000, replace(ADAM, lr=5e-4)),
)
"""On sittings where nothing moves but the expression, half of them seen whole."""


def expressions() -> Recipe:
    """The default; makes the bundled weights ``expressions``."""
    return Recipe(
        name="expressions",
        description="Seven facial expressions on drawn portraits, 64 pixels",
        data=Portraits(labels="true", whole=0.5, still=True),
        system=SMALL,
        stages=(*(replace(stage, data=Portraits()) for stage in FILMED), *STILL),
        batch=16,
        workers=0,
        validate_every=0,
        save_every=500,
    )


def expressions_paper() -> Recipe:
    """The paper's networks, picture size, augmentation, optimiser and expressions.

    Not in the paper, and taken from pix2pix and the successor AffineGAN: widths, dropout, the
    weight of the reconstruction, a falling rate's absence. Batch and the other weights are ours. As
    many steps as 2,100 epochs over some 560 clips are at this batch.
    """
    optimiser = replace(ADAM, lr=2e-4)
    return Recipe(
        name="expressions-paper",
        description="Three facial expressions at 256 pixels with the paper's sizes",
        data=Portraits(length=558, held_out=30, tested=120, expressions=PAPER, size=256, frames=21),
        system=ExpressionsConfig(
            expressions=PAPER,
            size=256,
            channels=(64, 128, 256, 512, 512, 512, 512, 512),
            dropout=0.5,
            d_width=64,
            d_conditional=False,
            local_crop=0,
            d_rate=1.0,
        ),
        stages=(
            replace(stages_of((), 2100 * 558 // 8)[0], optimiser=optimiser, schedule=CONSTANT),
        ),
        batch=8,
        workers=4,
        validate_every=0,
        save_every=5000,
    )


def expressions_recordings() -> Recipe:
    """``expressions`` on clips of real people; say which with ``--data.kind`` and ``--data.root``.

    The paper's expressions; for its sizes take those of ``expressions-paper``. People move while
    they are recorded, so the discriminators do not see the input.
    """
    return replace(
        expressions(),
        name="expressions-recordings",
        description="Facial expressions of recorded people (CK+, Oulu-CASIA, MUG, MMI, your own)",
        data=RecordedExpressions(cache=Path("runs/expressions")),
        system=replace(SMALL, expressions=PAPER, d_conditional=False),
        stages=FILMED,
    )


def expressions_tiny() -> Recipe:
    """``expressions`` in a minute."""
    names = ("happy", "surprised")
    small = replace(SMALL, expressions=names, size=32, channels=(8, 16, 16, 16), d_width=8)
    return replace(
        expressions(),
        name="expressions-tiny",
        description="Two facial expressions at 32 pixels in a minute, to try things",
        data=Portraits(64, 32, 16, names, size=32, frames=6),
        system=replace(small, local_crop=16),
        stages=stages_of((60,), 60),
        batch=8,
    )


def _changed(name: str, said: str, **fields: Any) -> Recipe:
    """``expressions`` with other fields of the system."""
    recipe = expressions()
    return replace(
        recipe,
        name=f"expressions-{name}",
        description=f"{recipe.description}, {said}",
        system=replace(recipe.system, **fields),
    )


def without_local() -> Recipe:
    """No discriminator for the mouth."""
    return _changed("without-local", "without the mouth's discriminator", local_discriminator=False)


def without_landmarks() -> Recipe:
    """No landmark head."""
    return _changed("without-landmarks", "without landmarks", landmark_weight=0.0)


def without_continuity() -> Recipe:
    """No term for neighbouring degrees."""
    return _changed("without-continuity", "without continuity", continuity_weight=0.0)


def without_critics() -> Recipe:
    """Discriminators without a say."""
    return _changed(
        "without-critics", "without discriminators", adversarial_weight=0.0, local_weight=0.0
    )


def pixel_residual() -> Recipe:
    """Degrees times a residual picture, which the authors tried first."""
    return _changed("pixel-residual", "residuals in pixels", residual_in="pixels")


def separate() -> Recipe:
    """A model for each expression; each has a seventh of the examples of a step."""
    return _changed("separate", "one model for each", share=False)


def frame_by_frame() -> Recipe:
    """Image translation as in pix2pix, told the degree, without the paper's other terms."""
    return _changed(
        "frame-by-frame",
        "translated frame by frame",
        residual_in="input",
        local_discriminator=False,
        landmark_weight=0.0,
        continuity_weight=0.0,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "expressions": expressions,
    "expressions-paper": expressions_paper,
    "expressions-recordings": expressions_recordings,
    "expressions-tiny": expressions_tiny,
    "expressions-without-local": without_local,
    "expressions-without-landmarks": without_landmarks,
    "expressions-without-continuity": without_continuity,
    "expressions-without-critics": without_critics,
    "expressions-pixel-residual": pixel_residual,
    "expressions-separate": separate,
    "expressions-frame-by-frame": frame_by_frame,
}
"""``expressions-conv-lstm`` is in `baselines`, since it is another system."""
