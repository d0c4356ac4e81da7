"""Where the 68 landmarks are, read from the decoder's penultimate map (arXiv:1808.02992).

The paper puts "another 68-dimensional channel" there. Ours reads it as one map per landmark, by a
1x1 convolution, whose softmax gives the expected place: it moves with the features. Pooling and a
linear layer would be the other reading.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

LANDMARKS = 68


class LandmarkHead(nn.Module):
    """Landmarks by spatial soft-argmax.

    Args:
        channels: of the map that is read.

    Shape:
        ``[B, C, H, W] -> [B, 68, 2]``, x and y in 0..1 of the picture's width and height.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, LANDMARKS, 1)

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 68 2"]:
        """The expected place under each landmark's map."""
        scores = self.conv(maps).float()
        height, width = scores.shape[-2:]
        share = scores.flatten(2).softmax(2).unflatten(2, (height, width))
        across = (torch.arange(width, device=scores.device) + 0.5) / width
        down = (torch.arange(height, device=scores.device) + 0.5) / height
        return torch.stack([share.sum(2) @ across, share.sum(3) @ down], 2)
