"""MNIST and its kin (Fashion-MNIST, KMNIST, EMNIST) by their IDX files, packed with gzip or not.

``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, and ``t10k-...`` for the test. An IDX file
is two zero bytes, the type (8: bytes), the number of axes, then as many big-endian 32-bit lengths,
then the numbers. EMNIST's pictures are stored lying on their side, and stay so.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.recipe import Split
from sensorium.robustness.datasets.labelled import (
    LabelledSet,
    Pictures,
    check_fields,
    checked,
    held_apart,
)

_BYTES = 8
_STEMS = {"train": "train", "test": "t10k"}
_LARGEST = 1 << 32  # bytes, so that a wrong header does not ask for all memory


@dataclass(frozen=True)
class Mnist(LabelledSet):
    """Grey pictures: ``image`` ``uint8 [1, 28, 28]``, ``label`` ``int64 []``.

    Attributes:
        root: folder of the IDX files, or the one above ``raw``.
        classes: names in the order of the labels.
        held_out: training pictures to validate on.
        flip: chance of a mirror image in training.
        shift: largest shift in training, in pixels.
    """

    root: Path | None = None
    classes: tuple[str, ...] = tuple("0123456789")
    held_out: int = 5000
    flip: float = 0.0
    shift: int = 0

    def __post_init__(self) -> None:
        check_fields(self.flip, self.shift, self.held_out)

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        where = "" if self.root is None else f" of {Path(self.root).name}"
        return f"the IDX files{where}"

    def pictures(self, split: Split) -> Pictures:
        """The pictures of one split.

        Raises:
            ValueError: when files are missing or malformed, in one line.
        """
        if self.root is None:
            raise ValueError(
                "mnist: no data folder; set --data.root (attack: --root) to that of the IDX files"
            )
        stem = _STEMS["test" if split == "test" else "train"]
        images = read_idx(_find(Path(self.root), stem, "images", 3), 3)
        path = _find(Path(self.root), stem, "labels", 1)
        labels = read_idx(path, 1).long()
        whole = checked(images[:, None], labels, self.classes, path)  # [N, H, W] -> [N, 1, H, W]
        return whole if split == "test" else held_apart(whole, split, self.held_out, "mnist")


def _find(root: Path, stem: str, what: str, axes: int) -> Path:
    """A published file by any of the names that it goes by."""
    if not root.is_dir():
        raise ValueError(
            f"{root}: no such folder; set --data.root (attack: --root) to that of the IDX files"
        )
    names = [f"{stem}-{what}{dot}idx{axes}-ubyte" for dot in "-."]
    for folder in (root, root / "raw", root / "MNIST" / "raw"):
        for name in names:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        ends = [f"-{name}{end}" for name in names for end in ("", ".gz")]
        emnist = sorted(p for p in folder.glob("emnist-*") if p.name.endswith(tuple(ends)))
        if emnist:
            return emnist[0]
    raise ValueError(f"{root}: has neither {names[0]} nor {names[0]}.gz")


def read_idx(path: str | Path, axes: int) -> UInt8[Tensor, "..."]:
    """The bytes of an IDX file, with as many axes as expected.

    Raises:
        ValueError: when the file is missing, cut off, or of another kind, in one line.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected an IDX file")
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            return _numbers(file, axes, path)  # type: ignore[arg-type]
    except (EOFError, OSError, zlib.error) as error:
        said = (str(error).splitlines() or ["cut off"])[0]
        raise ValueError(f"{path}: cannot be unpacked ({said}); get it again") from None


def _numbers(file: BinaryIO, axes: int, path: Path) -> UInt8[Tensor, "..."]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise ValueError(f"{path}: starts with {head.hex() or 'nothing'}, expected an IDX file")
    if head[2] != _BYTES or head[3] != axes:
        raise ValueError(
            f"{path}: an IDX file of type {head[2]} with {head[3]} axes, expected type "
            f"{_BYTES} (bytes) with {axes}"
        )
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise ValueError(f"{path}: ends within its header; get it again")
    shape = struct.unpack(f">{axes}I", lengths)
    count = math.prod(shape)
    if count > _LARGEST:
        raise ValueError(f"{path}: its header asks for {count} bytes; is it damaged?")
    data = file.read(count + 1)
    if len(data) != count:
        got = f"{len(data)}" if len(data) < count else "more"
        raise ValueError(f"{path}: {got} bytes of numbers, its header says {count}; get it again")
    return torch.from_numpy(np.frombuffer(data, np.uint8).reshape(shape).copy())
