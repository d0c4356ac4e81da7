"""Wide ResNet (Zagoruyko, Komodakis, arXiv:1605.07146): WRN-d-k, pre-activation, for 32x32.

As defensive quantisation uses it (arXiv:1904.08444): the activation in front of every convolution
is quantised, the sum on the shortcut is not. WRN-28-10 has 36.5 million parameters.
"""

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
    residual_sum,
)

_STEM = 16


class WideBlock(nn.Module):
    """Two times norm, activation and 3x3 convolution, and the shortcut.

    Where the shape changes, the shortcut is a 1x1 convolution of the first activation.

    Shape:
        ``[B, in, H, W] -> [B, out, H / stride, W / stride]``.
    """

    def __init__(
        self, config: NetworkConfig, in_channels: int, out_channels: int, stride: int
    ) -> None:
        super().__init__()
        self.bn1 = norm(config, in_channels)
        self.act1 = act(config)
        self.conv1 = conv(config, in_channels, out_channels, stride)
        self.bn2 = norm(config, out_channels)
        self.act2 = act(config)
        self.conv2 = conv(config, out_channels, out_channels)
        changes = in_channels != out_channels or stride > 1
        self.shortcut = conv(config, in_channels, out_channels, stride, 1) if changes else None
        self.sum = residual_sum(config)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The sum of shortcut and branch."""
        first = self.act1(self.bn1(x))
        branch = self.conv2(self.act2(self.bn2(self.conv1(first))))
        short = x if self.shortcut is None else self.shortcut(first)
        out: Tensor = self.sum(short, branch)
        return out


class WideResNet(PictureNetwork):
    """WRN-d-k: a 3x3 convolution, three stages of ``(d - 4) / 6`` blocks, norm and activation.

    Args:
        config: ``depth`` d is 6n + 4; ``width`` k is the widening factor.

    Raises:
        ValueError: for another depth.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.depth < 10 or (config.depth - 4) % 6:
            raise ValueError(f"a wide ResNet has depth 10, 16, 22, 28 ..., got {config.depth}")
        self.conv1 = conv(config, config.in_channels, _STEM)
        blocks: list[nn.Module] = []
        channels = _STEM
        for stage in range(3):
            for k in range((config.depth - 4) // 6):
                stride = 2 if stage and not k else 1
                wanted = (_STEM * config.width) << stage
                blocks.append(WideBlock(config, channels, wanted, stride))
                channels = wanted
        self.blocks = nn.Sequential(*blocks)
        self.bn = norm(config, channels)
        self.act = act(config)
        self.head = Head(channels, config)
        initialise(self, config)

    def features(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The last maps."""
        maps: Tensor = self.act(self.bn(self.blocks(self.conv1(x))))
        return maps
