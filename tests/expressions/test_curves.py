import itertools
import math
import re

import pytest
import torch

from sensorium.expressions import curves
from sensorium.expressions.curves import (
    check_expression,
    curve,
    describe,
    ease,
    hold,
    keyframes,
    mixing,
    pulse,
    ramp,
    transition,
)

NAMES = ("happy", "sad", "surprised", "angry", "disgusted", "afraid", "contemptuous")


def test_a_ramp_reaches_both_ends():
    assert ramp(5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert ramp(1).tolist() == [1]
    assert ramp(24).dtype == torch.float32


def test_easing_starts_and_arrives_gently():
    curve = ease(41)
    steps = curve.diff()
    assert curve[0] == 0
    assert curve[-1] == 1
    assert curve[20] == pytest.approx(0.5)
    assert (steps >= 0).all()
    assert steps[0] < 0.1 * steps[20]
    assert steps[-1] < 0.1 * steps[20]


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 10, 11, 25, 100])
@pytest.mark.parametrize("peak", [0.0, 0.4, 1.0])
def test_a_pulse_has_one_top_between_two_zeros(frames, peak):
    curve = pulse(frames, peak)
    assert len(curve) == frames
    assert curve.max() == 1
    assert int((curve == 1).sum()) == 1
    if frames > 2:
        assert curve[0] == curve[-1] == 0
        top = int(curve.argmax())
        assert (curve[: top + 1].diff() > 0).all()
        assert (curve[top:].diff() < 0).all()
        assert abs(top - peak * (frames - 1)) <= 1


def test_the_papers_unimodal_array():
    want = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert torch.allclose(pulse(21, 0.5), torch.tensor([*want, *want[-2::-1]]))


def test_holding():
    assert hold(3).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="1 to 100000 frames, got 0"):
        hold(0)
    with pytest.raises(ValueError, match="peak must lie within"):
        pulse(5, 1.5)


def test_curves_by_name():
    assert set(curves.CURVES) == {"ramp", "pulse", "hold", "ease"}
    assert torch.equal(curve("pulse", 9), pulse(9))
    with pytest.raises(ValueError, match="no curve 'rmap'; did you mean 'ramp'"):
        curve("rmap", 9)


def slow(keys, frame):
    """Linear interpolation as one would do it by hand."""
    if frame <= keys[0][0]:
        return keys[0][1]
    for (a, u), (b, v) in itertools.pairwise(keys):
        if a <= frame <= b:
            return u + (v - u) * (frame - a) / (b - a)
    return keys[-1][1]


def test_keys_are_followed():
    keys = [(2, 0.1), (5, 1.0), (9, 0.4)]
    got = keyframes("2:0.1, 5:1,9:0.4", 12)
    assert got.tolist() == pytest.approx([slow(keys, t) for t in range(12)])
    assert torch.equal(got, keyframes(keys, 12))


def test_the_end_is_the_last_frame():
    got = keyframes("0:0,12:1,24:0.3", 24)
    assert len(got) == 24
    assert [float(got[t]) for t in (0, 12, 23)] == pytest.approx([0, 1, 0.3])
    assert torch.equal(got, keyframes("0:0,12:1,24:0.3"))
    assert torch.equal(got, keyframes("0:0,12:1,23:0.3", 24))


def test_one_key_holds():
    assert keyframes("0:0.6", 4).tolist() == pytest.approx([0.6] * 4)
    assert len(keyframes("0:0.6")) == 1


@pytest.mark.parametrize(
    ("keys", "frames", "said"),
    [
        ("", None, "got none"),
        (",,", None, "got none"),
        ("0:0,12", None, "got '12', expected FRAME:DEGREE"),
        ("0:0,x:1", None, "got 'x:1'"),
        ("0:0:1", None, "got '0:0:1'"),
        ("0=0", None, "got '0=0'"),
        ("0:0,12:1.5", None, "lies in 0..1, got 1.5 at frame 12"),
        ("0:0,12:-1", None, "lies in 0..1, got -1"),
        ("0:nan", None, "lies in 0..1, got nan"),
        ("nan:0", None, "count from 0, got nan"),
        ("-1:0", None, "count from 0, got -1"),
        ("inf:0", None, "count from 0, got inf"),
        ("5:0,3:1", None, "got 3 after 5"),
        ("3:0,3:1", None, "got 3 after 3"),
        ("0:0,40:1", 24, "beyond the end of 24 frames; ask for --frames 40"),
        ("0:0,23:1,24:0", 24, "keys at frames 23 and 24 are both its"),
        ("0:0,1e9:1", None, "1 to 100000 frames"),
        ("0:0", 0, "1 to 100000 frames, got 0"),
    ],
)
def test_malformed_keys_get_one_line(keys, frames, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        keyframes(keys, frames)
    assert "\n" not in str(caught.value)


def test_mixing():
    got = mixing(ramp(3), {"happy": 0.6, "surprised": 0.3}, NAMES)
    assert got.shape == (3, 7)
    assert got[:, 0].tolist() == pytest.approx([0, 0.3, 0.6])
    assert got[:, 2].tolist() == pytest.approx([0, 0.15, 0.3])
    assert got[:, [1, 3, 4, 5, 6]].abs().sum() == 0
    with pytest.raises(ValueError, match="share of 'happy' must lie in 0..1, got 2"):
        mixing(ramp(3), {"happy": 2}, NAMES)
    with pytest.raises(ValueError, match="share of 'happy' must lie in 0..1, got nan"):
        mixing(ramp(3), {"happy": math.nan}, NAMES)


def test_a_transition_passes_through_the_neutral_face():
    got = transition("angry", "happy", 9, NAMES)
    assert got[0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert got[4].abs().sum() == 0
    assert got[8].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert ((got > 0).sum(1) <= 1).all()
    back = transition({"angry": 0.5}, "happy", pulse(9, 0.5), NAMES)
    assert back[0, 3] == back[8, 3] == 0.5
    assert back[4, 0] == 1


@pytest.mark.parametrize(
    ("name", "near"),
    [("happpy", "'happy'"), ("Happy", "'happy'"), ("fear", "'afraid'"), ("contempt", "'contempt")],
)
def test_an_unknown_expression_gets_a_suggestion(name, near):
    with pytest.raises(ValueError, match=f"no expression '{name}'; did you mean {near}"):
        check_expression(name, NAMES)


def test_suggestions_are_known_ones():
    with pytest.raises(ValueError, match="no expression 'fear'; known: happy, sad$"):
        check_expression("fear", NAMES[:2])
    with pytest.raises(ValueError, match="the neutral face is any expression at intensity 0"):
        check_expression("neutral", NAMES)
    check_expression("sad", NAMES)


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        (mixing(ramp(9), {"happy": 1}, NAMES), "happy"),
        (mixing(pulse(9), {"happy": 0.6, "surprised": 0.3}, NAMES), "happy+surprised"),
        (transition("angry", "happy", 9, NAMES), "angry>happy"),
        (transition({"angry": 0.6, "sad": 0.2}, "happy", 9, NAMES), "sad+angry>happy"),
        (torch.zeros(4, 7), "neutral"),
        (mixing(hold(1), {"sad": 1}, NAMES), "sad"),
    ],
)
def test_what_is_shown_in_words(degrees, words):
    assert describe(degrees, NAMES) == words
