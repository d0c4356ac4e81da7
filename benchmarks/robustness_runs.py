"""Which networks the benchmark of robustness trains, and what attacks on them may cost.

All networks of a set of pictures have one shape and one number of passes over it: adversarial
training, whose steps take two passes each, has half the steps. ``vanilla`` is quantisation alone;
``raw penalty`` is the paper's (arXiv:1904.08444), with batch normalisation; ``non-expansive`` has
none, starts orthogonal, is held there by the penalty, and has its activations bounded by 1 and its
logits multiplied by 16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sensorium.recipe import Recipe
from sensorium.robustness.datasets.digits import Digits
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.recipes import Defence, digits

Kind = Literal["vanilla", "raw penalty", "non-expansive"]
KINDS: dict[Kind, Defence] = {"vanilla": "vanilla", "raw penalty": "penalty", "non-expansive": "dq"}
BITS = (0, 8, 6, 5, 4, 3, 2)
"""Of the activations; 0 for floats."""
FEW = (0, 4, 2)
SOURCE_SEED = 1000
"""Of the undefended network that black-box examples are made on; no other network has it."""
BUNDLED = ("dq-full", "dq-vanilla", "dq")


@dataclass(frozen=True)
class Budget:
    """What attacks on one network may cost.

    Attributes:
        eps: radii of the Linf balls, in units of pixel values (0..1), ascending.
        main: the one that is looked at closely.
        pictures: first of the test split.
        steps: of each gradient attack.
        restarts: of the attack on the margin.
        queries: of random search.
        naive: steps of plain PGD.
        small: radii for the study of one quantiser.
    """

    eps: tuple[float, ...]
    main: float
    pictures: int = 300
    steps: int = 50
    restarts: int = 3
    queries: int = 500
    naive: int = 20
    small: tuple[float, ...] = ()

    @property
    def key(self) -> str:
        """That figures made with it are kept under."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:10]


@dataclass(frozen=True)
class World:
    """A set of pictures.

    Attributes:
        data: its pictures.
        source: the undefended network, trained apart, of black-box attacks: a recipe, or the name
            of bundled weights (attacks on those themselves are no black box and left out).
        budget: of attacks.
    """

    data: Digits | ObjectsData
    source: Callable[[], Recipe] | str
    budget: Budget


WORLDS: dict[str, World] = {
    "digits": World(
        Digits(),
        lambda: digits(0, "vanilla", seed=SOURCE_SEED),
        Budget(
            eps=(0.025, 0.05, 0.1, 0.15, 0.2),
            main=0.1,
            small=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
        ),
    ),
    "objects": World(
        ObjectsData(),
        BUNDLED[0],
        Budget(
            eps=tuple(n / 255 for n in (1, 2, 4, 8)),
            main=2 / 255,
            steps=20,
            restarts=1,
            queries=50,
            small=tuple(n / 255 for n in (1, 2, 3, 4, 6, 8)),
        ),
    ),
}


@dataclass(frozen=True)
class Run:
    """A network.

    Attributes:
        section: of the benchmark.
        recipe: how it is trained with a seed; ``None``: it is bundled.
        bits: of its activations.
        world: its pictures.
        squeezed: whether it is measured behind feature squeezing as well.
        closely: whether each attack is tried by itself (with the first seed).
        weights: its name, if it is bundled.
    """

    section: str
    recipe: Callable[[int], Recipe] | None
    bits: int
    world: str = "digits"
    squeezed: bool = False
    closely: bool = False
    weights: str = ""


def granted(run: Run) -> Budget:
    """The budget of a run: all radii, but the main one for changed parts.

    Attacks at one radius are the same wherever they are made.
    """
    budget = WORLDS[run.world].budget
    return replace(budget, eps=(budget.main,)) if run.section == "parts" else budget


def title(kind: Kind, bits: int, more: str = "") -> str:
    """Of a row."""
    precision = f"{bits} bits" if bits else "full precision"
    return f"{kind}, {precision}" + (f", {more}" if more else "")


def trained(kind: Kind, bits: int, **config: Any) -> Callable[[int], Recipe]:
    """A recipe on digits, with fields of its system's config changed."""

    def recipe(seed: int) -> Recipe:
        made = digits(bits, KINDS[kind], seed=seed)
        return replace(made, system=replace(made.system, **config))

    return recipe


def hardened(kind: Kind, bits: int) -> Callable[[int], Recipe]:
    """Adversarial training by R+FGSM; a step takes two passes, so that there are half as many."""

    def recipe(seed: int) -> Recipe:
        made = trained(kind, bits, adversarial="rfgsm", delta=0.1)(seed)
        stages = tuple(replace(s, steps=s.steps // 2) for s in made.stages)
        return replace(made, name=f"{made.name}-adversarial", stages=stages)

    return recipe


def _parts() -> dict[str, Run]:
    """One thing changed at a time."""
    found = {}
    for bits in (4, 2):
        found[title("non-expansive", bits, "beta 0")] = trained("non-expansive", bits, beta=0.0)
        folded = trained("raw penalty", bits, penalty="folded")
        found[title("raw penalty", bits, "folded")] = folded
    for beta in (3e-4, 3e-2):
        found[title("raw penalty", 4, f"beta {beta:g}")] = trained("raw penalty", 4, beta=beta)
    found[title("vanilla", 2, "bound 1")] = trained("vanilla", 2, clip=1.0)
    for kind in ("vanilla", "raw penalty"):
        found[title(kind, 4, "bound 1")] = trained(kind, 4, clip=1.0)
    return {
        name: Run("parts", recipe, 2 if "2 bits" in name else 4) for name, recipe in found.items()
    }


RUNS: dict[str, Run] = {
    **{
        title(kind, bits): Run(
            "main",
            trained(kind, bits),
            bits,
            squeezed=kind != "raw penalty" and bits in FEW[1:],
            closely=kind != "raw penalty" and bits in FEW,
        )
        for bits in (0, 4, 2, 3, 5, 8, 6)
        for kind in KINDS
    },
    **{
        title(kind, bits, "adversarial"): Run("adversarial", hardened(kind, bits), bits)
        for bits in FEW
        for kind in KINDS
    },
    **_parts(),
    **{
        name: Run("objects", None, 0 if "full" in name else 4, world="objects", weights=name)
        for name in BUNDLED
    },
}
"""In order of importance."""


def budget_of(recipe: Recipe) -> dict[str, Any]:
    """What a network was trained by."""
    config = recipe.system
    stage = recipe.stages[0]
    return {
        "steps": sum(s.steps for s in recipe.stages),
        "batch": recipe.batch,
        "passes_a_step": 1 if config.adversarial == "none" else 2,
        "optimiser": asdict(stage.optimiser),
        "system": {
            k: v for k, v in asdict(config).items() if k not in ("classes", "in_channels", "size")
        },
    }
