import numpy as np
import pytest

from sensorium.seeds import generator
from sensorium.worlds.stage.moves import CHANNELS, LABELS, MOVES, REST, mirror, partner
from sensorium.worlds.stage.posing import follow, pose_at
from sensorium.worlds.stage.script import Event, Pose

U = np.linspace(0.0, 1.0, 101)


def test_labels():
    assert len(LABELS) == len(MOVES) + 1 == 15
    assert LABELS[-1] == REST
    assert all(name == name.lower() for name in LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_partner_and_mirror_are_their_own_inverses(label):
    assert partner(partner(label)) == label
    assert mirror(mirror(label)) == label
    assert (partner(label) == label) == (label == REST)
    assert mirror(partner(label)) == partner(mirror(label))


@pytest.mark.parametrize("label", MOVES)
def test_a_move_backwards_is_its_partner(label):
    move, other = MOVES[label], MOVES[partner(label)]
    for seed in range(20):
        course = move.draw(generator(seed))
        assert course == other.draw(generator(seed))
        forwards, backwards = move.curve(course, U), other.curve(course, 1.0 - U)
        assert forwards.keys() == backwards.keys() <= set(CHANNELS)
        for name in forwards:
            np.testing.assert_allclose(forwards[name], backwards[name], atol=1e-12)


@pytest.mark.parametrize("label", MOVES)
def test_a_move_goes_somewhere_and_keeps_its_bounds(label):
    move = MOVES[label]
    for seed in range(50):
        course = move.draw(generator(seed))
        floor, ceiling = move.family.bounds
        assert floor - 1e-6 <= course.low <= course.high <= ceiling + 1e-6
        curves = move.curve(course, U)
        assert any(np.ptp(curve) > 0.12 for curve in curves.values())
        for name in ("wave", "swing", "flash", "nod"):
            if name in curves:
                assert abs(curves[name][0]) < 1e-9
                assert abs(curves[name][-1]) < 1e-9


@pytest.mark.parametrize("label", MOVES)
def test_a_move_from_where_one_is_starts_there(label):
    move = MOVES[label]
    channel = move.family.channel
    if channel is None:
        return
    now = {"x": 0.0, "y": 0.05, "size": 0.5, "angle": 0.3}.get(channel)
    if now is None:
        now = 0.0 if move.forward else 1.0
    course = move.draw(generator(3), now)
    assert course is not None
    assert (course.low if move.forward else course.high) == pytest.approx(now)


def test_no_room_for_a_move():
    assert MOVES["slide right"].draw(generator(0), 0.35) is None
    assert MOVES["slide left"].draw(generator(0), 0.35) is not None


def test_directions_are_what_they_are_called():
    course = MOVES["rise"].draw(generator(1))
    assert np.all(np.diff(MOVES["rise"].curve(course, U)["y"]) < 0)  # y points down
    course = MOVES["slide left"].draw(generator(1))
    assert np.all(np.diff(MOVES["slide left"].curve(course, U)["x"]) < 0)
    course = MOVES["approach"].draw(generator(1))
    assert np.all(np.diff(MOVES["approach"].curve(course, U)["size"]) > 0)
    course = MOVES["open"].draw(generator(1))
    assert np.all(np.diff(MOVES["open"].curve(course, U)["fan"]) > 0)
    course = MOVES["nod then flash"].draw(generator(1))
    curves = MOVES["nod then flash"].curve(course, U)
    assert U[curves["nod"] > 1e-9].max() < U[curves["flash"] > 1e-9].min()


def test_a_pose_is_held_after_a_move():
    course = MOVES["slide right"].draw(generator(0), -0.3)
    event = Event(0, "move", "slide right", 1.0, 2.0, course)
    home = Pose(x=-0.3)
    channels = follow(home, [event], np.array([0.0, 1.0, 3.0, 9.0]))
    assert channels["x"][0] == channels["x"][1] == -0.3
    assert channels["x"][2] == channels["x"][3] == pytest.approx(course.high)
    assert pose_at(home, [event], 9.0).x == pytest.approx(course.high)
    assert pose_at(home, [], 9.0) == home
