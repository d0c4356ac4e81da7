"""`SubtitledStories`: a folder of films with subtitle files, whose lines are the sentences.

``film.mp4`` goes with ``film.srt`` or ``film.vtt``, or with ``film.en.srt``, anywhere below the
folder. Subtitles say when a line is shown, which weak training is not told: it knows of a line no
more than the passage of the film that it belongs to. A film is cut into passages of ``seconds``,
and a line belongs to the passage that its middle is in. To validate and to test, the times of the
lines stand for the truth, which is true of descriptions and only nearly so of speech.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sensorium.events.datasets.films import FilmVectors
from sensorium.events.datasets.passages import (
    Form,
    Passage,
    PassageExamples,
    in_draw,
    most_told,
)
from sensorium.events.features import StageFeaturesConfig
from sensorium.events.subtitle_reading import SUFFIXES, read_subtitles
from sensorium.events.vocabulary import Words
from sensorium.media import read
from sensorium.recipe import Split
from sensorium.types import Clip, Span

_FILMS = ".3gp .avi .m4v .mkv .mov .mp4 .mpeg .mpg .ts .webm .wmv"
FILMS = frozenset(_FILMS.split())
"""Suffixes of what is taken for a film."""

_REST = 1.0  # seconds at a film's end that make no passage of their own
_CALIBRATED = 48  # films
_SHARE = 0.1  # of the films to validate on, and as many others to test on


@dataclass(frozen=True)
class SubtitledStories:
    """Films as features and sentences.

    Attributes:
        folder: of the films and their subtitles.
        kind: ``weak``: training examples have no spans; ``full``: they have.
        seconds: length of a passage; 0: whole films.
        steps: vectors of an example of a whole film, which is resampled to as many.
        rows: sentences of a training example; of more, some are drawn each time.
        longest: numbers of a sentence, both ends counted.
        features: what is taken from the films.
        cache: folder for features; ``None``: they are made again in every run.
    """

    folder: Path = Path("films")
    kind: Literal["weak", "full"] = "weak"
    seconds: float = 30.0
    steps: int = 512
    rows: int = 24
    longest: int = 22
    features: StageFeaturesConfig = field(default_factory=StageFeaturesConfig)
    cache: Path | None = Path("runs/events/films")

    def __post_init__(self) -> None:
        for name, least in (("seconds", 0), ("steps", 1), ("rows", 1), ("longest", 3)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"data: {name} must be at least {least}, got {getattr(self, name)!r}"
                )
        if self.kind not in ("weak", "full"):
            raise ValueError(f"data: kind must be weak or full, got {self.kind!r}")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        part = f"passages of {self.seconds:g} s" if self.seconds else "whole films"
        return f"the subtitles of {Path(self.folder).name}, {part}"

    def open(self, split: Split) -> PassageExamples:
        """The examples of one split; films are split, not passages.

        Raises:
            ValueError: when the folder has less than three films with subtitles, a subtitle file is
                malformed, or a split has no line.
        """
        passages = [
            passage
            for film in self.films(split)
            for passage in passages_of(film, self.seconds)
            if passage.events
        ]
        if not passages:
            raise ValueError(f"{self.folder}: the subtitles of the {split} split have no line")
        trained = split == "train"
        rows = min(self.rows, most_told(passages)) if trained else most_told(passages)
        form = Form(self._steps, rows, self.longest, not trained or self.kind == "full")
        return PassageExamples(passages, self.vectors(), self.words(), form)

    def films(self, split: Split) -> list[tuple[Path, Path]]:
        """Films of one split with their subtitle files."""
        pairs = subtitled(self.folder)
        if len(pairs) < 3:
            raise ValueError(
                f"{self.folder}: {len(pairs)} films have subtitles, expected at least 3, one for "
                "each split"
            )
        names = in_draw([film.relative_to(self.folder).as_posix() for film, _ in pairs])
        few = max(1, round(_SHARE * len(pairs)))
        chosen = {"val": names[:few], "test": names[few : 2 * few], "train": names[2 * few :]}
        wanted = set(chosen[split])
        return [pair for pair in pairs if pair[0].relative_to(self.folder).as_posix() in wanted]

    def clips(self, split: Split) -> Iterator[Clip]:
        """Up to 48 of a split's films, for calibrating on."""
        for film, _ in self.films(split)[:_CALIBRATED]:
            yield read(film)

    def vectors(self) -> FilmVectors:
        """The features."""
        return FilmVectors(self.features, self.cache)

    def words(self) -> Words:
        """The vocabulary of the training films' lines."""
        cues = (cue for _, subtitles in self.films("train") for cue in read_subtitles(subtitles))
        return Words.of(text for _, text in cues)

    @property
    def _steps(self) -> int:
        return max(1, round(self.seconds * self.features.rate)) if self.seconds else self.steps

    def adapt(self, config: Any) -> Any:
        """A `WSDECConfig` with these data's vocabulary, and what its features are like."""
        return replace(
            config,
            words=self.words().words,
            dim=self.vectors().dim,
            rate=self.features.rate,
            seconds=self._steps / self.features.rate,
            features=self.features,
        )


