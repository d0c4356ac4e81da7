from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sensorium.training.order import InTurn, Order, batches


class Numbers:
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        if index == 99:
            return {"index": torch.zeros(2)}
        if index == 98:
            raise KeyError("label")
        return {"index": torch.tensor(index), "seed": torch.tensor(seed)}


def drawn(order: Order) -> list[tuple[int, int]]:
    return [draw for batch in order for draw in batch]


def test_every_epoch_sees_every_example_once_in_a_new_order() -> None:
    indices = [i for i, _ in drawn(Order(3, 12, range(9), batch=4))]
    epochs = [indices[:12], indices[12:24], indices[24:]]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_every_sample_has_its_own_seed() -> None:
    seeds = [s for _, s in drawn(Order(3, 5, range(10), batch=4))]
    assert len(set(seeds)) == 40


def test_a_batch_may_span_epochs_and_exceed_the_data() -> None:
    indices = [i for i, _ in drawn(Order(0, 3, range(2), batch=6))]
    assert sorted(indices) == sorted([0, 1, 2] * 4)


def test_starting_late_is_starting_early_and_skipping() -> None:
    whole = drawn(Order(3, 7, range(10), batch=4))
    late = drawn(Order(3, 7, range(6, 10), batch=4))
    assert whole[24:] == late


@pytest.mark.parametrize(("processes", "micro"), [(2, 1), (1, 3), (2, 3), (3, 2)])
def test_processes_and_micro_batches_share_out_the_same_batch(processes: int, micro: int) -> None:
    steps = range(2, 5)
    whole = list(Order(1, 10, steps, batch=12))
    shares = [
        list(Order(1, 10, steps, batch=12, micro=micro, share=(rank, processes)))
        for rank in range(processes)
    ]
    assert all(len(share) == micro * len(steps) for share in shares)
    for i in range(len(steps)):
        parts = [draw for s in shares for b in s[i * micro : (i + 1) * micro] for draw in b]
        assert sorted(parts) == sorted(whole[i])


def test_in_turn_shares_batches_round_robin() -> None:
    whole = list(InTurn(0, "val", 10, batch=3))
    assert [[i for i, _ in b] for b in whole] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    shares = [list(InTurn(0, "val", 10, batch=3, share=(r, 3))) for r in range(3)]
    assert [shares[0][0], shares[1][0], shares[2][0], shares[0][1]] == whole
    assert [len(s) for s in shares] == [2, 1, 1]


def test_splits_have_their_own_seeds() -> None:
    val, test = (next(iter(InTurn(0, split, 2, batch=2))) for split in ("val", "test"))
    assert {s for _, s in val}.isdisjoint(s for _, s in test)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_stacked(workers: int) -> None:
    order = Order(0, 6, range(2), batch=3)
    got = list(batches(Numbers(6), order, workers=workers))
    assert [b["index"].tolist() for b in got] == [[i for i, _ in b] for b in order]
    assert [b["seed"].tolist() for b in got] == [[s for _, s in b] for b in order]


def test_examples_that_differ_are_told_apart() -> None:
    order = InTurn(0, "val", 100, batch=100)
    order.batches = [order.batches[0][96:98] + order.batches[0][99:]]
    with pytest.raises(ValueError, match="examples of one batch differ"):
        list(batches(Numbers(100), order))


def test_other_errors_name_their_kind() -> None:
    order = InTurn(0, "val", 100, batch=50)
    with pytest.raises(ValueError, match="example 98 cannot be made: KeyError: 'label'"):
        list(batches(Numbers(100), order))


class Deadly(Numbers):
    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        import os

        os._exit(3)


def test_a_worker_that_dies_is_one_line() -> None:
    with pytest.raises(ValueError, match="a data worker died") as caught:
        list(batches(Deadly(4), InTurn(0, "val", 4, batch=2), workers=1))
    assert "\n" not in str(caught.value)
    assert "take fewer workers" in str(caught.value)
