import itertools

import pytest
import torch

from sensorium.actions.spans import merge_windows
from sensorium.types import Span

CLASSES = ("rise", "sink", "rest")


def windows(count, length=2.0, hop=0.5):
    return [Span(i * hop, i * hop + length) for i in range(count)]


def rows(*labels, sure=0.9):
    scores = torch.full((len(labels), len(CLASSES)), (1 - sure) / 2)
    for i, label in enumerate(labels):
        scores[i, CLASSES.index(label)] = sure
    return scores


def test_runs_of_a_label_become_one_action():
    scores = rows(*["rise"] * 4, *["sink"] * 4)
    rise, sink = merge_windows(windows(8), scores, CLASSES)
    assert (rise.label, sink.label) == ("rise", "sink")
    assert rise.span.start == 0.0
    assert sink.span.end == pytest.approx(5.5)
    assert rise.span.end == sink.span.start
    assert 2.0 < rise.span.end < 3.5
    assert 0.5 < rise.score <= 0.9


def test_the_skipped_class_leaves_a_gap():
    actions = merge_windows(
        windows(12), rows(*["rise"] * 4, *["rest"] * 4, *["sink"] * 4), CLASSES, skip="rest"
    )
    assert [a.label for a in actions] == ["rise", "sink"]
    assert actions[0].span.end < actions[1].span.start


def test_one_window_gives_its_best_classes():
    scores = torch.tensor([[0.2, 0.5, 0.3]])
    actions = merge_windows([Span(0, 4)], scores, CLASSES, skip="rest")
    assert [(a.label, round(a.score, 3)) for a in actions] == [("sink", 0.5), ("rise", 0.2)]
    assert all(a.span == Span(0, 4) for a in actions)


def test_score_is_the_mean_over_time_against_a_slow_computation():
    g = torch.Generator().manual_seed(0)
    scores = torch.rand(9, 3, generator=g).softmax(1)
    spans = windows(9)
    for action in merge_windows(spans, scores, CLASSES):
        column, total, weight = CLASSES.index(action.label), 0.0, 0.0
        steps = 4000
        for i in range(steps):
            t = action.span.start + (i + 0.5) / steps * action.span.duration
            piece = (t // 0.5) * 0.5 + 0.25  # windows begin and end on multiples of half a second
            near = [
                (max(1e-4, 1 - abs(piece - w.centre)), s)
                for w, s in zip(spans, scores, strict=True)
                if w.start <= piece < w.end
            ]
            total += sum(n * float(s[column]) for n, s in near) / sum(n for n, _ in near)
            weight += 1
        assert action.score == pytest.approx(total / weight, abs=1e-3)


def test_actions_cover_an_hour_in_order():
    count = 7200
    labels = ["rise" if (i // 20) % 2 else "sink" for i in range(count)]
    actions = merge_windows(windows(count), rows(*labels), CLASSES)
    assert actions[0].span.start == 0.0
    assert actions[-1].span.end == pytest.approx((count - 1) * 0.5 + 2.0)
    assert all(a.span.end == b.span.start for a, b in itertools.pairwise(actions))
