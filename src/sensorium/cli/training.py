"""``sensorium train``: a recipe, its fields overridden by options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from sensorium.cli.options import SPEECH, Device, Folder, Speaking, UsageError
from sensorium.cli.usage import help_of, read_arguments

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class TrainOptions:
    """The options of ``train`` that are not fields of the recipe."""

    folder: Folder | None = None
    """The run folder: log, checkpoints and the trained system. Default: runs/RECIPE."""

    resume: bool = False
    """Go on from the run folder's last checkpoint; the numbers are those of an unbroken run."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH


@dataclass(frozen=True)
class Train(TrainOptions):
    """Train a system by a recipe; each of the recipe's fields is an option."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium train                                      (lists the recipes)",
        "sensorium train tsm --help                           (lists the recipe's fields)",
        "sensorium train tsm-tiny --folder runs/first",
        "sensorium train tsm --data.kind folder --data.root my/videos --batch 16",
        "sensorium train tsm --stages.0.steps 200 --stages.0.optimiser.lr 0.005",
    )

    recipe: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")] = None
    """The recipe's name; options that change its fields come after it."""

    list: bool = False
    """List the recipes."""

    changed: Annotated[Any, tyro.conf.Suppress] = None

    def run(self, console: Console) -> int:
        """Lists the recipes, or trains."""
        if self.recipe is None or self.list:
            return _list_recipes(console)
        recipe = self.changed or find_recipe(self.recipe)
        return 0


@dataclass(frozen=True)
class _Run:
    """A recipe's fields and the command's own options, side by side."""

    options: Annotated[TrainOptions, tyro.conf.arg(name="")]
    recipe: Annotated[Recipe, tyro.conf.arg(name="")]


def read_train(arguments: list[str]) -> Train:
    """The ``train`` command; after a recipe's name each of its fields is an option.

    Raises:
        UsageError: when there is no such recipe, or an option does not fit.
    """
    if not arguments or arguments[0].startswith("-"):
        return read_arguments(Train, "sensorium train", arguments, description=help_of(Train))
    name = arguments[0]
    recipe = find_recipe(name)
    run = read_arguments(
        _Run,
        f"sensorium train {name}",
        arguments[1:],
        description=f"{recipe.description}\n\nEach field of the recipe is an option.",
        default=_Run(TrainOptions(), recipe),
    )
    return Train(**vars(run.options), recipe=name, changed=run.recipe)


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: when there is none.
    """
    from sensorium import training

    try:
        return training.recipe(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _list_recipes(console: Console) -> int:
    """Names and descriptions."""
    return 0
