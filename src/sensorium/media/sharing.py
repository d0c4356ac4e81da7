"""Decoders that open when needed, survive pickling and forking, and never hold too many files open.

`Shared` keeps one decoder (anything with ``close()``) behind a lock. A forked child (a DataLoader
worker) must neither use nor free its parent's decoder: the file position is shared with the parent
and the decoding threads are not there; so the child leaves it alone and opens its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Generic, Protocol, TypeVar

MAX_OPEN = 32  # files that stay open in one process; the longest unused is closed first


class Closable(Protocol):
    """Whatever `Shared` keeps."""

    def close(self) -> None:
        """Free the file."""


T = TypeVar("T", bound=Closable)

_open: OrderedDict[int, weakref.ref[Shared]] = OrderedDict()  # type: ignore[type-arg]
_open_lock = threading.Lock()
_left_to_parent: list[object] = []


class Shared(Generic[T]):
    """A lazily opened decoder for many threads, one at a time.

    Args:
        make: opens it; must be picklable if the owner is (a bound method of the owner is).
    """

    def __init__(self, make: Callable[[], T], ready: T | None = None) -> None:
        self._make = make
        self._decoder = ready
        self._lock = threading.Lock()
        if ready is not None:
            self._register()

    @contextmanager
    def use(self) -> Iterator[T]:
        """The decoder, for this thread alone until the block ends."""
        with self._lock:
            if self._decoder is None:
                self._decoder = self._make()
            self._register()
            yield self._decoder

    def close(self) -> None:
        """Free the file; the next use opens it again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()

    def _leave_to_parent(self) -> None:
        _left_to_parent.append(self._decoder)
        self._decoder, self._lock = None, threading.Lock()

    def _register(self) -> None:
        with _open_lock:
            _open[id(self)] = weakref.ref(self, partial(_forget, id(self)))
            _open.move_to_end(id(self))
            surplus = [_open.popitem(last=False)[1] for _ in range(len(_open) - MAX_OPEN)]
        for reference in surplus:
            idle = reference()
            if idle is not None and idle._lock.acquire(blocking=False):
                try:
                    idle._drop()
                finally:
                    idle._lock.release()

    def __getstate__(self) -> Callable[[], T]:
        return self._make

    def __setstate__(self, make: Callable[[], T]) -> None:
        Shared.__init__(self, make)


def _forget(key: int, _gone: object) -> None:
    _open.pop(key, None)


def _after_fork() -> None:
    global _open_lock
    _open_lock = threading.Lock()
    for reference in list(_open.values()):
        shared = reference()
        if shared is not None:
            shared._leave_to_parent()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
