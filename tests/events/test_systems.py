"""WSDEC whole: learns without time stamps, tells and finds in videos of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import pytest
import torch

from sensorium.events.anchors import AnchorsConfig, iou
from sensorium.events.baselines import random_spans
from sensorium.events.features import Features, StageFeaturesConfig
from sensorium.events.fixed_point import FixedPointConfig
from sensorium.events.generator import GeneratorConfig
from sensorium.events.localiser import LocaliserConfig
from sensorium.events.losses import LossConfig, spread
from sensorium.events.seen import SeenConfig
from sensorium.events.systems import ANCHORS, CAPTIONS, CYCLE, WSDECConfig, WSDECSystem
from sensorium.types import Clip, FrameVideo


def toy_config(toy: ModuleType) -> WSDECConfig:
    anchors = AnchorsConfig("dense", (1 / 8, 1 / 6, 1 / 4), 4, 0.6, relative=True)
    return WSDECConfig(
        words=toy.WORDS,
        dim=toy.DIM,
        rate=4.0,
        seconds=toy.STEPS / 4,
        localiser=LocaliserConfig(
            video="local", hidden=32, embedding=16, layers=1, dropout=0.0, slope=1.0,
            channels=8, anchors=anchors,
        ),
        generator=GeneratorConfig(
            video="local", hidden=48, embedding=16, layers=1, dropout=0.0, slope=1.0,
            context="c", initial="zero", blind=0.1,
        ),
        learning=LossConfig(localiser_rate=1.0),
        search=FixedPointConfig(start="anchors", beam=1, overlap=0.5),
    )  # fmt: skip


@pytest.fixture(scope="module")
def learnt(toy: ModuleType) -> WSDECSystem:
    """Trained for seconds, on sentences alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = WSDECSystem(toy_config(toy))
        for phase, steps, rate in ((CAPTIONS, 250, 5e-3), (ANCHORS, 60, 5e-3), (CYCLE, 10, 1e-3)):
            system.train().phase.fill_(phase)
            optimiser = torch.optim.AdamW(system.parameters(), lr=rate)
            for step in range(steps):
                batch = toy.videos(16, 1000 * int(phase) + step, spans=False)
                loss = system.losses(batch)["loss"]
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
    return system.eval()


def test_weak_supervision_beats_chance_and_has_not_collapsed(
    learnt: WSDECSystem, toy: ModuleType
) -> None:
    lesson = learnt.lesson(toy.videos(100, 77))
    assert lesson.spans is not None
    spans, sure = learnt.localise(lesson)
    chance = random_spans(spans.shape[1] * 100, 0).view(spans.shape)
    found, lucky = (iou(s, lesson.spans)[lesson.told].mean() for s in (spans, chance))
    assert float(found) > 2 * float(lucky)
    true = spread(lesson.spans, lesson.told)
    assert float(spread(spans, lesson.told)) > 0.5 * float(true)
    assert ((sure > 0) & (sure <= 1)).all()


def test_finds_a_sentence_in_a_video_longer_than_the_training(
    learnt: WSDECSystem, toy: ModuleType
) -> None:
    batch = toy.videos(4, 5)
    rows = batch["features"].flatten(0, 1)
    video, row = 2, 0
    numbers = batch["words"][video, row].tolist()
    start = 100.0
    span, score = learnt.find_in(Features(rows, 4.0, start), learnt.words.decode(numbers))
    centre, width = batch["spans"][video, row].tolist()
    true = start + (video + centre) * toy.STEPS / 4
    assert abs(span.centre - true) < 2 * width * toy.STEPS / 4
    assert 0 <= score <= 1


