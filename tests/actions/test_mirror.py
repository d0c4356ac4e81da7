"""Class names in the mirror, against the swaps that the published sets need."""

import pytest

from sensorium.actions.mirror import mirror_classes, mirror_labels
from sensorium.worlds.stage import moves

V2 = [
    "Pulling something from left to right",
    "Pulling something from right to left",
    "Pushing something from left to right",
    "Pushing something from right to left",
    "Turning the camera left while filming something",
    "Turning the camera right while filming something",
    "Putting something upright on the table",
    "Turning the camera upwards while filming something",
]
JESTER = [
    "Swiping Left",
    "Swiping Right",
    "Sliding Two Fingers Left",
    "Sliding Two Fingers Right",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "Swiping Up",
    "Rolling Hand Forward",
]


@pytest.mark.parametrize(("names", "swaps"), [(V2, 3), (JESTER, 3)])
def test_published_pairs_swap_and_the_rest_stays(names, swaps):
    mirrored = mirror_classes(names)
    for k in range(swaps):
        assert mirrored[names[2 * k]] == names[2 * k + 1]
        assert mirrored[names[2 * k + 1]] == names[2 * k]
    assert all(mirrored[name] == name for name in names[2 * swaps :])


def test_direction_without_a_partner_is_never_flipped():
    assert mirror_classes(["Swiping Left", "Clapping"]) == {
        "Swiping Left": None,
        "Clapping": "Clapping",
    }
    assert mirror_labels(["moving left and right", "b"]) == (None, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("turn clockwise", "turn anticlockwise"),
        ("turn_clockwise", "turn counter-clockwise"),
        ("TurnLeft", "TurnRight"),
        ("spin (anti-clockwise)", "spin (clockwise)"),
        ("drift leftwards", "drift rightwards"),
    ],
)
def test_spellings(one, other):
    assert mirror_labels([one, other, "rest"]) == (1, 0, 2)


def test_stage_labels_agree_with_the_world():
    mirrored = mirror_classes(moves.LABELS)
    assert mirrored == {name: moves.mirror(name) for name in moves.LABELS}
    assert mirrored["slide left"] == "slide right"


def test_mirroring_twice_is_nothing():
    labels = mirror_labels(V2 + JESTER)
    assert all(labels[labels[k]] == k for k in range(len(labels)))
