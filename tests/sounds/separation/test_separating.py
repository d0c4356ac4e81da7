import pytest
import torch

from sensorium.sounds.separation import Options, separate
from sensorium.types import Clip, FrameVideo, Span

from .conftest import Held, scene, tones


def snr(estimate, truth):
    """Signal to noise, dB."""
    return float(10 * torch.log10(truth.square().sum() / (estimate - truth).square().sum()))


def by_place(stems):
    """Indices of the sources from left to right."""
    return sorted(range(len(stems.stems) - 1), key=lambda k: stems.stems[k].at[0])


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_two_sources_are_found_and_come_apart(colours, duet, rate, channels):
    clip, tracks = duet(rate=rate, channels=channels)
    stems = separate(colours, clip)
    assert [s.label for s in stems.stems] == ["source 1", "source 2", "rest"]
    assert (stems.rate, stems.channels, stems.span) == (rate, channels, clip.audio.span)
    got = stems.samples()
    assert got.shape == (3, channels, tracks.shape[-1])
    assert (got.sum(0) - clip.audio.data).abs().max() < 1e-6
    left, right = by_place(stems)
    assert snr(got[left], tracks[0]) > 25
    assert snr(got[right], tracks[1]) > 25
    assert stems.stems[left].at == pytest.approx((0.25, 0.5), abs=0.1)
    assert stems.stems[right].at == pytest.approx((0.75, 0.5), abs=0.1)
    assert all(s.score > 0.95 for s in stems.stems[:2])


def test_three_are_three_and_one_is_one(colours, duet):
    boxes = {"red": (0.2, 0.3), "green": (0.5, 0.7), "blue": (0.8, 0.4)}
    assert len(separate(colours, duet(boxes=boxes)[0]).stems) == 4
    assert len(separate(colours, duet(boxes={"blue": (0.5, 0.5)})[0]).stems) == 2


def test_what_is_seen_but_silent_is_no_source(colours, duet):
    clip, tracks = duet()
    only = Clip(clip.video, Held(tracks[0], 16000), "one plays")
    (source, rest) = separate(colours, only).stems
    assert source.at == pytest.approx((0.25, 0.5), abs=0.1)
    assert rest.at is None


def test_a_number_or_points_can_be_given(colours, duet):
    clip, tracks = duet()
    assert len(separate(colours, clip, Options(sources=1)).stems) == 2
    assert len(separate(colours, clip, Options(sources=3)).stems) == 4
    points = ((0.75, 0.5), (0.5, 0.05))
    stems = separate(colours, clip, Options(points=points))
    assert [s.at for s in stems.stems] == [*points, None]
    got = stems.samples()
    assert snr(got[0], tracks[1]) > 25
    assert snr(got[2], tracks[0]) > 25  # nobody pointed at it
    assert got[1].abs().max() < 0.01


def test_sources_keep_their_identity_when_they_move_and_after_a_cut(colours):
    seconds, rate = 6.0, 16000
    tracks = tones(("red", "green"), seconds, rate)
    frames = []
    for k in range(48):
        x = 0.2 + 0.3 * k / 24 if k < 24 else 0.85  # walks to the middle, then another camera
        other = 0.8 if k < 24 else 0.15
        frames.append(scene({"red": (x, 0.5), "green": (other, 0.4)}))
    clip = Clip(FrameVideo(torch.stack(frames), 8.0), Held(tracks.sum(0), rate), "moving")
    stems = separate(colours, clip)
    assert len(stems.stems) == 3
    got = stems.samples()
    red = max(range(2), key=lambda k: snr(got[k], tracks[0]))
    assert snr(got[red], tracks[0]) > 20
    assert snr(got[1 - red], tracks[1]) > 20
    where = stems.shares[:, red].flatten(1).argmax(1) % 8 / 8
    assert where[0] < 0.3
    assert where[-1] > 0.6


def test_a_source_that_leaves_gets_silence(colours):
    seconds, rate = 6.0, 16000
    tracks = tones(("red", "green"), seconds, rate)
    both, one = (
        scene({"red": (0.25, 0.5), "green": (0.75, 0.5)}),
        scene({"green": (0.75, 0.5)}),
    )
    frames = torch.stack([both] * 24 + [one] * 24)
    clip = Clip(FrameVideo(frames, 8.0), Held(tracks.sum(0), rate), "one leaves")
    stems = separate(colours, clip)
    left, right = by_place(stems)
    late = stems.samples(Span(4.0, 6.0))
    assert late[left].abs().max() == 0.0
    assert snr(late[right], tracks[1][:, 4 * rate :]) > 20
    early = stems.samples(Span(0.0, 2.0))
    assert snr(early[left], tracks[0][:, : 2 * rate]) > 20


