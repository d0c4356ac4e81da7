import pytest

from sensorium.questions.confidence import faults, scene_confidence, sensitivity
from sensorium.worlds.blocks.programs import from_tokens


def program(text):
    return from_tokens(text.split())


@pytest.fixture
def items(sight):
    """Two cubes (red, blue) and a green sphere."""
    return sight.scene.items


def test_every_single_fault_is_tried_once(items):
    tried = list(faults(items, 1))
    assert [len(kind) for kind in tried] == [1, 1, 7, 1, 2]
    assert tried[0] == [[items[0], items[2]]]
    for kind in tried[1:]:
        for scene in kind:
            assert [scene[0], scene[2]] == [items[0], items[2]]
            assert scene[1] != items[1]
            assert scene[1].position == items[1].position


def test_what_an_answer_does_not_hang_on_is_not_sensitive(items):
    asked = program("query_size unique filter_shape[sphere] scene")
    # a cube may be absent, or of any size, color and material; as a sphere it would be the first
    assert sensitivity(asked, items, 1, "large") == pytest.approx(1 / 2 / 5)
    assert sensitivity(program("exist filter_shape[cube] scene"), items, 2, "yes") == 0


def test_what_an_answer_hangs_on_is(items):
    asked = program("query_color unique filter_shape[sphere] scene")
    # absent, of another color, or of another shape: three of five kinds of faults
    assert sensitivity(asked, items, 2, "green") == pytest.approx(3 / 5)
    assert sensitivity(program("count scene"), items, 0, "3") == pytest.approx(1 / 5)


def test_a_sure_scene_is_sure(items):
    asked = program("count filter_shape[cube] scene")
    assert scene_confidence(asked, items, (1.0, 1.0, 1.0), "2") == 1.0
    doubted = scene_confidence(asked, items, (0.5, 1.0, 1.0), "2")
    assert doubted == pytest.approx(1 - 0.5 * 2 / 5)
    assert scene_confidence(asked, items, (0.5, 0.5, 1.0), "2") == pytest.approx(doubted**2)
