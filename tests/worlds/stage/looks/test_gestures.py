import numpy as np
import pytest

from sensorium.seeds import generator
from sensorium.worlds.stage.looks import LOOKS, gestures
from sensorium.worlds.stage.looks.paint import paint
from sensorium.worlds.stage.reversal import mirrored
from sensorium.worlds.stage.scores import STYLES, phrase
from sensorium.worlds.stage.script import INSTRUMENTS, Note, Performer, Pose

TIMES = (np.arange(96) + 0.5) / 24.0  # 4 seconds


@pytest.mark.parametrize("kind", INSTRUMENTS)
@pytest.mark.parametrize("style", STYLES)
def test_gestures_of_mirrored_notes_are_mirrored_gestures(kind, style):
    notes = phrase(kind, STYLES[style], 0.3, 3.9, generator(1, kind, style))
    forwards = LOOKS[kind].motion(notes, TIMES)
    backwards = LOOKS[kind].motion(mirrored(kind, notes, 4.0), 4.0 - TIMES)
    for name in forwards:
        np.testing.assert_allclose(forwards[name], backwards[name], atol=1e-9)


@pytest.mark.parametrize("kind", INSTRUMENTS)
@pytest.mark.parametrize("design", [0, 1, 2])
def test_every_note_can_be_seen_at_eight_frames_a_second(kind, design):
    """Each note moves some corner of the drawing by over 3 % of the performer's height."""
    notes = phrase(kind, STYLES["play slowly"], 0.2, 8.0, generator(2, kind))
    times = (np.arange(64) + 0.5) / 8.0
    curves = LOOKS[kind].motion(notes, times)
    colours = paint(Performer(kind, design, "red", "grey", 1, Pose()))
    drawn = []
    for t in range(len(times)):
        pose = {name: float(curve[t]) for name, curve in curves.items()}
        shapes = LOOKS[kind].draw(colours, design, pose)
        drawn.append([points for points, _ in shapes])
    for note in notes:
        near = np.flatnonzero((times > note.start - 0.3) & (times < note.end + 0.3))
        moved = 0.0
        for a in near[:-1]:
            if len(drawn[a]) != len(drawn[a + 1]):  # a pressed key appears
                moved = 1.0
                continue
            pairs = zip(drawn[a], drawn[a + 1], strict=True)
            moved = max(moved, *(float(np.abs(p - q).max()) for p, q in pairs))
        assert moved > 0.03, (kind, note)


@pytest.mark.parametrize("kind", INSTRUMENTS)
def test_silence_is_still(kind):
    for curve in LOOKS[kind].motion((), TIMES).values():
        assert curve.shape == TIMES.shape
        assert np.ptp(curve) == 0.0


def test_sticks_are_down_at_their_own_onsets():
    notes = [Note(0.5, 0.2, 60.0, 0.8, 1), Note(1.0, 0.2, 60.0, 0.8, -1)]
    onsets = np.array([0.5, 1.0])
    right, left = (gestures.strike(notes, onsets, hand) for hand in (1, -1))
    assert right[0] == left[1] == 0.0
    assert right[1] > 0.3
    assert left[0] > 0.3


def test_bow_goes_the_way_of_the_stroke():
    up, down = (gestures.travel([Note(0.0, 1.0, 60.0, 1.0, s)], TIMES[:20]) for s in (1, -1))
    assert np.all(np.diff(up) > 0)
    np.testing.assert_allclose(up, -down)


def test_a_higher_pitch_reaches_further():
    low, high = (gestures.reach([Note(0.0, 1.0, p, 1.0)], TIMES)[0] for p in (50.0, 70.0))
    assert low < high
    assert gestures.height(10.0) == 0.0
    assert gestures.height(100.0) == 1.0
