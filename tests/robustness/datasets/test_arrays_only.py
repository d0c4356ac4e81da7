"""Pickles of arrays are read without running anything that is in them."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from sensorium.robustness.datasets.arrays_only import read_arrays

NUMBERS = np.arange(12, dtype=np.uint8).reshape(3, 4)


class Runs:
    """Asks to run a command when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def written(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def python2(rows: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2's cPickle wrote it: text as byte strings."""

    def text(value: bytes) -> bytes:
        short = len(value) < 256
        return (
            b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<I", len(value))
        ) + value

    dtype = b"cnumpy\ndtype\n" + b"(" + text(b"u1") + b"K\x00K\x01tR"
    dtype += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
    shape = b"(" + b"".join(b"M" + struct.pack("<H", n) for n in rows.shape) + b"t"
    array += b"(K\x01" + shape + dtype + b"\x89" + text(rows.tobytes()) + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + numbers + b"u."


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_come_back_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    content = {
        b"data": NUMBERS,
        "wide": np.asfortranarray(NUMBERS.astype(">i4")),
        b"labels": [1, 2, 3],
        b"names": [b"one", "two"],
        "said": b"training batch 1 of 5",
    }
    found = read_arrays(written(tmp_path / "x", content, protocol))
    assert set(found) == {"data", "wide", "labels", "names", "said"}
    np.testing.assert_array_equal(found["data"], NUMBERS)
    np.testing.assert_array_equal(found["wide"], NUMBERS)
    assert found["data"].dtype == np.uint8
    assert found["labels"] == [1, 2, 3]
    assert found["names"] == ["one", "two"]
    assert found["said"] == "training batch 1 of 5"


def test_python_2_wrote_text_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data_batch_1"
    rows = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    path.write_bytes(python2(rows, [7, 0, 9]))
    reference = pickle.loads(path.read_bytes(), encoding="bytes")
    found = read_arrays(path)
    np.testing.assert_array_equal(found["data"], reference[b"data"])
    assert found["labels"] == reference[b"labels"] == [7, 0, 9]


def test_nothing_is_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for content in ({"data": Runs(made)}, Runs(made), {"data": [Runs(made)]}):
        path = written(tmp_path / "x", content)
        with pytest.raises(
            ValueError, match=r"x: refused, loading it would run (posix|nt)\.system"
        ):
            read_arrays(path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a whole pickle"),
        (b"\x89PNG\r\n", "not a whole pickle"),
        (pickle.dumps({"data": NUMBERS})[:-30], "not a whole pickle"),
        (pickle.dumps([NUMBERS]), "holds a list, expected a dict"),
        (pickle.dumps({"data": np.array([object, None])}), "refused, .* builtins.object"),
        (pickle.dumps({"data": np.array(["a", 1], dtype=object)}), "an array of objects"),
        (pickle.dumps({"data": np.array(["text"])}), "an array of 'U4'"),
        (pickle.dumps({"data": [[1], [2]]}), "a value of type list"),
        (pickle.dumps({"data": {1: 2}}), "a value of type dict"),
        (b"\x80\x02}U\x04datacnumpy\ndtype\ns.", "a value of type type"),
        (b"\x80\x02}U\x04datac_codecs\nencode\n(U\x01aU\x03zlbtRs.", "text in the codec"),
        (b"\x80\x02}U\x04datac_codecs\nencode\n}U\x01aK\x01sbs.", "not a pickle of arrays"),
        (b"\x80\x02}U\x04dataU\x01aQs.", "refused, .* persistent object"),
        (b"\x80\x04}\x8c\x01a\x8c\x05numpy\x8c\x0adtype.type\x93s.", "would run numpy.dtype.type"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "batch"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"batch: .*{said}") as caught:
        read_arrays(path)
    assert "\n" not in str(caught.value)


def test_shape_and_bytes_must_fit(tmp_path: Path) -> None:
    whole = python2(NUMBERS, [1])
    path = tmp_path / "batch"
    path.write_bytes(whole.replace(struct.pack("<H", 3), struct.pack("<H", 300)))
    with pytest.raises(ValueError, match=r"batch: not a pickle of arrays \(cannot reshape"):
        read_arrays(path)
    with pytest.raises(ValueError, match="nowhere: no such file"):
        read_arrays(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is a folder"):
        read_arrays(tmp_path)


def test_lists_within_lists_are_not_walked(tmp_path: Path) -> None:
    many: list[object] = [1]
    for _ in range(60):
        many = [many] * 10
    path = written(tmp_path / "x", {"data": many})
    with pytest.raises(ValueError, match="a value of type list"):
        read_arrays(path)
