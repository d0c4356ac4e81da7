"""Masks applied at the sound's own rate and channel count.

The systems hear mono at 11 025 Hz; people want their stems as they recorded them. A mask is taken
as a function of seconds and hertz, and is interpolated onto the spectrum of every channel at its
own rate (a Hann window of about the same duration, three quarters overlap, so that the overlap-add
condition holds). What no mask claims is the last stem, computed in time as the mixture less the
others, so that all stems sum to the mixture to float precision.

Near and above the highest frequency that was analysed (5512 Hz), where no mask says anything, the
mask of the highest analysed band goes on (`above`): the mean over the top half octave below the
resampler's roll-off, weighted by the mixture's energy, smoothed over a tenth of a second. So the
air of a flute goes with the flute.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor

from sensorium.sounds.spectra import SpectraConfig
from sensorium.types import Audio, Span

_BAND = (0.64, 0.9)  # of half the analysis rate: what speaks for everything above
_RAMP = (0.85, 0.92)  # where masks go over into that
_SMOOTH = 5  # frames
_OVERLAP = 4  # windows over each sample
_GAIN = 1.5  # sum of squared Hann windows that overlap so
_VALUES = 1 << 22  # spectrum values that are computed at once


def above(
    masks: Float[Tensor, "B S F T"], magnitude: Float[Tensor, "B F T"]
) -> Float[Tensor, "B S 1 T"]:
    """The mask of what lies above the analysis, from its highest band."""
    if not masks.numel():
        return masks[:, :, :1]
    rows = masks.shape[-2] - 1
    band = slice(round(_BAND[0] * rows), max(round(_BAND[0] * rows) + 1, round(_BAND[1] * rows)))
    power = magnitude[:, None, band].square()
    power = power + 1e-6 * power.mean((-2, -1), keepdim=True) + 1e-12
    share, whole = (masks[:, :, band] * power).sum(-2), power.sum(-2)  # [B, S, T] and [B, 1, T]
    return (_smooth(share) / _smooth(whole))[:, :, None]


def _smooth(x: Float[Tensor, "B S T"]) -> Float[Tensor, "B S T"]:
    half = _SMOOTH // 2
    return F.avg_pool1d(F.pad(x, (half, half), mode="replicate"), _SMOOTH, 1)


def window_length(rate: int, config: SpectraConfig) -> int:
    """Samples of a window at ``rate``: near the analysis window's duration, quick to transform.

    A multiple of 4 with no prime factor above 7.
    """
    wanted = config.window * rate / config.rate / _OVERLAP
    near = sorted(range(2, math.ceil(2 * wanted) + 3), key=lambda n: abs(n - wanted))
    return _OVERLAP * next(n for n in near if _smooth_number(n))


def _smooth_number(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


class OwnRate:
    """Takes masks as they become known and gives back the stems of a stretch, in blocks.

    Args:
        audio: the mixture.
        config: of the analysis that the masks come from.
        begin: first sample, counted from the start of the audio at its own rate.
        end: the sample after the last one.
        device: where to compute.

    Shape:
        masks ``[S, F + 1, n]``: analysis rows, then the row that `above` gives; blocks
        ``[S + 1, C, n]``: the sources, then the rest.
    """

    def __init__(
        self, audio: Audio, config: SpectraConfig, begin: int, end: int, device: torch.device
    ) -> None:
        self.audio, self.config, self.begin, self.end = audio, config, begin, end
        self.length = window_length(audio.rate, config)
        self.hop = self.length // _OVERLAP
        self._hann = torch.hann_window(self.length, device=device)
        self._frame = begin // self.hop - 1  # the next to be computed
        self._last = -(-end // self.hop) + 1
        self._tail: Tensor | None = None  # unfinished samples of the sources
        self._heard: Tensor | None = None  # the mixture under them
        self._masks: Tensor | None = None
        self._first = 0  # frame of the first mask held
        self._rows(device)

    def _rows(self, device: torch.device) -> None:
        """Which analysis rows each own frequency lies between, and how far it is `above`."""
        config = self.config
        hertz = torch.fft.rfftfreq(self.length, 1 / self.audio.rate, device=device)
        rows = hertz * config.window / config.rate
        self._low = rows.long().clamp(0, config.window // 2 - 1)
        self._share = (rows - self._low).clamp(0, 1).float()[:, None]
        ramp = (hertz / (config.rate / 2) - _RAMP[0]) / (_RAMP[1] - _RAMP[0])
        self._above = ramp.clamp(0, 1).float()[:, None]

    def frames_needed(self) -> tuple[int, int]:
        """The first and the last analysis frame that matter, both included."""
        step = self.config.hop / self.config.rate
        seconds = [frame * self.hop / self.audio.rate for frame in (self._frame, self._last)]
        return max(0, math.floor(seconds[0] / step)), max(0, math.ceil(seconds[1] / step))

    def push(
        self, first: int, masks: Float[Tensor, "S R n"], *, final: bool = False
    ) -> Iterator[Float32[Tensor, "P C n"]]:
        """Masks of the frames from ``first`` on, which follow those given before.

        Args:
            first: analysis frame of the first of them.
            masks: of the sources.
            final: no more will come; the last ones hold to the end.
        """
        if self._masks is None:
            self._masks, self._first = masks, first
        else:
            self._masks = torch.cat([self._masks, masks], -1)
        known = self._first + self._masks.shape[-1] - 1
        seconds = known * self.config.hop / self.config.rate
        ready = math.floor(seconds * self.audio.rate / self.hop + 1e-9)
        stop = self._last if final else min(ready, self._last)
        per_frame = (len(masks) + 1) * self.audio.channels * self.length
        step = max(_OVERLAP, _VALUES // per_frame)
        while self._frame <= stop:
            count = min(step, stop - self._frame + 1)
            yield from self._compute(count)
        keep = max(0, math.floor(self._place(self._frame)) - self._first - 1)
        self._masks = self._masks[..., keep:]
        self._first += keep

    def _place(self, frame: int) -> float:
        """An own frame's place among the analysis frames."""
        return frame * self.hop / self.audio.rate * self.config.rate / self.config.hop

    def _compute(self, count: int) -> Iterator[Float32[Tensor, "P C n"]]:
        """The next ``count`` frames; yields the samples that are finished by them, if any."""
        first = self._frame
        begin = (first - _OVERLAP // 2) * self.hop
        sound = self._sound(begin, (count + _OVERLAP - 1) * self.hop)
        out = self._masked(sound, first, count)
        if self._tail is not None:
            out[..., : self._tail.shape[-1]] += self._tail
        self._frame += count
        done = count * self.hop
        self._tail, self._heard = out[..., done:], sound[:, done:]
        low, high = max(0, self.begin - begin), min(done, self.end - begin)
        if high > low:
            sources, mixture = out[..., low:high], sound[:, low:high]
            yield torch.cat([sources, (mixture - sources.sum(0))[None]])

    def _masked(
        self, sound: Float32[Tensor, "C N"], first: int, count: int
    ) -> Float32[Tensor, "S C N"]:
        """The sources' parts of ``count`` frames, overlapped and added."""
        assert self._masks is not None
        if not len(self._masks):
            return sound.new_zeros(0, *sound.shape)
        pieces = sound.unfold(-1, self.length, self.hop) * self._hann  # [C, m] -> [C, W, L]
        spectra = torch.fft.rfft(pieces)[None]
        masks = self._interpolated(first, count).transpose(1, 2)[:, None]  # [S, 1, W, bins]
        waves = torch.fft.irfft(masks * spectra, self.length) * (self._hann / _GAIN)
        out = waves.new_zeros(*waves.shape[:2], count + _OVERLAP - 1, self.hop)
        for part in range(_OVERLAP):  # quicker than a fold
            out[:, :, part : part + count] += waves[..., part * self.hop : (part + 1) * self.hop]
        samples: Tensor = out.flatten(2)  # [S, C, W + 3, hop] -> [S, C, N]
        return samples

    def _sound(self, begin: int, count: int) -> Float32[Tensor, "C N"]:
        """The mixture from sample ``begin`` on; what was read last time is not read again."""
        held = self._heard
        have = 0 if held is None else held.shape[-1]
        rate, start = self.audio.rate, self.audio.span.start
        stretch = Span(start + (begin + have) / rate, start + (begin + count) / rate)
        new = self.audio.samples(stretch).to(self._hann.device)
        return new if held is None else torch.cat([held, new], -1)

    def _interpolated(self, first: int, count: int) -> Float[Tensor, "S bins W"]:
        """The masks at own frames and own frequencies."""
        assert self._masks is not None
        places = torch.tensor([self._place(first + k) for k in range(count)], dtype=torch.float64)
        places = (places - self._first).clamp(0, self._masks.shape[-1] - 1)
        low = places.floor().long()
        high = (low + 1).clamp_max(self._masks.shape[-1] - 1)
        share = (places - low).float().to(self._masks.device)
        device = self._masks.device
        at = torch.lerp(
            self._masks[..., low.to(device)], self._masks[..., high.to(device)], share
        )  # [S, R, n] -> [S, R, W]
        below = torch.lerp(at[:, self._low], at[:, self._low + 1], self._share)
        return torch.lerp(below, at[:, -1:], self._above)
