"""ImageNet, or pictures of your own: a folder per class.

``root/{train,val,test}/<class>/<picture>``, or ``root/<class>/<picture>``. Classes are the folders'
names in alphabetical order, as ImageNet's synsets are numbered; where ``synset_words.txt`` or
``LOC_synset_mapping.txt`` lies in the root they are named by their first word. The shorter side
becomes 256 pixels, of which the middle 224 x 224 are seen; in training a random part.

The test split is ``test``, else ``val`` (ImageNet's test pictures have no labels). Where there is
no other published ``val``, it is some of each class's training pictures, by the hash of their
names.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import images
from sensorium.media.stored_pictures import SUFFIXES, read_stored
from sensorium.recipe import Split
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.datasets.labelled import check_fields, fitted
from sensorium.seeds import generator

_SHARE = 0.15
_WORDS = ("synset_words.txt", "LOC_synset_mapping.txt")

_Row = tuple[Path, int]


@dataclass(frozen=True)
class PictureFolders:
    """Pictures by class: ``image`` ``uint8 [3, size, size]``, ``label`` ``int64 []``.

    Attributes:
        root: folder of the classes, or of ``train``, ``val`` and ``test``.
        resize: length of the shorter side, in pixels.
        size: of the square that is seen, in pixels.
        flip: chance of a mirror image in training.
        held_out: pictures of a class that are kept for validation (and, without split folders, for
            the test), at most 15 % of it.
        most: pictures that `all` holds in memory, spread evenly over the classes.
    """

    root: Path | None = None
    resize: int = 256
    size: int = 224
    flip: float = 0.5
    held_out: int = 50
    most: int = 500

    def __post_init__(self) -> None:
        check_fields(self.flip, 0, self.held_out)
        if not 1 <= self.size <= self.resize:
            raise ValueError(
                f"data: size must be from 1 to resize ({self.resize}), got {self.size!r}"
            )
        for name, value in (("held_out", self.held_out), ("most", self.most)):
            if value < 1:
                raise ValueError(f"data: {name} must be at least 1, got {value!r}")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        where = "" if self.root is None else f" of {Path(self.root).name}"
        return f"the pictures{where}, {self.size} x {self.size} pixels"

    def open(self, split: Split) -> FolderExamples:
        """The examples of one split.

        Raises:
            ValueError: when folders are missing or empty, with what to do.
        """
        classes, rows = listed(self._root(), split, self.held_out)
        return FolderExamples(classes, rows, self, split == "train")

    def all(self, split: Split) -> LabelledData:
        """Up to `most` pictures of one split as ``float32`` 0..1, to attack.

        Raises:
            ValueError: when folders are missing or empty, or a picture cannot be read.
        """
        classes, rows = listed(self._root(), split, self.held_out)
        step = max(1.0, len(rows) / self.most)
        chosen = [rows[int(k * step)] for k in range(min(self.most, len(rows)))]
        examples = FolderExamples(classes, chosen, self, False)
        pairs = [examples.example(k, 0) for k in range(len(chosen))]
        x = torch.stack([pair["image"] for pair in pairs]).float() / 255.0
        return LabelledData(x, torch.stack([pair["label"] for pair in pairs]), classes)

    def adapt(self, config: Any) -> Any:
        """The system's config with these classes and this size."""
        classes = listed(self._root(), "train", self.held_out)[0]
        return fitted(config, classes=classes, in_channels=3, size=self.size)

    def _root(self) -> Path:
        if self.root is None:
            raise ValueError(
                "pictures: no data folder; set --data.root (attack: --root) to that of the classes"
            )
        return Path(self.root)


