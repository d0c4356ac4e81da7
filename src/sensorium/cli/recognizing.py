"""``sensorium recognize``: actions in files, or in a file or camera as it plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import (
    SPEECH,
    Device,
    Files,
    OptionalName,
    Speaking,
    UsageError,
    need_files,
)

if TYPE_CHECKING:
    from sensorium.actions.results import Actions
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Recognize:
    """Say which actions happen when in each file, with the confidence in each."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium recognize dance.mp4",
        "sensorium recognize *.mp4 --system stnet --json > actions.jsonl",
        "sensorium recognize --live dance.mp4",
        "sensorium recognize --live 0        (the first camera)",
    )

    files: Files = ()
    """Videos, folders of numbered frames; with --live also a camera's number."""

    system: OptionalName = None
    """Weights: a name, system folder, run folder or hf://owner/name. Default: tsm (tsm-online)."""

    live: bool = False
    """Print as it plays, one frame at a time, with a network that looks only into the past."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Recognises file after file."""
        need_files(self.files, "recognize")
        from sensorium.actions.systems import ActionSystem
        from sensorium.cli.devices import load_system

        name = self.system or ("tsm-online" if self.live else "tsm")
        system = load_system(name, self.device)
        if not isinstance(system, ActionSystem):
            raise UsageError(
                f"{name} is a {system.name}, expected a system that names actions; "
                "sensorium models lists them"
            )
        if self.live:
            from sensorium.cli.live import play

            return console.each(self.files, lambda file: play(system, file, console))
        from sensorium import media

        def recognize(file: str) -> None:
            with console.working(f"recognising {file}"):
                clip = media.read(file)
                result = system.predict(clip)
            damage = media.problems(clip)
            console.record({**result.to_dict(), "damage": list(damage)})
            for problem in damage:
                console.note(f"note: {file}: {problem}")
            show_actions(result, console)

        return console.each(self.files, recognize)


def show_actions(result: Actions, console: Console) -> None:
    """A table, and a notice when it is not to be trusted."""
    from sensorium.cli.tables import actions_table

    if console.json:
        return
    answer = result.to_dict()
    console.show(f"{result.file}  ({result.system})")
    if answer["actions"]:
        console.show(actions_table(answer["actions"]))
    else:
        console.show("no action found")
    if result.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: this is unlike anything {result.system} was trained on "
            f"(unfamiliarity {result.unfamiliarity:.2f} of 1)."
        )
    console.show("")
