"""Who stands where in a picture: kind and colour of instruments, place by place.

What object detectors are to captioning of real videos, for the stage: a small ResNet with the last
stride undone and two linear heads, trained on single pictures with masks
(``benchmarks/stage_performers.py``).
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from sensorium.layers.resnet import RESNETS, ResNet
from sensorium.worlds.stage.looks.paint import COLOURS
from sensorium.worlds.stage.script import INSTRUMENTS

COLOUR_NAMES: tuple[str, ...] = tuple(COLOURS)


class Performers(nn.Module):
    """Names what is seen at every place of a picture.

    Shape:
        ``[T, 3, H, W] -> [T, 8 * 8, H / 8, W / 8]``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ResNet(replace(RESNETS["resnet_tiny"], undone=1))
        width = self.trunk.config.features
        self.kind = nn.Conv2d(width, 1 + len(INSTRUMENTS), 1)
        self.colour = nn.Conv2d(width, len(COLOUR_NAMES), 1)

    def logits(
        self, pictures: Float[Tensor, "T 3 H W"]
    ) -> tuple[Float[Tensor, "T 9 h w"], Float[Tensor, "T 8 h w"]]:
        """Of nobody and the kinds, and of the colours."""
        maps = self.trunk(pictures)
        return self.kind(maps), self.colour(maps)

    def forward(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T 64 h w"]:
        """How likely each kind in each colour is there; the rest to 1 is nobody."""
        kind, colour = (x.float().softmax(1) for x in self.logits(pictures))
        # [T, 8, 1, h, w] * [T, 1, 8, h, w] -> [T, 64, h, w]
        return (kind[:, 1:, None] * colour[:, None]).flatten(1, 2)


def names() -> list[str]:
    """What the channels of `Performers` stand for, in order."""
    return [f"{colour} {kind}" for kind in INSTRUMENTS for colour in COLOUR_NAMES]