class FolderExamples:
    """Pictures on disk as examples, read when asked for."""

    def __init__(
        self, classes: tuple[str, ...], rows: Sequence[_Row], data: PictureFolders, training: bool
    ) -> None:
        self.classes, self.rows, self.data, self.training = classes, tuple(rows), data, training

    def __len__(self) -> int:
        return len(self.rows)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Example ``index``; in training ``seed`` drives the part that is seen and the mirror.

        Raises:
            ValueError: when the picture cannot be read.
        """
        path, label = self.rows[index]
        size = self.data.size
        picture = images.resize_short_side(read_stored(path), self.data.resize)
        if not self.training:
            seen = images.centre_crop(picture, size)
        else:
            seen = _part(picture, size, self.data.flip, generator(seed, "view", index))
        return {"image": seen.contiguous(), "label": torch.tensor(label)}


def _part(picture: UInt8[Tensor, "3 H W"], size: int, flip: float, rng: Any) -> Tensor:
    top = int(rng.integers(picture.shape[-2] - size + 1))
    left = int(rng.integers(picture.shape[-1] - size + 1))
    seen = images.crop(picture, top, left, size, size)
    return images.flip(seen) if rng.random() < flip else seen


def listed(root: Path, split: Split, held_out: int) -> tuple[tuple[str, ...], list[_Row]]:
    """The classes, and the pictures of one split with their labels.

    Raises:
        ValueError: when folders are missing or empty, with what to do.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "no such folder"
        raise ValueError(
            f"{root}: {what}; set --data.root (attack: --root) to the folder of the classes"
        )
    divided = (root / "train").is_dir()
    top = root / "train" if divided else root
    names = _folders(top)
    if len(names) < 2:
        raise ValueError(
            f"{top}: {len(names)} folders, expected at least 2 named like the classes, with "
            "pictures in them"
        )
    published = [name for name in ("val", "test") if divided and _folders(root / name)]
    own = {"test": published[-1:], "val": published[:1] if len(published) == 2 else []}.get(split)
    if own:
        rows = _of(root / own[0], names)
    else:
        apart = [s for s in ("val", "test") if not (s == "test" and published)]
        rows = _drawn(_of(top, names), split, apart if len(published) < 2 else [], held_out)
    if not rows:
        raise ValueError(f"{root}: no pictures for {split}; each class needs at least 3 pictures")
    return _named(root, names), rows


def _folders(top: Path) -> list[str]:
    if not top.is_dir():
        return []
    return sorted(p.name for p in top.iterdir() if p.is_dir() and not p.name.startswith("."))


def _of(top: Path, names: Sequence[str]) -> list[_Row]:
    """Every picture of the class folders, by class and name."""
    strange = sorted(set(_folders(top)) - set(names))
    if strange:
        raise ValueError(f"{top / strange[0]}: no such class among the {len(names)} to train on")
    rows = []
    for label, name in enumerate(names):
        if (top / name).is_dir():
            found = sorted(p for p in (top / name).iterdir() if p.suffix.lower() in SUFFIXES)
            rows += [(p, label) for p in found if not p.name.startswith(".")]
    return rows


def _drawn(rows: Sequence[_Row], split: Split, apart: Sequence[str], held_out: int) -> list[_Row]:
    """The rows of a split, where those of ``apart`` are drawn from each class by hash."""
    by_class: dict[int, list[_Row]] = {}
    for row in rows:
        by_class.setdefault(row[1], []).append(row)
    out = []
    for _, own in sorted(by_class.items()):
        ranked = sorted(own, key=lambda r: hashlib.sha256(r[0].name.encode()).hexdigest())
        part = min(max(1, int(_SHARE * len(own))), held_out) if len(own) > len(apart) else 0
        first = apart.index(split) * part if split in apart else len(apart) * part
        chosen = ranked[first : first + part] if split in apart else ranked[first:]
        out += sorted(chosen)
    return out


def _named(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The classes by their first word, where a published list says it; else the folders' names."""
    path = next((root / name for name in _WORDS if (root / name).is_file()), None)
    if path is None:
        return tuple(names)
    words = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        synset, _, said = line.strip().partition(" ")
        words[synset] = said.split(",")[0].strip()
    found = [words.get(name) or name for name in names]
    twice = {word for word, count in Counter(found).items() if count > 1}
    return tuple(
        f"{word} ({name})" if word in twice else word
        for word, name in zip(found, names, strict=True)
    )
