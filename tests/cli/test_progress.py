import io
import sys
import time

from sensorium.cli import progress
from sensorium.cli.console import Console


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def draw(monkeypatch, stream, delay: float) -> str:
    monkeypatch.setattr(progress, "DELAY_SECONDS", delay)
    monkeypatch.setattr(sys, "stderr", stream)
    console = Console()
    with console.working("counting") as bar:
        deadline = time.monotonic() + 20
        while stream.isatty() and delay < 1 and bar._progress is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        bar.update(1, 2, "half way")
        console.note("a remark")
    return stream.getvalue()


def test_it_appears_on_a_terminal_and_remarks_go_above_it(monkeypatch):
    text = draw(monkeypatch, Terminal(), 0.0)
    assert "counting" in text
    assert "a remark\n" in text.replace("\r", "")


def test_it_is_not_drawn_before_its_time(monkeypatch):
    assert draw(monkeypatch, Terminal(), 60.0) == "a remark\n"


def test_it_is_not_drawn_into_a_file(monkeypatch):
    assert draw(monkeypatch, io.StringIO(), 0.0) == "a remark\n"
