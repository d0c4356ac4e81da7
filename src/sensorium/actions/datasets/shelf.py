"""Finding videos and frame folders by name, listing every folder on disk only once."""

from __future__ import annotations

import os
from pathlib import Path

_VIDEOS = ".3gp .avi .flv .gif .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv"
_PICTURES = ".bmp .jpeg .jpg .png .tif .tiff .webp"
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())
PICTURE_SUFFIXES = frozenset(_PICTURES.split())


class Shelf:
    """Videos (``name.mp4`` and the like) and frame folders (``name/``) below a root.

    Args:
        root: the folder.

    Raises:
        ValueError: if the root does not exist.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise ValueError(f"{root}: no such folder; set --data.root to the folder of the videos")
        self.root = root
        self._listed: dict[str, dict[str, Path]] = {}

    def items(self, folder: str = ".") -> dict[str, Path]:
        """Videos and folders in a sub-folder, by name without a video's suffix; {} if missing.

        Where a video and a folder have the same name the folder (its extracted frames) counts.
        """
        if folder not in self._listed:
            found: dict[str, Path] = {}
            try:
                entries = sorted(os.scandir(self.root / folder), key=lambda e: e.name)
            except (FileNotFoundError, NotADirectoryError):
                entries = []
            for entry in entries:
                path = Path(entry.path)
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    found[entry.name] = path
                elif path.suffix.lower() in VIDEO_SUFFIXES:
                    found.setdefault(path.stem, path)
            self._listed[folder] = found
        return self._listed[folder]

    def find(self, folders: tuple[str, ...], names: tuple[str, ...]) -> Path | None:
        """The first of ``names`` that lies in one of ``folders``; a video's suffix is optional."""
        for folder in folders:
            items = self.items(folder)
            for name in names:
                stem = Path(name).stem if Path(name).suffix.lower() in VIDEO_SUFFIXES else name
                if stem in items:
                    return items[stem]
        return None
