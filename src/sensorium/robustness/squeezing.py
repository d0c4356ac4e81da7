"""Feature squeezing (Xu, Evans, Qi, arXiv:1704.01155): fewer colours, then a median filter.

A defence of the input, at test time; defensive quantisation is compared with it and combined with
it at 5 bits and 2x2 (arXiv:1904.08444, section 5). Gradients pass the rounding straight through, so
that attacks are not fooled by it.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.robustness.classifier import Classifier
from sensorium.robustness.quantiser import check_bits, round_through


def fewer_colours(x: Float[Tensor, "..."], bits: int) -> Float[Tensor, "..."]:
    """Values of 0..1 rounded to ``2^bits`` levels; 0 bits change nothing.

    Raises:
        ValueError: for other bits than 0 to 8.
    """
    check_bits(bits)
    levels = 2**bits - 1
    return round_through(x * levels) / levels if levels else x


def median(x: Float[Tensor, "B C H W"], window: int = 2) -> Float[Tensor, "B C H W"]:
    """The median over a window around each pixel, each channel for itself.

    As SciPy's ``median_filter``: an even window reaches further up and left, of an even number of
    values the upper middle one is taken, and borders are mirrored with their outermost pixel.

    Raises:
        ValueError: for a window below 1 or larger than the picture.
    """
    if not 1 <= window <= min(x.shape[-2:]):
        raise ValueError(f"window must be 1 to {min(x.shape[-2:])} pixels, got {window}")
    before, after = window // 2, (window - 1) // 2
    rows = _mirrored(_mirrored(x, before, after, 2), before, after, 3)
    patches = F.unfold(rows.flatten(0, 1)[:, None], window)  # [B*C, window^2, H*W]
    middle = patches.sort(1).values[:, window * window // 2]
    return middle.view_as(x)  # [B*C, H*W] -> [B, C, H, W]


def _mirrored(x: Tensor, before: int, after: int, axis: int) -> Tensor:
    """Padded by its own border, mirrored; the outermost pixel is repeated."""
    size = x.shape[axis]
    order = [*range(before - 1, -1, -1), *range(size), *range(size - 1, size - 1 - after, -1)]
    return x if len(order) == size else x.index_select(axis, x.new_tensor(order).long())


class Squeezed(nn.Module):
    """A classifier that sees squeezed pictures.

    Args:
        classifier: any, for pictures ``[B, C, H, W]``.
        bits: of the colours; 0 leaves them.
        window: of the median filter; 1 leaves the picture.
    """

    def __init__(self, classifier: Classifier, bits: int = 5, window: int = 2) -> None:
        super().__init__()
        check_bits(bits)
        self.classifier = classifier
        self.bits, self.window = bits, window

    @property
    def classes(self) -> tuple[str, ...]:
        """The classifier's."""
        return self.classifier.classes

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Its logits of what is left of the pictures."""
        return self.classifier(median(fewer_colours(x, self.bits), self.window))
