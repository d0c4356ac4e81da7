import json

import av
import pytest

from sensorium.events.results import Event, Story
from sensorium.types import Span

ODD = 'a "drum" = rolls; #1 \\ <b>ü</b> & --> on\n\n7'
WHOLE = Span(0.0, 30.0)


def story(*events: Event, span: Span = WHOLE, far: float | None = 0.2) -> Story:
    return Story("film.mp4", "wsdec", span, events, far)


def told(path) -> list[tuple[float, float, str]]:
    """Start, duration and text of each subtitle, as FFmpeg reads them."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        tick = float(stream.time_base)
        return [
            (p.pts * tick, p.duration * tick, bytes(p).decode())
            for p in container.demux(stream)
            if p.pts is not None
        ]


def test_events_come_in_order_of_time():
    late, early = Event(5, 6, "b", 0.9), Event(1, 9, "a", 0.1)
    assert story(late, early).events == (early, late)


@pytest.mark.parametrize("wrong", [{"end": 0.5}, {"score": 1.5}, {"start": float("inf")}])
def test_an_impossible_event_is_refused(wrong):
    with pytest.raises(ValueError, match="got"):
        Event(**{"start": 1.0, "end": 2.0, "sentence": "a", "score": 0.5, **wrong})


def test_the_keys_of_the_house():
    data = story(Event(1.23456, 2.0, "a drum rolls", 0.123456)).to_dict()
    assert list(data) == [
        *("file", "system", "out_of_domain", "unfamiliarity", "start", "end", "events")
    ]
    assert data["events"] == [
        {"start": 1.235, "end": 2.0, "sentence": "a drum rolls", "score": 0.1235}
    ]
    assert data["out_of_domain"] is False
    assert story(far=0.51).out_of_domain is True
    assert story(far=None).to_dict()["out_of_domain"] is None


def test_cues_count_time_as_players_do():
    events = (Event(9.0, 12.0, "a", 0.5), Event(38.0, 45.0, "b", 0.5))
    cues = story(*events, span=Span(10.0, 40.0)).cues
    assert cues == [(Span(0.0, 2.0), "a"), (Span(28.0, 30.0), "b")]


def test_other_programs_read_the_files(tmp_path):
    made = story(Event(1.5, 4.25, ODD, 0.5), Event(3.0, 3.0, "the flute ends", 0.25))
    written = made.save(tmp_path / "new")
    assert [p.name for p in written] == [
        *("story.json", "story.srt", "story.vtt", "chapters.txt", "story.png")
    ]
    assert all(p.stat().st_size > 0 for p in written)
    assert json.loads(written[0].read_text()) == json.loads(json.dumps(made.to_dict()))
    line = 'a "drum" = rolls; #1 \\ <b>ü</b> & → on 7'
    for path, sentence in ((written[1], line), (written[2], line.replace("<b>ü</b>", "…"))):
        cues = told(path)
        assert [c[0] for c in cues] == [1.5, 3.0]
        assert [c[1] for c in cues] == pytest.approx([2.75, 0.001])
        if "…" not in sentence:
            assert cues[0][2].strip() == sentence
    assert "&lt;b&gt;ü&lt;/b&gt; &amp; → on 7" in written[2].read_text()
    with av.open(str(written[3]), format="ffmetadata") as container:
        chapters = container.chapters()
    assert [c["metadata"]["title"] for c in chapters] == ["…", line, "the flute ends"]
    assert [c["start"] for c in chapters] == [0, 1500, 3000]
    assert [c["end"] for c in chapters] == [1500, 3000, 3001]


def test_an_empty_story_is_written_as_one(tmp_path):
    data, srt, vtt, chapters, picture = story().save(tmp_path)
    assert json.loads(data.read_text())["events"] == []
    assert srt.read_text() == ""
    assert vtt.read_text() == "WEBVTT\n"
    assert chapters.read_text() == ";FFMETADATA1\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_figure_shows_the_surest():
    events = [Event(i / 2, i / 2 + 1, f"event {i} costs $5", i / 100) for i in range(60)]
    (axes,) = story(*events).figure().axes
    assert len(axes.patches) == 40
    assert axes.get_title() == "the 40 surest of 60 events"
    assert sorted(p.get_x() for p in axes.patches)[0] == 10.0
    (axes,) = story(*events[:2], far=0.9).figure().axes
    assert "do not trust" in axes.get_title()
