import json

import pytest

from sensorium.cli.console import Console, explain


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("got a,\n expected b"), "got a, expected b"),
        (FileNotFoundError(2, "No such file", "x.mp4"), "no such file: x.mp4"),
        (ValueError(), "ValueError"),
        (MemoryError(), "out of memory; use --device cpu, or smaller and fewer things at once"),
    ],
)
def test_an_error_in_one_line(error, text):
    assert explain(error) == text


def test_a_bug_is_named_with_a_hint():
    assert explain(KeyError("x")).startswith("KeyError: 'x'; this is a bug: run again with --debug")
    assert explain(KeyError("x"), debug=True) == "KeyError: 'x'"


def test_each_goes_on_after_failures_and_counts_them(capsys):
    seen = []

    def work(file: str) -> None:
        seen.append(file)
        if file == "b":
            raise ValueError("b: got nothing")
        if file == "c":
            raise RuntimeError("oops")

    assert Console(json=True).each(["a", "b", "c", "d"], work) == 1
    out, err = capsys.readouterr()
    assert seen == ["a", "b", "c", "d"]
    assert err.splitlines()[0] == "error: b: got nothing"
    assert err.splitlines()[1].startswith("error: c: RuntimeError: oops; this is a bug")
    assert err.splitlines()[2] == "2 of 4 failed"
    records = [json.loads(line) for line in out.splitlines()]
    assert [r["file"] for r in records] == ["b", "c"]
    assert records[0] == {"file": "b", "error": "b: got nothing"}


def test_each_returns_zero_when_all_worked(capsys):
    assert Console().each(["a"], lambda file: None) == 0
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_left_stops_the_work():
    def work(file: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Console().each(["a", "b"], work)


def test_tables_and_records_exclude_each_other(capsys):
    for json_wanted in (False, True):
        console = Console(json=json_wanted)
        console.record({"file": "a"})
        console.show("[b] is no markup")
    assert capsys.readouterr().out == '[b] is no markup\n{"file": "a"}\n'


def test_records_are_strict_json():
    with pytest.raises(ValueError, match="JSON"):
        Console(json=True).record({"score": float("nan")})


def test_debug_shows_where(capsys):
    console = Console(debug=True)
    assert console.each(["a"], lambda file: [][1]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "IndexError" in err
