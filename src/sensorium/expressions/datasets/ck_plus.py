"""CK+, the extended Cohn-Kanade set (Lucey et al., CVPR workshops 2010), by its published folders.

::

    cohn-kanade-images/S005/001/S005_001_00000011.png        593 sequences of 123 subjects
    Emotion/S005/001/S005_001_00000011_emotion.txt           of 327 of them, after the last frame
    Landmarks/S005/001/S005_001_00000011_landmarks.txt       68 points for every frame
    FACS/S005/001/S005_001_00000011_facs.txt                 action units of the last frame

The four trees come in archives whose upper folders differ, so they are looked for by name. All
sequences go from neutral to the peak. Empty folders in ``Emotion`` mean no label, not neutral.
Numbers are floats in scientific notation. Frames do not always count from 1, nor without gaps.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from sensorium.expressions.datasets.recordings import (
    Recording,
    folders_in,
    need_folder,
    pictures_in,
)

EMOTIONS = {
    1: "angry",
    2: "contemptuous",
    3: "disgusted",
    4: "afraid",
    5: "happy",
    6: "sad",
    7: "surprised",
}
"""Their numbers in the files; 0 is neutral."""

TERMS = "CK+: research use under a signed agreement; few subjects agreed to be shown in public"

IMAGES, LANDMARKS, EMOTION, FACS = "cohn-kanade-images", "Landmarks", "Emotion", "FACS"
_SUBJECT = re.compile(r"S\d{3}")
_DEEP = 3


def read_ck_plus(root: Path | None) -> list[Recording]:
    """The labelled sequences.

    Raises:
        ValueError: when a tree is missing, a label is malformed, or its pictures are missing.
    """
    root = need_folder(root, "the folder that holds cohn-kanade-images and Emotion")
    trees = {name: _tree(root, name) for name in (IMAGES, EMOTION, LANDMARKS, FACS)}
    images, emotions = trees[IMAGES], trees[EMOTION]
    if images is None or emotions is None:
        missing = IMAGES if images is None else EMOTION
        raise ValueError(
            f"{root}: no folder {missing!r} with S005, S010 ... in it; unpack "
            "cohn-kanade-images.zip and Emotion_labels.zip there"
        )
    out = []
    for subject in folders_in(emotions):
        for sequence in folders_in(subject):
            labels = [p for p in sorted(sequence.glob("*_emotion.txt")) if p.name[0] != "."]
            for label in labels[:1]:
                code = _code(label)
                if code:
                    place = Path(subject.name) / sequence.name
                    out.append(_recording(images, trees, place, label, EMOTIONS[code]))
    if not out:
        raise ValueError(f"{emotions}: no emotion file in it; unpack Emotion_labels.zip again")
    return out


def _recording(
    images: Path, trees: dict[str, Path | None], place: Path, label: Path, expression: str
) -> Recording:
    folder = images / place
    frames = pictures_in(folder) if folder.is_dir() else ()
    if len(frames) < 2:
        raise ValueError(
            f"{folder}: {len(frames)} pictures, expected a sequence; {label.name} labels it"
        )
    stems = [frame.stem for frame in frames]
    last = label.name.removesuffix("_emotion.txt")
    return Recording(
        dataset="ck-plus",
        clip=place.as_posix(),
        subject=f"ck-plus/{place.parts[0]}",
        expression=expression,
        frames=frames,
        apex=stems.index(last) if last in stems[1:] else len(frames) - 1,
        marks=_marks(trees[LANDMARKS], place, stems),
        units=_units(trees[FACS], place),
        terms=TERMS,
    )


def _marks(tree: Path | None, place: Path, stems: list[str]) -> tuple[Path, ...]:
    """A landmark file for each frame, or nothing where one is missing."""
    if tree is None:
        return ()
    files = tuple(tree / place / f"{stem}_landmarks.txt" for stem in stems)
    return files if all(file.is_file() for file in files) else ()


def _units(tree: Path | None, place: Path) -> tuple[tuple[int, float], ...]:
    folder = None if tree is None else tree / place
    if folder is None or not folder.is_dir():
        return ()
    files = [p for p in sorted(folder.glob("*_facs.txt")) if not p.name.startswith(".")]
    return read_units(files[0]) if files else ()


def read_units(path: Path) -> tuple[tuple[int, float], ...]:
    """The action units of a FACS file with their intensities, 1 to 5, or 0 where none was given.

    Raises:
        ValueError: when a line is not two numbers.
    """
    out = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            pair = _floats(line)
            if len(pair) != 2 or pair[0] != int(pair[0]):
                raise ValueError(
                    f"{path}, line {number}: got {line.strip()[:40]!r}, expected an action unit "
                    "and its intensity"
                )
            out.append((int(pair[0]), pair[1]))
    return tuple(out)


def _code(path: Path) -> int:
    values = _floats(_text(path))
    if len(values) != 1 or values[0] not in {0, *EMOTIONS}:
        said = _text(path).strip()[:40]
        raise ValueError(f"{path}: got {said!r}, expected one number from 0 to 7")
    return int(values[0])


def _tree(root: Path, name: str) -> Path | None:
    """The folder of that name that holds subjects, at most three levels below the root."""
    level = [root]
    for _ in range(_DEEP + 1):
        for folder in level:
            named = folder.name.lower() == name.lower()
            if named and any(_SUBJECT.fullmatch(p.name) for p in folders_in(folder)):
                return folder
        level = [
            sub
            for folder in level
            if not _SUBJECT.fullmatch(folder.name)
            for sub in folders_in(folder)
        ]
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None


def _floats(text: str) -> list[float]:
    """All numbers of a text, or nothing where one is none."""
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        return []
    return values if all(math.isfinite(value) for value in values) else []
