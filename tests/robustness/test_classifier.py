import pytest
import torch
from torch import nn

from sensorium.robustness.attacks import PGD
from sensorium.robustness.classifier import (
    Classifier,
    LabelledData,
    ModuleClassifier,
    check,
    class_names,
)


def network(**changes) -> ModuleClassifier:
    body = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    return ModuleClassifier(body, changes.get("classes", ("a", "b", "c")))


X = torch.full((2, 3, 2, 2), 0.5)
Y = torch.tensor([0, 2])


def test_a_module_with_classes_is_a_classifier():
    assert isinstance(network(), Classifier)
    assert check(network(), X, Y).shape == (2, 3)


def test_names_or_numbers():
    assert class_names(network(), 3) == ("a", "b", "c")
    assert class_names(network(classes=()), 3) == ("0", "1", "2")
    assert class_names(nn.Linear(1, 1), 2) == ("0", "1")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((X * 255).to(torch.uint8), r"floating point in 0..1, got torch.uint8; use x / 255"),
        (X * 255, r"must be in 0..1, got 127.5 to 127.5; use x / 255"),
        (X * 4 - 2.5, "normalise inside the classifier"),
        (X / 0, "not finite"),
        (X * float("nan"), "not finite"),
        (X[0], r"got \[3, 2, 2\]"),
        (X[:0], r"got \[0, 3, 2, 2\]"),
        (torch.empty(1).expand(1, 3, 20_000, 20_000), "3 x 20000 x 20000 is too large to attack"),
    ],
)
def test_wrong_pictures(x, message):
    with pytest.raises(ValueError, match=message) as caught:
        PGD()(network(), x, Y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([0, 3]), "label 3 is out of range: there are 3 classes, 0 first"),
        (torch.tensor([-1, 0]), "label -1 is out of range"),
        (torch.tensor([0]), r"labels must be int64 \[2\], got torch.int64 \[1\]"),
        (torch.tensor([0.0, 1.0]), r"labels must be int64 \[2\], got torch.float32"),
    ],
)
def test_wrong_labels(y, message):
    with pytest.raises(ValueError, match=message):
        PGD()(network(), X, y)
    if y.dtype == torch.int64:
        with pytest.raises(ValueError, match=message):
            PGD()(network(), X, Y, target=y)


def test_weights_that_are_not_finite():
    broken = network()
    with torch.no_grad():
        broken.network[1].bias[1] = float("nan")
    with pytest.raises(ValueError, match=r"the classifier's network.1.bias holds NaN"):
        PGD()(broken, X, Y)


class Odd(nn.Module):
    classes = ("a", "b", "c")

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x: x.mean((1, 2, 3)), r"must answer logits \[2, K\], got \[2\]"),
        (lambda x: (x, x), r"must answer logits \[2, K\], got tuple"),
        (lambda x: x.flatten(1)[:, :1], "one class only"),
        (lambda x: x.flatten(1)[:, :3] / 0, "logits are not finite"),
        (lambda x: torch.tensor(x.detach().numpy()).flatten(1)[:, :3], "not differentiable"),
    ],
)
def test_odd_networks(answer, message):
    with pytest.raises(ValueError, match=message):
        PGD()(Odd(answer), X, torch.tensor([0, 0]))


def test_probabilities_are_noticed(caplog):
    PGD(steps=1)(Odd(lambda x: x.flatten(1)[:, :3].softmax(1)), X, Y)
    assert "leave the softmax out" in caplog.text
    caplog.clear()
    PGD(steps=1)(network(), X, Y)
    assert caplog.text == ""


def test_labelled_data_is_checked():
    assert len(LabelledData(X, Y, ("a", "b", "c"))) == 2
    with pytest.raises(ValueError, match="label 2 is out of range"):
        LabelledData(X, Y, ("a", "b"))
