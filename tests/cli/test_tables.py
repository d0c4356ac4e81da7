import pytest
from rich.console import Console

from sensorium.cli.tables import actions_table, bar, clock


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "    "), (1, "████"), (0.5, "██  "), (0.03125, "▏   "), (2, "████"), (-1, "    ")],
)
def test_bar(share, text):
    assert bar(share, 4) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.00"),
        (62.5, "1:02.50"),
        (59.999, "1:00.00"),
        (3725.25, "1:02:05.25"),
        (-1, "-0:01.00"),
    ],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_actions_table_holds_every_action():
    action = {"start": 0.5, "end": 2.0, "label": "rise", "score": 0.75}
    console = Console(width=80)
    with console.capture() as capture:
        console.print(actions_table([action, {**action, "label": "sink"}]))
    text = capture.get()
    assert "0:00.50" in text
    assert "0.75" in text
    assert text.index("rise") < text.index("sink")
