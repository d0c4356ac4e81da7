"""MMI (Pantic et al., ICME 2005; Valstar and Pantic 2010), as its web site packs downloads.

::

    Sessions/1767/session.xml              <session><subject id="28"/><track view="0" .../>...
    Sessions/1767/S053-001.avi             neutral, expression, neutral again
    Sessions/1767/S053-001.xml             <Metatag Name="Emotion" Value="4"/>
    Sessions/1767/S053-001-oao_aucs.xml    <ActionUnit Number="12"><Marker Frame="31" Type="2"/>

Only sessions with an emotion are read, and only frontal views. Markers are of type 0 (neutral), 1
(onset), 2 (apex) and 3 (offset), their frames counted from 1; where there are none, the peak is
looked for. Pieced together from what loaders of it do: nobody here has seen the set.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from sensorium.expressions.datasets.recordings import Recording, called, folders_in, need_folder

EMOTIONS: Mapping[str, str] = {
    "1": "angry",
    "2": "disgusted",
    "3": "afraid",
    "4": "happy",
    "5": "sad",
    "6": "surprised",
}
"""Numbers of the metatag. A name in their place is read, too."""

TERMS = "MMI: research use under an agreement"

_OAO = "-oao_aucs.xml"
_LARGEST = 16 << 20
_FRONTAL = "0"
_NEUTRAL, _APEX = "0", "2"


def read_mmi(root: Path | None, emotions: Mapping[str, str] = EMOTIONS) -> list[Recording]:
    """The frontal sessions with an emotion.

    Args:
        root: ``Sessions``, or the folder that holds it.
        emotions: what the numbers in the files mean.

    Raises:
        ValueError: when there are none, or a file is malformed.
    """
    root = need_folder(root, "MMI's folder Sessions")
    top = root / "Sessions" if (root / "Sessions").is_dir() else root
    found = [_recording(session, emotions) for session in folders_in(top)]
    out = [recording for recording in found if recording is not None]
    if not out:
        raise ValueError(
            f"{top}: {len(found)} sessions, none with a film from the front and an emotion"
        )
    return out


def _recording(session: Path, emotions: Mapping[str, str]) -> Recording | None:
    files = [p for p in sorted(session.iterdir()) if not p.name.startswith(".")]
    films = [p for p in files if p.suffix.lower() in (".avi", ".mp4", ".mpg")]
    about = session / "session.xml"
    told = _xml(about) if about.is_file() else None
    if not films or (told is not None and _view(told) != _FRONTAL):
        return None
    film = films[0]
    tags = [p for p in files if p.suffix == ".xml" and p != about and _OAO not in p.name]
    value = next((v for path in tags if (v := _emotion(_xml(path)))), None)
    if value is None:
        return None
    expression = emotions.get(value) or called(value)
    coding = session / f"{film.stem}{_OAO}"
    neutral, apex = _markers(coding) if coding.is_file() else (0, None)
    return Recording(
        dataset="mmi",
        clip=session.name,
        subject=f"mmi/{_subject(told, film)}",
        expression=expression,
        frames=(film,),
        neutral=neutral,
        apex=apex,
        film=True,
        terms=TERMS,
    )


def _view(told: ET.Element) -> str:
    """``0`` frontal, ``1`` profile, ``2`` both in one picture."""
    track = told.find(".//track")
    return _FRONTAL if track is None else track.get("view", _FRONTAL)


def _subject(told: ET.Element | None, film: Path) -> str:
    """Who is seen: as the session says, else the film's name up to its first dash."""
    named = None if told is None else told.find(".//subject")
    number = None if named is None else named.get("id")
    return number or re.split(r"[-_]", film.stem)[0]


def _emotion(told: ET.Element) -> str | None:
    for tag in told.iter("Metatag"):
        if tag.get("Name") == "Emotion" and tag.get("Value", "").strip():
            return tag.get("Value", "").strip()
    return None


def _markers(path: Path) -> tuple[int, int | None]:
    """The last neutral frame before the apex, and the apex, both counted from 0.

    The action units of an expression do not all peak at once: the apex is in the middle of their
    peaks.

    Raises:
        ValueError: when a frame is not a number from 1 on.
    """
    peaks, rests = [], []
    for unit in _xml(path).iter("ActionUnit"):
        for marker in unit.iter("Marker"):
            text, kind = marker.get("Frame", ""), marker.get("Type")
            if not (text.isascii() and text.isdigit() and int(text)):
                raise ValueError(f"{path}: a marker at frame {text!r}, expected a number from 1")
            if kind == _APEX:
                peaks.append(int(text) - 1)
            elif kind == _NEUTRAL:
                rests.append(int(text) - 1)
    if not peaks:
        return 0, None
    apex = int(median(sorted(peaks)))
    return max((rest for rest in rests if rest < min(peaks)), default=0), apex


def _xml(path: Path) -> ET.Element:
    """A file's root element; documents that define entities are refused.

    Raises:
        ValueError: when it is no such file.
    """
    data = path.read_bytes()[: _LARGEST + 1]
    if len(data) > _LARGEST or b"<!ENTITY" in data or b"<!DOCTYPE" in data:
        raise ValueError(f"{path}: refused: too large, or it defines entities; expected plain XML")
    try:
        return ET.fromstring(data)
    except ET.ParseError as error:
        raise ValueError(f"{path}: not XML ({error}); is the file whole?") from None
