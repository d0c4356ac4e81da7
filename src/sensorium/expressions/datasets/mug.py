"""MUG (Aifanti, Papachristou, Delopoulos: WIAMIS 2010), by its published folders.

``subjects3/001/happiness/take000/img_0000.jpg``, for many subjects with a level more
(``subjects3/001/001/...`` or sessions). A take goes from neutral to the peak and back, and where
the peak is has to be looked for; takes of ``neutral`` are left out. Its 80 landmarks follow another
scheme than the usual 68 and are not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from sensorium.expressions.datasets.recordings import (
    NAMES,
    Recording,
    folders_in,
    need_folder,
    pictures_in,
)

TERMS = "MUG: research use under a signed agreement; some subjects may not be shown in public"

_TAKE = re.compile(r"take\d+", re.IGNORECASE)
_SUBJECT = re.compile(r"\d{3}")


def read_mug(root: Path | None) -> list[Recording]:
    """The takes of the six expressions.

    Raises:
        ValueError: when there are none, or one has less than two frames.
    """
    root = need_folder(root, "MUG's folder of subjects (subjects3)")
    top = root / "subjects3" if (root / "subjects3").is_dir() else root
    out = []
    for subject in folders_in(top):
        if _SUBJECT.fullmatch(subject.name):
            for take in _takes(subject):
                name = NAMES.get(take.parent.name.lower())
                if name is not None:
                    out.append(_recording(top, subject, take, name))
    if not out:
        raise ValueError(f"{top}: no takes in it, expected 001/happiness/take000/... and so on")
    return out


def _takes(folder: Path, deep: int = 3) -> list[Path]:
    """Folders named like takes, at most so many levels below."""
    out = []
    for sub in folders_in(folder):
        if _TAKE.fullmatch(sub.name):
            out.append(sub)
        elif deep:
            out += _takes(sub, deep - 1)
    return out


def _recording(top: Path, subject: Path, take: Path, expression: str) -> Recording:
    frames = pictures_in(take)
    if len(frames) < 2:
        raise ValueError(f"{take}: {len(frames)} pictures, expected a take")
    return Recording(
        dataset="mug",
        clip=take.relative_to(top).as_posix(),
        subject=f"mug/{subject.name}",
        expression=expression,
        frames=frames,
        apex=None,
        terms=TERMS,
    )
