"""The discriminators: layers, and what the local one is shown."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sensorium.expressions.discriminators import BLACK, Critics, Discriminator, cut_out


def test_three_convolutions_are_three() -> None:
    net = Discriminator()
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.stride[0]) for c in convs] == [
        (3, 64, 2), (64, 128, 2), (128, 1, 1)]  # fmt: skip
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 15, 15)


def test_patch_discriminator_is_pix2pix() -> None:
    net = Discriminator("patch", inputs=6)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.out_channels, c.stride[0]) for c in convs] == [
        (64, 2), (128, 2), (256, 2), (512, 1), (1, 1)]  # fmt: skip
    pairs = 6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512
    assert sum(c.weight.numel() for c in convs) == 16 * pairs
    assert net(torch.zeros(1, 6, 256, 256)).shape == (1, 1, 30, 30)


def rectangle(side: int = 32) -> torch.Tensor:
    mask = torch.zeros(2, side, side, dtype=torch.bool)
    mask[0, 20:26, 8:20] = True
    return mask  # the second has none


def test_outside_the_mouth_is_black_and_has_no_gradient() -> None:
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    whole = cut_out(x, rectangle(), 0)
    assert (whole[0, :, :20] == BLACK).all()
    torch.testing.assert_close(whole[0, :, 20:26, 8:20], x[0, :, 20:26, 8:20])
    assert (whole[1] == BLACK).all()
    cut = cut_out(x, rectangle(), 24)
    cut.square().sum().backward()
    assert x.grad is not None
    inside = rectangle()[0].expand(3, -1, -1)
    assert (x.grad[0][~inside] == 0).all()
    assert (x.grad[0][inside] != 0).float().mean() > 0.95


def test_cut_is_the_square_around_the_mouth() -> None:
    """A mouth 12 wide, with a quarter around it: 15 pixels, here shown at 15."""
    x = torch.rand(2, 3, 32, 32)
    cut = cut_out(x, rectangle(), 15)
    assert cut.shape == (2, 3, 15, 15)
    # the square's centre is (14, 23): columns 6.5 to 21.5 and rows 15.5 to 30.5, half a pixel off
    x0 = torch.where(rectangle()[:, None], x, torch.full_like(x, BLACK))
    patch = x0[0, :, 15:31, 6:22]
    mean = (patch[:, :-1, :-1] + patch[:, 1:, :-1] + patch[:, :-1, 1:] + patch[:, 1:, 1:]) / 4
    torch.testing.assert_close(cut[0], mean, atol=1e-4, rtol=1e-4)
    assert torch.isfinite(cut[1]).all()


@pytest.mark.parametrize("local", [True, False])
def test_condition_is_looked_at_only_when_asked_for(local) -> None:
    x, mouth = torch.rand(2, 3, 32, 32), rectangle()
    for conditional in (True, False):
        critics = Critics(width=4, conditional=conditional, local=local, crop=16)
        one = critics(x, torch.zeros_like(x), mouth)
        other = critics(x, torch.ones_like(x), mouth)
        assert torch.equal(one[0], other[0]) is not conditional
        assert (one[1] is not None) is local
