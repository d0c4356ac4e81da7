"""Partial batch norm keeps all norms but the first."""

import torch
from torch import nn

from sensorium.layers.partial_bn import freeze_later_norms


def test_only_the_first_norm_learns():
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
    freeze_later_norms(network)
    assert [m.training for m in network] == [True, True, False]
    assert [p.requires_grad for p in network.parameters()] == [True] * 4 + [False] * 2
    network(torch.randn(4, 2, 3, 3) + 5)
    assert network[0].running_mean.abs().min() > 0
    assert network[2].running_mean.abs().max() == 0