def test_tells_long_videos_by_windows(learnt: WSDECSystem, toy: ModuleType) -> None:
    rows = toy.videos(5, 6)["features"].flatten(0, 1)
    events = learnt.describe(Features(rows, 4.0, 7.0))
    assert len(events) >= 5
    assert [e.start for e in events] == sorted(e.start for e in events)
    assert all(7.0 <= e.start < e.end <= 7.0 + len(rows) / 4 for e in events)
    assert events == learnt.describe(Features(rows, 4.0, 7.0))
    assert all(e.sentence.startswith("the subject") for e in events)
    assert {int(e.start // 12) for e in events} >= {1, 2, 3, 4}


def test_short_and_empty_videos(learnt: WSDECSystem, toy: ModuleType) -> None:
    for steps in (1, 2, 9):
        rows = toy.videos(1, 8)["features"][0, :steps]
        events = learnt.describe(Features(rows, 4.0))
        assert events
        assert all(0 <= event.start < event.end <= steps / 4 for event in events)
    nothing = FixedPointConfig(start="anchors", beam=1, least=1.0)
    assert learnt.describe(Features(rows, 4.0), nothing) == []


def test_vectors_of_another_kind_are_one_line(learnt: WSDECSystem, toy: ModuleType) -> None:
    for features in (Features(torch.zeros(9, 3), 4.0), Features(torch.zeros(9, toy.DIM), 5.0)):
        with pytest.raises(ValueError, match="reads vectors of 32 at 4 Hz") as caught:
            learnt.describe(features)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="knows none of the words of 'zebra'"):
        learnt.find_in(Features(torch.zeros(9, toy.DIM), 4.0), "zebra")
    clip = Clip(FrameVideo(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 4.0), None, "a.mp4")
    with pytest.raises(ValueError, match="a.mp4: wsdec reads vectors made elsewhere"):
        learnt.predict(clip)


def test_unfamiliar_features_are_told(learnt: WSDECSystem, toy: ModuleType) -> None:
    assert learnt._unfamiliarity(torch.zeros(1, toy.STEPS, toy.DIM)) is None
    learnt.calibrate(iter([toy.videos(48, s) for s in range(4)]))
    ours = toy.videos(30, 9)["features"]
    far = [learnt._unfamiliarity(learnt.standard(x[None])) for x in ours]
    strange = [learnt._unfamiliarity(learnt.standard(5 + 3 * x[None])) for x in ours]
    assert sum(f < 0.5 for f in far if f is not None) >= 28
    assert all(f > 0.5 for f in strange if f is not None)


def test_a_single_step_has_an_unfamiliarity(learnt: WSDECSystem, toy: ModuleType) -> None:
    learnt.calibrate(iter([toy.videos(48, s) for s in range(4)]))
    far = learnt._unfamiliarity(torch.zeros(1, 1, toy.DIM))
    assert far is not None
    assert 0 <= far <= 1  # and no NaN, which no JSON holds


def test_few_videos_leave_it_uncalibrated(
    toy: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    system = WSDECSystem(toy_config(toy)).eval()
    system.calibrate(iter([toy.videos(4, 0)]))
    system.calibrate(iter(()))
    assert "4 validation videos are too few" in caplog.text
    assert "0 validation videos are too few" in caplog.text
    assert not system.gauge.calibrated


def test_statistics_of_features_stay_once_captions_are_learnt(toy: ModuleType) -> None:
    system = WSDECSystem(toy_config(toy)).train()

    def moved(phase: float) -> Iterator[bool]:
        before = system.standard.mean.clone()
        system.phase.fill_(phase)
        system.losses(toy.videos(3, int(phase), spans=False))
        yield not torch.equal(before, system.standard.mean)

    assert next(moved(CAPTIONS))
    assert not next(moved(ANCHORS))
    assert not next(moved(CYCLE))


def test_localiser_learns_more_slowly_but_for_its_offsets(toy: ModuleType) -> None:
    config = replace(toy_config(toy), learning=LossConfig(localiser_rate=0.1))
    system = WSDECSystem(config)
    names = {id(p): n for n, p in system.named_parameters()}
    slow, fast = system.parameter_groups()
    assert (slow["lr_factor"], fast["lr_factor"]) == (0.1, 1.0)
    assert all(names[id(p)].startswith("localiser.") for p in slow["params"])
    told = [names[id(p)] for p in fast["params"] if names[id(p)].startswith("localiser.")]
    assert told == ["localiser.head.offset.weight", "localiser.head.offset.bias"]


def test_features_must_fit_the_config(toy: ModuleType) -> None:
    small = StageFeaturesConfig(SeenConfig(moves=False, things=False, places=(1, 1)), None)
    with pytest.raises(ValueError, match="dim and rate must be those of the features") as caught:
        WSDECSystem(replace(toy_config(toy), features=small))
    assert "\n" not in str(caught.value)
    for wrong in ({"dim": 0}, {"rate": 0.0}, {"seconds": -1.0}):
        with pytest.raises(ValueError, match="wsdec: "):
            WSDECConfig(**wrong)  # type: ignore[arg-type]
