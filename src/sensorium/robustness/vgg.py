"""VGG (Simonyan, Zisserman, arXiv:1409.1556) for 32x32 pictures: batch norm, one linear layer."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from sensorium.robustness.network import (
    Head,
    NetworkConfig,
    PictureNetwork,
    act,
    conv,
    initialise,
    norm,
)

STAGES = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Convolutions per stage by the published depth, which counts three linear layers."""


class VGG(PictureNetwork):
    """Five stages of 3x3 convolutions, each ended by a 2x2 max-pool, then one linear layer.

    Args:
        config: ``depth`` 11, 13, 16 or 19; ``width`` 64 is the published one.

    Raises:
        ValueError: for another depth.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.depth not in STAGES:
            raise ValueError(f"a VGG has depth 11, 13, 16 or 19, got {config.depth}")
        layers: list[nn.Module] = []
        channels = config.in_channels
        for stage, count in enumerate(STAGES[config.depth]):
            wanted = config.width << min(stage, 3)
            for _ in range(count):
                layers += [conv(config, channels, wanted), norm(config, wanted), act(config)]
                channels = wanted
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # pictures below 32 pixels stay above 0
        self.layers = nn.Sequential(*layers)
        self.head = Head(channels, config)
        initialise(self, config)

    def features(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The last maps."""
        maps: Tensor = self.layers(x)
        return maps
