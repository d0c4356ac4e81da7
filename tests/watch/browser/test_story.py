"""The Story section, driven in a real browser: search, click and keys move the player."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sensorium import training
from sensorium.events.results import Event, Story
from sensorium.events.systems import WSDECSystem
from sensorium.types import Clip
from sensorium.watch import watch

Tab = Any  # tests/watch/browser/conftest.py

TOLD = (
    Event(0.2, 1.5, "the man bows", 0.6),
    Event(0.5, 1.0, "a drum rolls", 0.9),
    Event(1.25, 3.0, "the violá <i>plays</i> a tune", 0.7),
    Event(3.0, 4.0, "the drum rolls slowly", 0.8),
)


class Scripted(WSDECSystem):
    """Weights that are told the story."""

    def predict(self, clip: Clip, fetch: Any = None) -> Story:
        return Story(clip.name, self.weights, clip.span, TOLD, 0.2)


@pytest.fixture(scope="module")
def page(concert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = training.recipe("wsdec-tiny")
    with torch.random.fork_rng():
        system = Scripted(recipe.data.adapt(recipe.system))
    report = watch(concert, tmp_path_factory.mktemp("report"), systems=[system])
    assert report.page is not None
    return report.page


@pytest.fixture
def tab(browser: Any, page: Path) -> Tab:
    tab = browser.open(page.as_uri())
    tab.size(1200, 1400)
    tab.wait("sensorium.player.readyState >= 2")
    yield tab
    assert tab.complaints() == []
    tab.close()


def shown(tab: Tab, what: str = ".sentences li:not([hidden]) .said") -> list[str]:
    texts: list[str] = tab.run(f"[...document.querySelectorAll('{what}')].map(e => e.textContent)")
    return texts


def type_in(tab: Tab, text: str) -> str:
    """Types into the search box; what it answers."""
    tab.run("document.querySelector('.search input').focus()")
    tab.run("document.querySelector('.search input').select()")
    for letter in text:
        tab.press(letter)
    answer: str = tab.run("document.querySelector('[data-show=found]').textContent")
    return answer


def at(tab: Tab, seconds: float) -> None:
    tab.wait(f"Math.abs(sensorium.player.currentTime - {seconds}) < 0.06")


def test_search_keeps_the_sentences_that_have_every_word(tab: Tab) -> None:
    assert shown(tab) == [e.sentence for e in TOLD]
    assert type_in(tab, "Drum rol") == "2 moments"
    assert shown(tab) == ["a drum rolls", "the drum rolls slowly"]
    assert shown(tab, ".sentences mark") == ["drum", "rol", "drum", "rol"]
    faded = "[...document.querySelectorAll('.segment.unfound')].map(e => e.dataset.chapter)"
    assert sorted(tab.run(faded)) == sorted([TOLD[0].sentence, TOLD[2].sentence])
    assert type_in(tab, "viola <i>") == "1 moment"
    assert shown(tab) == ["the violá <i>plays</i> a tune"]
    assert type_in(tab, "zebra") == "no sentence has that"
    assert shown(tab) == []
    tab.press("Escape")
    assert shown(tab) == [e.sentence for e in TOLD]
    assert tab.run("document.querySelectorAll('.segment.unfound, mark').length") == 0


def test_enter_goes_from_moment_to_moment(tab: Tab) -> None:
    type_in(tab, "drum")
    for seconds, words in ((0.5, "1 of 2"), (3.0, "2 of 2"), (0.5, "1 of 2")):
        tab.press("Enter")
        at(tab, seconds)
        assert shown(tab, "[data-show=found]") == [words]


def test_keys_reach_every_sentence(tab: Tab) -> None:
    type_in(tab, "rolls")
    focus = "document.activeElement.querySelector('.said')?.textContent"
    tab.press("ArrowDown")
    assert tab.run(focus) == "a drum rolls"
    tab.press("ArrowDown")
    tab.press("ArrowDown")
    assert tab.run(focus) == "the drum rolls slowly"
    tab.run("document.activeElement.click()")
    at(tab, 3.0)
    tab.press("Home")
    tab.press("ArrowUp")
    assert tab.run("document.activeElement.type") == "search"


def test_chapters_can_be_clicked_and_light_up(tab: Tab) -> None:
    bars = "[...document.querySelectorAll('.chapter')]"
    assert sorted(tab.run(f"{bars}.map(b => b.dataset.chapter)")) == sorted(
        e.sentence for e in TOLD
    )
    tab.run("document.querySelectorAll('.sentences button')[2].click()")
    at(tab, 1.25)
    lit = ".sentences li.now .said"
    assert shown(tab, lit) == [TOLD[0].sentence, TOLD[2].sentence]
    tab.wait("document.querySelectorAll('[aria-current=true]').length === 2")
    assert shown(tab, "[aria-current=true] .said") == shown(tab, lit)
    tab.run(f"{bars}.find(b => b.dataset.chapter === 'the drum rolls slowly').click()")
    at(tab, 3.0)
    assert shown(tab, lit) == ["the drum rolls slowly"]
    assert tab.run(f"{bars}.filter(b => b.classList.contains('now')).length") == 1


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (420, False)])
def test_nothing_is_wider_than_the_window(tab: Tab, width: int, *, dark: bool) -> None:
    tab.size(width, 1400, dark=dark)
    tab.run("sensorium.story.search('drum')")
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert tab.picture().startswith(b"\x89PNG")
