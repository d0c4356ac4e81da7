"""IDX files, packed or not, whole and not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.robustness.datasets.mnist import Mnist, read_idx

PIXELS = np.random.default_rng(2).integers(0, 256, (6, 28, 28), dtype=np.uint8)
LABELS = np.array([0, 9, 3, 3, 1, 7], np.uint8)


def idx(numbers: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, numbers.ndim])
    return head + struct.pack(f">{numbers.ndim}I", *numbers.shape) + numbers.tobytes()


def written(folder: Path, packed: bool = False, dot: str = "-") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem in ("train", "t10k"):
        for what, numbers in (("images", PIXELS), ("labels", LABELS)):
            name = f"{stem}-{what}{dot}idx{numbers.ndim}-ubyte"
            data = idx(numbers)
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("inside", "packed", "dot"), [("", False, "-"), ("raw", True, "-"), ("MNIST/raw", False, ".")]
)
def test_packed_or_not_under_any_of_its_names(
    tmp_path: Path, inside: str, packed: bool, dot: str
) -> None:
    written(tmp_path / inside, packed, dot)
    data = Mnist(tmp_path, held_out=2)
    test = data.pictures("test")
    assert torch.equal(test.images[:, 0], torch.from_numpy(PIXELS))
    assert test.labels.tolist() == LABELS.tolist()
    assert [len(data.open(s)) for s in ("train", "val", "test")] == [4, 2, 6]
    assert data.open("train").example(0, 0)["image"].shape == (1, 28, 28)


def test_emnist_has_its_part_in_front(tmp_path: Path) -> None:
    for path in written(tmp_path).iterdir():
        stem = path.name.replace("t10k", "test")
        path.rename(path.with_name(f"emnist-letters-{stem}"))
    names = tuple("abcdefghij")
    assert len(Mnist(tmp_path, names, held_out=1).pictures("train")) == 5


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "starts with nothing, expected an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "starts with 89504e47, expected an IDX file"),
        (b"\0\0\x0d\x03" + bytes(12), "of type 13 with 3 axes, expected type 8"),
        (idx(LABELS), "of type 8 with 1 axes, expected type 8 .bytes. with 3"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
        (idx(PIXELS)[:-1], "4703 bytes of numbers, its header says 4704"),
        (idx(PIXELS) + b"\0", "more bytes of numbers"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "its header asks for .* bytes; is it damaged"),
        (gzip.compress(idx(PIXELS))[:100], "cannot be unpacked"),
        (b"\x1f\x8b\x08" + bytes(50), "cannot be unpacked"),
        (gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 1, 2, 2) + bytes(9_000)), "more bytes"),
    ],
    ids=[
        *("empty", "a picture", "another type", "labels", "a short header", "one byte less"),
        *("one byte more", "huge", "cut off gzip", "bad gzip", "gzip of more"),
    ],  # gzip writes the time, which must not be in a test's name
)
def test_files_of_another_kind(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"x-idx3-ubyte: .*{said}") as caught:
        read_idx(path, 3)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no data folder"):
        Mnist().open("train")
    with pytest.raises(ValueError, match=r"neither train-images-idx3-ubyte nor .*\.gz"):
        Mnist(tmp_path).open("train")
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        Mnist(tmp_path / "nowhere").open("train")
    written(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:5]))
    with pytest.raises(ValueError, match="6 pictures and 5 labels"):
        Mnist(tmp_path).open("test")
    with pytest.raises(ValueError, match="labels from 0 to 9, expected 0 to 1"):
        Mnist(tmp_path, ("a", "b")).open("train")
