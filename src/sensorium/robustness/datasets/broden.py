"""Broden (Bau et al., arXiv:1704.05796) by its published files: pixels with concepts.

::

    broden1_224/index.csv      image,split,ih,iw,sh,sw,color,object,part,material,scene,texture
    broden1_224/category.csv   name,first,last,count,frequency
    broden1_224/label.csv      number,name,category,frequency,coverage,syns
    broden1_224/images/...     pictures, and masks in which a pixel's number is R + 256 G

A cell of the index has the labels of one category, separated by ``;``: files of masks, below
``images``, or numbers that hold for the whole picture. One pixel can have several labels (the
layers of one category, and one of each other). 0 is no label. The dense numbers of a category,
``c_<category>.csv``, are not needed: masks have the numbers of ``label.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from sensorium.media.stored_pictures import read_stored
from sensorium.recipe import Split

_PLACE = ("image", "split", "ih", "iw", "sh", "sw")
_INSIDE = "broden1_224"


@dataclass(frozen=True)
class Labelled:
    """A concept of Broden.

    Attributes:
        name: as `Broden` calls it: ``name-s`` and ``name-c`` of scenes and colours as they are.
        category: the one in which it is most frequent.
        number: in the masks.
        frequency: pictures that show it.
    """

    name: str
    category: str
    number: int
    frequency: int


@dataclass(frozen=True)
class Broden:
    """Pictures and what each pixel belongs to.

    Attributes:
        root: ``broden1_224``, or the folder that holds it.
        categories: to read; empty: all.
        least: pictures that a concept must be in to be read.
        most: pictures to read, the first of the index; 0: all.
    """

    root: Path | None = None
    categories: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    def __str__(self) -> str:
        """In words, for the card of what was measured on it."""
        said = ", ".join(self.categories) or "all categories"
        return f"Broden ({said})"

    def open(self, split: Split | None = None) -> BrodenExamples:
        """The pictures of one published split (``train`` or ``val``), or all; ``test`` is ``val``.

        Raises:
            ValueError: when files are missing or malformed, with what to do.
        """
        root = _folder(self.root)
        known = _names(root)
        strange = sorted(set(self.categories) - set(known))
        if strange:
            raise ValueError(
                f"{root}: no category {strange[0]!r}; there are {', '.join(known) or 'none'}"
            )
        categories = tuple(c for c in known if not self.categories or c in self.categories)
        wanted = "val" if split == "test" else split
        rows = [r for r in _index(root, categories) if wanted in (None, r.split)]
        rows = rows[: self.most or None]
        if not rows:
            raise ValueError(f"{root}: no picture of {split or 'any split'} in index.csv")
        concepts = [c for c in _labels(root) if c.category in categories]
        return BrodenExamples(root, rows, [c for c in concepts if c.frequency >= self.least])


@dataclass(frozen=True)
class Row:
    """A picture of the index.

    Attributes:
        image: relative to ``images``.
        split: ``train`` or ``val``.
        height: of its masks, in pixels.
        width: of its masks, in pixels.
        cells: labels by category, each a file of a mask or a number.
    """

    image: str
    split: str
    height: int
    width: int
    cells: Mapping[str, tuple[str | int, ...]]


class BrodenExamples:
    """Pictures with concepts: ``image`` ``uint8 [3, H, W]``, ``concepts`` ``bool [C, h, w]``.

    The masks of the published set have half the picture's height and width.
    """

    def __init__(self, root: Path, rows: Sequence[Row], concepts: Sequence[Labelled]) -> None:
        self.root, self.rows, self.concepts = root, tuple(rows), tuple(concepts)
        highest = max((c.number for c in self.concepts), default=0)
        self._place = torch.full((max(highest, 65535) + 1,), -1)
        for place, concept in enumerate(self.concepts):
            self._place[concept.number] = place

    def __len__(self) -> int:
        return len(self.rows)

    def example(self, index: int, seed: int = 0) -> dict[str, Tensor]:
        """Example ``index``; nothing is drawn.

        Raises:
            ValueError: when a file is missing or malformed.
        """
        return {"image": self.image(index), "concepts": self.masks(index)}

    def image(self, index: int) -> UInt8[Tensor, "3 H W"]:
        """A picture."""
        return read_stored(self._path(self.rows[index].image))

    def layers(self, index: int) -> Int64[Tensor, "L h w"]:
        """The label numbers of a picture, layer by layer; the first of a category counts most."""
        row = self.rows[index]
        layers = [self._layer(row, cell) for cells in row.cells.values() for cell in cells]
        empty = torch.zeros(0, row.height, row.width, dtype=torch.int64)
        return torch.stack(layers) if layers else empty

    def masks(self, index: int) -> Bool[Tensor, "C h w"]:
        """Which pixels belong to which of `concepts`."""
        places = self._place[self.layers(index)]  # [L, h, w], -1 where the concept is not read
        row = self.rows[index]
        out = torch.zeros(len(self.concepts) + 1, row.height, row.width, dtype=torch.bool)
        for layer in places:
            out.scatter_(0, (layer % len(out))[None], True)
        return out[:-1]

    def _layer(self, row: Row, cell: str | int) -> Int64[Tensor, "h w"]:
        if isinstance(cell, int):
            return torch.full((row.height, row.width), cell)
        path = self._path(cell)
        mask = read_stored(path).long()
        if mask.shape[1:] != (row.height, row.width):
            raise ValueError(
                f"{path}: a mask of {mask.shape[1]} x {mask.shape[2]} pixels, index.csv says "
                f"{row.height} x {row.width}"
            )
        return mask[0] + 256 * mask[1]

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts:
            raise ValueError(f"{self.root / 'index.csv'}: {name!r} leads out of the data folder")
        return self.root / "images" / name


def _folder(root: Path | None) -> Path:
    if root is None:
        raise ValueError(f"broden: no data folder; set its root to the unpacked {_INSIDE}")
    for folder in (Path(root), Path(root) / _INSIDE):
        if (folder / "index.csv").is_file():
            return folder
    raise ValueError(f"{root}: has no index.csv; give the unpacked {_INSIDE}")


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    """Line number and cells of every row.

    Raises:
        ValueError: when the file or a column is missing, or a row is cut off.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; is the archive unpacked whole?")
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}: not a table ({error}); get it again") from None
    if missing:
        raise ValueError(f"{path}: has no column {missing[0]!r}")
    for line, row in rows:
        if None in row.values() or None in row:
            raise ValueError(
                f"{path}, line {line}: not as many cells as the header has; is the file whole?"
            )
    return rows


