"""Every kind of list by its name, and telling the kind of a list that was not named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sensorium.sounds.datasets.audioset import (
    is_audioset,
    is_vggsound,
    read_audioset,
    read_vggsound,
)
from sensorium.sounds.datasets.folder import holds_films, read_folder
from sensorium.sounds.datasets.index import dialect, read_index
from sensorium.sounds.datasets.lists import first_row, text_of
from sensorium.sounds.datasets.locating import VIDEO_SUFFIXES
from sensorium.sounds.datasets.manifest import Listing, Source, parse_manifest
from sensorium.sounds.datasets.music import is_music, read_music
from sensorium.sounds.datasets.solos import is_solos, read_solos
from sensorium.sounds.datasets.splits import with_splits
from sensorium.sounds.datasets.urmp import pieces, read_urmp
from sensorium.suggest import did_you_mean

AUTO = "auto"
PREPARED = "prepared.json"
MANIFEST = "manifest.csv"


def read_manifest(source: Source) -> Listing:
    """A manifest file, or ``manifest.csv`` in a folder."""
    path = source.data / MANIFEST if source.data.is_dir() else source.data
    return Listing("manifest", parse_manifest(path, source.root))


def read_prepared(source: Source) -> Listing:
    """A folder that `sounds.preparing` made."""
    from sensorium.sounds.datasets.prepared import Prepared

    folder = source.data if source.data.is_dir() else source.data.parent
    return Prepared(folder).listing


READERS: dict[str, Callable[[Source], Listing]] = {
    "folder": read_folder,
    "manifest": read_manifest,
    "prepared": read_prepared,
    "music": read_music,
    "solos": read_solos,
    "urmp": read_urmp,
    "sop": read_index,
    "ccol": read_index,
    "clipsep": read_index,
    "avpc": read_index,
    "audioset": read_audioset,
    "vggsound": read_vggsound,
}


def read_listing(
    data: Path | str, kind: str = AUTO, root: Path | str | None = None, fps: float = 0.0
) -> Listing:
    """A data set, every recording with its split.

    Args:
        data: a list file, or the folder of the lists or of the media.
        kind: one of `READERS`, or ``auto``.
        root: the folder below which the media lie; default: ``data``, or its folder.
        fps: of listed frame folders, in hertz; 0: what the kind says.

    Raises:
        ValueError: when the kind is unknown or cannot be told, or the lists are malformed.
    """
    data = Path(data)
    if kind != AUTO and kind not in READERS:
        raise ValueError(f"no kind of list {kind!r}{did_you_mean(kind, [AUTO, *READERS])}")
    if not 0 <= fps < 1000:
        raise ValueError(f"the rate of listed frames must be 0 to 1000 Hz, got {fps!r}")
    if not data.exists():
        raise ValueError(f"{data}: no such file or folder; check the path")
    chosen = tell(data) if kind == AUTO else kind
    base = Path(root) if root is not None else (data if data.is_dir() else data.parent)
    listing = READERS[chosen](Source(data, base, chosen, fps))
    if not listing.items:
        raise ValueError(f"{data}: no recordings are listed")
    return replace(listing, items=with_splits(listing.items))


def tell(data: Path) -> str:
    """The kind of a list file or a folder.

    Raises:
        ValueError: when it cannot be told, saying what was found.
    """
    if not data.is_dir():
        kind = _of_file(data)
        if kind in READERS:
            return str(kind)
        if data.suffix.lower() in VIDEO_SUFFIXES:
            raise ValueError(f"{data}: got a film, expected a list or a folder; give its folder")
        text_of(data)  # says so where it is empty or no text
        row = ",".join(first_row(data))[:60]
        hint = "a list of mixtures goes with its index" if kind else f"its first row is {row!r}"
        raise ValueError(f"{data}: cannot tell what kind of list this is ({hint}); {_say()}")
    if (data / PREPARED).is_file():
        return "prepared"
    if pieces(data):
        return "urmp"
    kinds = _kinds_in(data)
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds:
        seen = ", ".join(f"{kind}: {name}" for kind, name in sorted(kinds.items()))
        raise ValueError(f"{data}: holds lists of several kinds ({seen}); {_say()}, or name a file")
    if holds_films(data):
        return "folder"
    raise ValueError(
        f"{data}: neither lists nor films in it; expected a list that is known, or films in "
        f"folders named like what sounds; {_say()}"
    )


def _kinds_in(folder: Path) -> dict[str, str]:
    """The kinds of the lists in a folder, each with a file of it."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix.lower() in (".csv", ".json"):
            kind = _of_file(path)
            if kind in READERS:
                found.setdefault(str(kind), path.name)
    return found


def _of_file(path: Path) -> str | None:
    if path.name in (PREPARED, MANIFEST) and (path.parent / PREPARED).is_file():
        return "prepared"
    if path.suffix.lower() == ".json":
        if is_music(path):
            return "music"
        return "solos" if is_solos(path) else None
    row = first_row(path)
    if {"uid", "class"} <= {name.lower() for name in row}:
        return "manifest"
    if is_vggsound(path):
        return "vggsound"
    return "audioset" if is_audioset(path) else dialect(row)


def _say() -> str:
    return f"say --kind ({', '.join(READERS)})"
