from dataclasses import replace

import numpy as np
import pytest

from sensorium.questions.executor import execute
from sensorium.questions.figure import _Canvas
from sensorium.questions.results import Answer
from sensorium.worlds.blocks.programs import from_tokens


def answer_of(sight, text, question="What is it?"):
    tokens = tuple(text.split())
    done = execute(from_tokens(tokens), sight.scene.items)
    return Answer(sight, question, done.answer, done.error, tokens, done.trace, 0.5)


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def drawn(figure, tmp_path):
    """The pixels of the file, so that layout and fonts have run."""
    figure.savefig(tmp_path / "figure.png")
    return (tmp_path / "figure.png").stat().st_size


def test_a_panel_for_each_step(sight, tmp_path):
    figure = answer_of(sight, "count filter_shape[cube] scene").figure()
    assert [axes.get_title(loc="left") for axes in panels(figure)] == [
        "0  scene", "1  filter_shape[cube]", "2  count",
    ]  # fmt: skip
    assert [axes.get_xlabel() for axes in panels(figure)] == ["3 things", "2 things", ""]
    assert [t.get_text() for t in panels(figure)[2].texts] == ["2"]
    assert "What is it?" in figure._suptitle.get_text()
    assert "→ 2" in figure._suptitle.get_text()
    assert drawn(figure, tmp_path) > 5000


def test_what_is_selected_stays_lit(sight):
    canvas = _Canvas(sight)
    lit = canvas.lit([1])
    mask = sight.scene.masks[1]
    assert (lit[mask] == canvas.picture[mask]).all()
    assert (lit[~mask].astype(int) < canvas.picture[~mask]).all()
    assert (canvas.lit([])[mask] < canvas.picture[mask]).all()


def test_outlines_follow_the_masks(sight):
    figure = answer_of(sight, "count filter_shape[sphere] scene").figure()
    lines = panels(figure)[1].lines
    assert lines
    x, y = np.concatenate([line.get_xydata() for line in lines]).T
    box = sight.scene.boxes[2]
    assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == pytest.approx(box, abs=1.01)


def test_branches_say_what_they_take(sight):
    text = "greater_than count filter_shape[cube] scene count filter_shape[sphere] scene"
    axes = panels(answer_of(sight, text).figure())[-1]
    assert axes.get_title(loc="left") == "6  greater_than  of 5 and 2"
    assert axes.get_xlabel() == "2 and 1"
    assert [t.get_text() for t in axes.texts] == ["yes"]


def test_what_a_relation_starts_from_is_outlined(sight):
    figure = answer_of(sight, "count relate[left] unique filter_shape[sphere] scene").figure()
    styles = [line.get_linestyle() for line in panels(figure)[3].lines]
    assert "--" in styles
    assert styles.count("-") > styles.count("--")


def test_failures_and_no_program_are_drawn(sight, empty, tmp_path):
    failed = answer_of(sight, "query_size unique filter_shape[cylinder] scene").figure()
    assert "no answer" in failed._suptitle.get_text()
    assert "found no object" in panels(failed)[-1].get_xlabel()
    nothing = Answer(empty, "", None, "the question is empty", (), (), 0.0).figure()
    assert len(panels(nothing)) == 1
    assert drawn(nothing, tmp_path) > 1000


def test_the_list_of_what_is_seen(sight, empty, tmp_path):
    figure = sight.figure()
    listed = figure.axes[1].texts[0].get_text()
    assert listed.splitlines()[0].split() == ["0", "large", "red", "metal", "cube", "0.90"]
    assert sorted(t.get_text() for t in figure.axes[0].texts) == ["0", "1", "2"]
    assert "nothing is seen" in empty.figure().axes[1].texts[0].get_text()
    assert drawn(figure, tmp_path) > 5000


def test_a_warning_when_it_is_not_to_be_trusted(sight):
    far = replace(sight, unfamiliarity=0.9)
    assert "DO NOT TRUST" in answer_of(far, "count scene").figure()._suptitle.get_text()
    assert "do not trust" in far.figure()._suptitle.get_text()
    assert "trust" not in answer_of(sight, "count scene").figure()._suptitle.get_text().lower()


def test_long_questions_and_programs_fit(sight, tmp_path):
    chain = " ".join(["relate[left] unique"] * 8)
    answer = answer_of(sight, f"exist {chain} filter_shape[sphere] scene", "Is it so? " * 40)
    assert len(panels(answer.figure())) == len(answer.trace)
    assert drawn(answer.figure(), tmp_path) > 5000
