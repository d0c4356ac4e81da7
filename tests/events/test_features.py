import pytest
import torch

from sensorium.events.features import Features, StageFeatures, StageFeaturesConfig
from sensorium.events.heard import HeardConfig
from sensorium.events.seen import SeenConfig
from sensorium.types import Clip, FrameVideo, Span
from sensorium.worlds.stage import clip, compose

SMALL = StageFeaturesConfig(SeenConfig(size=32), HeardConfig(bands=8, onsets=2), window=8)


@pytest.fixture(scope="module")
def source() -> StageFeatures:
    return StageFeatures(SMALL).start_from_bundled()


@pytest.fixture(scope="module")
def episode() -> Clip:
    return clip(compose(3, 6.0, 2), 48, 64, rate=11_025)


def test_rows_know_their_times() -> None:
    values = torch.arange(20.0)[:, None]
    features = Features(values, 4.0, start=10.0)
    assert features.span == Span(10.0, 15.0)
    some = features.between(11.0, 12.0)
    assert some.values[:, 0].tolist() == [4, 5, 6, 7]
    assert some.span == Span(11.0, 12.0)
    assert len(features.between(0.0, 99.0)) == 20
    assert len(features.between(99.0, 100.0)) == 0


def test_another_rate_keeps_the_mean_and_the_time() -> None:
    values = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    features = Features(values, 4.0, start=1.0)
    half = features.resampled(2.0)
    assert torch.allclose(half.values, values.view(12, 2, 3).mean(1), atol=1e-6)
    assert half.span == features.span
    twice = features.resampled(8.0)
    assert torch.allclose(twice.values, values.repeat_interleave(2, 0), atol=1e-6)
    odd = features.resampled(3.0)
    assert len(odd) == 18
    assert torch.allclose(odd.values.mean(0), values.mean(0), atol=1e-5)
    assert torch.allclose(odd.values[0], (values[0] + values[1] / 3) * 0.75, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Features(torch.zeros(3), 4.0), r"must be \[steps, dim\]"),
        (lambda: Features(torch.zeros(3, 2), 0.0), "above 0 Hz"),
        (lambda: Features(torch.zeros(3, 2), 4.0).resampled(-1.0), "above 0 Hz"),
        (lambda: StageFeaturesConfig(None, None), "got neither"),
        (lambda: StageFeaturesConfig(rate=0.0), "above 0 Hz"),
        (lambda: StageFeaturesConfig(window=0), "at least 1 step"),
    ],
)
def test_what_cannot_be_is_refused(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]


def test_a_clip_becomes_a_sequence(source: StageFeatures, episode: Clip) -> None:
    features = source.of(episode)
    assert features.values.shape == (24, source.dim)
    assert (features.rate, features.span, features.missing) == (4.0, Span(0.0, 6.0), ())
    assert features.values.isfinite().all()
    assert features.values.std(0).gt(0).float().mean() > 0.8


def test_windows_change_nothing(source: StageFeatures, episode: Clip) -> None:
    whole = StageFeatures(StageFeaturesConfig(SMALL.seen, SMALL.heard, window=99))
    whole.load_state_dict(source.state_dict())
    a, b = whole.of(episode).values, source.of(episode).values
    assert torch.allclose(a, b, atol=0.02, rtol=0.02)


def test_a_part_is_part_of_the_whole(source: StageFeatures, episode: Clip) -> None:
    part, whole = source.of(episode, Span(2.0, 4.0)), source.of(episode)
    assert part.span == Span(2.0, 4.0)
    assert torch.allclose(part.values, whole.between(2.0, 4.0).values, atol=0.02, rtol=0.02)


def test_what_is_missing_is_zero_and_named(source: StageFeatures, episode: Clip) -> None:
    assert source.seen is not None
    seen = source.seen.dim
    mute = source.of(Clip(episode.video, None))
    assert mute.missing == ("heard",)
    assert mute.values[:, seen:].abs().max() == 0
    assert mute.values[:, :seen].abs().max() > 0
    blind = source.of(Clip(None, episode.audio))
    assert blind.missing == ("seen",)
    assert blind.values[:, :seen].abs().max() == 0
    assert blind.values[:, seen:].abs().max() > 0


def test_nothing_to_make_features_of_is_refused(episode: Clip) -> None:
    only_seen = StageFeatures(StageFeaturesConfig(SMALL.seen, None))
    with pytest.raises(ValueError, match="made of pictures, which the clip has not"):
        only_seen.of(Clip(None, episode.audio))
    only_heard = StageFeatures(StageFeaturesConfig(None, SMALL.heard))
    with pytest.raises(ValueError, match="made of sound, which the clip has not"):
        only_heard.of(Clip(episode.video, None))


def test_a_still_shorter_than_a_step_is_one_row(source: StageFeatures) -> None:
    still = Clip(FrameVideo(torch.full((1, 3, 40, 30), 90, dtype=torch.uint8), 25.0), None)
    features = source.of(still)
    assert features.values.shape == (1, source.dim)
    assert features.values.isfinite().all()


def test_features_are_frozen(source: StageFeatures) -> None:
    assert not any(p.requires_grad for p in source.parameters())
    assert not source.train().training
