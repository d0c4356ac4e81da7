"""Arithmetic on points, directions and colours for the compiled loops.

Tuples of three numbers, which compile to registers. Numba's cache notices a change of the file
that holds a compiled function, not of those that it calls: after a change here,
`kernels.BUILT_ON` must change too, which a test demands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np
from jaxtyping import Float32

P = ParamSpec("P")
T = TypeVar("T")
F = np.float32
Real = np.float32
Three = tuple[Real, Real, Real]
World = Float32[np.ndarray, "R 16"]
ZERO, ONE = F(0), F(1)


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Compiles at the first call; keeps the result on disk where that can be written.

    No ``fastmath``: sums, products, quotients and square roots come out the same on every
    processor, and the compiled functions use nothing else. No function allocates, so that none
    needs reference counts (``_nrt``), which would cost a third of the time.
    """
    options = {"nogil": True, "error_model": "numpy", "_nrt": False}
    try:
        fast = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        fast = numba.njit(**options)(function)
    return cast(Callable[P, T], fast)


@compiled
def dot(a: Three, b: Three) -> Real:
    """A · b."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def minus(a: Three, b: Three) -> Three:
    """A − b."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@compiled
def times(a: Three, by: Real) -> Three:
    """A vector, longer."""
    return a[0] * by, a[1] * by, a[2] * by


@compiled
def more(a: Three, by: Real, b: Three) -> Three:
    """A + by · b."""
    return a[0] + by * b[0], a[1] + by * b[1], a[2] + by * b[2]


@compiled
def each(a: Three, b: Three) -> Three:
    """Products, one by one."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@compiled
def unit(a: Three) -> Three:
    """A vector at length 1."""
    return times(a, ONE / np.sqrt(dot(a, a)))


@compiled
def three(w: World, row: int, column: int) -> Three:
    """Three numbers that stand side by side."""
    return w[row, column], w[row, column + 1], w[row, column + 2]


@compiled
def clip(x: Real) -> Real:
    """0..1."""
    return min(max(x, ZERO), ONE)
