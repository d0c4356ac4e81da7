"""Reading a pickle that may hold plain values and NumPy arrays of numbers, and nothing else.

A pickle is a program: loading it calls whatever it names. Here the few names that arrays need stand
for classes of our own, which note the numbers and call nothing; any other name is refused. Arrays
are then made from the noted bytes, of the plain number types alone.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: str | Path) -> dict[str, Any]:
    """The dict that a file holds, its keys as text (Python 2 pickles have bytes).

    Raises:
        ValueError: in one line, when the file is missing, cut off, no pickle of a dict, or asks for
            anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    try:
        data = path.read_bytes()
        if not data.startswith(b"\x80"):  # all pickles but those of the first two protocols
            raise EOFError
        content = _Unpickler(io.BytesIO(data)).load()
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}, expected a dict of arrays")
        return {_text(key): _value(value) for key, value in content.items()}
    except _RefusedError as error:
        raise ValueError(
            f"{path}: refused, loading it would run {error}; expected arrays and plain values only"
        ) from None
    except (EOFError, pickle.UnpicklingError):
        raise ValueError(
            f"{path}: not a whole pickle (cut off, or another kind of file); get it again"
        ) from None
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a pickle of arrays ({said}); get it again") from None


class _RefusedError(Exception):
    """What a pickle asked for."""


class _Dtype:
    """What a pickle says of a type of numbers."""

    def __init__(self, code: Any = "u1", *_: Any) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def made(self) -> np.dtype[Any]:
        """The type.

        Raises:
            ValueError: when it is none of plain numbers.
        """
        code = _text(self.code)
        if len(code) != 2 or code[0] not in "iufb" or code[1] not in "1248":
            raise ValueError(f"an array of {code!r}, expected one of numbers")
        return np.dtype((">" if self.order == ">" else "<") + code)


class _Array:
    """What a pickle says of an array."""

    def __init__(self) -> None:
        self.state: tuple[Any, Any, Any, Any] = ((0,), _Dtype(), False, b"")

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.state = (shape, dtype, fortran, data)

    def made(self) -> NDArray[Any]:
        """The array.

        Raises:
            ValueError: when shape, type and bytes do not fit.
        """
        shape, dtype, fortran, data = self.state
        raw = data.encode("latin-1") if isinstance(data, str) else data
        if not (isinstance(dtype, _Dtype) and isinstance(raw, bytes | bytearray)):
            raise ValueError("an array of objects, expected one of numbers")
        numbers = np.frombuffer(raw, dtype.made())
        return numbers.reshape(tuple(map(int, shape)), order="F" if fortran else "C")


class _Reconstruct:
    """NumPy's own way to begin an array."""

    def __new__(cls, *_: Any) -> Any:
        return _Array()

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a changed function, expected arrays")


class _FromBuffer:
    """NumPy's way to write an array in newer pickles."""

    def __new__(cls, data: Any, dtype: Any, shape: Any, order: Any = "C") -> Any:
        array = _Array()
        array.state = (shape, dtype, order == "F", data)
        return array

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a changed function, expected arrays")


class _Encoded:
    """Bytes as Python 3 writes them for Python 2: text in Latin-1, and no other codec."""

    def __new__(cls, text: Any, codec: Any = "latin1") -> Any:
        if codec not in ("latin1", "latin-1"):
            raise ValueError(f"text in the codec {codec!r}, expected latin1")
        return text.encode("latin-1")

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a changed function, expected arrays")


_KNOWN: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer,
    ("_codecs", "encode"): _Encoded,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise _RefusedError(f"{module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError(f"persistent object {str(pid)[:40]!r}")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _value(value: Any) -> Any:
    """An array made, bytes as text, a list of plain values; nothing is nested."""
    if isinstance(value, _Array):
        return value.made()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _plain(value)


def _plain(value: Any) -> str | int | float | None:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return _text(value)
    raise ValueError(f"a value of type {type(value).__name__}, expected arrays and plain values")
