"""A plucked string: the extended Karplus-Strong delay line.

K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
Journal 7(2), 1983; D. Jaffe and J. Smith, "Extensions of the Karplus-Strong plucked-string
algorithm", ibid.: a burst runs round a loop of one period whose filter loses a little at every
turn, more of it at high frequencies. Ours: the loop's filter is one short kernel that is at once
the fractional delay (tuning) and a Gaussian loss (loss in dB proportional to f²).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorium.worlds.stage.script import Note
from sensorium.worlds.stage.sound import filters
from sensorium.worlds.stage.sound.body import Body
from sensorium.worlds.stage.sound.note import Samples, hertz, let_go, ring_length
from sensorium.worlds.stage.sound.wavetable import HIGHEST

_REACH = 6  # samples of the loop's kernel on either side, up to 22 kHz; in proportion above
_BLOCK = 128  # samples that the loop handles at once, at least
_BRIGHT_HERTZ = 3000.0
_TOP = ((105.0, 6.0, 4.0), (210.0, 5.0, 4.0), (400.0, 3.0, 3.0))


@dataclass(frozen=True)
class Guitar:
    """One guitar and its player's hand.

    Args:
        body: air and top resonances.
        sustain: seconds for a loss of 60 dB, of a 220 Hz string's fundamental.
        brightness: the same at 3 kHz.
        position: where the string is plucked, as a part of its length.
        softness: seconds that the pick stays on the string.
        scratch: noise in the pluck, relative to the pulse.
        cents: off tune.
        damping: seconds in which the hand stops the string.
    """

    body: Body
    sustain: float
    brightness: float
    position: float
    softness: float
    scratch: float
    cents: float
    damping: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Guitar:
        """Any guitar."""
        return cls(
            body=Body.draw(rng, _TOP),
            sustain=rng.uniform(2.0, 5.0),
            brightness=rng.uniform(0.25, 0.8),
            position=rng.uniform(0.1, 0.3),
            softness=rng.uniform(1.5e-4, 4e-4),
            scratch=rng.uniform(0.2, 0.6),
            cents=rng.uniform(-2, 2),
            damping=rng.uniform(0.04, 0.08),
        )

    def play(self, note: Note, rate: int, rng: np.random.Generator) -> Samples:
        """Pluck, let ring, damp with the hand."""
        f0 = hertz(note.pitch + 0.01 * self.cents)
        count = ring_length(note.duration, self.damping, rate)
        if f0 > HIGHEST * rate:
            return np.zeros(count)
        pluck = np.zeros(count)
        burst = self.body.colour(self._burst(note.velocity, f0, rate, rng), rate)[:count]
        pluck[: len(burst)] = burst
        sustain = self.sustain * np.sqrt(220.0 / f0)
        delay, kernel = loop_filter(f0, sustain, min(self.brightness, 0.8 * sustain), rate)
        return let_go(run_loop(pluck, delay, kernel), note.duration, self.damping, rate)

    def _burst(self, velocity: float, f0: float, rate: int, rng: np.random.Generator) -> Samples:
        """The pick: a short pulse, a scratch one period long, and their echo from the bridge."""
        period = rate / f0
        width = max(self.softness * (1.6 - velocity) * rate, 0.5)
        reach = int(3.0 * width) + 1
        pulse = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / width))
        burst = np.zeros(int(period) + 2 * reach + 2 + round(0.06 * rate))
        burst[: len(pulse)] = pulse / pulse.sum()
        scratch = rng.standard_normal(int(period) + 1) / np.sqrt(period)
        burst[: len(scratch)] += self.scratch * np.sqrt(velocity * f0 / 220.0) * scratch
        echo = max(1, round(self.position * period))
        burst[echo:] -= burst[:-echo].copy()
        soft = filters.one_pole(450.0 * 10.0**velocity, rate)
        return filters.through(burst, soft)


def loop_filter(f0: float, sustain: float, brightness: float, rate: int) -> tuple[int, Samples]:
    """The loop of a string: whole samples of delay, then a kernel.

    Args:
        f0: in hertz; the loop's delay in all is ``rate / f0`` samples.
        sustain: seconds for 60 dB at ``f0``.
        brightness: seconds for 60 dB at 3 kHz, less than ``sustain``.
        rate: in hertz.
    """
    period = rate / f0
    reach = round(_REACH * max(1.0, rate / 22_050))
    reach = max(1, min(reach, int(period / 2) - 1))
    delay = max(1, int(period) - reach)
    offset = np.arange(2 * reach + 2) - (period - delay)
    loss = np.log(1e3) / f0 * (1.0 / brightness - 1.0 / sustain)  # nepers a turn at 3 kHz
    omega = np.linspace(0.0, np.pi, 65)
    response = np.exp(-loss * np.square(omega * rate / (2.0 * np.pi * _BRIGHT_HERTZ)))
    response[[0, -1]] *= 0.5  # trapezoid rule of the inverse transform
    window = np.square(np.cos(0.5 * np.pi * np.clip(offset / (reach + 1.0), -1.0, 1.0)))
    kernel = window * (response @ np.cos(np.outer(omega, offset)))
    heard = np.abs(np.exp(-1j * np.outer(omega, np.arange(len(kernel)))) @ kernel)
    turn = np.exp(-np.log(1e3) / (f0 * sustain))
    at_f0 = abs(np.exp(-2j * np.pi * f0 / rate * np.arange(len(kernel))) @ kernel)
    return delay, kernel * min(turn / at_f0, 0.99999 / heard.max())


def run_loop(pluck: Samples, delay: int, kernel: Samples) -> Samples:
    """``y[n] = x[n] + sum_j c[j] y[n - delay - j]``, as `scipy.signal.lfilter`, by blocks.

    A loop shorter than a block is first unrolled: 1 / (1 − L) = (1 + L) / (1 − L²).
    """
    while delay < _BLOCK:
        once = np.convolve(pluck, kernel)[: max(0, len(pluck) - delay)]
        pluck = pluck.copy()
        pluck[delay:] += once
        delay, kernel = 2 * delay, np.convolve(kernel, kernel)
    reach = len(kernel) - 1
    string = np.concatenate([np.zeros(delay + reach), pluck])
    for start in range(delay + reach, len(string), delay):
        stop = min(start + delay, len(string))
        before = string[start - delay - reach : stop - delay]
        string[start:stop] += np.convolve(before, kernel, mode="valid")
    return string[delay + reach :]
