"""The papers' baseline without a network: non-negative matrix factorisation of magnitudes.

What The Sound of Pixels and The Sound of Motions print as NMF knows the instruments' labels and
learns each class's spectra from solos (`LabelledNmf`; Févotte, Bertin and Durrieu 2009 and many
others). What nobody tells anything is `blind_masks`: the mixture's own atoms, clustered by timbre
(after Spiertz and Gnann, DAFx 2009), whose sources come in no order. To score those, somebody must
say which is which: ``MixtureScorer.best_order`` looks at the truth, so that such figures are
"NMF, blind, order by oracle".

Both minimise the generalised Kullback-Leibler divergence by multiplicative updates (Lee and Seung,
NIPS 2000), and give Wiener masks, which sum to 1. The papers do not give their atoms, iterations or
masks; ours are the defaults below. Everything works on raw magnitudes ``[F, T]`` of any STFT, on
their device, and is the same for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from sensorium.seeds import torch_generator

_LEAST = 1e-8  # of the mean magnitude: keeps quotients finite
_BANDS = 30  # of the mel scale
_COEFFICIENTS = 13  # of the cepstrum, the first of which (loudness) is left out
_RESTARTS = 10  # of k-means


@dataclass(frozen=True)
class NmfConfig:
    """How magnitudes are factorised.

    Attributes:
        atoms: spectra per class (labelled), or per source (blind).
        iterations: multiplicative updates of each factor.
        power: masks are ratios of modelled magnitudes to this power; 2 is Wiener's filter.
    """

    atoms: int = 24
    iterations: int = 100
    power: float = 2.0

    def __post_init__(self) -> None:
        if self.atoms < 1 or self.iterations < 1 or not self.power > 0:
            raise ValueError(
                f"NMF needs at least 1 atom and 1 iteration and a power above 0, got {self}"
            )


def factorise(
    magnitude: Float[Tensor, "F T"], atoms: int, iterations: int = 100, *, seed: int = 0
) -> tuple[Float[Tensor, "F K"], Float[Tensor, "K T"]]:
    """Spectra, each of sum 1, and their activations, whose product is near ``magnitude``.

    Raises:
        ValueError: on magnitudes of another shape, negative, NaN or infinite.
    """
    target, scale = _scaled(magnitude)
    draw = torch_generator(seed, "nmf", "factorise")
    spectra = _positive((len(target), atoms), draw, target)
    spectra = spectra / spectra.sum(0)
    gains = _positive((atoms, target.shape[1]), draw, target) * target.mean() * len(target) / atoms
    for _ in range(iterations):
        gains = gains * (spectra.T @ _quotient(target, spectra @ gains))  # columns sum to 1
        ratio = _quotient(target, spectra @ gains)
        spectra = spectra * (ratio @ gains.T) / gains.sum(1).clamp(min=_LEAST)
        total = spectra.sum(0).clamp(min=_LEAST)
        spectra, gains = spectra / total, gains * total[:, None]
    return spectra, gains * scale


def activations(
    magnitude: Float[Tensor, "F T"],
    spectra: Float[Tensor, "F K"],
    iterations: int = 100,
    *,
    seed: int = 0,
) -> Float[Tensor, "K T"]:
    """How loud each of given spectra (of sum 1 each) is in every frame.

    Raises:
        ValueError: as `factorise`, and on spectra with another number of rows.
    """
    target, scale = _scaled(magnitude)
    if spectra.ndim != 2 or len(spectra) != len(target):
        raise ValueError(
            f"spectra must be [F, K] with the magnitude's F = {len(target)}, got "
            f"{list(spectra.shape)}; learn them with the same STFT"
        )
    spectra = spectra.to(target)
    count = spectra.shape[1]
    gains = _positive((count, target.shape[1]), torch_generator(seed, "nmf", "gains"), target)
    gains = gains * target.mean() * len(target) / count
    for _ in range(iterations):
        gains = gains * (spectra.T @ _quotient(target, spectra @ gains))
    return gains * scale


def wiener_masks(models: Float[Tensor, "N F T"], power: float = 2.0) -> Float[Tensor, "N F T"]:
    """Each source's share of the modelled magnitudes to a power; equal shares where all are 0."""
    powers = (models / models.amax(0).clamp(min=torch.finfo(models.dtype).tiny)) ** power
    total = powers.sum(0)
    return torch.where(total > 0, powers / total.clamp(min=1e-30), 1.0 / len(models))


