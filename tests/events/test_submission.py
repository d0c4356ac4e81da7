"""Submissions: in, out, and what the published form does not allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.events.submission import check_submission, read_submission, write_submission
from sensorium.types import Span

PUBLISHED: dict[str, Any] = {
    "version": "VERSION 1.0",
    "results": {
        "v_5n7NCViB5TU": [
            {"sentence": "One player moves all around the net", "timestamp": [1.23, 4.53]},
            {"sentence": "A small group of men are seen", "timestamp": [5.24, 18.23]},
        ]
    },
    "external_data": {"used": True, "details": "First fully-connected layer from VGG-16"},
}


def test_the_published_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(PUBLISHED))
    stories = read_submission(path)
    assert stories == {
        "v_5n7NCViB5TU": [
            (Span(1.23, 4.53), "One player moves all around the net"),
            (Span(5.24, 18.23), "A small group of men are seen"),
        ]
    }
    again = write_submission(tmp_path / "out" / "again.json", stories, "VGG-16")
    assert json.loads(again.read_text())["results"] == PUBLISHED["results"]


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e3), st.text()), max_size=4),
        max_size=3,
    ),
    st.text(),
)
def test_what_is_written_is_read(tmp_path_factory, table, external) -> None:
    stories = {
        video: [(Span(start, start + length), text) for start, length, text in events]
        for video, events in table.items()
    }
    path = write_submission(tmp_path_factory.mktemp("s") / "s.json", stories, external)
    assert read_submission(path) == stories
    assert json.loads(path.read_text())["external_data"]["used"] == bool(external)


def changed(*keys: Any, to: Any) -> Any:
    whole = json.loads(json.dumps(PUBLISHED))
    place = whole
    for key in keys[:-1]:
        place = place[key]
    if to is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = to
    return whole


VIDEO = ("results", "v_5n7NCViB5TU")


@pytest.mark.parametrize(
    ("whole", "what"),
    [
        ([], r"s.json: got \[\], expected an object with version, results, external_data"),
        (changed("version", to=None), "s.json: has no version;"),
        (changed("external_data", "used", to="no"), 'external_data: got used "no", expected true'),
        (changed("results", to=[]), r"results: got \[\]"),
        (changed(*VIDEO, to={}), "v_5n7NCViB5TU: got {}, expected a list"),
        (changed(*VIDEO, to=[{}] * 1001), "got 1001 events, expected at most 1000"),
        (changed(*VIDEO, 1, to=[]), "v_5n7NCViB5TU: event 1: got"),
        (changed(*VIDEO, 1, "timestamp", to=[1]), r"event 1: got \[1\]"),
        (changed(*VIDEO, 1, "timestamp", to=[3, 1]), "event 1: ends before it starts"),
        (changed(*VIDEO, 0, "timestamp", to=[-1, 1]), "event 0: got .* from 0 on"),
        (changed(*VIDEO, 0, "sentence", to=None), "event 0: got null, expected a sentence"),
    ],
)
def test_other_forms_are_one_line(whole: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what) as error:
        check_submission(whole, "s.json")
    assert "\n" not in str(error.value)


def test_too_many_events_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        write_submission(tmp_path / "s.json", {"v": [(Span(0, 1), "a")] * 1001})
    assert not (tmp_path / "s.json").exists()
