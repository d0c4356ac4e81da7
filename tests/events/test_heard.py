import math

import pytest
import torch

from sensorium.events.heard import Heard, HeardConfig
from sensorium.types import Audio, Span


class Tones(Audio):
    """Tones of 0.2 s, ``per_second`` of them, of one pitch."""

    channels = 1

    def __init__(self, hertz: float, per_second: float = 2.0, seconds: float = 8.0) -> None:
        self.span, self.rate = Span(0.0, seconds), 16_000
        self.hertz, self.per_second = hertz, per_second

    def samples(self, span: Span | None = None, rate: int | None = None) -> torch.Tensor:
        span, rate = span or self.span, rate or self.rate
        count = round(span.duration * rate)
        time = round(span.start * rate) / rate + torch.arange(count, dtype=torch.float64) / rate
        on = (time * self.per_second % 1) < 0.2 * self.per_second
        inside = (time >= 0) & (time < self.span.end)
        wave = 0.5 * torch.sin(2 * math.pi * self.hertz * time) * on * inside
        return wave.float()[None]


def test_a_tone_is_loudest_in_the_band_of_its_pitch() -> None:
    config = HeardConfig(bands=24, onsets=0)
    heard = Heard(config, 4.0)
    middles = torch.logspace(math.log2(60), math.log2(5000), 24, base=2.0)
    for hertz in (220.0, 880.0, 3000.0):
        bands = heard.of(Tones(hertz, per_second=5.0), 1.0, 4)
        assert bands.shape == (4, 24)
        nearest = int((middles.log2() - math.log2(hertz)).abs().argmin())
        assert (bands.argmax(1) == nearest).all()


def test_onsets_count_how_often_notes_begin() -> None:
    heard = Heard(HeardConfig(onsets=4), 4.0)
    fast, slow = (heard.of(Tones(440.0, n), 0.0, 24)[:, -4:].sum() for n in (4.0, 1.0))
    assert 2.5 < fast / slow < 5.5


def test_level_is_in_decibels_of_full_scale() -> None:
    heard = Heard(HeardConfig(bands=1, lowest=1000.0, highest=1001.0, onsets=0), 4.0)
    tone = Tones(1000.0, per_second=5.0)
    level = -80 + 80 * float(heard.of(tone, 1.0, 1))
    # half of full scale is -6 dB; half of a sine's amplitude lies at negative frequencies: -12 dB
    assert level == pytest.approx(-12.0, abs=3.0)


def test_silence_is_zero() -> None:
    heard = Heard(HeardConfig(), 4.0)
    assert heard.of(Tones(440.0, seconds=1.0), 2.0, 4).abs().max() == 0


def test_windows_give_what_the_whole_gives() -> None:
    heard, tones = Heard(HeardConfig(), 4.0), Tones(500.0, 2.9)
    whole = heard.of(tones, 0.0, 24)
    parts = torch.cat([heard.of(tones, 0.0, 10), heard.of(tones, 2.5, 14)])
    assert torch.allclose(whole, parts, atol=5e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lowest": 0.0}, "0 < lowest < highest"),
        ({"highest": 9000.0}, "highest <= rate / 2"),
        ({"bands": 0}, "1 band or more"),
        ({"onsets": 41}, "41 onsets"),
    ],
)
def test_bands_that_cannot_be_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        HeardConfig(**changes)
