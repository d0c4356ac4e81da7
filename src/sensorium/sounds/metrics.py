"""Metrics of sound separation, segmentation and channel assignment.

SDR, SIR and SAR are BSS-Eval version 3 (`sensorium.sounds.bss_eval`). NSDR is a source's SDR minus
the mixture's as its estimate (what The Sound of Pixels, arXiv:1804.03160, prints; The Sound of
Motions prints plain SDR), SI-SDR is Le Roux et al., arXiv:1811.02508, and SI-SDRi its gain over the
mixture. The papers' released scorer drops every mixture that has a silent source *or estimate*, so
that saying nothing costs nothing. Here every source is accounted for:

- **scored**: it and at least one other source of its mixture sound.
- a scored source whose **estimate is silent** (``mute``) gets ``FLOOR_DB`` for SDR, SIR, SAR and
  SI-SDR. BSS-Eval has no answer (0/0), and -30 dB is below what any system here gets on average.
- **silent** sources have no SDR. Their figure is ``silent_db``: how loud the estimate is, relative
  to the mixture; less is better.
- **alone**: the only one that sounds. The mixture is the source, so nothing can be gained over it;
  it has an SDR of its own but takes no part in means.

Silent means at least 60 dB below the mixture (or the loudest source, should sources cancel out), or
below -100 dB of full scale. Nothing is clipped otherwise, except at 100 dB, where float64 ends.
"""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Float64, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sensorium.sounds.bss_eval import LIMIT_DB, ReferenceSpace, ratio_db

if TYPE_CHECKING:
    from sensorium.system import Meter

FLOOR_DB = -30.0
SILENT_DB = -60.0
_LEAST_POWER = 1e-10  # mean square of a sound at -100 dB of full scale
_GAINS = ("nsdr", "sdr", "sir", "sar", "si_sdri")
_LEVELS = ("sdr_mix", "silent_db")
_COUNTS = ("n_scored", "n_silent", "n_alone", "n_mute")
_NAN = torch.tensor(torch.nan, dtype=torch.float64)


@dataclass(frozen=True)
class SourceScores:
    """One mixture's sources, in dB; NaN where a figure does not exist (see the module's head).

    Attributes:
        sdr: source-to-distortion ratio; likewise ``sir`` and ``sar``; NaN for silent sources.
        si_sdr: scale-invariant SDR; NaN for silent sources.
        sdr_mix: SDR of the mixture as the estimate; likewise ``si_sdr_mix``.
        silent_db: loudness of a silent source's estimate relative to the mixture, not below
            ``SILENT_DB``; NaN for sources that sound.
        mute: the source sounds and its estimate is silent.
    """

    sdr: Float64[Tensor, " N"]
    sir: Float64[Tensor, " N"]
    sar: Float64[Tensor, " N"]
    si_sdr: Float64[Tensor, " N"]
    sdr_mix: Float64[Tensor, " N"]
    si_sdr_mix: Float64[Tensor, " N"]
    silent_db: Float64[Tensor, " N"]
    mute: Bool[Tensor, " N"]

    @property
    def silent(self) -> Bool[Tensor, " N"]:
        """Which sources are silent."""
        return ~self.silent_db.isnan()

    @property
    def scored(self) -> Bool[Tensor, " N"]:
        """Which sources take part in means."""
        return ~self.silent & ((~self.silent).sum() > 1)

    @property
    def nsdr(self) -> Float64[Tensor, " N"]:
        """SDR minus the mixture's; NaN where not scored."""
        return self.sdr.where(self.scored, _NAN) - self.sdr_mix

    @property
    def si_sdri(self) -> Float64[Tensor, " N"]:
        """SI-SDR minus the mixture's; NaN where not scored."""
        return self.si_sdr.where(self.scored, _NAN) - self.si_sdr_mix

    def figures(self) -> dict[str, Float64[Tensor, " N"]]:
        """What means are taken of, by the field's short names; NaN is to be left out."""
        plain = {"sdr": self.sdr, "sir": self.sir, "sar": self.sar, "sdr_mix": self.sdr_mix}
        figures = {name: value.where(self.scored, _NAN) for name, value in plain.items()}
        figures |= {"nsdr": self.nsdr, "si_sdri": self.si_sdri, "silent_db": self.silent_db}
        return {name: figures[name] for name in _GAINS + _LEVELS}

    def counts(self) -> dict[str, int]:
        """How many sources are scored, silent, alone, and (of those that sound) muted."""
        silent, scored = int(self.silent.sum()), int(self.scored.sum())
        alone = len(self.sdr) - silent - scored
        values = (scored, silent, alone, int(self.mute.sum()))
        return dict(zip(_COUNTS, values, strict=True))


