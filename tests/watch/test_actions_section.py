from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from sensorium.actions.results import Action, Actions
from sensorium.types import Span
from sensorium.watch.actions_section import actions_section
from sensorium.watch.clock import Clock
from sensorium.watch.section import Setting

CLASSES = ("rise", "sink", "slide_left", "rest")
MakeActions = Callable[..., Actions]


def test_every_label_that_wins_has_a_lane_with_its_curve(
    setting: Setting, make_actions: MakeActions
) -> None:
    result = make_actions()
    section = actions_section(result, setting)
    won = {a.label.replace("_", " ") for a in result.actions}
    assert won <= {lane.label for lane in section.lanes}
    assert sum(len(lane.segments) for lane in section.lanes) == len(result.actions)
    for lane in section.lanes:
        assert lane.curve[0][0] == pytest.approx(0.0)
        assert lane.curve[-1][0] == pytest.approx(4.0)
        assert all(0 <= v <= 1 for _, v in lane.curve)


def test_data_have_the_shared_keys(setting: Setting, make_actions: MakeActions) -> None:
    data = actions_section(make_actions(), setting).data
    assert {"file", "system", "out_of_domain", "actions", "classes", "curves"} <= data.keys()
    assert all(a.keys() == {"start", "end", "label", "score"} for a in data["actions"])


def test_out_of_domain_is_said_and_nothing_is_asserted(
    setting: Setting, make_actions: MakeActions
) -> None:
    section = actions_section(make_actions(unfamiliarity=0.93), setting)
    assert "unlike anything" in section.notice
    assert "procedural stage videos" in section.notice
    assert "do not trust" in section.notice
    assert section.summary == ""
    assert section.moments == ()
    assert all(lane.hue is None for lane in section.lanes)
    assert "not to be trusted" in section.body


def test_in_domain_there_is_no_notice(setting: Setting, make_actions: MakeActions) -> None:
    section = actions_section(make_actions(unfamiliarity=0.1), setting)
    assert section.notice == ""
    assert section.remark == ""
    assert section.summary
    assert len(section.moments) == len(make_actions().actions)
    assert "not to be trusted" not in section.body


def test_without_calibration_the_report_says_that_it_cannot_tell(
    setting: Setting, make_actions: MakeActions
) -> None:
    section = actions_section(make_actions(unfamiliarity=None), setting)
    assert section.notice == ""
    assert "no calibration" in section.remark


def test_a_single_window_is_a_ranking(setting: Setting, make_actions: MakeActions) -> None:
    section = actions_section(make_actions(windows=1), setting)
    assert "most likely" in section.body
    assert section.summary.startswith("The weights say ")


def test_nothing_happening_is_said(setting: Setting, make_actions: MakeActions) -> None:
    section = actions_section(replace(make_actions(), actions=()), setting)
    assert section.summary.startswith("Nothing happens")
    assert section.body == ""
    assert section.lanes


def test_an_hour_stays_small(setting: Setting) -> None:
    count, classes = 7200, tuple(f"class {i}" for i in range(40))
    windows = tuple(Span(i / 2, i / 2 + 2) for i in range(count))
    scores = torch.full((count, 40), 1 / 40)
    actions = tuple(Action(Span(2 * i, 2 * i + 1), classes[i % 40], 0.5) for i in range(1800))
    result = Actions("long.mp4", "tsm", classes, windows, scores, actions, 0.1)
    section = actions_section(result, replace(setting, clock=Clock(0.0, 3601.0)))
    assert len(section.lanes) <= 9
    assert section.lanes[-1].label == "other labels"
    assert sum(len(lane.segments) for lane in section.lanes) <= 400
    assert all(len(lane.curve) <= 400 for lane in section.lanes)
    assert section.body.count("<tr data-start") == 200
    assert "all are in report.json" in section.body
    assert len(section.data["actions"]) == 1800


def test_labels_are_escaped(setting: Setting, make_actions: MakeActions) -> None:
    hostile = ('<img src=x onerror="alert(1)">', *CLASSES[1:])
    section = actions_section(make_actions(classes=hostile, windows=1), setting)
    assert "<img" not in section.body
    assert "&lt;img" in section.body


@pytest.mark.parametrize("count", [1, 3, 9])
def test_summaries_name_what_happens(
    count: int, setting: Setting, make_actions: MakeActions
) -> None:
    actions = tuple(Action(Span(0.4 * i, 0.4 * i + 0.4), CLASSES[i % 3], 0.8) for i in range(count))
    summary = actions_section(replace(make_actions(), actions=actions), setting).summary
    assert all(a.label.replace("_", " ") in summary for a in actions)


def test_unsure_weights_say_so(setting: Setting, make_actions: MakeActions) -> None:
    sure = (Action(Span(0.0, 2.0), "rise", 0.9), Action(Span(2.0, 4.0), "sink", 0.8))
    unsure = tuple(replace(a, score=0.3) for a in sure)
    says = [
        actions_section(replace(make_actions(), actions=a), setting).summary for a in (sure, unsure)
    ]
    assert "not sure" not in says[0]
    assert says[1].endswith("They are not sure of it: 30 % on average.")
