"""``sensorium train``: a recipe, its fields overridden by options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from sensorium.cli.options import SPEECH, Device, OptionalFolder, Speaking, UsageError
from sensorium.cli.usage import help_of, read_arguments

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.recipe import Recipe


@dataclass(frozen=True)
class TrainOptions:
    """The options of ``train`` that are not fields of the recipe."""

    folder: OptionalFolder = None
    """The run folder: log, checkpoints and the trained system. Default: runs/RECIPE."""

    resume: bool = False
    """Go on from the run folder's last checkpoint; the numbers are those of an unbroken run."""

    tensorboard: bool = False
    """Also write TensorBoard's files into the run folder (needs the tensorboard extra)."""

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
    words: Annotated[tuple[str, ...], tyro.conf.Suppress] = ()

    def run(self, console: Console) -> int:
        """Lists the recipes, or trains."""
        if self.recipe is None or self.list:
            return _list_recipes(console)
        from accelerate import PartialState

        from sensorium.training import train

        recipe = self.changed or find_recipe(self.recipe)
        folder = self.folder or f"runs/{recipe.name}"
        device = None if self.device == "auto" else self.device
        try:
            saved = train(
                recipe,
                folder,
                resume=self.resume,
                device=device,
                tensorboard=self.tensorboard,
            )
        except KeyboardInterrupt:
            words = [self.recipe, *(word for word in self.words if word != "--resume")]
            again = shlex.join(["sensorium", "train", *words, "--resume"])
            raise KeyboardInterrupt(f"go on with: {again}") from None
        if PartialState().is_main_process:
            _show_trained(saved, console)
        return 0


def _show_trained(saved: Path, console: Console) -> None:
    """The figures of the trained system, and where it is."""
    from sensorium.cli.evaluating import show_metrics
    from sensorium.store import read_header

    header = read_header(saved)
    console.record(
        {
            "system": header.system,
            "weights": header.weights,
            "path": str(saved),
            "metrics": header.card.metrics,
        }
    )
    show_metrics(header.weights, header.card.metrics, console)
    console.show(f"\ntrained system: {saved}")
    console.show(f"use it:         {use_of(header.system, saved)}")


USES = {
    "actions": "sensorium recognize FILE --system {}",
    "sounds": "sensorium separate FILE --system {}",
    "questions": "sensorium ask IMAGE QUESTION --system {}",
}
"""By ability: the command that uses a trained system, in its folder."""


def use_of(system: str, folder: Path) -> str:
    """How a trained system is used; from Python where its ability has no command."""
    from sensorium.store import systems

    known = systems().get(system)
    ability = "" if known is None else known.__module__.split(".")[1]
    if ability not in USES:
        return f"sensorium.load({str(folder)!r})"
    return USES[ability].format(shlex.quote(str(folder)))


def read_train(arguments: list[str]) -> Train:
    """The ``train`` command; after a recipe's name each of its fields is an option.

    Raises:
        UsageError: when there is no such recipe, or an option does not fit.
    """
    if not arguments or arguments[0].startswith("-"):
        return read_arguments(Train, "sensorium train", arguments, description=help_of(Train))
    name = arguments[0]
    recipe = find_recipe(name)
    run_type = make_dataclass(
        "Run",
        [
            ("options", Annotated[TrainOptions, tyro.conf.arg(name="")]),
            ("recipe", Annotated[type(recipe), tyro.conf.arg(name="")]),
        ],
    )
    run: Any = read_arguments(
        run_type,
        f"sensorium train {name}",
        arguments[1:],
        description=f"{recipe.description}\n\nEach field of the recipe is an option.",
        default=run_type(TrainOptions(), recipe),
    )
    changed = under_its_own_name(run.recipe, recipe)
    return Train(**vars(run.options), recipe=name, changed=changed, words=tuple(arguments[1:]))


def under_its_own_name(changed: Recipe, recipe: Recipe) -> Recipe:
    """A recipe on the user's own data no longer calls its weights by the published name."""
    root = getattr(changed.data, "root", None)
    if changed.name != recipe.name or root is None or changed.data == recipe.data:
        return changed
    name = f"{recipe.name}-{Path(root).resolve().name}"
    return replace(changed, name=name, description=f"`{recipe.name}`, trained on {changed.data}")


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
    from sensorium import training
    from sensorium.cli.tables import plain_table

    made = [make() for make in training.recipes().values()]
    for recipe in made:
        console.record({"recipe": recipe.name, "description": recipe.description})
    console.show(plain_table(["recipe", "what it trains"], [[r.name, r.description] for r in made]))
    console.show("\nsensorium train RECIPE --help lists a recipe's fields")
    return 0
