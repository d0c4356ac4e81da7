"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) by their published files, pickled or binary.

::

    cifar-10-batches-py/   data_batch_1 ... data_batch_5, test_batch, batches.meta
    cifar-10-batches-bin/  data_batch_1.bin ... data_batch_5.bin, test_batch.bin, batches.meta.txt
    cifar-100-python/      train, test, meta
    cifar-100-binary/      train.bin, test.bin, fine_label_names.txt, coarse_label_names.txt

A picture is 3,072 bytes: 1,024 red, 1,024 green, 1,024 blue, each row by row. Binary records have a
label byte in front (CIFAR-100: two, coarse and fine). The pickles are read by `arrays_only`, which
runs nothing that is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from sensorium.recipe import Split
from sensorium.robustness.datasets.arrays_only import read_arrays
from sensorium.robustness.datasets.labelled import (
    LabelledSet,
    Pictures,
    check_fields,
    checked,
    held_apart,
)

PIXELS = 3 * 32 * 32
_FOLDERS = {
    "cifar10": ("cifar-10-batches-py", "cifar-10-batches-bin"),
    "cifar100": ("cifar-100-python", "cifar-100-binary"),
}
_BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
_NAMES_10 = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())  # noqa: SIM905

_Numbers = tuple[UInt8[np.ndarray, "N 3072"], Int64[np.ndarray, "N"]]


@dataclass(frozen=True)
class Cifar(LabelledSet):
    """CIFAR: ``image`` ``uint8 [3, 32, 32]``, ``label`` ``int64 []``.

    Attributes:
        root: the unpacked archive's folder, or the one that holds it.
        kind: which of the two.
        coarse: of CIFAR-100, the 20 classes of classes.
        held_out: training pictures to validate on.
        flip: chance of a mirror image in training.
        shift: largest shift in training, in pixels.
    """

    root: Path | None = None
    kind: Literal["cifar10", "cifar100"] = "cifar10"
    coarse: bool = False
    held_out: int = 5000
    flip: float = 0.5
    shift: int = 4

    def __post_init__(self) -> None:
        check_fields(self.flip, self.shift, self.held_out)
        if self.kind not in _FOLDERS:
            raise ValueError(f"data: kind must be cifar10 or cifar100, got {self.kind!r}")
        if self.coarse and self.kind == "cifar10":
            raise ValueError("data: CIFAR-10 has no coarse classes; set --data.kind cifar100")

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        coarse = " (20 coarse classes)" if self.coarse else ""
        return f"CIFAR-{self.kind.removeprefix('cifar')}{coarse}, 32 x 32 pixels"

    def pictures(self, split: Split) -> Pictures:
        """The pictures of one split.

        Raises:
            ValueError: when files are missing or malformed, in one line.
        """
        folder, binary = _folder(self.root, self.kind)
        published: Literal["train", "test"] = "test" if split == "test" else "train"
        stems = _BATCHES[published] if self.kind == "cifar10" else (published,)
        parts = []
        for stem in stems:
            if binary:
                parts.append(_binary(folder / f"{stem}.bin", self.kind, self.coarse))
            else:
                parts.append(_pickled(folder / stem, self._label_key()))
        rows = torch.from_numpy(np.concatenate([p[0] for p in parts]))
        labels = torch.from_numpy(np.concatenate([p[1] for p in parts]))
        images = rows.view(-1, 3, 32, 32)  # [N, 3072] -> [N, 3, 32, 32]
        whole = checked(images, labels, self._class_names(folder, binary), folder)
        return whole if split == "test" else held_apart(whole, split, self.held_out, "cifar")

    def _label_key(self) -> str:
        if self.kind == "cifar10":
            return "labels"
        return "coarse_labels" if self.coarse else "fine_labels"

    def _class_names(self, folder: Path, binary: bool) -> tuple[str, ...]:
        level = "coarse" if self.coarse else "fine"
        if self.kind == "cifar10":
            text, pickled, key = "batches.meta.txt", "batches.meta", "label_names"
        else:
            text, pickled, key = f"{level}_label_names.txt", "meta", f"{level}_label_names"
        path = folder / (text if binary else pickled)
        if self.kind == "cifar10" and not path.is_file():
            return _NAMES_10
        if binary:
            if not path.is_file():
                raise ValueError(f"{path}: no such file; it names the classes")
            lines = path.read_text(encoding="utf-8", errors="replace").split()
            return tuple(lines)
        names = read_arrays(path).get(key)
        if not (isinstance(names, list) and names and all(isinstance(n, str) for n in names)):
            raise ValueError(f"{path}: has no list {key!r}; is it the published file?")
        return tuple(names)


def _folder(root: Path | None, kind: str) -> tuple[Path, bool]:
    """The folder of the batches, and whether they are binary."""
    plain, binary = _FOLDERS[kind]
    if root is None:
        raise ValueError(
            f"{kind}: no data folder given; set --data.root (attack: --root) to the folder {plain}"
        )
    root = Path(root)
    if not root.is_dir():
        what = "is a file: unpack it" if root.exists() else "no such folder"
        raise ValueError(
            f"{root}: {what}; set --data.root (attack: --root) to the unpacked folder {plain}"
        )
    for name, is_binary in ((plain, False), (binary, True)):
        if (root / name).is_dir():
            return root / name, is_binary
    first = "data_batch_1" if kind == "cifar10" else "train"
    for name, is_binary in ((first, False), (f"{first}.bin", True)):
        if (root / name).is_file():
            return root, is_binary
    packed = sorted(p.name for p in root.glob("cifar-*.tar.gz"))
    hint = (
        f"unpack {packed[0]} first"
        if packed
        else f"set --data.root (attack: --root) to the folder {plain}"
    )
    raise ValueError(f"{root}: neither {plain} nor {binary} is in it; {hint}")


def _pickled(path: Path, key: str) -> _Numbers:
    """Pictures and labels of one pickled batch.

    Raises:
        ValueError: when the file is no such batch, in one line.
    """
    batch = read_arrays(path)
    data, labels = batch.get("data"), batch.get(key)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise ValueError(f"{path}: has no table 'data' of bytes; is it a batch of this set?")
    if data.shape[1] != PIXELS:
        raise ValueError(f"{path}: pictures of {data.shape[1]} bytes, expected {PIXELS}")
    whole = isinstance(labels, list) and all(type(n) is int for n in labels)
    if not whole and not isinstance(labels, np.ndarray):
        raise ValueError(f"{path}: has no list {key!r} of numbers; is it a batch of this set?")
    numbers = np.asarray(labels)
    if numbers.shape != (len(data),) or numbers.dtype.kind not in "iu":
        raise ValueError(f"{path}: {len(data)} pictures and {numbers.size} labels")
    return data, numbers.astype(np.int64)


def _binary(path: Path, kind: Literal["cifar10", "cifar100"], coarse: bool) -> _Numbers:
    """Pictures and labels of one binary batch.

    Raises:
        ValueError: when the file is missing or its size fits no whole number of records.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    labels = 1 if kind == "cifar10" else 2
    data: Any = np.fromfile(path, np.uint8)
    if data.size == 0 or data.size % (labels + PIXELS):
        raise ValueError(
            f"{path}: {data.size} bytes, expected a multiple of {labels + PIXELS}; cut off?"
        )
    rows = data.reshape(-1, labels + PIXELS)  # [N * R] -> [N, R]
    column = 0 if kind == "cifar10" or coarse else 1
    return np.ascontiguousarray(rows[:, labels:]), rows[:, column].astype(np.int64)
