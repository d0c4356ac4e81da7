"""Every attack on clips: the frames' axis changes nothing but the shape."""

import pytest
import torch
from torch import nn

from sensorium.robustness.attacks import (
    APGD,
    BIM,
    CW,
    EAD,
    FGSM,
    PGD,
    RFGSM,
    Square,
    StrAttack,
    standard,
)  # fmt: skip

ALL = [
    FGSM(0.1), RFGSM(0.1), BIM(0.1), PGD(0.1), PGD(1.0, "l2"), APGD(0.1, loss="ce", steps=10),
    CW(steps=40, searches=4, lr=0.05), CW("linf", steps=40, searches=4),
    EAD(steps=40, searches=4, constant=10), StrAttack(steps=40, searches=3, tau=0.5),
    Square(0.1, 100), standard(0.1, steps=5, restarts=1, queries=20),
]  # fmt: skip


class Motion(nn.Module):
    """Which way brightness goes over time, in each quarter of the picture."""

    classes = ("a", "b", "c", "d")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = (x[:, 1:] - x[:, :-1]).mean((1, 2))  # [B, T, C, H, W] -> [B, H, W]
        return 30 * nn.functional.adaptive_avg_pool2d(change[:, None], 2).flatten(1)


@pytest.mark.parametrize("attack", ALL, ids=lambda a: type(a).__name__)
def test_on_clips(attack):
    x = torch.rand(12, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    y = Motion()(x).argmax(1)
    support = torch.zeros(4, 1, 1, 1)
    support[1:] = 1
    made = attack(Motion(), x, y, support=support)
    assert made.rate > 0.5
    assert torch.equal(Motion()(made.x).argmax(1) != y, made.success)
    assert torch.equal(made.x[:, 0], x[:, 0])  # the frame off the support
    assert float(made.x.min()) >= 0
    assert float(made.x.max()) <= 1
