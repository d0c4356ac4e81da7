import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sensorium.robustness.attacks.goal import LOSSES, Goal, cross_entropy, logit_ratio, margin

LOGITS = torch.tensor([[1.0, 4.0, 2.0, 0.5], [3.0, -1.0, 2.5, 0.0]])
LABEL = torch.tensor([1, 2])


def test_margins_by_hand():
    assert margin(LOGITS, LABEL, False).tolist() == [-2.0, 0.5]
    assert margin(LOGITS, LABEL, True).tolist() == [2.0, -0.5]


def test_the_ratio_by_hand():
    assert logit_ratio(LOGITS, LABEL, False).tolist() == pytest.approx([-2 / 3, 0.5 / 3])
    assert logit_ratio(LOGITS, LABEL, True).tolist() == pytest.approx(
        [2 / (4 - 0.75), -0.5 / (3 + 0.5)]
    )
    with pytest.raises(ValueError, match="3 classes or more"):
        logit_ratio(LOGITS[:, :2], LABEL.clamp(max=1), False)


def test_cross_entropy_is_torchs():
    whole = cross_entropy(LOGITS, LABEL, False)
    assert float(whole.mean()) == pytest.approx(float(F.cross_entropy(LOGITS, LABEL)))
    assert torch.equal(cross_entropy(LOGITS, LABEL, True), -whole)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("loss", ["margin", "dlr"])
def test_the_aim_is_reached_where_the_lead_is_above_zero(loss, targeted):
    logits = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    label = torch.randint(6, (200,), generator=torch.Generator().manual_seed(1))
    goal = Goal(nn.Identity(), label, targeted)
    assert torch.equal(goal.reached(logits), LOSSES[loss](logits, label, targeted) > 0)


def test_confidence_asks_for_more():
    goal = Goal(nn.Identity(), LABEL, False)
    assert goal.reached(LOGITS).tolist() == [False, True]
    assert goal.reached(LOGITS, 0.5).tolist() == [False, True]
    assert goal.reached(LOGITS, 0.6).tolist() == [False, False]


class Steps(nn.Module):
    classes = ("a", "b")

    def __init__(self, times: float, rounded: bool) -> None:
        super().__init__()
        self.times, self.rounded = times, rounded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value = x.flatten(1).sum(1) * self.times
        if self.rounded:
            value = value.round()
        return torch.stack([value, -value], 1)


def test_a_surrogate_lends_its_backward_pass_and_nothing_else():
    x = torch.full((1, 1, 2, 2), 0.3)
    label = torch.tensor([0])
    alone = Goal(Steps(1, True), label).pushed(x, "margin")
    helped = Goal(Steps(1, True), label, surrogate=Steps(5, False)).pushed(x, "margin")
    assert float(alone.gradient.abs().max()) == 0
    assert float(helped.loss) == float(alone.loss) == -2
    assert helped.gradient.unique().tolist() == [-10]


def test_zero_gradients_are_counted():
    goal = Goal(Steps(1, True), torch.tensor([0, 0]))
    goal.take(torch.tensor([1])).pushed(torch.full((1, 1, 2, 2), 0.3), "ce")
    assert goal.tally.zeros.tolist() == [0, 1]
    assert goal.tally.gradients.tolist() == goal.tally.queries.tolist() == [0, 1]


def test_what_has_no_gradient_is_refused():
    class Dead(Steps):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.detach())

    with pytest.raises(ValueError, match="not differentiable.*square attack"):
        Goal(Dead(1, False), torch.tensor([0])).pushed(torch.zeros(1, 1, 2, 2), "ce")
