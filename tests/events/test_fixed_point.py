"""The search for events: keeping, merging, scores, and never an empty set without reason."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor

from sensorium.events import baselines
from sensorium.events.anchors import edges
from sensorium.events.fixed_point import (
    FixedPointConfig,
    Told,
    chosen,
    contrasts,
    hulls,
    settle,
    starts,
    suppressed,
)
from sensorium.events.generator import Generator, GeneratorConfig
from sensorium.events.localiser import Localiser, LocaliserConfig
from sensorium.events.targets import sentence_log_p
from sensorium.events.vocabulary import BOS, EOS

CONFIG = FixedPointConfig(beam=1)


def networks(toy: ModuleType, blind: float = 0.0) -> tuple[Localiser, Generator]:
    torch.manual_seed(0)
    words = len(toy.WORDS)
    localiser = LocaliserConfig(hidden=12, embedding=8, layers=1, slope=1.0)
    generator = GeneratorConfig(hidden=12, embedding=8, layers=1, slope=1.0, blind=blind)
    return (
        Localiser(toy.DIM, words, localiser).eval(),
        Generator(toy.DIM, words, generator).eval(),
    )


def event(start: float, end: float, score: float, *words: int) -> Told:
    return Told(start, end, words, score)


def test_random_starts_go_by_the_seed_and_anchors_are_all() -> None:
    anchors = torch.rand(7, 2)
    first, again = (starts(anchors, CONFIG) for _ in range(2))
    assert first.shape == (15, 2)
    assert torch.equal(first, again)
    assert not torch.equal(first, starts(anchors, replace(CONFIG, seed=1)))
    assert starts(anchors, replace(CONFIG, start="anchors")) is anchors


@pytest.mark.parametrize("keep", ["stable", "moved"])
@pytest.mark.parametrize("merge", ["nms", "hull"])
@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_every_video_has_events_in_order_of_time(
    toy: ModuleType, keep: str, merge: str, rounds: int
) -> None:
    batch = toy.videos(2, 0)
    config = replace(CONFIG, keep=keep, merge=merge, rounds=rounds)  # type: ignore[arg-type]
    found = settle(*networks(toy), batch["features"], batch["length"], config)
    assert found == settle(*networks(toy), batch["features"], batch["length"], config)
    alone = settle(*networks(toy), batch["features"][:1], batch["length"][:1], config)
    assert [e.words for e in alone[0]] == [e.words for e in found[0]]
    for events in found:
        assert events
        assert [e.start for e in events] == sorted(e.start for e in events)
        assert all(0 <= e.start <= e.end <= 1 and 0 <= e.score <= 1 for e in events)


def test_nothing_is_told_below_the_least_score(toy: ModuleType) -> None:
    batch = toy.videos(1, 0)
    all_of_it = settle(*networks(toy), batch["features"], batch["length"], CONFIG)[0]
    best = max(e.score for e in all_of_it)
    empty = replace(CONFIG, least=min(1.0, best + 0.05))
    assert settle(*networks(toy), batch["features"], batch["length"], empty) == [[]]


def test_when_all_are_dropped_the_best_stays() -> None:
    some = [event(0, 0.2, 0.3, 1), event(0.5, 0.9, 0.8, 2), event(0.3, 0.4, 0.1, 3)]
    assert chosen(some, [False] * 3, CONFIG) == [some[1]]
    assert chosen(some, [True, False, True], CONFIG) == [some[0], some[2]]
    assert chosen(some, [False] * 3, replace(CONFIG, least=0.9)) == []
    assert chosen(some, [True] * 3, replace(CONFIG, most=1)) == [some[1]]


def test_suppression_keeps_the_better_and_spares_other_words() -> None:
    config = replace(CONFIG, overlap=0.6, same=0.1)
    good, worse = event(0.0, 0.5, 0.9, 4), event(0.05, 0.5, 0.8, 5)
    partner, echo = event(0.3, 0.8, 0.7, 6), event(0.4, 0.9, 0.6, 4)
    assert suppressed([worse, echo, good, partner], config) == [good, partner]


def test_hulls_widen_in_the_order_of_the_starts() -> None:
    first, second = event(0.10, 0.50, 0.2, 4), event(0.11, 0.51, 0.6, 5)
    far = event(0.6, 0.9, 0.1, 6)
    assert hulls([first, far, second], 0.9) == [event(0.10, 0.51, 0.6, 5), far]
    assert hulls([first, second], 0.99) == [first, second]


def test_evidence_counts_where_the_generator_knows_sentences_blind(toy: ModuleType) -> None:
    """A generator that pays no heed to the video has no evidence for anything."""
    localiser, generator = networks(toy, blind=0.2)
    with torch.no_grad():
        generator.cells[0].weight_ih[:, generator.config.embedding :] = 0
    generator.config = replace(generator.config, initial="zero")
    batch = toy.videos(1, 0)
    (events,) = settle(localiser, generator, batch["features"], batch["length"], CONFIG)
    assert max(e.score for e in events) < 1e-2


def test_baselines_give_the_spans_that_they_are_named_for() -> None:
    assert edges(baselines.whole_video(3)).tolist() == [[0, 1]] * 3
    spans = baselines.random_spans(500, 0)
    assert torch.equal(spans, baselines.random_spans(500, 0))
    assert ((spans >= 0) & (spans <= 1)).all()
    anchors = torch.rand(9, 2)
    assert all(row.tolist() in anchors.tolist() for row in baselines.random_anchors(anchors, 50, 1))
    ordered = baselines.ordered_split(torch.tensor([0.7, 0.1, 0.4]))
    assert edges(ordered)[:, 0].tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    loose = baselines.unordered_split(8, 3)
    assert sorted(edges(loose)[:, 0].tolist()) == pytest.approx([i / 8 for i in range(8)])


def test_baselines_tell_all_their_spans_where_they_are(toy: ModuleType) -> None:
    spans = torch.tensor([[0.2, 0.2], [0.2, 0.2], [0.7, 0.4]])
    events = baselines.told(networks(toy), toy.videos(1, 0)["features"][0], spans, beam=1)
    assert [(round(e.start, 4), round(e.end, 4)) for e in events] == [
        (0.1, 0.3), (0.1, 0.3), (0.5, 0.9)]  # fmt: skip


def test_bad_settings_are_one_line() -> None:
    for wrong in ({"candidates": 0}, {"rounds": -1}, {"overlap": 2.0}, {"least": -0.1}):
        with pytest.raises(ValueError, match="fixed point: ") as caught:
            FixedPointConfig(**wrong)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_contrast_is_log_p_here_less_log_p_elsewhere(toy: ModuleType) -> None:
    localiser, generator = networks(toy)
    batch = toy.videos(1, 0)
    video = (batch["features"], batch["length"])
    events = [event(0.1, 0.3, 0.5, 2, 3), event(0.5, 0.9, 0.5, 2, 4, 9)]
    by = contrasts(generator, *video, localiser.anchors, events)
    for told, much in zip(events, by, strict=True):
        words = torch.tensor([[[BOS, *told.words, EOS]]])
        count = torch.tensor([[len(told.words) + 2]])

        def likely(
            centre: float, width: float, words: Tensor = words, count: Tensor = count
        ) -> float:
            logits = generator(*video, torch.tensor([[[centre, width]]]), words)
            return float(sentence_log_p(logits, words[..., 1:], count).detach() / (count - 1))

        apart = [
            (centre, width)
            for centre, width in localiser.anchors.tolist()
            if centre + width / 2 <= told.start or centre - width / 2 >= told.end
        ]
        others = [likely(centre, width) for centre, width in apart]
        own = likely((told.start + told.end) / 2, told.end - told.start)
        assert len(others) > 3
        assert much == pytest.approx(own - sum(others) / len(others), abs=1e-4)


def test_what_fills_the_video_cannot_be_compared(toy: ModuleType) -> None:
    localiser, generator = networks(toy)
    batch = toy.videos(1, 0)
    video = (batch["features"], batch["length"])
    (much,) = contrasts(generator, *video, localiser.anchors, [event(0.0, 1.0, 0.5, 2, 3)])
    assert much == float("inf")


def test_stories_keep_what_stands_out(toy: ModuleType) -> None:
    localiser, generator = networks(toy)
    batch = toy.videos(1, 0)
    video = (batch["features"], batch["length"])
    (every,) = settle(localiser, generator, *video, CONFIG)
    by = contrasts(generator, *video, localiser.anchors, every)
    least = max(sorted(by)[len(by) // 2], 1e-6)
    (some,) = settle(localiser, generator, *video, replace(CONFIG, contrast=least))
    assert some == [e for e, much in zip(every, by, strict=True) if much >= least]
    assert settle(localiser, generator, *video, replace(CONFIG, contrast=1e6)) == [[]]
