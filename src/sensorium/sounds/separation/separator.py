"""The lazy half of a separation: what each source looks like in each window, made to sound.

Nothing is kept of the sound: any stretch is computed when it is asked for, from the windows that
meet it, and comes out the same whether asked for alone or with the whole.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from sensorium.media.audio import FileAudio
from sensorium.sounds.separation.overview import Gathering, Overview
from sensorium.sounds.separation.own_rate import OwnRate, above
from sensorium.sounds.separation.spool import Spool
from sensorium.sounds.separation.windows import CrossFade, Windows
from sensorium.sounds.systems import SoundSystem
from sensorium.types import Audio, Clip

Told = Callable[[float], None]
_SURE = 1e-4  # chance that even a sure mask is wrong
_AT_ONCE = 4  # windows that the sound network hears in one batch


def silence(share: float) -> None:
    """Tells nobody."""


def _apart(audio: Audio) -> Audio:
    """The same sound with a decoder of its own, which then reads straight on.

    Codecs that fill up with noise (AAC) decode to other numbers after a jump, and analysis jumps.
    """
    return copy.deepcopy(audio) if isinstance(audio, FileAudio) else audio


class Separator:
    """Separates a clip's sound by what its sources look like.

    Args:
        system: whose networks.
        clip: with sound.
        windows: of its sound.
        visuals: each window's visual features of the sources, ``[S, K, T]``.
        present: whether each source is seen in each window.

    Shape:
        ``present``: ``[W, S]``; blocks ``[S + 1, C, n]``: the sources, then the rest.
    """

    def __init__(
        self,
        system: SoundSystem,
        clip: Clip,
        windows: Windows,
        visuals: Spool,
        present: Bool[Tensor, "W S"],
    ) -> None:
        self.system, self.clip, self.windows = system, clip, windows
        self.visuals, self.present = visuals, present
        self.audio: Audio = clip.need_audio()
        self._overview: Overview | None = None

    @property
    def sources(self) -> int:
        """How many, without the rest."""
        return int(self.present.shape[1])

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.system.parameters()).device

    def samples_of(self, seconds: float) -> int:
        """A time on the clip's clock as a sample of the sound."""
        return round((seconds - self.audio.span.start) * self.audio.rate)

    @property
    def length(self) -> int:
        """Samples of the whole sound."""
        return round(self.audio.span.duration * self.audio.rate)

    def overview(self, told: Told = silence) -> Overview:
        """The stems at a glance; computed once."""
        if self._overview is None:
            gathering = self._gathering()
            for index, _, _ in self._said(range(len(self.windows)), gathering):
                told((index + 1) / len(self.windows))
            self._overview = gathering.finish()
        return self._overview

    def blocks(
        self, begin: int = 0, end: int | None = None, told: Told = silence
    ) -> Iterator[Float32[Tensor, "P C n"]]:
        """The stems from sample ``begin`` to ``end`` of the sound (default: all of it)."""
        end = self.length if end is None else end
        whole = begin <= 0 and end >= self.length
        gathering = self._gathering() if whole and self._overview is None else None
        own = OwnRate(_apart(self.audio), self.system.config.spectra, begin, end, self.device)
        first, last = (min(f, self.windows.frames - 1) for f in own.frames_needed())
        chosen = range(len(self.windows)) if whole else self.windows.meeting(first, last)
        fade = CrossFade(first, last + 1)
        at = first
        for index, start, masks in self._said(chosen, gathering):
            ready = fade.add(start, masks)
            if ready.shape[-1]:
                yield from self._out(own.push(at, ready))
                at += ready.shape[-1]
            told((index + 1 - chosen.start) / len(chosen))
        yield from self._out(own.push(at, fade.finish(), final=True))
        if gathering is not None:
            self._overview = gathering.finish()

    def _gathering(self) -> Gathering:
        return Gathering(self.windows, self.system.spectra, self.sources + 1)

    def _out(self, blocks: Iterator[Tensor]) -> Iterator[Float32[Tensor, "P C n"]]:
        for block in blocks:
            yield block.cpu()

    @torch.no_grad()
    def masks(self, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Masks of the sources in some windows, and the mixtures' magnitudes.

        A system that learned who owns each bin says how likely each source is to own it; since no
        more than one does, the masks are those chances given that: each source's odds over one plus
        the sum of all odds. A system that learned ratios has those, shared where they exceed one in
        sum. A source that is not seen gets nothing.

        Shape:
            ``[B, S, F, T]`` and ``[B, F, T]``.
        """
        waves = torch.stack([self.windows.hear(self.audio, k) for k in chosen]).to(self.device)
        magnitude = self.system.spectra.stft(waves).abs()
        present = self.present[list(chosen)].to(self.device)
        if not present.any():
            return magnitude.new_zeros(len(chosen), self.sources, *magnitude.shape[1:]), magnitude
        visual = torch.stack([self.visuals[k] for k in chosen]).to(self.device)
        masks = self.system.masks(visual, self.system.hear(magnitude))
        masks = masks * present[:, :, None, None]
        if self.system.config.mask == "ratio":
            return masks / masks.sum(1, keepdim=True).clamp_min(1), magnitude
        odds = masks / (1 - masks).clamp_min(_SURE)
        return odds / (1 + odds.sum(1, keepdim=True)), magnitude

    @torch.no_grad()
    def _said(
        self, chosen: range, gathering: Gathering | None
    ) -> Iterator[tuple[int, int, Float[Tensor, "S R T"]]]:
        """Each window's number, first frame, and masks with the row for what lies above."""
        for at in range(chosen.start, chosen.stop, _AT_ONCE):
            some = range(at, min(at + _AT_ONCE, chosen.stop))
            masks, magnitude = self.masks(some)
            whole = torch.cat([masks, above(masks, magnitude)], -2)
            for place, index in enumerate(some):
                if gathering is not None:
                    gathering.add(index, masks[place], magnitude[place])
                yield index, self.windows.firsts[index], whole[place]
