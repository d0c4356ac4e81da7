"""MUSIC and MUSIC-21: JSON lists of YouTube ids by instrument, solos and duets.

``{"version": 1.0, "videos": {"cello": ["<11 characters>", ...], "cello acoustic_guitar": [...]}}``.
A duet's two classes are joined by a blank there and by ``+`` here. The lists hold no paths: media
are looked for by their ids anywhere below the root, as films, or as sound with a folder of frames
in the layout of SoP's tools (``audio/<class>/<id>.mp3``, ``frames/<class>/<id>.mp4/000001.jpg``).
Neither list has a split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensorium.sounds.datasets.lists import json_object
from sensorium.sounds.datasets.locating import Found, Library
from sensorium.sounds.datasets.manifest import MISSING, TOGETHER, Item, Listing, Source

_NAMES = (
    "accordion acoustic_guitar bagpipe banjo bassoon cello clarinet congas drum electric_bass "
    "erhu flute guzheng piano pipa saxophone trumpet tuba ukulele violin xylophone"
)
CLASSES = tuple(_NAMES.split())
"""Of MUSIC-21; MUSIC has eleven of them."""

SOP_FPS = 8.0
"""Hertz; the rate of the frames that SoP's tools extract."""

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def read_music(source: Source) -> Listing:
    """MUSIC or MUSIC-21: one list file, or all that lie in a folder."""
    files = [path for path in source.lists("*.json") if is_music(path) or path == source.data]
    if not files:
        raise ValueError(
            f'{source.data}: no MUSIC list, expected a JSON file {{"videos": {{class: [ids]}}}}'
        )
    library = Library(source.root)
    items: dict[str, Item] = {}
    for path in files:
        for label, name in _ids(path, json_object(path)):
            item = Item(f"{label}/{name}", label)
            items.setdefault(item.uid, with_media(item, library, (name,), source.fps))
    return Listing("music", tuple(items.values()))


def is_music(path: Path) -> bool:
    """Whether a JSON file looks like a MUSIC list."""
    try:
        return isinstance(json_object(path).get("videos"), dict)
    except ValueError:
        return False


def together(label: str) -> str:
    """A class as it is, two MUSIC classes joined by a blank as ``cello+flute``."""
    names = label.split()
    return TOGETHER.join(names) if len(names) > 1 and set(names) <= set(CLASSES) else label


def with_media(item: Item, library: Library, names: tuple[str, ...], fps: float = 0.0) -> Item:
    """The item with what the library holds under one of the names, or ``missing``."""
    found = library.find(names)
    media = Found() if found is None else found[1]
    if media.video is None and (media.frames is None or media.audio is None):
        if media.frames is not None:
            lost = "the sound of"
        else:
            lost = "the picture of" if media.audio is not None else "sound and picture of"
        return replace(item, audio_path=media.audio, status=f"{MISSING}: {lost} {names[0]}")
    if media.video is not None:
        return replace(item, audio_path=media.audio, video_path=media.video)
    return replace(item, audio_path=media.audio, frames_dir=media.frames, fps=fps or SOP_FPS)


def valid_id(name: Any, where: str) -> str:
    """An id that may stand in a file name.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ValueError(f"{where}: got the id {name!r}, expected letters, digits, '-' and '_'")
    return name


def _ids(path: Path, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    videos = data.get("videos")
    if not isinstance(videos, dict) or not videos:
        raise ValueError(f'{path}: no entry "videos", expected {{"videos": {{class: [ids]}}}}')
    for label, names in videos.items():
        if not isinstance(names, list):
            raise ValueError(
                f"{path}, class {label!r}: got {type(names).__name__}, expected a list of ids"
            )
        for name in names:
            parts = label.split()
            yield TOGETHER.join(parts), valid_id(name, f"{path}, class {label!r}")
