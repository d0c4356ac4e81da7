"""Test protocols: how many views, of which size, from where, and how they are averaged."""

import pytest
import torch

from sensorium.actions import protocols as p
from sensorium.actions.sampling import Sampling, dense_test, snippets_test, uniform_test
from sensorium.types import FrameVideo, Span


def video(frames=80, height=40, width=60, fps=10.0):
    """Each frame is as bright as its number, its second channel says the column."""
    data = torch.zeros(frames, 3, height, width, dtype=torch.uint8)
    data[:, 0] = torch.arange(frames, dtype=torch.uint8).view(-1, 1, 1)
    data[:, 1] = torch.arange(width, dtype=torch.uint8)
    data[:, 2] = torch.arange(height, dtype=torch.uint8).view(-1, 1)
    return FrameVideo(data, fps)


def seen(view):
    return view[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("name", "sampling", "count", "frames", "side"),
    [
        ("efficient", Sampling("uniform", 8), 1, 8, 224),
        ("accurate", Sampling("uniform", 8), 6, 8, 256),
        ("dense", Sampling("dense", 8), 30, 8, 256),
        ("stnet", Sampling("snippets", 7, 5), 1, 125, 256),
    ],
)
def test_published_protocols(name, sampling, count, frames, side):
    protocol = p.PROTOCOLS[name]
    views = list(protocol.views(video(), sampling, 224))
    assert len(views) == count == protocol.views_per_video
    assert all(v.shape == (frames, 3, side, side) for v in views)
    assert protocol.name == name


def test_frames_are_those_of_the_sampling():
    uniform, dense = Sampling("uniform", 8), Sampling("dense", 8)
    views = list(p.PROTOCOLS["accurate"].views(video(), uniform, 14))
    assert [seen(v) for v in views[::3]] == [uniform_test(80, 8, clip=c) for c in (0, 1)]
    assert seen(views[0]) == seen(views[2])
    views = list(p.PROTOCOLS["dense"].views(video(), dense, 14))
    assert [seen(v) for v in views[::3]] == dense_test(80, 8, 10)
    (view,) = p.PROTOCOLS["stnet"].views(video(200), Sampling("snippets", 7, 5), 14)
    assert seen(view) == snippets_test(200, 25, 5)


def test_a_span_of_a_long_video():
    (view,) = p.PROTOCOLS["efficient"].views(video(), Sampling(segments=4), 14, span=Span(2.0, 4.0))
    assert seen(view) == [20 + k for k in uniform_test(20, 4)]


@pytest.mark.parametrize(("height", "width", "channel"), [(16, 24, 1), (24, 16, 2)])
def test_three_crops_go_along_the_longer_side(height, width, channel):
    # short side 16 = 14 * 8/7: pixels stay as they are
    frames = video(2, height, width).data
    starts = [int(v[0, channel, 0, 0]) for v in p.PROTOCOLS["accurate"].crops_of(frames, 14)]
    assert starts == [0, 8, 4]


def test_ten_crops_are_five_and_their_mirror_images():
    frames = video(2, 16, 24).data
    views = list(p.Protocol("ten", crops=10).crops_of(frames, 14))
    assert len(views) == 10
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        assert torch.equal(plain.flip(-1), mirrored)
    assert [int(v[0, 1, 0, 0]) for v in views[::2]] == [0, 8, 0, 8, 4]
    assert len(list(p.Protocol("five", crops=5).crops_of(frames, 14))) == 5


def test_squash_gives_up_the_aspect_ratio():
    frames = video(1, 16, 60).data
    (view,) = p.PROTOCOLS["stnet"].crops_of(frames, 14)
    columns = view[0, 1, 0].float()
    assert columns[-1] - columns[0] > 0.6 * 60  # 16 of 21 columns of the squashed picture


def test_a_system_that_sees_whole_pictures_at_its_own_rate():
    (view,) = p.PROTOCOLS["efficient"].views(video(), Sampling(segments=4), 14, fit="squash", fps=5)
    assert view.shape == (4, 3, 14, 14)
    assert view[0, 1, 0, 0] < 3
    assert view[0, 1, 0, -1] > 56
    assert seen(view) == [2 * k + 1 for k in uniform_test(40, 4)]


def test_logits_or_probabilities():
    logits = torch.tensor([[4.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    by_logits = p.Protocol("a").aggregate(logits)
    by_probabilities = p.Protocol("b", average="probabilities").aggregate(logits)
    assert torch.allclose(by_logits, torch.tensor([2.0, 0.5, 0.0]).softmax(0))
    assert torch.allclose(by_probabilities, (logits[0].softmax(0) + logits[1].softmax(0)) / 2)
    assert not torch.allclose(by_logits, by_probabilities)


def test_too_many_clips_for_the_sampling():
    with pytest.raises(ValueError, match="uniform sampling gives 1 to 2 test clips"):
        list(p.PROTOCOLS["dense"].views(video(), Sampling("uniform", 8), 14))


def test_a_protocol_that_is_not_there_or_not_for_this_sampling():
    with pytest.raises(ValueError, match="'acurate'; did you mean 'accurate'"):
        p.find_protocol("acurate", Sampling())
    with pytest.raises(ValueError, match="needs dense sampling.*or the protocol efficient or acc"):
        p.find_protocol("dense", Sampling("uniform", 8))
    with pytest.raises(ValueError, match="needs snippets sampling"):
        p.find_protocol("stnet", Sampling("dense", 8))
    assert p.find_protocol("efficient", Sampling("snippets", 7, 5)).views_per_video == 1
    assert p.find_protocol("dense", Sampling("dense", 8)).views_per_video == 30
