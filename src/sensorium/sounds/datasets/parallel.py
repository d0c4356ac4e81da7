"""One piece of work per recording, several at a time, the answers in the order of the list.

Threads, because decoding, resizing and coding all leave Python's lock; each decodes with one thread
of its own. At most a few items are in the works at once, however long the list is.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


def cores() -> int:
    """How many processors this process may use."""
    able = getattr(os, "sched_getaffinity", None)
    return len(able(0)) if able is not None else (os.cpu_count() or 1)


def in_order(
    work: Callable[[Thing, threading.Event], Answer], things: Iterable[Thing], workers: int = 0
) -> Generator[Answer, None, None]:
    """What ``work`` makes of each thing.

    Args:
        work: takes a thing and an event; should end early once the event is set.
        things: taken one by one as places become free.
        workers: threads; 0: one per processor.
    """
    workers = workers or cores()
    stop = threading.Event()
    waiting: deque[Future[Answer]] = deque()
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for thing in things:
            waiting.append(pool.submit(work, thing, stop))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
