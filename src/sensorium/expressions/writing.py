"""An animation to files: film, loop, folder of frames or contact sheet, each with its marks.

The paper writes files; that they say what they are, and whose face they show with what right, is
ours.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import UInt8
from torch import Tensor

from sensorium import media
from sensorium.expressions.pictures import enlarged
from sensorium.media import MediaError
from sensorium.media.loops import write_loop
from sensorium.media.marks import Marking, Provenance, check_consent, labelled, marked
from sensorium.media.stills import write_still
from sensorium.suggest import did_you_mean

if TYPE_CHECKING:
    from sensorium.expressions.results import Animation

FILMS, LOOPS, SHEETS = (".mp4", ".m4v", ".mov"), (".gif", ".webp"), (".png", ".jpg", ".jpeg")
FRAMES = ""
"""The suffix that stands for a folder of frames: none."""

_OWN_FRAME = re.compile(r"frame-\d{4,}\.png")
LARGEST = 4096
"""Pixels of the shorter side at most."""


def check_suffix(path: Path) -> str:
    """The kind of file that a name asks for.

    Raises:
        ValueError: when it is none that is written here.
    """
    suffix = path.suffix.lower()
    known = (*FILMS, *LOOPS, *SHEETS)
    if suffix not in (*known, FRAMES):
        raise ValueError(
            f"{path}: cannot be written as {suffix}{did_you_mean(suffix, known)} (a film, a loop, "
            "or a contact sheet), or no suffix for a folder of frames"
        )
    return suffix


def write(
    animation: Animation,
    path: Path,
    *,
    consent: str,
    size: int | None = None,
    marking: Marking | None = None,
) -> Path:
    """Writes by the suffix of ``path``; see `Animation.write`."""
    suffix, marking = check_suffix(path), marking or Marking()
    if size is not None and not 1 <= size <= LARGEST:
        raise ValueError(f"a size is 1 to {LARGEST} pixels, got {size!r}")
    said = provenance(animation, check_consent(consent))
    if suffix == FRAMES:
        return _write_folder(animation, path, said, size, marking)
    with marked(path, said, marking.signatory()) as draft:
        if suffix in SHEETS:
            write_still(draft, _sheet(animation, label=marking.label))
        elif suffix in LOOPS:
            write_loop(draft, _pictures(animation, size, marking), animation.rate)
        else:
            tags = media.Encoding(crf=16, metadata={"comment": said.to_json()})
            media.write(draft, _pictures(animation, size, marking), animation.rate, encoding=tags)
    return path


def write_sheet(animation: Animation, path: Path, consent: str = "") -> Path:
    """The contact sheet with its marks; where no consent is stated they say so.

    Raises:
        MediaError: when the file cannot be written.
    """
    with marked(path, provenance(animation, consent), Marking().signatory()) as draft:
        write_still(draft, _sheet(animation, label=True))
    return path


def provenance(animation: Animation, consent: str) -> Provenance:
    """What the marks say of an animation."""
    details = {
        "expression": animation.expression,
        "peaks": animation.peaks(),
        "frames": len(animation.frames),
        "rate": animation.rate,
    }
    return Provenance(animation.system, consent, details)


def _sheet(animation: Animation, *, label: bool) -> UInt8[Tensor, "3 H W"]:
    from sensorium.expressions.sheet import sheet

    return labelled(sheet(animation)) if label else sheet(animation)


def _pictures(
    animation: Animation, size: int | None, marking: Marking
) -> Iterator[UInt8[Tensor, "3 H W"]]:
    """Frame after frame as it is written."""
    for frame in animation.frames:
        picture = frame if size is None else enlarged(frame, size)
        yield labelled(picture) if marking.label else picture


def _write_folder(
    animation: Animation, folder: Path, said: Provenance, size: int | None, marking: Marking
) -> Path:
    """``frame-0000.png`` and so on, counted like the keys of an intensity; whole or not at all.

    Frames that an earlier call wrote into the folder are replaced; other files stay.
    """
    if folder.exists() and not folder.is_dir():
        raise MediaError(f"{folder}: is a file, expected a folder for the frames; name another")
    signatory = marking.signatory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".frames-") as drafts:
            names = []
            for number, picture in enumerate(_pictures(animation, size, marking)):
                names.append(f"frame-{number:04d}.png")
                with marked(Path(drafts) / names[-1], said, signatory) as draft:
                    write_still(draft, picture)
            for old in folder.iterdir():
                if _OWN_FRAME.fullmatch(old.name):
                    old.unlink()
            for name in names:
                os.replace(Path(drafts) / name, folder / name)
    except OSError as error:
        raise MediaError(
            f"{folder}: cannot be written ({(error.strerror or '').lower()})"
        ) from error
    return folder
