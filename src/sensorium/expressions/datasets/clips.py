"""Your own clips: a folder of pictures, or a film, for each.

With a table: ``labels.csv`` with the columns ``clip`` (a folder of pictures or a film, below the
root), ``subject`` and ``expression``, and if you like ``neutral`` and ``apex`` (numbers of frames,
from 0; default: the first and the last, in a film the strongest) and ``split``. Without one, either
of

::

    <root>/<expression>/<clip>/0001.jpg                       the clip's name is the subject
    <root>/[<expression>/]{train,test}/img/<clip>/0001.jpg    as AffineGAN has them, with
    <root>/[<expression>/]train/patch/<clip>/0001.jpg         white mouths on black, if any

    <root>/<any name>/portrait.mp4, truth.json                as ``sensorium portray`` writes them

The first picture is neutral, the last the peak (a drawn portrait says itself where its peak is).
Where nobody is named, each clip counts as a person of its own: give a table where the same person
is in several.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from sensorium.expressions.datasets.recordings import (
    NAMES,
    Recording,
    called,
    folders_in,
    need_folder,
    pictures_in,
)

TABLE = "labels.csv"
TRUTH = "truth.json"
TERMS = "your own clips: ask those who are seen"

_NEEDED = ("clip", "subject", "expression")
_SPLITS = ("train", "val", "test")
_FILMS = (".avi", ".mkv", ".mov", ".mp4", ".mpg", ".webm")


def read_clips(root: Path | None, expressions: Sequence[str] = ()) -> list[Recording]:
    """The clips of a folder.

    Args:
        root: see the module's text.
        expressions: when there is only one, clips in AffineGAN's layout that lie right below the
            root are taken to show it.

    Raises:
        ValueError: when nothing is found or the table is malformed, with what to do.
    """
    root = need_folder(root, f"the folder of the clips (with {TABLE}, or a folder per expression)")
    if (root / TABLE).is_file():
        return _listed(root)
    if _is_affine(root):
        name = called(root.name)
        if name not in NAMES.values():
            if len(expressions) != 1:
                raise ValueError(
                    f"{root}: which expression do its clips show? name the folder like one "
                    f"({', '.join(NAMES.values())}) or give only one to --data.expressions"
                )
            name = expressions[0]
        return _affine(root, name, "")
    out = []
    for folder in folders_in(root):
        if (folder / TRUTH).is_file():
            out.append(_portrayed(folder))
        elif _is_affine(folder):
            out += _affine(folder, called(folder.name), f"{folder.name}/")
        else:
            clips = [c for c in folders_in(folder) if len(pictures_in(c)) > 1]
            out += [_clip(f"{folder.name}/{c.name}", called(folder.name), c) for c in clips]
    if not out:
        raise ValueError(
            f"{root}: no clips found; expected {TABLE}, or <expression>/<clip>/0001.jpg ..."
        )
    return out


def _is_affine(folder: Path) -> bool:
    return any((folder / split / "img").is_dir() for split in _SPLITS)


def _affine(root: Path, expression: str, prefix: str) -> list[Recording]:
    out = []
    for split in _SPLITS:
        images, patches = root / split / "img", root / split / "patch"
        for folder in folders_in(images) if images.is_dir() else []:
            frames = pictures_in(folder)
            if len(frames) < 2:
                raise ValueError(f"{folder}: {len(frames)} pictures, expected a clip")
            mouths = tuple(patches / folder.name / frame.name for frame in frames)
            out.append(
                Recording(
                    dataset="clips",
                    clip=f"{prefix}{split}/{folder.name}",
                    subject=f"clips/{prefix}{split}/{folder.name}",
                    expression=expression,
                    frames=frames,
                    apex=len(frames) - 1,
                    mouths=mouths if patches.is_dir() else (),
                    split=split,
                    terms=TERMS,
                )
            )
    return out


def _portrayed(folder: Path) -> Recording:
    """A drawn portrait, whose truth has its landmarks."""
    path = folder / TRUTH
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        film = folder / Path(truth["files"]["video"]).name
        degrees = [float(frame["degree"]) for frame in truth["frames"]]
        seed, expression = int(truth["seed"]), str(truth["expression"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not the truth of a portrait ({type(error).__name__}: {error}); "
            "make it again with sensorium portray"
        ) from None
    if len(degrees) < 2 or not film.is_file():
        raise ValueError(f"{path}: no film {film.name} beside it, or less than two frames")
    return Recording(
        dataset="clips",
        clip=folder.name,
        subject=f"clips/portrait {seed}",
        expression=called(expression),
        frames=(film,),
        apex=max(range(1, len(degrees)), key=degrees.__getitem__),
        marks=(path,),
        film=True,
        terms="drawn portraits: nobody is seen",
    )


def _clip(name: str, expression: str, folder: Path) -> Recording:
    frames = pictures_in(folder)
    return Recording(
        dataset="clips",
        clip=name,
        subject=f"clips/{name}",
        expression=expression,
        frames=frames,
        apex=len(frames) - 1,
        terms=TERMS,
    )


def _listed(root: Path) -> list[Recording]:
    path = root / TABLE
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}: not a table ({error})") from None
    if missing:
        raise ValueError(
            f"{path}: has no column {missing[0]!r}; expected {', '.join(_NEEDED)} and, if you "
            "like, neutral, apex, split"
        )
    if not rows:
        raise ValueError(f"{path}: lists no clips")
    return [
        _row(root, {k: (v or "").strip() for k, v in row.items() if k}, f"{path}, line {line}")
        for line, row in rows
    ]


def _row(root: Path, row: dict[str, str], where: str) -> Recording:
    for name in _NEEDED:
        if not row[name]:
            raise ValueError(f"{where}: no {name}")
    parts = PurePosixPath(row["clip"]).parts
    if row["clip"].startswith("/") or ".." in parts:
        raise ValueError(f"{where}: {row['clip']!r} leads out of the data folder")
    place, split = root / row["clip"], row.get("split", "")
    if split and split not in _SPLITS:
        raise ValueError(f"{where}: split {split!r}, expected {', '.join(_SPLITS)} or nothing")
    film = place.is_file() and place.suffix.lower() in _FILMS
    frames = (place,) if film else pictures_in(place) if place.is_dir() else ()
    if not film and len(frames) < 2:
        raise ValueError(f"{where}: {place} is neither a film nor a folder of pictures")
    last = None if film else len(frames) - 1
    neutral, apex = _number(row, "neutral", where, 0), _number(row, "apex", where, last)
    assert neutral is not None
    if (apex is not None and apex <= neutral) or (not film and (apex or 0) >= len(frames)):
        raise ValueError(
            f"{where}: neutral {neutral} and apex {apex}, expected neutral < apex < "
            f"{'the number of' if film else len(frames)} frames"
        )
    return Recording(
        dataset="clips",
        clip=row["clip"],
        subject=f"clips/{row['subject']}",
        expression=called(row["expression"]),
        frames=frames,
        neutral=neutral,
        apex=apex,
        film=film,
        split=split,
        terms=TERMS,
    )


def _number(row: dict[str, str], name: str, where: str, default: int | None) -> int | None:
    text = row.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{where}: {name} {text!r}, expected the number of a frame from 0 on")
    return int(text)
