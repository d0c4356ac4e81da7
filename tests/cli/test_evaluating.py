from dataclasses import replace

import pytest

from sensorium import store
from sensorium.training import evaluate


def test_json_is_what_evaluate_says(run, videos, system):
    words = ("--data.kind", "folder", "--data.root", videos, "--data.fps", "8", "--workers", "0")
    ran = run("evaluate", system, *words, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    keys = ["system", "weights", "data", "protocol", "views", "seeds", "metrics"]
    assert list(record) == keys
    assert (record["protocol"], record["views"]) == (None, 1)
    assert (record["system"], record["weights"], record["seeds"]) == ("tsm", "both", [0])
    assert record["data"]["kind"] == "folder"

    from sensorium.actions.datasets import ActionData

    loaded = store.load(system)
    view = loaded.config.view
    data = ActionData(
        "folder",
        videos,
        size=view.size,
        fit=view.fit,
        sampling=view.sampling,
        fps=8.0,
        window_seconds=view.window_seconds,
    )
    assert record["metrics"] == pytest.approx(evaluate(loaded, data))


def test_the_table_shows_every_class(run, videos, system):
    ran = run("evaluate", system, "--data.root", videos, "--split", "train", "--workers", "0")
    assert ran.code == 0
    for part in ("top1", "mean_class", "left", "right"):
        assert part in ran.out


def test_limit_measures_fewer(run, videos, system):
    words = ("--data.root", videos, "--split", "train", "--workers", "0", "--limit", "1")
    ran = run("evaluate", system, *words, "--json")
    assert ran.code == 0
    assert ran.records[0]["data"]["limit"] == 1
    assert ran.records[0]["metrics"]["top1"] in (0.0, 1.0)


def test_data_of_other_classes_are_refused(run, system):
    ran = run("evaluate", system, "--data.kind", "stage", "--data.held-out", "2")
    assert (ran.code, ran.out) == (1, "")
    assert "both knows 2 classes (left, right)" in ran.complaint


def test_data_have_to_be_named_where_the_card_names_none(run, system):
    ran = run("evaluate", system)
    assert ran.code == 1
    assert "--data.root" in ran.complaint


def test_a_protocol_by_name(run, videos, system):
    words = ("--data.root", videos, "--workers", "0", "--protocol", "accurate")
    ran = run("evaluate", system, *words, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["protocol"], record["views"]) == ("accurate", 6)

    from sensorium.cli.origin import data_of

    data = replace(data_of(str(system)), root=videos)
    assert record["metrics"] == pytest.approx(
        evaluate(store.load(system), data, protocol="accurate")
    )
    ran = run("evaluate", system, *words)
    assert "protocol accurate: 6 views of each video" in ran.out


@pytest.mark.parametrize(
    ("name", "said"), [("dense", "needs dense sampling"), ("best", "no test protocol is called")]
)
def test_a_protocol_that_cannot_be(run, videos, system, name, said):
    ran = run("evaluate", system, "--data.root", videos, "--protocol", name)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.complaint
