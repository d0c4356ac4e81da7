import math

import pytest
import torch

from sensorium.robustness.pse.ratio import (
    CAP,
    Kind,
    Whole,
    classify,
    ratio,
    shares,
    used_cells,
)


def test_ratio_is_the_log_of_two_contributions():
    target = torch.tensor([4.0, 1.0, 0.5, 3.0, -1.0, -1.0, 0.0, 1e9])
    true = torch.tensor([-1.0, -1.0, -2.0, 1.0, -1.0, 1.0, 0.0, -1e-9])
    found = ratio(target, true)
    assert found[:6].tolist()[:5] == [2.0, 0.0, -2.0, CAP, -CAP]
    assert found[5:7].isnan().all()
    assert found[7] == CAP


def test_kinds_with_thresholds_at_a_factor_of_two():
    target = torch.tensor([[2.1, 2.0, 1.0, 0.5, 0.4, -1.0, 1.0, 1.0]])
    true = torch.tensor([[-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, -1.0]])
    used = torch.tensor([[True] * 7 + [False]])
    found = [Kind(k) for k in classify(target, true, used)[0].tolist()]
    assert found == [
        Kind.PROMOTION,
        Kind.BALANCED,
        Kind.BALANCED,
        Kind.BALANCED,
        Kind.SUPPRESSION,
        Kind.ADVERSE,
        Kind.PROMOTION,
        Kind.UNUSED,
    ]


def test_swapping_the_labels_swaps_promotion_and_suppression():
    generator = torch.Generator().manual_seed(0)
    target, true = torch.randn(2, 1, 500, generator=generator)
    forth, back = classify(target, true), classify(-true, -target)
    for kind, other in (
        (Kind.PROMOTION, Kind.SUPPRESSION),
        (Kind.BALANCED, Kind.BALANCED),
        (Kind.ADVERSE, Kind.ADVERSE),
    ):
        assert torch.equal(forth == int(kind), back == int(other))


def test_shares_are_of_used_cells_for_each_input():
    kinds = torch.tensor([[0, 1, 1, -1], [3, 3, 2, 2], [-1, -1, -1, -1]])
    found = shares(kinds)
    torch.testing.assert_close(found[0], torch.tensor([1 / 3, 2 / 3, 0, 0]))
    assert found[1].tolist() == [0, 0, 0.5, 0.5]
    assert found[2].isnan().all()


def test_used_cells_are_judged_beside_the_strongest():
    norms = torch.tensor([[1.0, 1e-4, 0.5], [0.0, 0.0, 0.0]])
    assert used_cells(norms).tolist() == [[True, False, True], [False, False, False]]


@pytest.mark.parametrize(
    ("whole", "kind"),
    [
        (Whole(8, -1), Kind.PROMOTION),
        (Whole(1, -8), Kind.SUPPRESSION),
        (Whole(1, -1), Kind.BALANCED),
        (Whole(-1, 1), Kind.ADVERSE),
    ],
)
def test_whole(whole, kind):
    assert whole.kind == kind
    assert math.isnan(whole.ratio) == (kind == Kind.ADVERSE)