def test_stretches_are_the_same_alone_and_with_the_whole(colours, duet):
    clip, _ = duet()
    stems = separate(colours, clip)
    whole = stems.samples()
    blocks = list(stems.blocks(0.25))
    assert [b.shape[-1] for b in blocks] == [4000] * 12
    assert torch.equal(torch.cat(blocks, -1), whole)
    for start, end in ((0.0, 0.1), (1.0, 1.7), (2.9, 3.0)):
        part = stems.samples(Span(start, end))
        expected = whole[..., round(start * 16000) : round(end * 16000)]
        assert torch.allclose(part, expected, atol=1e-6)
    beyond = stems.samples(Span(2.5, 3.5))
    assert torch.allclose(beyond[..., :8000], whole[..., -8000:], atol=1e-6)
    assert not beyond[..., 8000:].any()
    assert stems.samples(Span(7.0, 7.5)).shape == (3, 2, 8000)
    assert not stems.samples(Span(7.0, 7.5)).any()


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.03, 0.2, 0.52])
def test_short_sounds(colours, duet, seconds):
    clip, _ = duet(seconds=1.0)
    short = Clip(clip.video, Held(clip.audio.data[:, : round(seconds * 16000)], 16000), "short")
    stems = separate(colours, short)
    got = stems.samples()
    assert got.shape[1:] == short.audio.data.shape
    assert torch.allclose(got.sum(0), short.audio.data, atol=1e-6)
    if seconds >= 0.2:
        assert len(stems.stems) == 3


def test_silence_has_no_sources(colours, duet):
    clip, tracks = duet()
    stems = separate(colours, Clip(clip.video, Held(0 * tracks.sum(0), 16000), "silence"))
    assert [s.label for s in stems.stems] == ["rest"]
    assert not stems.samples().any()
    assert stems.heat.shape == (len(stems.windows), 8, 8)


def test_sound_longer_than_the_pictures_and_a_single_picture(colours, duet):
    clip, tracks = duet()
    still = Clip(
        FrameVideo(scene({"red": (0.25, 0.5), "green": (0.75, 0.5)})[None], 8.0),
        clip.audio,
        "a cover",
    )
    stems = separate(colours, still)
    left, _ = by_place(stems)
    assert snr(stems.samples()[left], tracks[0]) > 25


def test_sound_that_starts_late_or_is_shorter(colours, duet):
    clip, tracks = duet()
    late = Clip(clip.video, Held(tracks.sum(0)[:, :24_000], 16000, start=1.0), "late")
    stems = separate(colours, late)
    assert stems.span == Span(1.0, 2.5)
    left, _ = by_place(stems)
    assert snr(stems.samples()[left], tracks[0][:, :24_000]) > 25
    assert torch.allclose(
        stems.samples(Span(1.5, 2.0)), stems.samples()[..., 8000:16_000], atol=1e-6
    )


def test_clipped_sound_sums_too(colours, duet):
    clip, tracks = duet()
    loud = (8 * tracks.sum(0)).clamp(-1, 1)
    stems = separate(colours, Clip(clip.video, Held(loud, 16000), "clipped"))
    assert (stems.samples().sum(0) - loud).abs().max() < 1e-6


def test_what_is_missing_is_said(colours, duet):
    clip, _ = duet()
    with pytest.raises(ValueError, match="got no audio track"):
        separate(colours, Clip(clip.video, None, "mute"))
    with pytest.raises(ValueError, match="expected pictures"):
        separate(colours, Clip(None, clip.audio, "radio"))
    with pytest.raises(ValueError, match="ask for fewer"):
        separate(colours, clip, Options(sources=70))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": 0}, "1 or more"),
        ({"points": ((1.2, 0.5),)}, r"0\.\.1 of the picture"),
        ({"sources": 2, "points": ((0.5, 0.5),)}, "not both"),
        ({"probes": 0}, "probes"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Options(**options)


def test_progress_grows_to_one(colours, duet, tmp_path):
    told = []
    stems = separate(colours, duet()[0], told=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    told.clear()
    stems.save(tmp_path, told=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_real_network_of_random_weights_runs_and_sums(tiny):
    from sensorium.worlds import stage

    clip = stage.clip(stage.compose(2, 5.0, ("violin", "marimba")), 48, 64, rate=16000)
    stems = separate(tiny, clip, Options(sources=2))
    got = stems.samples()
    assert got.shape == (3, 2, 80_000)
    assert (got.sum(0) - clip.audio.samples()).abs().max() < 1e-6
    assert (separate(tiny, clip, Options(sources=2)).samples() - got).abs().max() < 1e-6
