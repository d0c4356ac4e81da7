import re

from hypothesis import given
from hypothesis import strategies as st

from sensorium.watch.curves import svg, thin


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(2, 40))
def test_thinning_keeps_extent_and_peak(values: list[float], limit: int) -> None:
    points = [(float(i), v) for i, v in enumerate(values)]
    thinned = thin(points, limit)
    assert len(thinned) <= max(limit, 1)
    assert thinned[0][0] == points[0][0]
    assert thinned[-1][0] == points[-1][0]
    assert max(v for _, v in thinned) == max(values)
    assert [t for t, _ in thinned] == sorted(t for t, _ in thinned)


def test_few_points_stay_as_they_are() -> None:
    points = [(0.0, 0.1), (1.0, 0.9)]
    assert thin(points) == tuple(points)


def test_a_curve_fills_its_box() -> None:
    path = svg([(2.0, 0.0), (4.0, 1.0), (6.0, 0.5)], start=2.0, duration=4.0)
    line = re.search(r'class="line" d="M([^"]+)"', path)
    assert line
    assert line[1].split("L") == ["0.0 98.0", "500.0 2.0", "1000.0 50.0"]


def test_one_point_is_a_level_line_and_none_is_nothing() -> None:
    assert "M0.0 50.0L1000.0 50.0" in svg([(1.0, 0.5)], 0.0, 2.0)
    assert svg([], 0.0, 1.0) == ""