def _names(root: Path) -> tuple[str, ...]:
    return tuple(row["name"] for _, row in _rows(root / "category.csv", ["name"]))


def _number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{where}: got {text!r}, expected a whole number") from None


def _labels(root: Path) -> list[Labelled]:
    path, out = root / "label.csv", []
    for line, row in _rows(path, ["number", "name", "category", "frequency"]):
        where = f"{path}, line {line}"
        number, frequency = (_number(row[k], where) for k in ("number", "frequency"))
        if not 0 < number < 65536:
            raise ValueError(f"{where}: number {number}, expected 1 to 65535")
        # "material(36);object(3)": the most frequent category comes first
        out.append(Labelled(row["name"], row["category"].split("(")[0], number, frequency))
    return out


def _index(root: Path, categories: Sequence[str]) -> list[Row]:
    path, out = root / "index.csv", []
    for line, row in _rows(path, [*_PLACE, *categories]):
        where = f"{path}, line {line}"
        height, width = (_number(row[k], where) for k in ("sh", "sw"))
        if not (0 < height <= 4096 and 0 < width <= 4096):
            raise ValueError(f"{where}: masks of {height} x {width} pixels, expected 1 to 4096")
        cells = {
            category: tuple(_cell(c, where) for c in row[category].split(";") if c)
            for category in categories
        }
        if any(cells.values()):
            out.append(Row(row["image"], row["split"], height, width, cells))
    return out


def _cell(text: str, where: str) -> str | int:
    if not text.isdigit():
        return text
    number = int(text)
    if number > 65535:
        raise ValueError(f"{where}: label {number}, expected 0 to 65535")
    return number