# --- with labels ----------------------------------------------------------------------------------


@dataclass
class LabelledNmf:
    """NMF that uses instrument labels: spectra of every class, learned from solos.

    Attributes:
        config: how.
        seed: of the first guesses.
        spectra: ``[F, atoms]`` of each class, by its label.
    """

    config: NmfConfig = field(default_factory=NmfConfig)
    seed: int = 0
    spectra: dict[int, Float[Tensor, "F K"]] = field(default_factory=dict)

    def fit(self, solos: Mapping[int, Iterable[Float[Tensor, "F T"]]]) -> LabelledNmf:
        """Learn the spectra of every class from magnitudes of solos, strung together in time.

        Raises:
            ValueError: on a class without solos, and as `factorise`.
        """
        for label, magnitudes in solos.items():
            strung = list(magnitudes)
            if not strung:
                raise ValueError(f"class {label} has no solos to learn from; leave it out")
            self.spectra[label], _ = factorise(
                torch.cat(strung, 1), self.config.atoms, self.config.iterations, seed=self.seed
            )
        return self

    def masks(
        self, magnitude: Float[Tensor, "F T"], labels: Sequence[int]
    ) -> Float[Tensor, "N F T"]:
        """Masks of a mixture's sources, whose labels are known.

        Sources of one class get equal shares: labels do not tell them apart.

        Raises:
            ValueError: on a label that was not learned, and as `activations`.
        """
        unknown = sorted({label for label in labels if label not in self.spectra})
        if unknown or not labels:
            raise ValueError(
                f"labels must be among {sorted(self.spectra)}, got {list(labels)}; fit solos of "
                "the missing classes first"
            )
        kinds = sorted(set(labels))
        spectra = torch.cat([self.spectra[kind] for kind in kinds], 1)
        gains = activations(magnitude, spectra, self.config.iterations, seed=self.seed)
        rows = gains.reshape(len(kinds), -1, gains.shape[1])  # [N*K, T] -> [N, K, T]
        models = [self.spectra[k].to(gains) @ h for k, h in zip(kinds, rows, strict=True)]
        shares = wiener_masks(torch.stack(models), self.config.power)
        index = [kinds.index(label) for label in labels]
        sharers = torch.tensor([labels.count(label) for label in labels]).to(shares)
        return shares[index] / sharers[:, None, None]


# --- without labels -------------------------------------------------------------------------------


def blind_masks(
    magnitude: Float[Tensor, "F T"],
    sources: int,
    rate: int = 11_025,
    config: NmfConfig | None = None,
    *,
    seed: int = 0,
) -> Float[Tensor, "N F T"]:
    """Masks of so many sources in no order, from the mixture alone.

    Args:
        magnitude: of the mixture.
        sources: how many.
        rate: of the sound in hertz; the topmost row is half of it.
        config: how; default: `NmfConfig` with 12 atoms per source.
        seed: of the first guesses.

    Raises:
        ValueError: on ``sources`` below 1, and as `factorise`.
    """
    if sources < 1:
        raise ValueError(f"sources must be at least 1, got {sources}")
    config = config or NmfConfig(atoms=12)
    spectra, gains = factorise(magnitude, config.atoms * sources, config.iterations, seed=seed)
    owner = kmeans(mfcc(spectra, rate), sources, seed=seed).to(gains.device)
    models = [spectra[:, owner == n] @ gains[owner == n] for n in range(sources)]
    return wiener_masks(torch.stack(models), config.power)


