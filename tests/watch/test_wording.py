import pytest

from sensorium.watch import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.04 s"),
        (16.57, "16.6 s"),
        (59.96, "60.0 s"),
        (725.0, "12 min 5 s"),
        (3725.0, "1 h 2 min"),
    ],
)
def test_lengths(seconds: float, words: str) -> None:
    assert wording.length(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(812, "812 B"), (65_000, "65 kB"), (1_440_000, "1.4 MB"), (2_000_000_000, "2.0 GB")],
)
def test_sizes(count: int, words: str) -> None:
    assert wording.size(count) == words


def test_a_share_is_all_only_when_it_is() -> None:
    assert wording.percent(0.998) == "99 %"
    assert wording.percent(1.0) == "100 %"
    assert wording.percent(0.0) == "0 %"


def test_names_and_lists() -> None:
    assert wording.label("slide_left") == "slide left"
    assert wording.label("_") == "(no name)"
    assert wording.listing(["a"]) == "a"
    assert wording.listing(["a", "b", "c"]) == "a, b and c"
