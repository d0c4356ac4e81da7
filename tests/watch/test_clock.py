import pytest

from sensorium.types import Span
from sensorium.watch.clock import Clock


@pytest.mark.parametrize(
    ("duration", "time", "words"),
    [
        (0.04, 0.02, "0.02 s"),
        (16.6, 3.25, "3.2 s"),
        (90.0, 62.46, "1:02.5"),
        (90.0, 59.97, "1:00.0"),
        (1800.0, 62.4, "1:02"),
        (7200.0, 3723.0, "1:02:03"),
        (7200.0, 5.0, "0:00:05"),
    ],
)
def test_times_are_as_fine_as_the_length_needs(duration: float, time: float, words: str) -> None:
    assert Clock(0.0, duration).words(time) == words


def test_the_players_clock_starts_at_the_clips_start() -> None:
    clock = Clock.of(Span(1.4, 11.4))
    assert clock.seconds(1.4) == 0.0
    assert clock.seconds(6.4) == pytest.approx(5.0)
    assert clock.place(6.4) == pytest.approx(50.0)
    assert clock.stretch(Span(2.4, 3.9)) == "1.0\u20132.5 s"


def test_times_outside_the_clip_stay_on_the_time_line() -> None:
    clock = Clock(0.0, 10.0)
    assert clock.place(-1.0) == 0.0
    assert clock.place(12.0) == 100.0


@pytest.mark.parametrize("duration", [0.001, 0.04, 1.0, 9.9, 61.0, 3600.0, 100 * 3600.0])
def test_the_ruler_has_few_round_marks(duration: float) -> None:
    ticks = Clock(0.0, duration).ticks()
    assert 1 <= len(ticks) <= 9
    assert ticks[0] == 0
    assert ticks[-1] <= duration + 1e-6


def test_a_clip_without_length_has_a_clock() -> None:
    assert Clock.of(Span(2.0, 2.0)).place(2.0) == 0.0
