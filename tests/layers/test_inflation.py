"""Inflated kernels answer to a still video as the image kernel does to its picture."""

import pytest
import torch
from torch.nn import functional as F

from sensorium.layers.inflation import adapt_stem, inflate, inflate_stem


def test_inflated_kernel_on_a_still_video():
    kernel, picture = torch.randn(4, 3, 3, 3), torch.randn(2, 3, 8, 8)
    video = picture.unsqueeze(2).repeat(1, 1, 5, 1, 1)
    out = F.conv3d(video, inflate(kernel, 5))
    assert torch.allclose(out[:, :, 0], F.conv2d(picture, kernel), atol=1e-5)


@pytest.mark.parametrize("how", ["mean", "tile"])
def test_stem_on_equal_frames(how):
    kernel, grey = torch.randn(4, 3, 3, 3), torch.randn(2, 1, 8, 8).repeat(1, 3, 1, 1)
    picture = torch.randn(2, 3, 8, 8)
    wide = inflate_stem(kernel, 5, how)
    assert wide.shape == (4, 15, 3, 3)
    stacked = F.conv2d(grey.repeat(1, 5, 1, 1), wide)
    assert torch.allclose(stacked, F.conv2d(grey, kernel), atol=1e-5)
    coloured = F.conv2d(picture.repeat(1, 5, 1, 1), wide)
    kept = torch.allclose(coloured, F.conv2d(picture, kernel), atol=1e-5)
    assert kept == (how == "tile")


def test_flow_stem_is_the_mean_over_colours():
    kernel = torch.randn(4, 3, 7, 7)
    assert adapt_stem(kernel, 3) is kernel
    flow = adapt_stem(kernel, 10)
    assert flow.shape == (4, 10, 7, 7)
    assert torch.equal(flow[:, 9], kernel.mean(1))
