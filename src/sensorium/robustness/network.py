"""What the networks for small pictures share: their shape, their bricks, their last layer.

Every network is ``features`` (maps with all activations quantised), the mean over all places, and a
linear layer; so class activation maps are defined for each of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.robustness.lipschitz import ConvexSum, MeanNorm, PlainSum
from sensorium.robustness.quantiser import ActivationQuantiser

Norm = Literal["batch", "mean", "none"]

_BIAS = 0.1  # of the bound of the activations


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a network.

    Attributes:
        depth: number of layers, as the network counts them.
        width: channels of the first layer (of a wide ResNet, the widening factor).
        classes: number of logits.
        in_channels: of the pictures.
        bits: of the activations; 0 for floats.
        clip: the activations' upper bound.
        norm: ``batch`` normalisation; its ``mean`` only, which enlarges nothing; or ``none``.
            Without ``batch`` the initial weights are orthogonal.
        gain: of those orthogonal weights; the square root of 2 makes up for what rectifiers drop.
        convex: convex residual sums.
        scale: the logits' factor; a network that enlarges nothing has small ones.
    """

    depth: int = 6
    width: int = 16
    classes: int = 10
    in_channels: int = 3
    bits: int = 4
    clip: float = 6.0
    norm: Norm = "batch"
    gain: float = 1.0
    convex: bool = False
    scale: float = 1.0


class Head(nn.Linear):
    """A linear layer whose weights are multiplied by a constant before use.

    The constant belongs to the logits, not to the weights, so that the penalty does not see it.

    Shape:
        ``[B, D] -> [B, K]``.
    """

    def __init__(self, features: int, config: NetworkConfig) -> None:
        super().__init__(features, config.classes)
        self.scale = config.scale

    @property
    def scaled(self) -> Float[Tensor, "K D"]:
        """The weights that are used."""
        return self.weight * self.scale

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        """Logits."""
        return F.linear(x, self.scaled, self.bias)


class PictureNetwork(nn.Module, ABC):
    """Logits of pictures in 0..1.

    Shape:
        ``[B, in_channels, H, W] -> [B, classes]``.
    """

    head: Head

    @abstractmethod
    def features(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The last maps."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Logits."""
        logits: Tensor = self.head(self.features(x).mean((2, 3)))
        return logits


def conv(
    config: NetworkConfig, in_channels: int, out_channels: int, stride: int = 1, kernel: int = 3
) -> nn.Conv2d:
    """A convolution that keeps the size (over the stride), with a bias where no norm follows."""
    pad = kernel // 2
    bias = config.norm == "none"
    return nn.Conv2d(in_channels, out_channels, kernel, stride, pad, bias=bias)


def norm(config: NetworkConfig, channels: int) -> nn.Module:
    """Batch normalisation, its mean only, or nothing.

    Raises:
        ValueError: for another kind.
    """
    if config.norm not in ("batch", "mean", "none"):
        raise ValueError(f"norm must be batch, mean or none, got {config.norm!r}")
    if config.norm == "mean":
        return MeanNorm(channels)
    return nn.BatchNorm2d(channels) if config.norm == "batch" else nn.Identity()


def act(config: NetworkConfig) -> ActivationQuantiser:
    """The activation: rectified, bounded, quantised."""
    return ActivationQuantiser(config.bits, config.clip)


def residual_sum(config: NetworkConfig) -> nn.Module:
    """The sum of shortcut and branch."""
    return ConvexSum() if config.convex else PlainSum()


def initialise(network: PictureNetwork, config: NetworkConfig) -> None:
    """He's initial weights with batch normalisation, orthogonal ones without.

    Without norms there are small positive biases: an orthogonal network makes values smaller from
    layer to layer, and with few bits all of them would round to 0, where no gradient is left.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if config.norm == "batch":
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                nn.init.orthogonal_(module.weight, config.gain)
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.constant_(module.bias, _BIAS * config.clip)
    nn.init.zeros_(network.head.bias)
    if config.norm != "batch":
        nn.init.orthogonal_(network.head.weight)