def subtitled(folder: str | Path) -> list[tuple[Path, Path]]:
    """Films below a folder that have subtitles, sorted, each with its subtitle file.

    Raises:
        ValueError: when there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: {what}; give the folder of the films and their subtitles")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines: dict[tuple[Path, str], list[Path]] = {}
    for path in files:
        if path.suffix.lower() in SUFFIXES:
            # film.en.srt belongs to film
            for name in {path.stem, Path(path.stem).stem}:
                lines.setdefault((path.parent, name), []).append(path)
    films = [path for path in files if path.suffix.lower() in FILMS]
    pairs = []
    for film in films:
        found = lines.get((film.parent, film.stem), [])
        if found:
            pairs.append((film, min(found, key=lambda path: (path.stem != film.stem, path))))
    if pairs and len(pairs) < len(films):
        logging.getLogger(__name__).warning(
            "%s: %d of %d films have no subtitles", folder, len(films) - len(pairs), len(films)
        )
    return pairs


def passages_of(pair: tuple[Path, Path], seconds: float) -> list[Passage]:
    """Passages of a film with the lines whose middle is in them.

    Lines without text are left out, and those after the film's end.

    Args:
        pair: the film and its subtitle file.
        seconds: length of a passage; 0: all of the film.

    Raises:
        ValueError: when one of the files cannot be read.
    """
    film, subtitles = pair
    last = _duration(film, film.stat().st_mtime_ns)
    cues = tuple(cue for cue in _cues(subtitles) if cue[1] and cue[0].centre < last)
    if not seconds:
        return [Passage(str(film), None, None, cues)]
    told: dict[int, list[tuple[Span, str]]] = {}
    most = max(0, int((last - _REST) / seconds))
    for span, text in cues:
        number = min(most, int(span.centre / seconds))
        zero = number * seconds
        told.setdefault(number, []).append(
            (Span(*(min(max(0.0, t - zero), seconds) for t in (span.start, span.end))), text)
        )
    return [
        Passage(str(film), Span(n * seconds, (n + 1) * seconds), None, tuple(told[n]))
        for n in sorted(told)
    ]


@lru_cache(maxsize=256)
def _read(subtitles: Path, changed: int) -> tuple[tuple[Span, str], ...]:
    del changed
    return tuple(read_subtitles(subtitles))


@lru_cache(maxsize=1 << 14)
def _duration(film: Path, changed: int) -> float:
    """Seconds of a film."""
    del changed
    return read(str(film)).duration


def _cues(subtitles: Path) -> tuple[tuple[Span, str], ...]:
    """The cues of a file, which is read again only when it has changed."""
    return _read(subtitles, subtitles.stat().st_mtime_ns)
