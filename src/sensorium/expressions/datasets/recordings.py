"""`Recording`: one row of the manifest, a person who goes from a neutral face to an expression.

Every reader of a published set answers a list of these; whose pictures train and whose test is then
decided by subject, so that nobody is in two splits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from sensorium import media
from sensorium.media.stored_pictures import SUFFIXES, read_stored
from sensorium.seeds import derive

SEED = 0
HELD_OUT = 0.1
"""Share of the subjects in validation, and in the test."""

NAMES = {
    "anger": "angry",
    "contempt": "contemptuous",
    "disgust": "disgusted",
    "fear": "afraid",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
"""What the sets call the expressions, and what they are called here."""

_AT_ONCE = 16  # frames
_MIDDLES = {"train": 0.6, "val": 0.05, "test": 0.15}


@dataclass(frozen=True)
class Recording:
    """One clip.

    Attributes:
        dataset: whose it is.
        clip: its name, unique in the data set.
        subject: who is seen.
        expression: which one is shown (see `NAMES`).
        frames: pictures in order, or a single film.
        neutral: number of the last neutral frame, from 0.
        apex: number of the frame in which the expression is strongest; ``None``: to be looked for.
        marks: files of landmarks, one for each frame, or a drawn portrait's single ``truth.json``;
            empty where there are none.
        mouths: pictures that are white where the mouth is, one for each frame; empty where there
            are none. A file that is missing means that no mouth is seen.
        units: action units (FACS) at the apex with their intensities, 0 where none was given.
        film: whether ``frames`` is one film.
        split: as published; empty where nothing is.
        terms: on which the set may be used, in short.
    """

    dataset: str
    clip: str
    subject: str
    expression: str
    frames: tuple[Path, ...]
    neutral: int = 0
    apex: int | None = None
    marks: tuple[Path, ...] = ()
    mouths: tuple[Path, ...] = ()
    units: tuple[tuple[int, float], ...] = ()
    film: bool = False
    split: str = ""
    terms: str = ""

    @property
    def where(self) -> str:
        """For errors."""
        return f"{self.dataset} {self.clip}"

    def count(self) -> int:
        """Frames.

        Raises:
            ValueError: when the film cannot be read.
        """
        if not self.film:
            return len(self.frames)
        video = media.read(self.frames[0]).need_video()
        return max(1, round(video.span.duration * video.fps))

    def pictures(self, numbers: Sequence[int]) -> list[UInt8[Tensor, "3 H W"]]:
        """Frames by their numbers from 0.

        Raises:
            ValueError: when one cannot be read.
        """
        if not self.film:
            return [read_stored(self.frames[n]) for n in numbers]
        video = media.read(self.frames[0]).need_video()
        times = [video.span.start + (n + 0.5) / video.fps for n in numbers]
        return list(video.frames(times))


def in_order(recording: Recording) -> Iterator[UInt8[Tensor, "3 H W"]]:
    """Every frame, a few of a film at a time.

    Raises:
        ValueError: when one cannot be read.
    """
    count = recording.count()
    for first in range(0, count, _AT_ONCE):
        yield from recording.pictures(range(first, min(first + _AT_ONCE, count)))


def called(word: str) -> str:
    """An expression's name here; a word that is not known stays as it is."""
    return NAMES.get(word.strip().lower(), word.strip().lower())


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """Picture files in the order of their names; hidden ones are left out."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    return tuple(sorted((p for p in found if not p.name.startswith(".")), key=lambda p: p.name))


def folders_in(folder: Path) -> list[Path]:
    """Folders in the order of their names; hidden ones are left out."""
    found = (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(found, key=lambda p: p.name)


def need_folder(root: Path | None, what: str) -> Path:
    """The data folder.

    Raises:
        ValueError: when none is given, or it is not there.
    """
    if root is None:
        raise ValueError(f"no data folder; set --data.root to {what}")
    if not Path(root).is_dir():
        state = "is a file" if Path(root).exists() else "no such folder"
        raise ValueError(f"{root}: {state}; set --data.root to {what}")
    return Path(root)


def draw(subject: str, seed: int = SEED) -> float:
    """0..1 by the hash of a subject."""
    return derive(seed, "expressions", "split", subject) / 2**63


def with_splits(recordings: Iterable[Recording], seed: int = SEED) -> tuple[Recording, ...]:
    """Every recording with the split of its subject.

    As published where the set says so (without ``val`` a tenth of the subjects of ``train`` are;
    without ``test``, ``val`` serves for both). Otherwise by the hash of the subject: 80 % train,
    10 % val, 10 % test, and with three subjects or more at least one in each.

    Raises:
        ValueError: when a subject is in two published splits.
    """
    rows = tuple(recordings)
    published: dict[str, str] = {}
    for row in rows:
        if row.split and published.setdefault(row.subject, row.split) != row.split:
            raise ValueError(
                f"{row.where}: {row.subject} is in {published[row.subject]} and in {row.split}; "
                "a subject belongs to one split"
            )
    subjects = sorted({row.subject for row in rows})
    if published:
        rest = [s for s in subjects if published.get(s, "train") == "train"]
        parts = {s: published.get(s, "train") for s in subjects}
        if "val" not in parts.values():
            parts |= _divided(rest, ("train", "val"), seed)
    else:
        parts = _divided(subjects, ("train", "val", "test"), seed)
    return tuple(replace(row, split=parts[row.subject]) for row in rows)


def _divided(subjects: Sequence[str], splits: Sequence[str], seed: int) -> dict[str, str]:
    shares = {subject: draw(subject, seed) for subject in subjects}
    parts = {subject: _part(share, splits) for subject, share in shares.items()}
    if len(subjects) < len(splits):
        return dict.fromkeys(subjects, "train")
    for split in splits:
        counts = Counter(parts.values())
        if not counts[split]:  # the nearest one of a split that has two or more moves there
            spare = [s for s in subjects if counts[parts[s]] > 1]
            parts[min(spare, key=lambda s: (abs(shares[s] - _MIDDLES[split]), s))] = split
    return parts


def _part(share: float, splits: Sequence[str]) -> str:
    if share < HELD_OUT:
        return "val"
    return "test" if share < 2 * HELD_OUT and "test" in splits else "train"


def of_split(recordings: Iterable[Recording], split: str) -> list[Recording]:
    """The recordings of a split, after `with_splits`; those of ``val`` where there is no test."""
    rows = with_splits(recordings)
    own = [row for row in rows if row.split == split]
    return own or ([row for row in rows if row.split == "val"] if split == "test" else [])