class MixtureScorer:
    """Scores any number of separations of one mixture; what they share is worked out once.

    Args:
        references: ``[N, L]``, as loud as they are in the mixture.
        mixture: ``[L]``.

    Raises:
        ValueError: on other shapes, NaN or infinity.
    """

    def __init__(self, references: Float[Tensor, "N L"], mixture: Float[Tensor, " L"]) -> None:
        self.references = _waves(references, "references", 2)
        self.mixture = _waves(mixture, "mixture", 1)
        if self.mixture.shape != self.references.shape[1:]:
            raise ValueError(
                f"the mixture must have the references' length [{self.references.shape[1]}], got "
                f"{list(self.mixture.shape)}; cut both to the shorter length"
            )
        energies = torch.cat([_energy(self.references), _energy(self.mixture)[None]])
        self.energy = energies.max().clamp(min=_LEAST_POWER * self.mixture.shape[0])
        self.audible = self._sounds(self.references)
        self.space = (
            ReferenceSpace(self.references[self.audible].numpy()) if self.audible.any() else None
        )
        self.sdr_mix = torch.full_like(energies[:-1], torch.nan)
        self.si_sdr_mix = self.sdr_mix.clone()
        if self.space is not None:
            heard = bool(self._sounds(self.mixture))
            base = self.space.score_mixture(self.mixture.numpy()).sdr if heard else FLOOR_DB
            self.sdr_mix[self.audible] = torch.as_tensor(base)
            inner = si_sdr(self.references, self.mixture.expand_as(self.references))
            self.si_sdr_mix[self.audible] = inner[self.audible] if heard else FLOOR_DB

    def score(self, estimates: Float[Tensor, "N L"]) -> SourceScores:
        """Score estimate n with reference n.

        Raises:
            ValueError: on another shape than the references', NaN or infinity.
        """
        estimates = self._checked(estimates)
        mute = self.audible & ~self._sounds(estimates)
        table = torch.full((4, len(estimates)), torch.nan, dtype=torch.float64)
        if self.space is not None:
            stand_in = self.references.where(mute[:, None], estimates)
            bss = self.space.score(stand_in[self.audible].numpy())
            scale_invariant = si_sdr(self.references, estimates)[self.audible].numpy()
            for row, values in zip(
                table, (bss.sdr, bss.sir, bss.sar, scale_invariant), strict=True
            ):
                row[self.audible] = torch.from_numpy(values)
            table[:, mute] = FLOOR_DB
        loudness = 10 * (_energy(estimates) / self.energy).log10().clamp(min=SILENT_DB / 10)
        return SourceScores(
            sdr=table[0],
            sir=table[1],
            sar=table[2],
            si_sdr=table[3],
            sdr_mix=self.sdr_mix,
            si_sdr_mix=self.si_sdr_mix,
            silent_db=loudness.where(~self.audible, _NAN),
            mute=mute,
        )

    def best_order(self, estimates: Float[Tensor, "N L"]) -> Int64[Tensor, " N"]:
        """For each reference the estimate that the truth says is its own: an oracle.

        For separators whose outputs come in no order: score ``estimates[order]`` and name the
        figure so. The sum of the SDRs is highest; silent references get what is left.

        Raises:
            ValueError: as `score`.
        """
        estimates = self._checked(estimates)
        sounding = self._sounds(estimates)
        gain = torch.zeros(len(estimates), len(estimates), dtype=torch.float64)
        gain[:, self.audible] = -LIMIT_DB
        if self.space is not None and sounding.any():
            own, _ = self.space.coherences(estimates[sounding].numpy())
            gain[sounding[:, None] & self.audible] = torch.from_numpy(
                ratio_db(own, 1 - own)
            ).ravel()
        return torch.from_numpy(linear_sum_assignment(-gain.T.numpy())[1])

    def _checked(self, estimates: Tensor) -> Float64[Tensor, "N L"]:
        estimates = _waves(estimates, "estimates", 2)
        if estimates.shape != self.references.shape:
            raise ValueError(
                f"estimates must have the references' shape {list(self.references.shape)}, got "
                f"{list(estimates.shape)}; give one for each reference, of the same length"
            )
        return estimates

    def _sounds(self, waves: Float64[Tensor, "... L"]) -> Bool[Tensor, "..."]:
        return _energy(waves) > self.energy * 10 ** (SILENT_DB / 10)