def mfcc(spectra: Float[Tensor, "F K"], rate: int) -> Float64[Tensor, "K C"]:
    """Mel-frequency cepstra of magnitude spectra without the first coefficient, which is loudness.

    30 triangular bands up to half the rate, logarithm, orthonormal DCT-II, coefficients 1 to 12.
    """
    bands = torch.from_numpy(_mel_bands(len(spectra), rate)) @ spectra.double().cpu()
    floor = bands.amax(0) * 1e-5  # 100 dB below the loudest band
    level = bands.clamp(min=1e-30).maximum(floor).log()
    cepstra = scipy.fft.dct(level.T.numpy(), norm="ortho")
    return torch.from_numpy(cepstra[:, 1:_COEFFICIENTS])


def kmeans(points: Float[Tensor, "M D"], clusters: int, *, seed: int = 0) -> Int64[Tensor, " M"]:
    """Lloyd's algorithm, started by k-means++ ten times; the tightest clusters win.

    Raises:
        ValueError: on fewer points than clusters.
    """
    if len(points) < clusters:
        raise ValueError(f"k-means needs at least {clusters} points, got {len(points)}")
    points = points.double().cpu()
    draw = torch_generator(seed, "nmf", "kmeans")
    best, owners = math.inf, torch.zeros(len(points), dtype=torch.int64)
    for _ in range(_RESTARTS):
        centres = _spread(points, clusters, draw)
        owner = torch.cdist(points, centres).argmin(1)
        for _ in range(100):
            there = owner.bincount(minlength=clusters)
            sums = torch.zeros_like(centres).index_add_(0, owner, points)
            centres = torch.where(there[:, None] > 0, sums / there[:, None].clamp(min=1), centres)
            before, owner = owner, torch.cdist(points, centres).argmin(1)
            if torch.equal(before, owner):
                break
        spread = float((points - centres[owner]).square().sum())
        if spread < best:
            best, owners = spread, owner
    return owners


def _spread(
    points: Float64[Tensor, "M D"], clusters: int, draw: torch.Generator
) -> Float64[Tensor, "K D"]:
    """First centres: points drawn in proportion to their squared distance from those drawn."""
    chosen = [int(torch.randint(len(points), (), generator=draw))]
    while len(chosen) < clusters:
        far = torch.cdist(points, points[chosen]).amin(1).square()
        weight = far if float(far.sum()) > 0 else torch.ones_like(far)
        chosen.append(int(torch.multinomial(weight, 1, generator=draw)))
    return points[chosen]


def _mel_bands(rows: int, rate: int) -> Float64[np.ndarray, "M F"]:
    """Triangles, evenly spaced on the mel scale, that reach from neighbour to neighbour."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, _BANDS + 2) / 2595) - 1)
    hertz = np.linspace(0, rate / 2, rows)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    bands: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.minimum(rise, fall).clip(min=0)
    return bands


# --- shared ---------------------------------------------------------------------------------------


def _scaled(magnitude: Tensor) -> tuple[Float[Tensor, "F T"], Tensor]:
    """Magnitudes of mean 1 (0 stays 0), never below a trifle, and what to multiply them with."""
    if magnitude.ndim != 2 or 0 in magnitude.shape:
        raise ValueError(f"a magnitude must be [F, T] with F, T >= 1, got {list(magnitude.shape)}")
    if not (magnitude.isfinite().all() and (magnitude >= 0).all()):
        raise ValueError("a magnitude must be finite and not negative; take .abs() of the spectrum")
    magnitude = magnitude.float()
    scale = magnitude.mean()
    if scale == 0:
        return magnitude, torch.ones_like(scale)
    return magnitude / scale, scale


def _positive(shape: tuple[int, int], draw: torch.Generator, like: Tensor) -> Tensor:
    return (0.5 + torch.rand(shape, generator=draw)).to(like)


def _quotient(target: Tensor, model: Tensor) -> Tensor:
    return target / model.clamp(min=_LEAST)
