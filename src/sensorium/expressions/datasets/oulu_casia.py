"""Oulu-CASIA NIR&VIS (Zhao et al., 2011), by its published folders.

``OriginalImg/VL/Strong/P012/Anger/000.jpeg``: visible light (``VL``) or near infrared (``NI``), in
``Strong``, ``Weak`` or ``Dark`` light, 80 subjects with six expressions each; the first frame is
neutral, the last one the peak. Faces that the authors cropped lie in ``PreProcess_Img/VL_Acropped/
Strong/...``. Most papers use ``VL/Strong`` alone.
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

TERMS = "Oulu-CASIA: research use under a signed agreement"

_SUBJECT = re.compile(r"[Pp]\d{3}")
_DEEP = 4


def read_oulu_casia(root: Path | None, variant: str = "VL/Strong") -> list[Recording]:
    """The clips of one modality and light.

    Args:
        root: the unpacked set, or any folder above it.
        variant: ``VL/Strong``, ``NI/Dark`` ..., or ``VL_Acropped/Strong`` of the cropped faces.

    Raises:
        ValueError: when there is no such folder, or a clip has less than two frames.
    """
    root = need_folder(root, "the folder of Oulu-CASIA, which holds OriginalImg")
    top = _variant(root, variant)
    out = []
    for subject in folders_in(top):
        if not _SUBJECT.fullmatch(subject.name):
            continue
        for folder in folders_in(subject):
            name = NAMES.get(folder.name.lower())
            if name is None:
                raise ValueError(
                    f"{folder}: not an expression; expected {', '.join(n.title() for n in NAMES)}"
                )
            frames = pictures_in(folder)
            if len(frames) < 2:
                raise ValueError(f"{folder}: {len(frames)} pictures, expected a clip")
            out.append(
                Recording(
                    dataset="oulu-casia",
                    clip=f"{variant}/{subject.name}/{folder.name}",
                    subject=f"oulu-casia/{subject.name.upper()}",
                    expression=name,
                    frames=frames,
                    apex=len(frames) - 1,
                    terms=TERMS,
                )
            )
    if not out:
        raise ValueError(f"{top}: no subjects in it, expected P001, P002 ...")
    return out


def _variant(root: Path, variant: str) -> Path:
    """The folder ``variant``, at most four levels below the root."""
    parts = [part.lower() for part in Path(variant).parts]
    level, known = [root], set()
    for _ in range(_DEEP + 1):
        for folder in level:
            if [p.lower() for p in folder.parts[-len(parts) :]] == parts:
                return folder
            if any(_SUBJECT.fullmatch(p.name) for p in folders_in(folder)[:3]):
                known.add("/".join(folder.parts[-2:]))
        level = [
            sub
            for folder in level
            if not _SUBJECT.fullmatch(folder.name)
            for sub in folders_in(folder)
        ]
    said = f"there are {', '.join(sorted(known))}" if known else "is it unpacked?"
    raise ValueError(f"{root}: no folder {variant!r} in it; {said}")