def score_mixture(
    references: Float[Tensor, "N L"], estimates: Float[Tensor, "N L"], mixture: Float[Tensor, " L"]
) -> SourceScores:
    """Score one separation of one mixture; for several use `MixtureScorer`.

    Raises:
        ValueError: on shapes that do not agree, NaN or infinity.
    """
    return MixtureScorer(references, mixture).score(estimates)


def si_sdr(
    references: Float[Tensor, "... L"], estimates: Float[Tensor, "... L"]
) -> Float64[Tensor, "..."]:
    """Scale-invariant SDR in dB, within -100 to 100; NaN where either is silent.

    The energy of the estimate's projection on the reference, over that of the rest (equation 3 of
    arXiv:1811.02508); means are not removed.

    Raises:
        ValueError: when the shapes differ.
    """
    if references.shape != estimates.shape:
        raise ValueError(
            f"references and estimates must have one shape, got {list(references.shape)} and "
            f"{list(estimates.shape)}; cut both to the shorter length"
        )
    x, y = (w.double() / w.double().abs().amax(-1, keepdim=True) for w in (references, estimates))
    target = (x * y).sum(-1, keepdim=True) / _energy(x)[..., None] * x
    ratio = 10 * (_energy(target) / _energy(y - target)).log10()
    return ratio.clamp(-LIMIT_DB, LIMIT_DB)


# --- sets of mixtures -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Takes:
    """One mixture and every system's separation of it.

    Attributes:
        references: ``[N, L]``, as loud as they are in the mixture.
        mixture: ``[L]``.
        estimates: each ``[N, L]``, by the system's name.
    """

    references: Float[Tensor, "N L"]
    mixture: Float[Tensor, " L"]
    estimates: Mapping[str, Float[Tensor, "N L"]]

    def score(self) -> dict[str, SourceScores]:
        """Every system's scores."""
        scorer = MixtureScorer(self.references, self.mixture)
        return {name: scorer.score(estimates) for name, estimates in self.estimates.items()}


