import pytest
import torch

from sensorium.actions.metrics import action_meters, confusion, pair_accuracy

CLASSES = ("rise", "sink", "open", "close", "turn", "wave", "rest")


def answers(count=200, seed=0):
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, len(CLASSES) - 1, (count,), generator=g)  # nobody rests
    scores = torch.randn(count, len(CLASSES), generator=g)
    scores[torch.arange(count), labels] += 1.0
    return scores.softmax(1), labels


def test_meters_against_counting():
    scores, labels = answers()
    meters = action_meters(CLASSES)
    for part in (slice(0, 70), slice(70, 200)):
        for meter in meters.values():
            meter.update(scores[part], labels[part])
    order = scores.argsort(1, descending=True)
    right = (order[:, 0] == labels).double()
    per_class = [right[labels == k].mean() for k in range(6)]
    assert float(meters["top1"].compute()) == pytest.approx(float(right.mean()), abs=1e-6)
    in_five = (order[:, :5] == labels[:, None]).any(1).double().mean()
    assert float(meters["top5"].compute()) == pytest.approx(float(in_five), abs=1e-6)
    for k, value in enumerate(per_class):
        measured = float(meters[f"top1/{CLASSES[k]}"].compute())
        assert measured == pytest.approx(float(value), abs=1e-6)
    assert torch.isnan(meters["top1/rest"].compute())
    mean = float(sum(per_class)) / 6
    assert float(meters["mean_class"].compute()) == pytest.approx(mean, abs=1e-6)


def test_no_top5_with_five_classes():
    assert "top5" not in action_meters(CLASSES[:5])


def test_pair_accuracy_counts_label_or_partner():
    partner = torch.tensor([1, 0, 2])
    scores = torch.eye(3)[[0, 1, 2, 2]]
    assert pair_accuracy(scores, torch.tensor([0, 0, 2, 1]), partner) == 0.75


def test_confusion_rows_are_truth():
    scores = torch.eye(3)[[0, 1, 1]]
    assert confusion(scores, torch.tensor([0, 0, 1])).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
