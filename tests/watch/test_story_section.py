from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium import training
from sensorium.events.results import Event, Story
from sensorium.events.systems import WSDECSystem
from sensorium.types import Span
from sensorium.watch import watch
from sensorium.watch.section import Setting
from sensorium.watch.story_section import story_section

TOLD = (
    Event(0.2, 1.5, "the man bows & waves", 0.6),
    Event(0.5, 1.0, "a <b>drum</b> rolls", 0.9),
    Event(1.2, 3.0, "the flute plays a tune", 0.7),
    Event(3.0, 4.0, "a drum rolls", 0.8),
)


def story(*events: Event, far: float | None = 0.2) -> Story:
    return Story("walk.mp4", "wsdec", Span(0.0, 4.0), events, far)


def test_every_sentence_is_in_the_list_and_on_the_time_line(setting: Setting) -> None:
    section = story_section(story(*TOLD), setting)
    assert section.place == "beside"
    assert section.body.count("<li ") == len(TOLD)
    assert "a &lt;b&gt;drum&lt;/b&gt; rolls" in section.body
    assert 'data-start="1.200" data-end="3.000"' in section.body
    labels = [[s.label for s in lane.segments] for lane in section.lanes]
    assert labels == [
        ["the man bows & waves", "a drum rolls"],
        ["a <b>drum</b> rolls", "the flute plays a tune"],
    ]
    assert [lane.label for lane in section.lanes] == ["story", "meanwhile"]
    assert [m.caption for m in section.moments] == [e.sentence for e in TOLD]
    assert section.data == story(*TOLD).to_dict()


def test_segments_of_a_lane_do_not_overlap(setting: Setting) -> None:
    spans = torch.rand(300, 2, generator=torch.Generator().manual_seed(0)).sort(1).values * 4
    events = [Event(a, b, f"event {i}", i / 300) for i, (a, b) in enumerate(spans.tolist())]
    lanes = story_section(story(*events), setting).lanes
    assert len(lanes) == 4
    for lane in lanes:
        ends = [s.span.end for s in lane.segments]
        starts = [s.span.start for s in lane.segments]
        assert all(end <= start for end, start in zip(ends[:-1], starts[1:], strict=True))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "The story is empty: the weights find nothing to tell in this video."),
        (1, "The story is one sentence: “the man bows & waves” (0.2 s)."),
        (2, "The story is 2 sentences: “the man bows & waves” (0.2 s) and “a <b>drum</b>"),
        (4, "The story has 4 sentences; the surest are “a <b>drum</b> rolls” (0.5 s), “the fl"),
    ],
)
def test_summary(setting: Setting, count: int, said: str) -> None:
    assert story_section(story(*TOLD[:count]), setting).summary.startswith(said)


def test_an_empty_story_is_one_plain_line(setting: Setting) -> None:
    section = story_section(story(), setting)
    assert section.summary
    assert (section.body, section.script, section.style, section.remark) == ("", "", "", "")
    assert (section.lanes, section.moments) == ((), ())


def test_doubt_is_said(setting: Setting) -> None:
    unsure = [replace(e, score=0.1) for e in TOLD]
    assert "are not sure of it: 10 %" in story_section(story(*unsure), setting).summary
    assert "no calibration" in story_section(story(*TOLD, far=None), setting).remark


def test_out_of_domain_is_said_and_nothing_is_asserted(setting: Setting) -> None:
    section = story_section(story(*TOLD, far=0.93), setting)
    assert "unlike anything" in section.notice
    assert "procedural stage videos" in section.notice
    assert (section.summary, section.moments) == ("", ())
    assert all(lane.hue is None for lane in section.lanes)
    assert "nothing to tell" in story_section(story(far=0.93), setting).notice


def test_hours_stay_small(setting: Setting) -> None:
    events = [
        Event(i * 4 / 3000, (i + 1) * 4 / 3000, "a drum rolls", i / 3000) for i in range(3000)
    ]
    section = story_section(story(*events), setting)
    assert section.body.count("<li ") == 1000
    assert "The 1000 surest of 3000 sentences; all are in report.json." in section.body
    assert sum(len(lane.segments) for lane in section.lanes) == 400
    assert len(section.data["events"]) == 3000


def test_a_report_with_real_weights(film: Path, tmp_path: Path) -> None:
    """Untrained ones; what they tell is not looked at."""
    recipe = training.recipe("wsdec-tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = WSDECSystem(recipe.data.adapt(recipe.system))
    report = watch(film, tmp_path / "out", systems=[system])
    (section,) = report.sections
    assert section.name == "events"
    assert section.summary
    assert report.page is not None
    assert "The story" in report.page.read_text()


def test_bundled_weights_answer_or_are_said_to_be_missing(film: Path, tmp_path: Path) -> None:
    report = watch(film, tmp_path / "out")
    named = [s.name for s in report.sections]
    missing = "Nothing is said about events: the weights “wsdec” are not installed."
    assert ("events" in named) != (missing in report.unanswered)