def score_many(takes: Iterable[Takes], processes: int = 1) -> Iterator[dict[str, SourceScores]]:
    """Score mixtures as they come, in order, in processes of one thread each.

    Takes at most twice as many ahead as there are processes. The caller's script needs the
    ``if __name__ == "__main__":`` of every program that starts processes.

    Raises:
        ValueError: on ``processes`` below 1, and as `MixtureScorer`.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    if processes == 1:
        yield from (take.score() for take in takes)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[bytes]] = deque()
        for take in takes:
            with _single_threaded_children():
                waiting.append(pool.submit(_score_pickled, pickle.dumps(take)))
            if len(waiting) >= 2 * processes:
                yield pickle.loads(waiting.popleft().result())
        while waiting:
            yield pickle.loads(waiting.popleft().result())


def _score_pickled(take: bytes) -> bytes:
    """In bytes, since torch would keep an open file for every tensor that processes exchange."""
    mine: Takes = pickle.loads(take)
    return pickle.dumps(mine.score())


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Processes started within have one thread of BLAS: the variables are read when it loads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def sound_meters(classes: Sequence[str]) -> dict[str, Meter]:
    """Fresh meters; each takes references and estimates ``[B, N, L]``, and labels ``[B, N]``.

    The mixture is the references' sum. Means over the scored sources in dB (``nsdr``, which selects
    checkpoints, ``sdr``, ``sir``, ``sar``, ``si_sdri``, ``sdr_mix``), ``silent_db`` over the silent
    ones, counts (``n_scored``, ``n_silent``, ``n_alone``, ``n_mute``), and ``nsdr/<class>``. Labels
    are class indices, or -1. A batch is scored once, by whichever meter sees it first.
    """
    from sensorium.sounds.meters import BatchScorer, SourceCount, SourceGain, SourceMean

    scorer = BatchScorer()
    meters: dict[str, Meter] = {name: SourceGain(scorer, name) for name in _GAINS}
    meters |= {name: SourceMean(scorer, name) for name in _LEVELS}
    meters |= {name: SourceCount(scorer, name) for name in _COUNTS}
    meters |= {f"nsdr/{name}": SourceGain(scorer, "nsdr", k) for k, name in enumerate(classes)}
    return meters


# --- pictures -------------------------------------------------------------------------------------


def iou(predicted: Bool[Tensor, "... H W"], truth: Bool[Tensor, "... H W"]) -> Float[Tensor, "..."]:
    """Intersection over union of masks, 0..1; NaN where both are empty."""
    shared = (predicted & truth).sum((-2, -1))
    return shared / (predicted | truth).sum((-2, -1))


def class_iou(
    predicted: Bool[Tensor, "B H W"],
    truth: Bool[Tensor, "B H W"],
    label: Int64[Tensor, " B"],
    classes: int,
) -> Float[Tensor, " K"]:
    """TP / (TP + FP + FN) of every class over a whole set of masks; their mean is ``nanmean()``.

    Args:
        predicted: the mask of one object each.
        truth: what it should be.
        label: the object's class; -1 counts nowhere.
        classes: how many there are; one that does not occur gets NaN.
    """
    known = label >= 0
    counts = torch.zeros(2, classes, dtype=torch.int64, device=label.device)
    for row, both in zip(counts, (predicted & truth, predicted | truth), strict=True):
        row.index_add_(0, label[known], both.sum((-2, -1))[known])
    return counts[0] / counts[1]


def channel_to_class_accuracy(
    activations: Float[Tensor, "M K"], label: Int64[Tensor, " M"], channels: Int64[Tensor, " C"]
) -> float:
    """Share of examples whose strongest channel is the one assigned to their class.

    Args:
        activations: pooled, of every channel; all K compete, assigned or not.
        label: each example's class; -1 is left out.
        channels: the channel assigned to each class.

    Raises:
        ValueError: when no example has a class.
    """
    known = label >= 0
    if not known.any():
        raise ValueError("channel-to-class accuracy needs examples with a class, got none")
    hit = activations[known].argmax(1) == channels[label[known]]
    return float(hit.double().mean())


def _energy(waves: Float[Tensor, "... L"]) -> Float[Tensor, "..."]:
    return waves.square().sum(-1)


def _waves(waves: Tensor, what: str, axes: int) -> Float64[Tensor, "..."]:
    """In float64 on the CPU, checked."""
    if waves.ndim != axes or 0 in waves.shape:
        expected = "[N, L] with N, L >= 1" if axes == 2 else "[L] with L >= 1"
        raise ValueError(f"{what} must be {expected}, got {list(waves.shape)}")
    if not waves.isfinite().all():
        raise ValueError(f"{what} must be finite, got NaN or infinity; look for it upstream")
    return waves.detach().cpu().double()
