"""Audio tensors: short-time Fourier transform, log-frequency axis, masks, mixing, resampling.

Everything works on ``[..., N]`` waveforms or ``[..., F, T]`` spectrograms, batched, on any device;
windows and interpolation weights are buffers that are made once. Magnitudes are raw: no factor
1/N and no window normalisation, as the sound-separation papers' code has them
(arXiv:1804.03160, released code).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import soxr
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float, Float32
from torch import Tensor, nn


class STFT(nn.Module):
    """Short-time Fourier transform with a periodic Hann window, centred frames, and its inverse.

    Args:
        window: length of window and transform in samples, even.
        hop: samples from one frame to the next, at most half a window, since sparser frames
            cannot be put together again.

    Shape:
        ``[..., N] -> complex [..., window / 2 + 1, 1 + N // hop]``.

    Raises:
        ValueError: for an odd window, or a hop that does not overlap enough.
    """

    hann: Tensor

    def __init__(self, window: int = 1022, hop: int = 256) -> None:
        super().__init__()
        if window < 2 or window % 2 or not 0 < hop <= window // 2:
            raise ValueError(
                "an STFT needs an even window and a hop of at most half of it, "
                f"got window {window} and hop {hop}"
            )
        self.window, self.hop = window, hop
        self.register_buffer("hann", torch.hann_window(window), persistent=False)

    @property
    def rows(self) -> int:
        """Frequencies: ``window / 2 + 1``."""
        return self.window // 2 + 1

    def frames(self, samples: int) -> int:
        """Frames of so many samples."""
        return 1 + samples // self.hop

    def forward(self, waves: Float[Tensor, "... N"]) -> Complex[Tensor, "... F T"]:
        """Spectra; the ends are continued by reflection.

        Raises:
            ValueError: for waveforms of half a window or less.
        """
        count = waves.shape[-1]
        if count <= self.window // 2:
            raise ValueError(
                f"an STFT with a window of {self.window} samples needs more than "
                f"{self.window // 2} samples, got {count}; pad with zeros"
            )
        lead = waves.shape[:-1]
        flat = waves.reshape(-1, count).float()  # [..., N] -> [M, N]
        spectra = torch.stft(
            flat,
            self.window,
            self.hop,
            window=self.hann,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectra.view(*lead, *spectra.shape[-2:])  # [M, F, T] -> [..., F, T]

    def inverse(
        self, spectra: Complex[Tensor, "... F T"], samples: int
    ) -> Float32[Tensor, "... N"]:
        """Waveforms of ``samples`` samples, with which `forward` would agree best."""
        lead = spectra.shape[:-2]
        flat = spectra.reshape(-1, *spectra.shape[-2:])  # [..., F, T] -> [M, F, T]
        waves = torch.istft(
            flat, self.window, self.hop, window=self.hann, center=True, length=samples
        )
        return waves.view(*lead, samples)  # [M, N] -> [..., N]


class LogFrequency(nn.Module):
    """The papers' logarithmic frequency axis and its exact inverse, by linear interpolation.

    Row ``r`` of ``bins`` lies at ``t = r / (bins - 1)`` and shows the linear frequency fraction
    ``(21^t - 1) / 20`` (arXiv:1804.03160, released code, where a sampling grid says it as
    ``y = (21^t - 11) / 10``). The corners of both axes agree (``align_corners=True``); without
    that the axis is shifted and the best possible separation 3.5 dB worse. Near zero the axis is
    almost linear, above a twentieth of the highest frequency logarithmic.

    Args:
        rows: of the linear axis.
        bins: of the logarithmic one.
    """

    down: Tensor
    down_share: Tensor
    up: Tensor
    up_share: Tensor

    def __init__(self, rows: int, bins: int) -> None:
        super().__init__()
        self.rows, self.bins = rows, bins
        t = torch.linspace(0, 1, bins, dtype=torch.float64)
        self._table("down", (21.0**t - 1) / 20 * (rows - 1), rows)
        y = torch.linspace(0, 1, rows, dtype=torch.float64)
        self._table("up", torch.log(20 * y + 1) / math.log(21.0) * (bins - 1), bins)

    def _table(self, name: str, place: Tensor, size: int) -> None:
        below = place.floor().clamp(0, size - 2)
        share = (place - below).clamp(0, 1).float()[:, None]
        self.register_buffer(name, below.long(), persistent=False)
        self.register_buffer(f"{name}_share", share, persistent=False)

    def warp(self, x: Float[Tensor, "... F T"]) -> Float[Tensor, "... bins T"]:
        """From the linear axis to the logarithmic one."""
        return _interpolate(x, self.down, self.down_share)

    def unwarp(self, x: Float[Tensor, "... bins T"]) -> Float[Tensor, "... F T"]:
        """From the logarithmic axis to the linear one."""
        return _interpolate(x, self.up, self.up_share)


def _interpolate(x: Tensor, below: Tensor, share: Tensor) -> Tensor:
    low, high = x.index_select(-2, below), x.index_select(-2, below + 1)
    return torch.lerp(low, high, share.to(x.dtype))


def dominance_masks(sources: Float[Tensor, "... S F T"]) -> Float[Tensor, "... S F T"]:
    """1 where a source is the loudest of all, else 0: the papers' binary mask.

    At ties all of the loudest get 1; where every source is zero nobody does.
    """
    loudest = sources.amax(-3, keepdim=True)
    return ((sources >= loudest) & (sources > 0)).to(sources.dtype)


def half_masks(
    sources: Float[Tensor, "... S F T"], mixture: Float[Tensor, "... F T"]
) -> Float[Tensor, "... S F T"]:
    """1 where a source exceeds half of the mixture: the released code's binary mask.

    Not a partition: both of two sources can have it, and of three nobody.
    """
    return (sources > 0.5 * mixture.unsqueeze(-3)).to(sources.dtype)


def ratio_masks(
    sources: Float[Tensor, "... S F T"], mixture: Float[Tensor, "... F T"], most: float = 5.0
) -> Float[Tensor, "... S F T"]:
    """A source's magnitude over the mixture's, at most ``most``."""
    return (sources / mixture.unsqueeze(-3).clamp_min(1e-10)).clamp(0.0, most)


def mix(
    sources: Float[Tensor, "S N"], gains: Float[Tensor, " S"], ceiling: float = 1.0
) -> Float[Tensor, "S N"]:
    """The sources as loud as they are in their mixture, which is their sum.

    Each is multiplied by its gain and divided by their number, as in Mix-and-Separate
    (arXiv:1804.03160, section 3.2). Should the sum exceed ``ceiling``, all are made quieter alike:
    nothing is clipped, so that references stay true.
    """
    scaled = sources * gains[:, None] / len(sources)
    peak = scaled.sum(0).abs().max().clamp_min(1e-12)
    return scaled * (ceiling / peak).clamp_max(1.0)


def resample(samples: Float32[Tensor, "C N"], rate: int, new_rate: int) -> Float32[Tensor, "C M"]:
    """Samples at another rate, by soxr; ``M`` is ``round(N * new_rate / rate)``.

    Raises:
        ValueError: for a rate that is not positive.
    """
    if rate < 1 or new_rate < 1:
        raise ValueError(f"sampling rates must be positive, got {rate} and {new_rate} Hz")
    if rate == new_rate:
        return samples
    count = round(samples.shape[-1] * new_rate / rate)
    block: npt.NDArray[np.float32] = samples.numpy(force=True).T  # [C, N] -> [N, C]
    heard = soxr.resample(np.ascontiguousarray(block), rate, new_rate, quality="HQ").T
    out = torch.from_numpy(np.ascontiguousarray(heard[:, :count]))
    return F.pad(out, (0, count - out.shape[-1])).to(samples.device)


def overlap_add(windows: Float[Tensor, "... W L"], hop: int) -> Float[Tensor, "... N"]:
    """The sum of windows that start ``hop`` apart; ``N`` is ``(W - 1) * hop + L``."""
    count, length = windows.shape[-2:]
    total = (count - 1) * hop + length
    lead = windows.shape[:-2]
    flat = windows.reshape(-1, count, length).mT  # [..., W, L] -> [M, L, W]
    out = F.fold(flat, (1, total), (1, length), stride=(1, hop))
    return out.view(*lead, total)  # [M, 1, 1, N] -> [..., N]


def silent(waves: Float[Tensor, "... N"], level: float = 1e-4) -> Bool[Tensor, "..."]:
    """Whether the root mean square stays below ``level`` (-80 dB of full scale by default)."""
    return waves.square().mean(-1).sqrt() < level
