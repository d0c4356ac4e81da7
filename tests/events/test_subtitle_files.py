from sensorium.events.subtitle_files import PAUSE, chapters, srt, vtt
from sensorium.types import Span


def spans(*cues):
    return [(Span(a, b), text) for a, b, text in cues]


def test_chapters_do_not_overlap():
    told = spans((0, 9, "a"), (2, 3, "b"), (2, 5, "c"), (2, 5, "c"), (4, 6, "d"), (9, 10, "e"))
    assert chapters(told) == spans(
        (0, 2, "a"), (2, 4, "b; c"), (4, 6, "d"), (6, 9, PAUSE), (9, 10, "e")
    )


def test_short_pauses_are_no_chapters():
    assert chapters(spans((0.5, 1, "a"), (1.9, 3, "b"))) == spans((0, 1, "a"), (1.9, 3, "b"))
    assert chapters(spans((1.5, 2, "a"))) == spans((0, 1.5, PAUSE), (1.5, 2, "a"))
    assert chapters([]) == []


def test_times_of_long_videos():
    cues = spans((3723.0456, 36000.9999, "late"))
    assert srt(cues) == "1\n01:02:03,046 --> 10:00:01,000\nlate\n"
    assert vtt(cues) == "WEBVTT\n\n01:02:03.046 --> 10:00:01.000\nlate\n"
