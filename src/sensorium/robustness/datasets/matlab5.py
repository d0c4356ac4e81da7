"""Matrices of numbers in a MATLAB file of version 5 (or 7), such as SVHN's.

SciPy reads these files too, but a few wrong bytes make it crash with the whole process. This reader
knows matrices of plain numbers only and checks every length against what is there.

A file is a header of 128 bytes, then elements: a tag (type, number of bytes), and content that ends
at a multiple of 8 bytes. Types 14 and 15 are a matrix and a compressed one; a matrix holds flags,
dimensions, a name and numbers, each an element, the numbers column by column. ("MAT-File Format",
The MathWorks.)
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
_NUMBERS[13] = "u8"
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8"}
_CLASSES[15] = "u8"
_MATRIX, _COMPRESSED = 14, 15
_HEADER, _HEAD = 128, 4096
_VERSION, _COMPLEX = 0x0100, 0x0800
_LARGEST = 1 << 31  # bytes of numbers, so that a small file cannot ask for all memory


@dataclass(frozen=True)
class _Head:
    """What stands before a matrix's numbers.

    Attributes:
        name: of the variable.
        shape: of the matrix.
        kind: NumPy's name of what it is made of; empty where it is not of numbers.
        stored: NumPy's name of how the numbers are written.
        start: of the numbers, in bytes from the matrix's first one.
        length: of the numbers, in bytes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    stored: str
    start: int
    length: int


def read_matrices(path: str | Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those of the named variables that are there and are matrices of numbers.

    Raises:
        ValueError: in one line, when the file is missing, of another version, or not whole.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    data = memoryview(path.read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:_HEADER]))
    if order is None or struct.unpack_from(f"{order}H", data, 124) != (_VERSION,):
        raise ValueError(f"{path}: not a MATLAB file of version 5; get it again")
    out = {}
    try:
        at = _HEADER
        while at < len(data):
            kind, start, end, at = _tag(data, at, order, limit=len(data))
            found = _matrix(data[start:end], kind, order, names)
            if found is not None:
                out[found[0]] = found[1]
    except (ValueError, zlib.error) as error:
        raise ValueError(
            f"{path}: not a whole MATLAB file of version 5 ({error}); get it again"
        ) from None
    return out


def _tag(data: memoryview, at: int, order: str, limit: int | None) -> tuple[int, int, int, int]:
    """An element's type, where its content begins and ends, and where the next element is.

    Args:
        data: bytes that hold the tag.
        at: its place.
        order: of bytes, ``<`` or ``>``.
        limit: where the content must end at the latest; ``None``: it may end later.
    """
    if at + 8 > len(data):
        raise ValueError("cut off within a tag")
    kind, length = struct.unpack_from(f"{order}2I", data, at)
    start = at + 8
    following = start + (length + 7) // 8 * 8
    if kind >> 16:  # a small element: the length beside the type, up to 4 bytes within the tag
        kind, length, start, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if length > 4:
            raise ValueError(f"a small element of {length} bytes")
    elif kind == _COMPRESSED:
        following = start + length
    if limit is not None and start + length > limit:
        raise ValueError(f"an element of {length} bytes, of which {max(0, limit - start)} are left")
    return kind, start, start + length, following


def _matrix(
    content: memoryview, kind: int, order: str, names: Sequence[str]
) -> tuple[str, NDArray[Any]] | None:
    """Name and numbers of an element, if it is a matrix of numbers that is asked for."""
    if kind == _COMPRESSED:
        packed = zlib.decompressobj()
        first = packed.decompress(content, _HEAD)
        inner, start, end, _ = _tag(memoryview(first), 0, order, limit=None)
        if inner != _MATRIX:
            return None
        head = _head(memoryview(first)[start:], order, end - start)
        if not head.kind or head.name not in names:
            return None
        wanted = start + head.start + head.length
        rest = packed.decompress(packed.unconsumed_tail, max(1, wanted - len(first)))
        content = memoryview(first + rest)[start:]
    elif kind == _MATRIX:
        head = _head(content, order, len(content))
        if not head.kind or head.name not in names:
            return None
    else:
        return None
    stored = content[head.start : head.start + head.length]
    if len(stored) != head.length:
        raise ValueError(f"{head.name} is cut off: {len(stored)} of {head.length} bytes")
    numbers = np.frombuffer(stored, np.dtype(order + head.stored))
    whole = numbers.reshape(head.shape, order="F")
    return head.name, whole if head.kind == head.stored else whole.astype(head.kind)


def _head(content: memoryview, order: str, length: int) -> _Head:
    """What stands before a matrix's numbers.

    Args:
        content: of the matrix, at least its first bytes.
        order: of bytes.
        length: of the whole content, in bytes.
    """
    kind, start, end, at = _tag(content, 0, order, len(content))
    if kind != 6 or end - start != 8:
        raise ValueError("a matrix without flags")
    (flags,) = struct.unpack_from(f"{order}I", content, start)
    kind, start, end, at = _tag(content, at, order, len(content))
    count = (end - start) // 4
    if kind != 5 or count < 2 or (end - start) % 4:
        raise ValueError("a matrix without dimensions")
    shape = struct.unpack_from(f"{order}{count}i", content, start)
    kind, start, end, at = _tag(content, at, order, len(content))
    if kind != 1:
        raise ValueError("a matrix without a name")
    name = bytes(content[start:end]).decode("latin-1")
    made_of = "" if flags & _COMPLEX else _CLASSES.get(flags & 0xFF, "")
    if not made_of:
        return _Head(name, shape, "", "", 0, 0)
    kind, start, end, _ = _tag(content, at, order, limit=length)
    stored = _NUMBERS.get(kind, "")
    values = math.prod(shape) if min(shape) >= 0 else -1
    if not stored or values < 0 or values * np.dtype(stored).itemsize != end - start:
        raise ValueError(f"{end - start} bytes of numbers for a matrix of {shape}")
    if values * np.dtype(made_of).itemsize > _LARGEST:
        raise ValueError(f"a matrix of {shape} is too large")
    return _Head(name, shape, made_of, stored, start, end - start)
