from collections import Counter

import pytest
import torch

from sensorium.worlds.portraits import EXPRESSIONS, clip, draw, identity, sit


def test_the_same_seed_gives_the_same_sitting():
    first, again, other = sit(4), sit(4), sit(5)
    assert (first.expression, first.poses, first.blinks) == (
        again.expression,
        again.poses,
        again.blinks,
    )
    assert torch.equal(first.degrees, again.degrees)
    assert first.poses != other.poses
    assert first.identity == identity(4)


def test_an_onset_grows_from_rest_and_its_label_is_time():
    for seed in range(40):
        sitting = sit(seed)
        assert 10 <= len(sitting) <= 20
        assert sitting.degrees[0] == 0
        assert sitting.blinks[0] == 0
        assert (sitting.degrees.diff() > 0).all()
        assert 0.9 <= float(sitting.degrees[-1]) <= 1.0
        count = len(sitting)
        assert torch.allclose(sitting.label, torch.arange(count) / (count - 1))
    assert not torch.allclose(sitting.degrees, sitting.label, atol=0.01)


def test_a_whole_expression_has_onset_apex_and_offset():
    for seed in range(20):
        sitting = sit(seed, onset_only=False)
        top = float(sitting.degrees.max())
        high = (sitting.degrees > top - 1e-6).nonzero().flatten()
        assert len(high) >= 2
        assert (sitting.degrees[: high[0] + 1].diff() > 0).all()
        assert (sitting.degrees[high[-1] :].diff() < 0).all()
        assert sitting.degrees[0] == sitting.degrees[-1] == 0
        assert sitting.label.max() == 1.0


def test_expressions_are_all_drawn_and_can_be_chosen():
    drawn = Counter(sit(seed).expression for seed in range(350))
    assert set(drawn) == set(EXPRESSIONS)
    assert min(drawn.values()) > 25
    for name in EXPRESSIONS:
        sitting = sit(1, name, frames=4)
        assert sitting.expression == name
        assert len(sitting) == 4
        shown = sitting.face(3).degrees
        assert [d > 0 for d in shown] == [n == name for n in EXPRESSIONS]


def test_the_expression_does_not_change_how_the_head_moves():
    assert sit(6, "happy").poses == sit(6, "afraid").poses
    assert torch.equal(sit(6, "happy").degrees, sit(6, "afraid").degrees)


def test_another_may_sit():
    assert sit(3, identity_seed=8).identity == identity(8)
    assert sit(3, identity_seed=8).poses == sit(3).poses


def test_heads_move_a_little_and_eyes_blink_sometimes():
    sittings = [sit(seed, frames=96, onset_only=False) for seed in range(40)]
    shut = [s for s in sittings if max(s.blinks) > 0.9]
    assert 15 <= len(shut) < 40
    for sitting in sittings:
        steps = [
            abs(b.dx - a.dx) + abs(b.dy - a.dy) + abs(b.roll - a.roll)
            for a, b in zip(sitting.poses, sitting.poses[1:], strict=False)
        ]
        assert 0 < max(steps) < 0.01
        marks = draw(sitting.face(20), 64).landmarks
        assert marks.min() > -1
        assert marks.max() < 66


def test_a_clip_is_lazy_and_shows_the_faces():
    sitting = sit(2, "happy", frames=12)
    shown = clip(sitting, 64)
    video = shown.need_video()
    assert (video.height, video.width, video.fps) == (64, 64, 24.0)
    assert shown.duration == pytest.approx(0.5)
    assert len(video.times()) == 12
    frames = video.frames(video.times())
    for i in (0, 5, 11):
        assert torch.equal(frames[i], draw(sitting.face(i), 64).frame)
    assert torch.equal(video.frames([99.0])[0], frames[11])


def test_bad_input_is_one_clear_line():
    with pytest.raises(ValueError, match="called 'hapy'; did you mean 'happy'"):
        sit(0, "hapy")
    with pytest.raises(ValueError, match="at least 2 frames, got 1"):
        sit(0, frames=1)
    with pytest.raises(ValueError, match="at least 2 frames, got 0"):
        sit(0, frames=0)
