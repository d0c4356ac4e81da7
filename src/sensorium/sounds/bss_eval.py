"""BSS-Eval version 3 for single-channel sources: SDR, SIR and SAR with 512-tap distortion filters.

Vincent, Gribonval and Févotte, "Performance measurement in blind audio source separation", IEEE
TASLP 14(4), 2006. What a short filter of its own reference can make of an estimate counts as
target, what filters of the other references add counts as interference, and the rest as artifacts.

Ours never makes those three signals, since their energies are all that is wanted, and those follow
from the coherence of the estimate with two spaces: the delayed copies of its own reference, and of
all references. One Cholesky factor of the references' block-Toeplitz Gram matrix gives them for any
number of sets of estimates. The scores are those of ``mir_eval.separation.bss_eval_sources``.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Float, Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import lapack
from scipy.optimize import linear_sum_assignment

TAPS = 512
LIMIT_DB = 100.0
_FIRST_RIDGE = 1e-12  # of the mean diagonal; the rounding of a matrix of 2048 rows


@dataclass(frozen=True)
class BssScores:
    """Scores of estimates, in dB within ``-LIMIT_DB`` to ``LIMIT_DB``, one per reference.

    Attributes:
        sdr: source-to-distortion ratio (interference and artifacts together).
        sir: source-to-interference ratio.
        sar: source-to-artifacts ratio.
        permutation: the estimate that each reference was scored with.
    """

    sdr: Float64[np.ndarray, " N"]
    sir: Float64[np.ndarray, " N"]
    sar: Float64[np.ndarray, " N"]
    permutation: Int64[np.ndarray, " N"]


class ReferenceSpace:
    """The references' delayed copies, factorised once to score any number of sets of estimates.

    A Gram matrix that is not positive definite in float64 (pure tones that swell, references with
    nothing at all at high frequencies, two that are the same) gets a ridge of 1e-12 times its mean
    diagonal, or ten times that until it is. There rounding decides on the last tenths of a dB, and
    other programs may differ by as much. A noise floor of 16 bits is enough to be spared this.

    Args:
        references: ``[N, L]``, finite and none of them all zero.
        taps: length of the distortion filters in samples.

    Raises:
        ValueError: on references of another shape, silent, NaN or infinite.
    """

    def __init__(self, references: Float[np.ndarray, "N L"], taps: int = TAPS) -> None:
        if taps < 1:
            raise ValueError(f"taps must be at least 1, got {taps}; the standard is {TAPS}")
        waves = _unit_energy(references, "references")
        self.shape = waves.shape
        self.taps = taps
        self._size = scipy.fft.next_fast_len(self.shape[1] + taps - 1, real=True)
        self._spectra = scipy.fft.rfft(waves, self._size)
        lags = self._lags()
        with one_blas_thread():
            self._own = [_cholesky(lags[i : i + 1, i : i + 1]) for i in range(len(waves))]
            self._all = self._own[0] if len(waves) == 1 else _cholesky(lags)

    def score(self, estimates: Float[np.ndarray, "N L"], *, permute: bool = False) -> BssScores:
        """Score estimate n with reference n, or with ``permute`` in the best order.

        The best order has the highest mean SIR, as in BSS-Eval. SIR is ``LIMIT_DB`` when there is
        one source.

        Raises:
            ValueError: on estimates of another shape than the references', silent (they have no
                scores), NaN or infinite.
        """
        if np.shape(estimates) != self.shape:
            raise ValueError(
                f"estimates must have the references' shape {list(self.shape)}, got "
                f"{list(np.shape(estimates))}; cut both to the shorter length"
            )
        own, every = self.coherences(estimates)
        count = len(own)
        order = np.arange(count)
        if permute:
            sir = ratio_db(own, every[:, None] - own)  # [estimate, reference]
            order = linear_sum_assignment(-sir.T)[1]
        return _scores(own[order, np.arange(count)], every[order], order)

    def score_mixture(self, mixture: Float[np.ndarray, " L"]) -> BssScores:
        """Score the mixture as the estimate of every source: what separation starts from.

        Raises:
            ValueError: as `score`.
        """
        if np.shape(mixture) != self.shape[1:]:
            raise ValueError(
                f"the mixture must have the references' length [{self.shape[1]}], got "
                f"{list(np.shape(mixture))}; cut both to the shorter length"
            )
        own, every = self.coherences(np.asarray(mixture)[None])
        count = self.shape[0]
        return _scores(own[0], np.repeat(every, count), np.zeros(count, np.int64))

    def _lags(self) -> Float64[np.ndarray, "N N 2*taps-1"]:
        """At [i, j, taps - 1 + k], for j <= i, the sum over n of ``x_j[n + k] x_i[n]``."""
        count, taps = self.shape[0], self.taps
        lags = np.zeros((count, count, 2 * taps - 1))
        for i in range(count):
            for j in range(i + 1):
                cross = self._correlate(self._spectra[j], self._spectra[i])
                lags[i, j, taps - 1 :] = cross[:taps]
                lags[i, j, : taps - 1] = cross[len(cross) - taps + 1 :]
        return lags

    def _correlate(
        self, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]
    ) -> Float64[np.ndarray, " size"]:
        """At k the sum over n of ``first[n + k] second[n]``; negative k count from the end."""
        product: np.ndarray[Any, Any] = scipy.fft.irfft(first * second.conj(), self._size)
        return product

    def coherences(
        self, estimates: Float[np.ndarray, "M L"]
    ) -> tuple[Float64[np.ndarray, "M N"], Float64[np.ndarray, " M"]]:
        """The share of each estimate's energy in the space of each reference, and of all.

        Raises:
            ValueError: on silent, NaN or infinite estimates.
        """
        waves = _unit_energy(estimates, "estimates")
        spectra = scipy.fft.rfft(waves, self._size)
        taps = self.taps
        inner = np.stack(
            [[self._correlate(e, x)[:taps] for x in self._spectra] for e in spectra]
        )  # [M, N, taps]
        with one_blas_thread():
            own = [_energy(f, inner[:, n].T) for n, f in enumerate(self._own)]
            every = _energy(
                self._all, inner.reshape(len(waves), -1).T
            )  # [M, N, taps] -> [M, N*taps]
        shares = np.minimum(np.stack(own, 1), 1.0)
        return shares, np.clip(every, shares.max(1), 1.0)


def _gram(lags: Float64[np.ndarray, "N N 2*taps-1"]) -> Float64[np.ndarray, "N*taps N*taps"]:
    """The Gram matrix: entry (i, a), (j, b) is <x_i delayed by a, x_j delayed by b>.

    In Fortran's order; the blocks above the diagonal ones are left unset.
    """
    count, taps = len(lags), (lags.shape[-1] + 1) // 2
    gram = np.empty((count * taps, count * taps))
    for i in range(count):
        for j in range(i + 1):
            block = sliding_window_view(lags[i, j], taps)[::-1]  # [b, a]: lag a - b
            gram[j * taps : (j + 1) * taps, i * taps : (i + 1) * taps] = block
    return gram.T


def _cholesky(lags: Float64[np.ndarray, "N N 2*taps-1"]) -> Float64[np.ndarray, "N*taps N*taps"]:
    """The lower factor of the Gram matrix (above its diagonal is anything)."""
    ridge = 0.0
    while True:
        gram = _gram(lags)
        gram[np.diag_indices_from(gram)] += ridge  # the diagonal is 1
        factor: np.ndarray[Any, Any]
        factor, failed = lapack.dpotrf(gram, lower=1, clean=0, overwrite_a=1)
        if not failed:
            return factor
        ridge = max(10 * ridge, _FIRST_RIDGE)


def _energy(
    factor: Float64[np.ndarray, "K K"], inner: Float64[np.ndarray, "K M"]
) -> Float64[np.ndarray, " M"]:
    """Energies of projections on a space, from its factor and the inner products with its basis."""
    whitened, failed = lapack.dtrtrs(factor, inner, lower=1)
    assert not failed, "the factor has a zero on its diagonal"
    energy: np.ndarray[Any, Any] = np.square(whitened).sum(0)
    return energy


def _scores(
    own: Float64[np.ndarray, " N"], every: Float64[np.ndarray, " N"], order: Int64[np.ndarray, " N"]
) -> BssScores:
    """Ratios from the shares of energy in the space of the own and of all references."""
    return BssScores(
        sdr=ratio_db(own, 1 - own),
        sir=ratio_db(own, every - own),
        sar=ratio_db(every, 1 - every),
        permutation=order,
    )


def bss_eval(
    references: Float[np.ndarray, "N L"],
    estimates: Float[np.ndarray, "N L"],
    *,
    permute: bool = False,
    taps: int = TAPS,
) -> BssScores:
    """Score one set of estimates; for several of the same references use `ReferenceSpace`.

    Raises:
        ValueError: as `ReferenceSpace` and its ``score``.
    """
    return ReferenceSpace(references, taps).score(estimates, permute=permute)


def ratio_db(
    signal: Float64[np.ndarray, "..."], noise: Float64[np.ndarray, "..."]
) -> Float64[np.ndarray, "..."]:
    """``10 log10(signal / noise)`` of energies, within ``-LIMIT_DB`` to ``LIMIT_DB``."""
    least = 10.0 ** (-LIMIT_DB / 10)
    quotient = signal / np.maximum(noise, np.maximum(signal * least, np.finfo(np.float64).tiny))
    decibels: np.ndarray[Any, Any] = 10.0 * np.log10(np.maximum(quotient, least))
    return decibels


@cache
def _blas() -> Any:
    try:
        return importlib.import_module("threadpoolctl").ThreadpoolController()
    except ImportError:
        return None


def one_blas_thread() -> AbstractContextManager[Any]:
    """Holds BLAS to one thread where threadpoolctl is installed; else nothing.

    A factor of 1024 rows takes 60 times as long with as many threads as cores when the cores are
    busy with something else. Without threadpoolctl set ``OPENBLAS_NUM_THREADS=1``.
    """
    controller = _blas()
    if controller is None:
        return nullcontext()
    limit: AbstractContextManager[Any] = controller.limit(limits=1, user_api="blas")
    return limit


def _unit_energy(waves: Float[np.ndarray, "N L"], what: str) -> Float64[np.ndarray, "N L"]:
    """Float64 copies with energy 1 each: no score depends on loudness."""
    waves = np.asarray(waves, np.float64)
    if waves.ndim != 2 or 0 in waves.shape:
        raise ValueError(f"{what} must be [N, L] with N, L >= 1, got {list(waves.shape)}")
    if not np.isfinite(waves).all():
        raise ValueError(f"{what} must be finite, got NaN or infinity; look for it upstream")
    peak = np.abs(waves).max(1)
    if not peak.all():
        silent = ", ".join(map(str, np.flatnonzero(peak == 0)))
        raise ValueError(
            f"{what} must not be silent, got all zeros in {silent}; leave them out, or use "
            "sensorium.sounds.metrics.score_mixture, which counts them apart"
        )
    waves = waves / peak[:, None]  # first, so that squares of tiny samples do not vanish
    unit: np.ndarray[Any, Any] = waves / np.sqrt(np.square(waves).sum(1))[:, None]
    return unit
