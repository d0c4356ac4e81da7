"""The Sounds section, driven in a real browser: what is clicked is what the audio graph plays."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorium.sounds.systems import PixelsSystem
from sensorium.watch import stem_tracks, watch

Tab = Any  # tests/watch/browser/conftest.py


@pytest.fixture(scope="module")
def page(concert: Path, pointed: PixelsSystem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose stems are inside."""
    report = watch(concert, tmp_path_factory.mktemp("report"), systems=[pointed])
    assert report.page is not None
    return report.page


@pytest.fixture
def tab(browser: Any, page: Path) -> Tab:
    """The report, opened as a file, with its video loaded."""
    tab = browser.open(page.as_uri())
    tab.size(1200, 1600)
    tab.wait("sensorium.player.readyState >= 2")
    yield tab
    assert tab.complaints() == []
    tab.close()


def press(tab: Tab, name: str, stem: int) -> None:
    """Click a stem's button as a reader would."""
    tab.run(f"document.querySelectorAll('[data-do={name}]')[{stem}].click()")


def settle(tab: Tab) -> dict[str, Any]:
    """The mixer's state once it plays and its gains have arrived."""
    tab.wait("sensorium.mixer.state().ready")
    tab.wait(
        "sensorium.mixer.tracks.every("
        "t => Math.abs(t.gain.gain.value - sensorium.mixer.level(t)) < 1e-6)"
    )
    state: dict[str, Any] = tab.run("sensorium.mixer.state()")
    return state


def test_the_player_sounds_until_the_mixer_is_touched(tab: Tab) -> None:
    state = tab.run("sensorium.mixer.state()")
    assert state["on"] is False
    assert tab.run("sensorium.player.muted") is False
    press(tab, "mute", 0)
    assert settle(tab)["on"] is True
    assert tab.run("sensorium.player.muted") is True
    tab.run("document.querySelector('[data-do=mixer]').click()")
    assert tab.run("sensorium.mixer.state()")["on"] is False
    assert tab.run("sensorium.player.muted") is False


def test_mute_solo_and_volume_are_gains(tab: Tab) -> None:
    press(tab, "mute", 0)
    assert settle(tab)["gains"] == [0, 1, 1]
    pressed = "document.querySelector('[data-do=mute]').getAttribute('aria-pressed')"
    assert tab.run(pressed) == "true"
    press(tab, "mute", 0)
    press(tab, "solo", 1)
    assert settle(tab)["gains"] == [0, 1, 0]
    press(tab, "solo", 2)
    assert settle(tab)["gains"] == [0, 1, 1]
    slide = """(() => {
      const slider = document.querySelectorAll('[data-do=volume]')[1];
      slider.value = %s; slider.dispatchEvent(new Event('input', {bubbles: true}));
      return slider.getAttribute('aria-valuetext');
    })()"""
    assert tab.run(slide % -12) == "\u221212 dB"
    assert settle(tab)["gains"] == pytest.approx([0, 10 ** (-12 / 20), 1], abs=1e-4)
    assert tab.run(slide % -40) == "silent"
    assert settle(tab)["gains"] == [0, 0, 1]
    tab.run("document.querySelector('[data-do=reset]').click()")
    assert settle(tab)["gains"] == [1, 1, 1]


def test_what_is_muted_is_not_heard(tab: Tab) -> None:
    """Root mean squares of what goes to the loudspeakers."""
    listen = """(async () => {
      const { mixer, player } = sensorium;
      const analyser = mixer.context.createAnalyser();
      analyser.fftSize = 32768;
      mixer.master.connect(analyser);
      await new Promise(done => setTimeout(done, 900));
      const heard = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(heard);
      mixer.master.disconnect(analyser);
      return Math.sqrt(heard.reduce((sum, v) => sum + v * v, 0) / heard.length);
    })()"""
    tab.run("sensorium.seek(0.2)")
    tab.run("sensorium.mixer.turnOn()")
    tab.run("sensorium.player.play()")
    settle(tab)
    loud = tab.run(listen)
    for stem in range(3):
        press(tab, "mute", stem)
    tab.run("sensorium.seek(0.2)")
    settle(tab)
    assert loud > 0.05
    assert tab.run(listen) == 0


def test_sources_follow_the_player(tab: Tab) -> None:
    tab.run("sensorium.mixer.turnOn()")
    assert settle(tab)["playing"] is False
    off = "Math.abs(sensorium.mixer.position() - sensorium.player.currentTime)"
    tab.run("sensorium.player.play()")
    tab.wait("sensorium.mixer.began !== null && sensorium.player.currentTime > 0.3")
    assert tab.run("sensorium.mixer.state()")["sources"] == 3
    tab.wait(f"{off} < 0.08")
    tab.run("sensorium.seek(2.5)")
    tab.wait("sensorium.mixer.began !== null && sensorium.player.currentTime > 2.55")
    assert tab.run("sensorium.mixer.position()") >= 2.4
    tab.wait(f"{off} < 0.08")
    tab.run("sensorium.player.pause()")
    tab.wait("sensorium.mixer.began === null")
    assert tab.run("sensorium.mixer.state()")["sources"] == 0
    tab.run("(sensorium.player.playbackRate = 0.5, sensorium.seek(0.5), sensorium.player.play())")
    tab.wait("sensorium.mixer.began !== null")
    assert tab.run("sensorium.mixer.state()")["rate"] == 0.5
    tab.wait(f"{off} < 0.08")


