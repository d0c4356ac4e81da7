"""``sensorium describe``: what happens in a video and when, as sentences; and sentences found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.folders import free_folder
from sensorium.cli.options import (
    SPEECH,
    Device,
    Files,
    Name,
    OptionalFolder,
    Speaking,
    UsageError,
    need_files,
)

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.events.describing import Found
    from sensorium.events.results import Story
    from sensorium.events.systems import WSDECSystem

Sentences = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar="SENTENCE", help_behavior_hint="(repeatable)"),
]


@dataclass(frozen=True)
class Describe:
    """Tell the story of videos: a sentence for every event, and from when to when it lasts."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium describe concert.mp4",
        "sensorium describe *.mp4 --out stories --chapters",
        'sensorium describe concert.mp4 --find "the drummer rolls" --find "the violinist bows"',
    )

    files: Files = ()
    """Videos, or folders of numbered frames."""

    find: Sentences = ()
    """Say where a sentence is shown, instead of the story; in the words of the weights."""

    out: OptionalFolder = None
    """Write story.json, story.srt, story.vtt, chapters.txt and story.png: a folder per file."""

    chapters: bool = False
    """With --out: also write a copy of the video whose chapters are the sentences."""

    system: Name = "wsdec"
    """Weights: a name, system folder, run folder or hf://owner/name."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Describes file after file."""
        need_files(self.files, "describe")
        if self.chapters and self.out is None:
            raise UsageError("--chapters: say with --out DIR where the copy goes")
        from sensorium import media
        from sensorium.cli.devices import load_system
        from sensorium.events.describing import describe
        from sensorium.events.systems import WSDECSystem

        system = load_system(self.system, self.device)
        if not isinstance(system, WSDECSystem):
            raise UsageError(
                f"{self.system} is a {system.name}, expected a system that describes events; "
                "sensorium models lists them"
            )
        _check_words(system, self.find, console)
        taken: set[Path] = set()

        def work(file: str) -> None:
            with console.working(f"describing {file}") as bar:
                clip = media.read(file)
                story, found = describe(
                    system, clip, self.find, lambda share: bar.update(round(100 * share), 100)
                )
                written = self._save(story, file, taken)
            damage = media.problems(clip)
            asked = {"found": [f.to_dict() for f in found]} if self.find else {}
            paths = {"paths": [str(path) for path in written]} if written else {}
            console.record({**story.to_dict(), **asked, **paths, "damage": list(damage)})
            for problem in damage:
                console.note(f"note: {file}: {problem}")
            if clip.audio is None and _listens(system):
                console.note(f"note: {file}: has no sound, so the story is of what is seen only")
            show_story(story, found, console)
            for path in written:
                console.show(f"wrote {path}")
            console.show("")

        return console.each(self.files, work)

    def _save(self, story: Story, file: str, taken: set[Path]) -> list[Path]:
        """The story's files, and the copy with chapters if asked for."""
        if self.out is None:
            return []
        folder = free_folder(Path(self.out) / Path(file).stem, taken)
        written = story.save(folder)
        if self.chapters:
            from sensorium.events.chaptered_video import SUFFIXES, write_with_chapters

            suffix = Path(file).suffix.lower()
            name = f"{Path(file).stem}-chapters{suffix if suffix in SUFFIXES else '.mkv'}"
            written.append(write_with_chapters(file, folder / name, story.cues))
        return written


def _listens(system: WSDECSystem) -> bool:
    """Whether sound is looked for in a file."""
    return system.source is not None and system.source.heard is not None


def _check_words(system: WSDECSystem, sentences: Sequence[str], console: Console) -> None:
    """Say which words of the sentences nobody taught the weights.

    Raises:
        UsageError: when none of a sentence's words is known.
    """
    from difflib import get_close_matches

    from sensorium.events.vocabulary import tokenise

    known = [word for word in system.words.words if not word.startswith("<")]
    for sentence in sentences:
        unknown = system.words.unknown(sentence)
        if all(word in unknown for word in tokenise(sentence)):
            raise UsageError(
                f"--find: {system.weights} knows none of the words of {sentence!r}; "
                f"ask in words such as {', '.join(sorted(known[:24]))}"
            )
        for word in unknown:
            near = get_close_matches(word, known, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            console.note(
                f"note: --find {sentence!r}: {system.weights} never met the word {word!r}{hint}; "
                "the others are looked for"
            )


def show_story(story: Story, found: Sequence[Found], console: Console) -> None:
    """A table of the sentences, told or found, and a notice when it is not to be trusted."""
    from sensorium.cli.tables import bar, clock, plain_table

    if console.json:
        return
    told = [(f.span.start, f.span.end, f.sentence, f.score) for f in found]
    told = told or [(e.start, e.end, e.sentence, e.score) for e in story.events]
    console.show(f"{story.file}  ({story.system})")
    if told:
        rows = [[clock(a), clock(b), text, f"{bar(s)} {s:.2f}"] for a, b, text, s in told]
        console.show(plain_table(["start", "end", "sentence", "score"], rows, right="01"))
    else:
        console.show("the story is empty: nothing was found to tell")
    if story.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: this is unlike anything {story.system} was trained on "
            f"(unfamiliarity {story.unfamiliarity:.2f} of 1)."
        )
