"""Tensors of one shape kept in order: in memory while they are few, in a file beyond that."""

from __future__ import annotations

import tempfile
import weakref

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

_IN_MEMORY = 1 << 25  # bytes


class Spool:
    """An append-only list of ``float32`` tensors of one shape, on disk when it grows large."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.count = 0
        self._bytes = 4 * int(np.prod(shape, dtype=np.int64))
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self.count

    def append(self, tensor: Float32[Tensor, "..."]) -> None:
        """Add one at the end."""
        assert tuple(tensor.shape) == self.shape, (tensor.shape, self.shape)
        self._file.seek(self.count * self._bytes)
        self._file.write(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).tobytes())
        self.count += 1

    def __getitem__(self, index: int) -> Float32[Tensor, "..."]:
        if not 0 <= index < self.count:
            raise IndexError(index)
        self._file.seek(index * self._bytes)
        data = np.frombuffer(bytearray(self._file.read(self._bytes)), np.float32)
        return torch.from_numpy(data).view(self.shape)
