"""What is heard, as vectors at a low rate: energies in log-frequency bands and how they set in.

Bands are triangles on a logarithmic axis over a power spectrum, in decibels above a floor. The
onset of a band is the sum of its rises from one short frame to the next within a step (spectral
flux), which tells how often notes begin even where a step holds several.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.types import Audio, Span

_FLOOR_DB = -80.0


@dataclass(frozen=True)
class HeardConfig:
    """What `Heard` is built from.

    Attributes:
        bands: energies per step.
        onsets: rises per step, over bands put together; 0 for none.
        lowest: middle of the lowest band, in hertz.
        highest: middle of the highest band, in hertz.
        rate: sampling rate at which is listened, in hertz.
        frames: short frames per second, in hertz.
    """

    bands: int = 40
    onsets: int = 8
    lowest: float = 60.0
    highest: float = 5000.0
    rate: int = 11_025
    frames: float = 64.0

    def __post_init__(self) -> None:
        if not 0 < self.lowest < self.highest <= self.rate / 2:
            raise ValueError(
                "heard: bands need 0 < lowest < highest <= rate / 2, got "
                f"{self.lowest!r}, {self.highest!r} and {self.rate!r} Hz"
            )
        if self.bands < 1 or not 0 <= self.onsets <= self.bands:
            raise ValueError(
                f"heard: needs 1 band or more and at most as many onsets, got {self.bands!r} bands "
                f"and {self.onsets!r} onsets"
            )


class Heard(nn.Module):
    """Bands and onsets at a low rate; no parameters.

    Args:
        config: which bands.
        rate: steps per second, in hertz.
    """

    filters: Tensor
    groups: Tensor
    hann: Tensor

    def __init__(self, config: HeardConfig, rate: float) -> None:
        super().__init__()
        self.config, self.rate = config, rate
        self.per_step = max(1, round(config.frames / rate))
        self.hop = config.rate / rate / self.per_step  # samples, not whole
        self.window = 2 * round(max(0.02 * config.rate, 0.5 * self.hop))
        self.register_buffer("hann", torch.hann_window(self.window), persistent=False)
        filters = band_filters(config, self.window // 2 + 1)
        self.register_buffer("filters", filters, persistent=False)
        groups = torch.zeros(max(1, config.onsets), config.bands)
        place = torch.arange(config.bands) * max(1, config.onsets) // config.bands
        groups[place, torch.arange(config.bands)] = 1
        groups = groups / groups.sum(1, keepdim=True)
        self.register_buffer("groups", groups, persistent=False)

    @property
    def dim(self) -> int:
        """Numbers per step."""
        return self.config.bands + self.config.onsets

    def of(self, audio: Audio, start: float, steps: int) -> Float[Tensor, "N D"]:
        """``steps`` vectors from ``start`` seconds on."""
        places = self.places(start, steps)
        first, last = int(places[0]), int(places[-1]) + self.window
        wave = audio.samples(
            Span(first / self.config.rate, last / self.config.rate), self.config.rate
        ).mean(0)
        out: Tensor = self(F.pad(wave, (0, last - first - len(wave))), places - first)
        return out

    def places(self, start: float, steps: int) -> Int64[Tensor, "frames"]:
        """First samples of the frames of so many steps, and of the frame before them."""
        number = torch.arange(-1, steps * self.per_step, device=self.hann.device).double()
        middles = start * self.config.rate + (number + 0.5) * self.hop
        first: Tensor = (middles - 0.5 * self.window).round().long()
        return first

    def forward(
        self, wave: Float[Tensor, "N"], places: Int64[Tensor, "frames"]
    ) -> Float[Tensor, "T D"]:
        """Vectors of steps from the frames that begin at ``places``."""
        index = places[:, None] + torch.arange(self.window, device=wave.device)
        steps = (len(places) - 1) // self.per_step
        spectra = torch.fft.rfft(wave[index] * self.hann)  # [frames, F]
        power = (spectra.abs() / self.hann.sum()).square()
        levels = 10 * (power @ self.filters.T).clamp_min(1e-12).log10()
        levels = (levels - _FLOOR_DB).clamp_min(0) / -_FLOOR_DB  # 0 .. 1: -80 .. 0 dB
        # [T * per_step, bands] -> [T, per_step, bands]
        energy: Tensor = levels[1:].unflatten(0, (steps, self.per_step))
        if not self.config.onsets:
            return energy.mean(1)
        rises = (levels[1:] - levels[:-1]).clamp_min(0).unflatten(0, (steps, self.per_step))
        return torch.cat([energy.mean(1), rises.sum(1) @ self.groups.T], 1)


def band_filters(config: HeardConfig, rows: int) -> Float[Tensor, "bands F"]:
    """Triangles on a logarithmic axis; a band narrower than a row takes the row nearest to it."""
    hertz = torch.linspace(0, config.rate / 2, rows)
    middles = torch.logspace(
        torch.tensor(config.lowest).log2().item(),
        torch.tensor(config.highest).log2().item(),
        config.bands,
        base=2.0,
    )
    step = middles.log2().diff().mean() if config.bands > 1 else torch.tensor(1.0)
    away = (hertz.clamp_min(1e-3).log2() - middles.log2()[:, None]).abs()
    filters = (1 - away / step).clamp_min(0)
    nearest = (hertz - middles[:, None]).abs().argmin(1)
    filters[torch.arange(config.bands), nearest] = filters.amax(1).clamp_min(0.5)
    return filters
