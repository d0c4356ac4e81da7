"""The losses by phase: who learns from them, and that they say what they should."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.events.anchors import AnchorsConfig
from sensorium.events.generator import GeneratorConfig
from sensorium.events.localiser import LocaliserConfig
from sensorium.events.losses import Lesson, LossConfig, mean, spread, supervised_losses
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE, SUPERVISED, WSDECConfig, WSDECSystem


def made(toy: ModuleType, **learning: Any) -> WSDECSystem:
    torch.manual_seed(0)
    anchors = AnchorsConfig("dense", (1 / 8, 1 / 4), 2, 0.6, relative=True)
    return WSDECSystem(
        WSDECConfig(
            words=toy.WORDS,
            dim=toy.DIM,
            localiser=LocaliserConfig(
                hidden=12, embedding=8, layers=1, dropout=0.0, slope=1.0, anchors=anchors
            ),
            generator=GeneratorConfig(hidden=12, embedding=8, layers=1, dropout=0.0, slope=1.0),
            learning=LossConfig(**learning),
        )
    )


def learners(system: WSDECSystem, phase: float, batch: dict[str, Any]) -> dict[str, bool]:
    """Which parts get a gradient in a phase."""
    system.zero_grad()
    system.phase.fill_(phase)
    losses = system.train().losses(batch)
    losses["loss"].backward()
    parts = {"generator": "generator.", "scores": "localiser.head.score",
             "offsets": "localiser.head.offset"}  # fmt: skip
    return {
        part: any(
            p.grad is not None and bool(p.grad.any())
            for n, p in system.named_parameters()
            if n.startswith(prefix)
        )
        for part, prefix in parts.items()
    }


def test_who_learns_in_which_phase(toy: ModuleType) -> None:
    weak, full = toy.videos(4, 0, spans=False), toy.videos(4, 0)
    system = made(toy)
    everyone = {"generator": True, "scores": True, "offsets": True}
    assert learners(system, CAPTIONS, weak) == {
        "generator": True, "scores": False, "offsets": False}  # fmt: skip
    assert learners(system, ANCHORS, weak) == {
        "generator": False, "scores": True, "offsets": False}  # fmt: skip
    assert learners(system, CYCLE, weak) == everyone
    assert learners(system, SUPERVISED, full) == everyone
    without = made(toy, anchor=0.0)
    assert learners(without, CYCLE, weak) == {**everyone, "scores": False}


def test_no_regression_leaves_the_anchor(toy: ModuleType) -> None:
    system, batch = made(toy), toy.videos(3, 1, spans=False)
    anchors = replace(system.config.localiser.anchors, scale=0.0)
    localiser = replace(system.config.localiser, anchors=anchors)
    still = WSDECSystem(replace(system.config, localiser=localiser)).eval()
    lesson = still.lesson(batch)
    spans, _ = still.localise(lesson)
    known = {tuple(round(v, 5) for v in a) for a in still.localiser.anchors.tolist()}
    assert {tuple(round(v, 5) for v in s) for s in spans[lesson.told].tolist()} <= known


@pytest.mark.parametrize("targets", ["logp", "metric", "policy"])
def test_weak_losses_never_look_at_spans(toy: ModuleType, targets: Any) -> None:
    system, batch = made(toy, targets=targets, beam=1, noise=0.0), toy.videos(4, 2)
    other = {**batch, "spans": torch.rand_like(batch["spans"])}
    weak = {key: value for key, value in batch.items() if key != "spans"}
    for phase in (CAPTIONS, ANCHORS, CYCLE):
        system.phase.fill_(phase)
        said = [float(system.eval().losses(b)["loss"].detach()) for b in (batch, other, weak)]
        assert said[0] == said[1] == said[2]


def test_padded_sentences_change_nothing(toy: ModuleType) -> None:
    system, batch = made(toy, noise=0.0), toy.videos(4, 3)
    told = batch["word_count"] > 0
    changed = dict(batch)
    changed["words"] = batch["words"].masked_fill(~told[..., None], 5)
    changed["word_count"] = batch["word_count"].masked_fill(~told, 4)
    changed["spans"] = batch["spans"].masked_fill(~told[..., None], 0.0)
    for phase in (CAPTIONS, ANCHORS, CYCLE, SUPERVISED):
        system.phase.fill_(phase)
        ours, theirs = (system.eval().losses(b) for b in (batch, changed))
        for name, value in ours.items():
            assert float(theirs[name].detach()) == pytest.approx(float(value.detach()), rel=1e-5)


def test_videos_without_any_sentence_are_no_trouble(toy: ModuleType) -> None:
    system, batch = made(toy), toy.videos(3, 4)
    batch["sentences"] = torch.zeros(3, dtype=torch.long)
    for phase in (CAPTIONS, ANCHORS, CYCLE, SUPERVISED):
        system.phase.fill_(phase)
        system.zero_grad()
        losses = system.train().losses(batch)
        losses["loss"].backward()
        assert float(losses["loss"].detach()) == 0
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in system.parameters())


def test_anchor_loss_vanishes_when_scores_are_the_labels(toy: ModuleType) -> None:
    system, batch = made(toy), toy.videos(2, 5)
    lesson = system.eval().lesson(batch)
    scores = torch.zeros(2, toy.SENTENCES, len(system.localiser.anchors), requires_grad=True)
    optimiser = torch.optim.Adam([scores], lr=0.2)
    for _ in range(150):
        loss = system._anchor_loss(lesson, scores)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 1e-3


def test_full_supervision_is_exact_at_the_truth(toy: ModuleType) -> None:
    system, batch = made(toy), toy.videos(2, 6)
    lesson = system.eval().lesson(batch)
    anchors = system.localiser.anchors
    spans = anchors[torch.randint(len(anchors), (2, toy.SENTENCES))]
    lesson = replace(lesson, spans=spans)
    scores = -((anchors - spans[:, :, None]).square().sum(-1)) * 1e6
    entropy, apart = supervised_losses(
        system.localiser, lesson, scores, torch.zeros(*scores.shape, 2)
    )
    assert float(entropy) < 1e-3
    assert float(apart) < 1e-5
    with pytest.raises(ValueError, match="kind='full'"):
        supervised_losses(system.localiser, replace(lesson, spans=None), scores, scores)


def test_spread_tells_a_collapse() -> None:
    told = torch.tensor([[True, True, True, False]])
    same = torch.tensor([[[0.3, 0.1]] * 3 + [[0.9, 0.1]]])
    apart = torch.tensor([[[0.1, 0.1], [0.5, 0.1], [0.9, 0.1], [0.0, 0.1]]])
    assert float(spread(same, told)) == pytest.approx(0, abs=1e-10)
    centres = apart[0, :3, 0]
    assert float(spread(apart, told)) == pytest.approx(float(centres.var(correction=0)))
    assert float(mean(torch.tensor([[1.0, 2.0, 6.0, 50.0]]), told)) == 3


def test_drawn_sentences_are_told_ones(toy: ModuleType) -> None:
    batch = toy.videos(6, 7)
    lesson = made(toy).eval().lesson(batch)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        few = lesson.drawn(2)
    assert few.words.shape[1] == 2
    assert few.told.all()
    for video in range(6):
        rows = [tuple(row) for row in lesson.words[video].tolist()]
        for words, span in zip(few.words[video].tolist(), few.spans[video], strict=True):
            assert torch.equal(lesson.spans[video, rows.index(tuple(words))], span)
    assert lesson.drawn(0) is lesson
    assert lesson.drawn(99) is lesson


def test_labels_in_bad_settings_are_one_line() -> None:
    for wrong in ({"temperature": 0.0}, {"noise": -1.0}, {"localiser_rate": 0.0}):
        with pytest.raises(ValueError, match="losses: ") as caught:
            LossConfig(**wrong)
        assert "\n" not in str(caught.value)


def test_lesson_is_a_view_of_the_batch(toy: ModuleType) -> None:
    system, batch = made(toy), toy.videos(2, 8)
    before = {key: value.clone() for key, value in batch.items()}
    assert isinstance(system.train().lesson(batch), Lesson)
    assert all(torch.equal(before[key], batch[key]) for key in batch)
