"""The signal path that the three systems share: waveforms, spectra, log-frequency magnitudes.

arXiv:1804.03160, section 3 and released code: 11 025 Hz mono, window 1022, hop 256, 256
logarithmic rows, natural logarithm of raw magnitudes. Everything here runs in float32, also under
mixed precision, on whole batches, on the network's device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from sensorium import signals

_SMALLEST = 1e-10  # added before the logarithm
Mask = Literal["dominance", "half", "ratio"]


@dataclass(frozen=True)
class SpectraConfig:
    """How sound becomes what the network hears.

    Attributes:
        rate: of the analysis in hertz.
        window: of the STFT in samples.
        hop: between its frames, in samples.
        bins: rows of the logarithmic frequency axis; 0 keeps the linear one (without its highest
            row where there would be an odd number: 512 rows of a window of 1022).
        frames: of a window of sound that is heard at once.

    Raises:
        ValueError: where sound could not be put together again from its spectra.
    """

    rate: int = 11_025
    window: int = 1022
    hop: int = 256
    bins: int = 256
    frames: int = 256

    def __post_init__(self) -> None:
        if self.window < 2 or self.window % 2 or not 0 < self.hop <= self.window // 2:
            raise ValueError(
                f"spectra: got window {self.window} and hop {self.hop}, expected an even window "
                "and a hop of 1 to half of it; sparser frames cannot be put together again"
            )
        if self.rate < 1 or self.bins < 0 or self.samples <= self.window // 2:
            raise ValueError(
                f"spectra: got rate {self.rate}, bins {self.bins} and frames {self.frames}, "
                "expected a positive rate, bins of 0 or more, and frames that together are longer "
                "than half a window"
            )

    @property
    def samples(self) -> int:
        """Samples of a window of sound: the most that give ``frames`` frames."""
        return self.frames * self.hop - 1

    @property
    def seconds(self) -> float:
        """Length of a window of sound."""
        return self.samples / self.rate

    @property
    def rows(self) -> int:
        """Frequencies that the network hears."""
        linear = self.window // 2 + 1
        return self.bins or linear - linear % 2


class Spectra(nn.Module):
    """Waveforms to complex spectra to the network's input, and masks back."""

    def __init__(self, config: SpectraConfig) -> None:
        super().__init__()
        self.config = config
        self.transform = signals.STFT(config.window, config.hop)
        self.axis = signals.LogFrequency(self.transform.rows, config.bins) if config.bins else None

    @property
    def samples(self) -> int:
        """Samples of a window of sound."""
        return self.config.samples

    def stft(self, waves: Float[Tensor, "... N"]) -> Complex[Tensor, "... F T"]:
        """Complex spectra, ``F = window / 2 + 1`` and ``T = 1 + N // hop``."""
        spectra: Tensor = self.transform(waves)
        return spectra

    def istft(self, spectra: Complex[Tensor, "... F T"], samples: int) -> Float[Tensor, "... N"]:
        """Waveforms again."""
        return self.transform.inverse(spectra, samples)

    def warp(self, x: Float[Tensor, "... F T"]) -> Float[Tensor, "... R T"]:
        """To the rows that the network hears."""
        return x[..., : self.config.rows, :] if self.axis is None else self.axis.warp(x)

    def unwarp(self, x: Float[Tensor, "... R T"]) -> Float[Tensor, "... F T"]:
        """Back to the linear axis (a highest row that was left out repeats the one below)."""
        if self.axis is not None:
            return self.axis.unwarp(x)
        missing = self.transform.rows - x.shape[-2]
        return torch.cat([x, x[..., -1:, :]], -2) if missing else x

    def log_magnitude(self, magnitude: Float[Tensor, "B F T"]) -> Float[Tensor, "B 1 R T"]:
        """The network's input: logarithm of the warped magnitude."""
        return self.warp(magnitude.float() + _SMALLEST).log()[:, None]

    def targets(
        self,
        sources: Float[Tensor, "B S F T"],
        mixture: Float[Tensor, "B F T"],
        kind: Mask,
    ) -> Float[Tensor, "B S R T"]:
        """What the masks should be, from linear magnitudes, taken after warping."""
        warped, mixed = self.warp(sources), self.warp(mixture)
        if kind == "dominance":
            return signals.dominance_masks(warped)
        if kind == "half":
            return signals.half_masks(warped, mixed)
        return signals.ratio_masks(warped, mixed)

    def importance(self, mixture: Float[Tensor, "B F T"]) -> Float[Tensor, "B R T"]:
        """Weight of each bin in the loss: ``log(1 + |X|)`` in 0.001..10 (released code)."""
        return self.warp(mixture).log1p().clamp(1e-3, 10.0)
