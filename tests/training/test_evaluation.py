from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.training import evaluate
from sensorium.training.evaluation import Calls, measured
from sensorium.training.order import InTurn, batches


@pytest.fixture
def system(tiny: ModuleType) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny.Tiny(tiny.TinyData().adapt(tiny.TinyConfig()))


def by_hand(system: Any, data: Any, split: str, count: int, seed: int = 0) -> float:
    """Share of examples whose largest logit is the label's."""
    from sensorium.seeds import derive

    examples = data.open(split)
    right = 0
    system.eval()
    for i in range(count):
        example = examples.example(i, derive(seed, split, i))
        right += int(system(example["x"][None]).argmax()) == int(example["label"])
    return right / count


def test_metrics_are_those_of_a_plain_loop(tiny: ModuleType, system: Any) -> None:
    data = tiny.TinyData()
    assert evaluate(system, data)["top1"] == pytest.approx(by_hand(system, data, "test", 21))
    some = evaluate(system, data, split="val", limit=5, seed=4)
    assert some["top1"] == pytest.approx(by_hand(system, data, "val", 5, seed=4))


def test_batch_and_workers_do_not_matter(tiny: ModuleType, system: Any) -> None:
    data = tiny.TinyData()
    whole = evaluate(system, data)
    assert evaluate(system, data, batch=4, workers=2) == pytest.approx(whole, abs=1e-6)
    assert evaluate(system, data, seed=1)["sure"] != whole["sure"]


def test_mode_and_gradients_are_left_alone(tiny: ModuleType, system: Any) -> None:
    system.train()
    evaluate(system, tiny.TinyData())
    assert system.training
    assert all(p.grad is None for p in system.parameters())


def test_metrics_without_a_value_are_left_out(tiny: ModuleType, system: Any) -> None:
    from torchmetrics import MeanMetric

    system.metrics = lambda: {"top1": MeanMetric(), "sure": MeanMetric()}
    system.measure = lambda batch, meters: (
        meters["top1"].update(batch["x"][:, 0]),
        meters["sure"].update(torch.tensor(float("nan"))),
    )
    with pytest.warns(UserWarning, match="nan"):
        assert set(evaluate(system, tiny.TinyData())) == {"top1"}


def test_shares_of_three_processes_give_the_whole(tiny: ModuleType, system: Any) -> None:
    data = tiny.TinyData(held_out=10)
    examples = data.open("val")
    whole = evaluate(system, data, split="val", batch=2)

    heard: list[list[Calls]] = []
    for rank in range(3):
        mine: list[Calls] = []

        def keep(calls: Calls, mine: list[Calls] = mine) -> list[Calls]:
            mine.append(calls)
            return []

        order = InTurn(0, "val", 10, batch=2, share=(rank, 3))
        measured(system, batches(examples, order), rounds=2, gather=keep)
        heard.append(mine)
    rounds = iter([[heard[rank][i] for rank in range(3)] for i in range(2)])
    order = InTurn(0, "val", 10, batch=2, share=(0, 3))
    together = measured(system, batches(examples, order), rounds=2, gather=lambda _: next(rounds))
    assert together == whole


def test_empty_split(tiny: ModuleType, system: Any) -> None:
    with pytest.raises(ValueError, match="the val split gives 0 examples"):
        evaluate(system, tiny.TinyData(held_out=0), split="val")
    with pytest.raises(ValueError, match="labels are not published"):
        evaluate(system, tiny.TinyData(test=False))
    with pytest.raises(ValueError, match="device 'nonsense' cannot be used"):
        evaluate(system, tiny.TinyData(), device="nonsense")
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        evaluate(system, tiny.TinyData(), batch=0)


def test_measure_must_not_compute(tiny: ModuleType, system: Any) -> None:
    system.measure = lambda batch, meters: meters["top1"].compute()
    with pytest.raises(TypeError, match="must only update"):
        evaluate(system, tiny.TinyData())


def test_data_of_other_classes_are_refused(tiny: ModuleType, system: Any) -> None:
    config = tiny.TinyData().adapt(tiny.TinyConfig())
    other = tiny.Tiny(replace(config, classes=("far", "left", "up")))
    with pytest.raises(ValueError, match=r"knows 3 classes \(far, left, up\), the data have 3"):
        evaluate(other, tiny.TinyData())


def test_a_protocol_where_there_are_none(tiny: ModuleType, system: Any) -> None:
    with pytest.raises(ValueError, match="tiny on TinyData has no test protocols"):
        evaluate(system, tiny.TinyData(), protocol="accurate")
