"""``sensorium ask``: questions about a picture of blocks, answered step by step."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.options import SPEECH, Device, Name, OptionalFile, Speaking, UsageError

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.questions.results import Answer, Sight
    from sensorium.questions.systems import NSVQASystem

Image = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE", help_behavior_hint="")]
Asked = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="QUESTION…", help_behavior_hint=""),
]

_DRAWN = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Ask:
    """Answer questions about a picture of blocks, and show every step of the reasoning."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        'sensorium ask blocks.png "How many cubes are there?"',
        'sensorium ask blocks.png "What color is the large sphere?" --figure steps.png',
        "sensorium ask blocks.png --questions questions.txt --json > answers.jsonl",
        "sensorium ask blocks.png --scene",
    )

    image: Image = ""
    """A picture, or a video (its first frame, or the one at --at)."""

    question: Asked = ()
    """One or more, each in quotes."""

    questions: OptionalFile = None
    """Further questions, one per line; - reads them from stdin."""

    system: Name = "nsvqa"
    """Weights: a name, system folder, run folder or hf://owner/name."""

    at: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.0
    """Moment of a video."""

    figure: OptionalFile = None
    """Draw what each step selected; of several questions each gets a file of its own."""

    scene: bool = False
    """Also print everything that is seen; needs no question."""

    steps: bool = True
    """--no-steps leaves out the steps below each answer."""

    strict: bool = False
    """Refuse to choose where a question is about the only thing of a kind and there are several."""

    guess: bool = False
    """Go on when a question has words that the parser has never met."""

    beam: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Programs that the parser follows at a time; 1 takes the likeliest word at each step."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Looks once, answers question after question."""
        asked = self._questions()
        from sensorium.cli.devices import load_system
        from sensorium.questions.pictures import read_picture
        from sensorium.questions.systems import NSVQASystem

        system = load_system(self.system, self.device)
        if not isinstance(system, NSVQASystem):
            raise UsageError(
                f"{self.system} is a {system.name}, expected a system that answers questions; "
                "sensorium models lists them"
            )
        try:
            with console.working(f"looking at {self.image}"):
                sight = system.look(read_picture(self.image, self.at), self.image)
        except Exception as error:
            console.error(error, self.image)
            return 1
        if not console.json:
            _introduce(sight, console, self.scene)
        elif not asked:
            console.record(sight.to_dict())
        return self._answer_all(system, sight, asked, console)

    def _questions(self) -> list[str]:
        """All that is asked.

        Raises:
            UsageError: when no picture is given or nothing is asked.
            ValueError: when the file of questions is not one question per line.
        """
        if not self.image:
            raise UsageError("ask: got no picture, expected sensorium ask IMAGE QUESTION…")
        if self.beam < 1:
            raise UsageError(f"--beam must be 1 or more, got {self.beam}")
        if self.figure is not None and Path(self.figure).suffix.lower() not in _DRAWN:
            raise UsageError(
                f"--figure: got {self.figure}, expected a name that ends in .png, .pdf or .svg"
            )
        asked = [*self.question, *([] if self.questions is None else _lines(self.questions))]
        if not asked and not self.scene:
            raise UsageError(
                "ask: got no question, expected at least one in quotes after the picture "
                "(or --questions FILE, or --scene)"
            )
        return asked

    def _answer_all(
        self, system: NSVQASystem, sight: Sight, asked: Sequence[str], console: Console
    ) -> int:
        """Answers, prints and draws; returns the exit code."""
        answers = system.ask(sight, asked, guess=self.guess, strict=self.strict, beam=self.beam)
        failures = 0
        for number, answer in enumerate(answers, 1):
            failures += bool(answer.error)
            record = answer.to_dict()
            console.record({**record, "objects": sight.objects()} if self.scene else record)
            _show(answer, console, steps=self.steps)
            if self.figure is not None:
                _draw(answer, _numbered(Path(self.figure), number, len(answers)))
        if failures and len(answers) > 1:
            console.note(f"{failures} of {len(answers)} questions have no answer")
        return 1 if failures else 0


def _lines(name: str) -> list[str]:
    """Questions from a file or from stdin, one per line.

    Raises:
        ValueError: when it is no text, or CLEVR's JSON.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: not a text file; expected one question per line") from None
    if text.lstrip().startswith(("{", "[")):
        raise ValueError(
            f"{name}: got JSON, expected one question per line; to measure on CLEVR's files see "
            "sensorium evaluate nsvqa --help"
        )
    return [line.strip() for line in text.splitlines() if line.strip()]


def _introduce(sight: Sight, console: Console, scene: bool) -> None:
    """Whose eyes, what they see, and whether to trust them."""
    from sensorium.cli.tables import plain_table

    console.show(f"{sight.file}  ({sight.system})")
    if sight.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: this picture is unlike those that {sight.system} was trained on "
            f"(unfamiliarity {sight.unfamiliarity:.2f} of 1)."
        )
    if scene and sight.scene.items:
        columns = ["object", "size", "color", "material", "shape", "right", "front", "score"]
        rows = []
        for o in sight.objects():
            right, front, _ = o["position"]
            words = [o["size"], o["color"], o["material"], o["shape"]]
            rows.append(
                [str(o["number"]), *words, f"{right:.2f}", f"{front:.2f}", f"{o['score']:.2f}"]
            )
        console.show(plain_table(columns, rows, "0567"))
    elif scene:
        console.show("sees no objects in the picture")
    console.show("")


def _show(answer: Answer, console: Console, *, steps: bool) -> None:
    """The answer with its steps, for people; what went wrong on stderr."""
    from sensorium.cli.tables import plain_table
    from sensorium.questions.steps import plain_steps, unsettled

    console.show(answer.question)
    sure = f"{answer.answer}   (confidence {answer.confidence:.2f})"
    console.show(f"→ {'no answer' if answer.answer is None else sure}")
    if steps and answer.trace:
        rows = [
            [str(s["step"]), _function(s), ", ".join(map(str, s["inputs"])), s["text"]]
            for s in plain_steps(answer.trace, answer.scene.items)
        ]
        console.show(plain_table(["step", "function", "of", "gave"], rows, "0"))
    if answer.error:
        console.note(f"error: {answer.file}: {_short(answer.question)}: {answer.error}")
    else:
        for number, count in unsettled(answer.trace):
            console.note(
                f"note: {answer.file}: {_short(answer.question)}: step {number} (unique): "
                f"{count} things fit, the surest is taken; --strict refuses"
            )
    console.show("")


def _function(step: dict[str, str | None]) -> str:
    """``filter_color[red]``."""
    return f"{step['function']}[{step['value']}]" if step["value"] else f"{step['function']}"


def _short(question: str) -> str:
    """The question in quotes, cut where it is long."""
    return repr(question if len(question) <= 60 else f"{question[:57]}…")


def _numbered(path: Path, number: int, count: int) -> Path:
    """``steps-2.png`` where there are several."""
    return path if count == 1 else path.with_stem(f"{path.stem}-{number}")


def _draw(answer: Answer, path: Path) -> None:
    """The figure of an answer as a file."""
    figure = answer.figure()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
