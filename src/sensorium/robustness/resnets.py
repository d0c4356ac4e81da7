"""ResNet for 32x32 pictures (He et al., arXiv:1512.03385, section 4.2): post-activation, 6n + 2.

`sensorium.layers.resnet` is the ImageNet family and calls its activations as functions; here each
is a quantiser. The shortcut is a 1x1 convolution where the shape changes (the paper pads zeros).
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


class ResidualBlock(nn.Module):
    """``act(sum(shortcut, branch))`` with two 3x3 convolutions in the branch.

    Shape:
        ``[B, in, H, W] -> [B, out, H / stride, W / stride]``.
    """

    def __init__(
        self, config: NetworkConfig, in_channels: int, out_channels: int, stride: int
    ) -> None:
        super().__init__()
        self.conv1 = conv(config, in_channels, out_channels, stride)
        self.bn1 = norm(config, out_channels)
        self.act1 = act(config)
        self.conv2 = conv(config, out_channels, out_channels)
        self.bn2 = norm(config, out_channels)
        changes = in_channels != out_channels or stride > 1
        self.downsample = (
            nn.Sequential(
                conv(config, in_channels, out_channels, stride, 1), norm(config, out_channels)
            )
            if changes
            else None
        )
        self.sum = residual_sum(config)
        self.act2 = act(config)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The block's output."""
        branch = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))
        short = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.act2(self.sum(short, branch))
        return out


class SmallResNet(PictureNetwork):
    """A 3x3 convolution and three stages of ``(depth - 2) / 6`` blocks.

    Args:
        config: ``depth`` is 6n + 2; ``width`` 16 is the published one.

    Raises:
        ValueError: for another depth.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        if config.depth < 8 or (config.depth - 2) % 6:
            raise ValueError(
                f"a ResNet for small pictures has depth 8, 14, 20 ..., got {config.depth}"
            )
        self.conv1 = conv(config, config.in_channels, config.width)
        self.bn1 = norm(config, config.width)
        self.act1 = act(config)
        blocks: list[nn.Module] = []
        channels = config.width
        for stage in range(3):
            for k in range((config.depth - 2) // 6):
                wanted = config.width << stage
                blocks.append(ResidualBlock(config, channels, wanted, 2 if stage and not k else 1))
                channels = wanted
        self.blocks = nn.Sequential(*blocks)
        self.head = Head(channels, config)
        initialise(self, config)

    def features(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The last maps."""
        maps: Tensor = self.blocks(self.act1(self.bn1(self.conv1(x))))
        return maps
