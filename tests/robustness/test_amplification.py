"""How a perturbation grows, on networks for which it is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sensorium.robustness.amplification import Change, changes, layer_norms, mean_changes
from sensorium.robustness.quantiser import ActivationQuantiser
from sensorium.seeds import torch_generator


def pictures() -> torch.Tensor:
    return torch.rand(3, 2, 6, 6, generator=torch_generator(0, "pictures"))


def test_a_scaled_perturbation_keeps_its_relative_size_through_linear_layers() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.Conv2d(4, 4, 3, bias=False))
    x = pictures()
    found = changes(network, x, 1.1 * x)
    assert [c.layer for c in found] == ["0", "1"]
    for change in found:
        assert change.l1 == pytest.approx(0.1, rel=1e-4)
        assert change.l2 == pytest.approx(0.1, rel=1e-4)
    (last,) = changes(network, x, 1.1 * x, {"1": network[1]}, "output")
    assert last.l2 == pytest.approx(0.1, rel=1e-4)


def test_is_the_formula() -> None:
    x, other = pictures(), pictures().flip(0)
    network = nn.Sequential(nn.Conv2d(2, 1, 1))
    (found,) = changes(network, x, other)
    ratios = [float((a - b).norm() / a.norm()) for a, b in zip(x, other, strict=True)]
    assert found.l2 == pytest.approx(sum(ratios) / 3, rel=1e-5)
    sums = [float((a - b).abs().sum() / a.abs().sum()) for a, b in zip(x, other, strict=True)]
    assert found.l1 == pytest.approx(sum(sums) / 3, rel=1e-5)


def test_a_quantiser_enlarges_small_changes_in_l2_but_not_in_l1() -> None:
    quantiser = ActivationQuantiser(3)
    x = torch.rand(4, 1, 256, 256, generator=torch_generator(0, "values"))
    x = (x * 5 + 0.5) * quantiser.step  # all of five steps alike
    d = 0.05 * float(quantiser.step)
    at = {"q": quantiser}
    (before,) = changes(quantiser, x, x + d, at, "input")
    (after,) = changes(quantiser, x, x + d, at, "output")
    assert after.l1 == pytest.approx(before.l1, rel=0.05)
    assert after.l2 / before.l2 == pytest.approx((1 / 0.05) ** 0.5, rel=0.15)
    assert after.same == pytest.approx(0.95, abs=0.01)


def test_frames_of_a_clip_are_one_sample() -> None:
    class Frames(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            given: torch.Tensor = self.conv(clips.flatten(0, 1))
            return given.view(len(clips), -1)

    clips = torch.rand(2, 5, 2, 3, 3, generator=torch_generator(0, "clips"))
    changed = clips.clone()
    changed[0, 0] = 0
    (found,) = changes(Frames(), clips, changed)
    whole = float(clips[0, 0].norm() / clips[0].norm())
    assert found.l2 == pytest.approx(whole / 2, rel=1e-5)


def test_norms_per_layer() -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2)
    ).eval()
    nn.init.orthogonal_(network[0].weight)  # type: ignore[arg-type]
    network[1].weight.data.fill_(2.0)  # type: ignore[union-attr]
    first, last = layer_norms(network, pictures())
    assert first.raw == pytest.approx(1, rel=1e-5)
    assert first.folded == pytest.approx(2, rel=1e-3)
    assert first.folded <= first.operator <= 3 * first.folded
    assert last.raw == last.folded == last.operator


def test_means_over_batches() -> None:
    parts = [[Change("a", 0.1, 0.2, 1.0)], [Change("a", 0.3, 0.6, 0.0)]]
    (mean,) = mean_changes(parts)
    assert (mean.l1, mean.l2, mean.same) == pytest.approx((0.2, 0.4, 0.5))
    with pytest.raises(ValueError, match="no changes"):
        mean_changes([])


def test_wrong_use_is_one_line() -> None:
    with pytest.raises(ValueError, match="one shape"):
        changes(nn.Conv2d(2, 1, 1), pictures(), pictures()[:1])
    with pytest.raises(ValueError, match="none of the layers"):
        changes(nn.ReLU(), pictures(), pictures())
