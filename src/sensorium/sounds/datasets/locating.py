"""Finding listed media below a root, wherever the list's author had them.

Lists hold relative paths, paths with a leading slash that means the root, and absolute paths of
another machine. All are looked for below the root: first as they stand, then with more and more of
their leading folders left out. Nothing outside the root is ever opened: ``..`` is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_VIDEOS = ".3gp .avi .flv .gif .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv"
_AUDIOS = ".aac .aif .aiff .flac .m4a .mp3 .oga .ogg .opus .wav .wma"
_PICTURES = ".bmp .jpeg .jpg .png .tif .tiff .webp"
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())
AUDIO_SUFFIXES = frozenset(_AUDIOS.split())
PICTURE_SUFFIXES = frozenset(_PICTURES.split())
_MAX_DEPTH = 6
_PEEKED = 8  # entries that tell a folder of pictures from a folder of media


def need_folder(path: Path) -> Path:
    """``path``, a folder.

    Raises:
        ValueError: when it is none.
    """
    if not path.is_dir():
        raise ValueError(f"{path}: no such folder; give --root the folder of the media")
    return path


def listed_parts(listed: str, where: str) -> tuple[str, ...]:
    """The folders and the name of a listed path, without a leading slash or ``./``.

    Raises:
        ValueError: for a path with ``..`` or without a name.
    """
    text = listed if "/" in listed else listed.replace("\\", "/")
    parts = tuple(p for p in PurePosixPath(text).parts if p not in ("/", "//", "."))
    if ".." in parts or not parts:
        raise ValueError(
            f"{where}: got the path {listed!r}, expected one below the root without '..'"
        )
    return parts


def inside(root: Path, listed: str, where: str) -> Path:
    """A listed path that stands as it is: relative to ``root``, or absolute below it.

    Raises:
        ValueError: when it leads elsewhere.
    """
    parts = listed_parts(listed, where)
    if not Path(listed).is_absolute():
        return root.joinpath(*parts)
    full, base = Path("/", *parts), Path(os.path.abspath(root))
    if not full.is_relative_to(base):
        raise ValueError(
            f"{where}: {listed!r} lies outside of {root}; give --root a folder that holds it"
        )
    return full


def bare(name: str) -> str:
    """A file name without the suffix of a media file."""
    stem, suffix = os.path.splitext(name)
    known = suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES
    return stem if known and stem else name


class Shelf:
    """Looks up listed paths below a root, listing every folder on disk only once.

    Args:
        root: the folder.

    Raises:
        ValueError: when it does not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = need_folder(root)
        self._listed: dict[tuple[str, ...], dict[str, bool]] = {}
        self._dropped = 0

    def sound(self, listed: str, where: str) -> Path | None:
        """A listed sound: the file, or one that differs in the suffix alone."""
        found = self._find(listed_parts(listed, where), AUDIO_SUFFIXES | VIDEO_SUFFIXES, False)
        return None if found is None else found[0]

    def picture(self, listed: str, where: str) -> tuple[Path, bool] | None:
        """A listed folder of frames or film, and whether it is a folder.

        SoP's lists name a folder ``x.mp4``, CLIPSep's ``x``; a film of that name does as well.
        """
        return self._find(listed_parts(listed, where), VIDEO_SUFFIXES, True)

    def _find(
        self, parts: tuple[str, ...], suffixes: frozenset[str], folders: bool
    ) -> tuple[Path, bool] | None:
        order = [self._dropped, *(k for k in range(len(parts)) if k != self._dropped)]
        for dropped in order:
            if dropped >= len(parts):
                continue
            *above, name = parts[dropped:]
            entries = self._entries(tuple(above))
            chosen = _match(name, entries, suffixes, folders)
            if chosen is not None:
                self._dropped = dropped
                return self.root.joinpath(*above, chosen), entries[chosen]
        return None

    def _entries(self, folder: tuple[str, ...]) -> dict[str, bool]:
        """Names in a folder below the root, and whether each is a folder; {} where it is none."""
        if folder not in self._listed:
            try:
                with os.scandir(self.root.joinpath(*folder)) as found:
                    self._listed[folder] = {entry.name: entry.is_dir() for entry in found}
            except (OSError, ValueError):
                self._listed[folder] = {}
        return self._listed[folder]


def _match(
    name: str, entries: dict[str, bool], suffixes: frozenset[str], folders: bool
) -> str | None:
    """The entry that a listed name means: itself, else the same without or with another suffix."""
    if name in entries and (folders or not entries[name]):
        return name
    stem = bare(name)
    if folders:
        for candidate in (stem, f"{stem}.mp4"):
            if entries.get(candidate):
                return candidate
    for suffix in sorted(suffixes):
        if entries.get(stem + suffix) is False:
            return stem + suffix
    return None


@dataclass
class Found:
    """What a library holds of one name."""

    audio: Path | None = None
    video: Path | None = None
    frames: Path | None = None


class Library:
    """Everything below a root by its bare name, for lists of ids without paths.

    ``Title [id].mp4``, as downloaders name their files, is found by the id.

    Args:
        root: walked once, to a depth of six folders; folders of pictures are not descended into.

    Raises:
        ValueError: when it does not exist.
    """

    def __init__(self, root: Path) -> None:
        self._found: dict[str, Found] = {}
        self._walk(need_folder(root), 0)

    def find(self, names: Iterable[str]) -> tuple[str, Found] | None:
        """The first of the names that is there."""
        for name in names:
            if name in self._found:
                return name, self._found[name]
        return None

    def _walk(self, folder: Path, depth: int) -> None:
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return
        for entry in ordered:
            path, suffix = Path(entry.path), os.path.splitext(entry.name)[1].lower()
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if holds_pictures(path):
                    self._keep(entry.name, "frames", path)
                elif depth < _MAX_DEPTH:
                    self._walk(path, depth + 1)
            elif suffix in VIDEO_SUFFIXES:
                self._keep(entry.name, "video", path)
            elif suffix in AUDIO_SUFFIXES:
                self._keep(entry.name, "audio", path)

    def _keep(self, name: str, what: str, path: Path) -> None:
        stem = bare(name)
        names = [stem]
        if stem.endswith("]") and "[" in stem:
            names.append(stem[stem.rindex("[") + 1 : -1])
        for key in names:
            found = self._found.setdefault(key, Found())
            if getattr(found, what) is None:
                setattr(found, what, path)


def holds_pictures(folder: Path) -> bool:
    """Whether a folder's first entries are numbered pictures."""
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                stem, suffix = os.path.splitext(entry.name)
                if suffix.lower() in PICTURE_SUFFIXES and any(c.isdigit() for c in stem):
                    return True
                if count >= _PEEKED:
                    return False
    except OSError:
        return False
    return False