def test_a_click_in_the_picture_plays_that_place(tab: Tab, page: Path) -> None:
    tab.run("sensorium.seek(1.3)")
    tab.wait("!sensorium.player.seeking")
    left, top, width, height = tab.run(
        "(() => { const b = sensorium.player.getBoundingClientRect();"
        " return [b.left, b.top, b.width, b.height]; })()"
    )
    tab.click(left + 0.2 * width, top + 0.42 * height)
    state = settle(tab)
    assert state["place"] == pytest.approx([0.2, 0.42], abs=0.01)
    expected = shares_in(page, *state["place"], time=1.3)
    assert state["gains"] == pytest.approx(expected, abs=0.02)
    assert expected[0] > 0.5
    assert state["gains"][1:] == pytest.approx([0, 0], abs=0.02)
    status = "document.querySelector('[data-show=hearing]').textContent"
    assert "source 1" in tab.run(status)
    tab.click(left + 0.9 * width, top + 0.9 * height)
    assert settle(tab)["place"] is None
    assert settle(tab)["gains"] == [1, 1, 1]


@pytest.mark.parametrize("how", ["Escape", "button"])
def test_the_whole_mix_comes_back(tab: Tab, how: str) -> None:
    tab.run("sensorium.mixer.hear(0.8, 0.6)")
    assert settle(tab)["gains"][1] > 0.5
    if how == "button":
        tab.run("document.querySelector('[data-do=whole]').click()")
    else:
        tab.press("Escape")
    assert settle(tab)["gains"] == [1, 1, 1]


def test_keys_alone_find_a_place(tab: Tab) -> None:
    tab.run("document.querySelector('[data-sounds=over]').focus()")
    tab.press("Enter")
    assert settle(tab)["place"] == pytest.approx([0.2, 0.4])
    for _ in range(3):
        tab.press("ArrowRight")
    assert settle(tab)["place"] == pytest.approx([0.26, 0.4])
    tab.press("Enter")
    assert settle(tab)["place"] is None


def test_the_heat_map_can_be_switched_off(tab: Tab) -> None:
    inked = """(() => {
      const canvas = document.querySelector('.heat canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return data.reduce((sum, v, i) => sum + (i % 4 === 3 ? v : 0), 0);
    })()"""
    tab.run("sensorium.seek(1.3)")
    tab.wait("!sensorium.player.seeking")
    tab.wait(f"{inked} > 0")
    tab.run("document.querySelector('[data-do=heat]').click()")
    assert tab.run(inked) == 0


def test_everything_that_acts_has_a_name(tab: Tab) -> None:
    nameless = """[...document.querySelectorAll(
        '.under button, .under input, .under select, .sounds button, .sounds input, .sounds a')]
      .filter(e => !e.hidden && !e.getAttribute('aria-label') && !e.textContent.trim()
        && !(e.labels && [...e.labels].some(l => l.textContent.trim())))
      .map(e => e.outerHTML)"""
    assert tab.run(nameless) == []
    assert tab.run("document.querySelectorAll('.sounds [data-do=mute]').length") == 3


def test_a_page_without_sound_inside_has_links_and_a_heat_map(
    browser: Any,
    concert: Path,
    pointed: PixelsSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stem_tracks, "EMBEDDED_SECONDS", 3.0)
    report = watch(concert, tmp_path, systems=[pointed])
    assert report.page is not None
    tab = browser.open(report.page.as_uri())
    tab.size(1200, 1600)
    tab.wait("sensorium.player.readyState >= 2")
    assert tab.run("sensorium.mixer === undefined")
    assert tab.run("document.querySelectorAll('.stems a').length") == 3
    assert tab.run("document.querySelector('.heat canvas').width") > 100
    tab.run("document.querySelector('[data-do=play]').click()")
    tab.wait("sensorium.player.currentTime > 0.1")
    assert tab.complaints() == []
    tab.close()


@pytest.mark.parametrize("width", [1200, 420])
def test_nothing_is_wider_than_the_window(tab: Tab, width: int) -> None:
    tab.size(width, 900)
    assert tab.run("document.documentElement.scrollWidth") <= width


def shares_in(page: Path, x: float, y: float, *, time: float) -> list[float]:
    """The shares of a place and time by plain interpolation, from the page's own data."""
    match = re.search(r'data-sounds="data">([^<]+)</script>', page.read_text())
    assert match
    data = json.loads(match[1])
    rows, columns = data["size"]
    times, count = data["times"], len(data["labels"]) - 1
    maps = np.frombuffer(base64.b64decode(data["shares"]), np.uint8).astype(float) / 255
    maps = maps.reshape(len(times), count, rows, columns)
    middle: Callable[[int], np.ndarray] = lambda n: (np.arange(n) + 0.5) / n  # noqa: E731
    found = []
    for stem in range(count):
        at = [[np.interp(x, middle(columns), row) for row in m[stem]] for m in maps]
        found.append(float(np.interp(time, times, [np.interp(y, middle(rows), c) for c in at])))
    return [*found, 0.0]
