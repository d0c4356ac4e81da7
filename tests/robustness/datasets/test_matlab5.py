"""MATLAB's files, compared with what SciPy reads, and damaged in every way."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from sensorium.robustness.datasets.matlab5 import read_matrices

RNG = np.random.default_rng(4)
CONTENT = {
    "bytes": RNG.integers(0, 256, (3, 4, 2, 5), dtype=np.uint8),
    "wide": RNG.normal(size=(6, 1)),
    "single": RNG.normal(size=(2, 3)).astype(np.float32),
    "whole": RNG.integers(-9, 9, (1, 7)),
    "short": RNG.integers(-9, 9, (2, 2)).astype(np.int16),
    "tiny": np.array([[1, 2]], np.uint8),  # its numbers fit into a tag
    "nothing": np.zeros((0, 3), np.uint8),
    "text": "words",
    "complex": np.ones((2, 2)) * 1j,
    "cell": np.array([1, "a"], dtype=object),
    "a_name_that_is_rather_long": np.eye(3),
}


@pytest.mark.parametrize("packed", [False, True])
def test_matrices_are_those_that_scipy_reads(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "x.mat"
    savemat(path, CONTENT, do_compression=packed)
    reference, found = loadmat(path), read_matrices(path, tuple(CONTENT))
    assert set(found) == set(CONTENT) - {"text", "complex", "cell"}
    for name, matrix in found.items():
        np.testing.assert_array_equal(matrix, reference[name])
        assert matrix.dtype == reference[name].dtype
    assert set(read_matrices(path, ("tiny",))) == {"tiny"}


def test_numbers_may_be_stored_shorter_and_in_the_other_byte_order(tmp_path: Path) -> None:
    """As MATLAB itself does: doubles that are small whole numbers are written as bytes."""

    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(">2I", kind, len(content)) + content + bytes(-len(content) % 8)

    matrix = element(6, struct.pack(">2I", 6, 0)) + element(5, struct.pack(">2i", 2, 3))
    matrix += element(1, b"y") + element(2, bytes([1, 2, 3, 4, 5, 6]))
    path = tmp_path / "x.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI" + element(14, matrix))
    found = read_matrices(path, ("y",))["y"]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[1, 3, 5], [2, 4, 6]])
    np.testing.assert_array_equal(found, loadmat(path)["y"])


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_refused_or_read_and_never_crash(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "x.mat"
    savemat(path, {"X": CONTENT["bytes"], "y": CONTENT["whole"]}, do_compression=packed)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    said = []
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(int(random.integers(1, 4))):
            data[int(random.integers(120, len(data)))] = int(random.integers(256))
        if random.random() < 0.2:
            del data[int(random.integers(len(data))) :]
        path.write_bytes(data)
        try:
            read_matrices(path, ("X", "y"))
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 100
    assert all(line.startswith(str(path)) and "\n" not in line for line in said)


def test_a_small_file_cannot_ask_for_all_memory(tmp_path: Path) -> None:
    def element(kind: int, content: bytes, length: int | None = None) -> bytes:
        said = len(content) if length is None else length
        return struct.pack("<2I", kind, said) + content + bytes(-len(content) % 8)

    head = element(6, struct.pack("<2I", 9, 0)) + element(5, struct.pack("<2i", 1 << 16, 65_000))
    head += element(1, b"X") + struct.pack("<2I", 2, (1 << 16) * 65_000)
    matrix = struct.pack("<2I", 14, len(head) + (1 << 16) * 65_000) + head
    packed = zlib.compress(matrix + bytes(1 << 20))
    path = tmp_path / "x.mat"
    path.write_bytes(
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + element(15, packed)[: 8 + len(packed)]
    )
    with pytest.raises(ValueError, match=r"a matrix of \(65536, 65000\) is too large"):
        read_matrices(path, ("X",))
