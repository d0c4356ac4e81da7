"""A plain stack of 3x3 convolutions, small enough to train in seconds on one core."""

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

_ENOUGH = 8
"""Pixels on a side of which the last maps may be left; larger pictures are halved more often."""


class SmallNetwork(PictureNetwork):
    """``depth`` convolutions in stages of about equal length.

    Each stage halves the size and doubles the channels, up to four times the first's. Pictures of
    up to 8 pixels have two stages, of 16 three, of 32 four.

    Args:
        config: ``width`` is the first stage's channels.
        size: height and width of the pictures.

    Raises:
        ValueError: when the depth is less than the number of stages.
    """

    def __init__(self, config: NetworkConfig, size: int = 8) -> None:
        super().__init__()
        stages = 2
        while size > _ENOUGH * 2 ** (stages - 2):
            stages += 1
        if config.depth < stages:
            raise ValueError(
                f"a small network for pictures of {size} pixels needs a depth of at least {stages},"
                f" got {config.depth}"
            )
        layers: list[nn.Module] = []
        channels = config.in_channels
        before = 0
        for k in range(config.depth):
            stage = k * stages // config.depth
            wanted = config.width << min(stage, 2)
            stride = 2 if stage != before else 1
            layers += [conv(config, channels, wanted, stride), norm(config, wanted), act(config)]
            channels, before = wanted, stage
        self.layers = nn.Sequential(*layers)
        self.head = Head(channels, config)
        initialise(self, config)

    def features(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The last maps."""
        maps: Tensor = self.layers(x)
        return maps
