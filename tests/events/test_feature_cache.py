import os
from pathlib import Path

import pytest
import torch

from sensorium.events.feature_cache import FeatureCache
from sensorium.events.features import StageFeatures, StageFeaturesConfig
from sensorium.events.heard import HeardConfig
from sensorium.types import Audio, Clip, Span


class Ramp(Audio):
    """A tone that counts how often it is listened to."""

    channels, rate = 1, 11_025
    span = Span(0.0, 3.0)

    def __init__(self) -> None:
        self.asked = 0

    def samples(self, span: Span | None = None, rate: int | None = None) -> torch.Tensor:
        self.asked += 1
        span, rate = span or self.span, rate or self.rate
        first, count = round(span.start * rate), round(span.duration * rate)
        return (0.1 * torch.arange(first, first + count).mul(0.3).sin())[None]


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    file = tmp_path / "a.wav"
    file.write_bytes(b"anything")
    return Clip(None, Ramp(), str(file))


SOURCE = StageFeatures(StageFeaturesConfig(None, HeardConfig(bands=6, onsets=1)))


def asked(clip: Clip) -> int:
    assert isinstance(clip.audio, Ramp)
    return clip.audio.asked


def test_a_file_is_looked_at_once(clip: Clip, tmp_path: Path) -> None:
    cache = FeatureCache(SOURCE, tmp_path / "kept")
    first, again = cache.of(clip), FeatureCache(SOURCE, tmp_path / "kept").of(clip)
    assert asked(clip) == 1
    assert torch.equal(first.values, again.values)
    assert first.span == again.span == Span(0.0, 3.0)
    assert torch.allclose(first.values, SOURCE.of(clip).values, atol=2e-3)
    assert (cache.dim, cache.rate) == (SOURCE.dim, SOURCE.rate)


def test_another_span_config_or_file_is_another_matter(clip: Clip, tmp_path: Path) -> None:
    cache = FeatureCache(SOURCE, tmp_path / "kept")
    cache.of(clip)
    assert len(cache.of(clip, Span(1.0, 2.0))) == 4
    other = StageFeatures(StageFeaturesConfig(None, HeardConfig(bands=6, onsets=1), rate=2.0))
    assert len(FeatureCache(other, tmp_path / "kept").of(clip)) == 6
    os.utime(clip.name, ns=(1, 1))
    cache.of(clip)
    assert asked(clip) == 4
    assert len(list((tmp_path / "kept").iterdir())) == 4


def test_a_damaged_file_is_made_again(clip: Clip, tmp_path: Path) -> None:
    cache = FeatureCache(SOURCE, tmp_path / "kept")
    good = cache.of(clip).values
    next((tmp_path / "kept").iterdir()).write_bytes(b"cut short")
    assert torch.equal(cache.of(clip).values, good)


def test_what_is_no_file_is_not_kept(tmp_path: Path) -> None:
    clip = Clip(None, Ramp(), "stage seed 7")
    cache = FeatureCache(SOURCE, tmp_path / "kept")
    assert torch.equal(cache.of(clip).values, cache.of(clip).values)
    assert asked(clip) == 2
    assert not (tmp_path / "kept").exists()
