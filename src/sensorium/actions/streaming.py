"""A TSM that answers frame by frame (Lin, Gan, Han, arXiv:1811.08383, section 3.3).

With ``direction="past"`` a shifted block needs of earlier frames only the first ``C / div``
channels of its own input one frame ago. Those are cached, one frame goes in, one vector of logits
comes out, and the logits are those of the offline network for the same frames. Caches start at
zero, which is what the offline shift pads with.

A network trained with ``direction="both"`` cannot be streamed by dropping the future half: its
first fold has learnt to hold the next frame, and here it would hold the previous one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.actions.tsm import TSM
from sensorium.layers.mobilenet import InvertedResidual, MobileNetV2
from sensorium.layers.resnet import Block


class StreamingTSM(nn.Module):
    """One frame of each stream in, its logits out; remembers what the next frame needs.

    Args:
        network: a `TSM` with ``direction="past"`` (or no shift), without non-local blocks and
            temporal pooling; its weights are shared, not copied.
        batch: number of streams side by side.
        window: the running consensus averages the logits of a stream's last ``window`` frames.

    Shape:
        ``[batch, C, H, W] -> [batch, classes]``.

    Example:
        >>> from sensorium.actions.tsm import TSMConfig
        >>> network = TSM(TSMConfig("resnet_tiny", classes=5, direction="past")).eval()
        >>> stream = StreamingTSM(network)
        >>> [stream(frame).shape for frame in torch.zeros(2, 1, 3, 32, 32)]
        [torch.Size([1, 5]), torch.Size([1, 5])]
    """

    def __init__(self, network: TSM, batch: int = 1, window: int = 8) -> None:
        super().__init__()
        check_streamable(network)
        if batch < 1 or window < 1:
            raise ValueError(f"batch and window must be at least 1, got {batch} and {window}")
        self.network = network
        self.batch, self.window = batch, window
        self.caches: tuple[Tensor, ...] = ()
        self._size: torch.Size | None = None
        self._recent: Tensor | None = None  # [window, batch, K]
        self._seen = torch.zeros(batch, dtype=torch.long)

    @torch.no_grad()
    def forward(self, frame: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Logits of this frame, in the light of all before it.

        Raises:
            ValueError: when ``frame`` is not one normalised frame per stream, or another size than
                the stream's first, or the network is in training mode.
        """
        config = self.network.config
        if frame.ndim != 4 or tuple(frame.shape[:2]) != (self.batch, config.in_channels):
            raise ValueError(
                f"expected one frame per stream [{self.batch}, {config.in_channels}, H, W], "
                f"got {list(frame.shape)}; open the stream with batch= for several"
            )
        if self.network.training:
            raise ValueError("the network is in training mode; call eval() on it before streaming")
        if self._size is None:
            self.caches, self._size = self.initial_caches(frame), frame.shape
        if frame.shape != self._size:
            raise ValueError(
                f"this stream began with frames {list(self._size)}, got {list(frame.shape)}; "
                "resize, or reset() the stream"
            )
        logits, self.caches = self._advance(frame)
        if self._recent is None:
            self._recent = logits.new_zeros(self.window, *logits.shape)
            self._seen = self._seen.to(logits.device)
        index = (self._seen % self.window).view(1, -1, 1).expand(1, *logits.shape)
        self._recent = self._recent.scatter(0, index, logits[None])
        self._seen = self._seen + 1
        return logits

    def consensus(self) -> Float[Tensor, "B K"]:
        """Mean logits of the last ``window`` frames of each stream (fewer after a start or reset).

        Raises:
            ValueError: before any frame.
        """
        if self._recent is None:
            raise ValueError("no frame has been streamed yet; call the stream with a frame first")
        held = self._seen.clamp(1, self.window).unsqueeze(1)
        return self._recent.sum(0) / held

    def reset(self, streams: Bool[Tensor, " B"] | None = None) -> None:
        """Forget the past of the streams where the mask is true (default: of all)."""
        if streams is None:
            self.caches, self._size, self._recent = (), None, None
            self._seen = torch.zeros(self.batch, dtype=torch.long)
            return
        if streams.dtype != torch.bool or tuple(streams.shape) != (self.batch,):
            raise ValueError(
                f"expected a boolean mask of {self.batch} streams, "
                f"got {streams.dtype} {list(streams.shape)}"
            )
        streams = streams.to(self._seen.device)
        self.caches = tuple(c.masked_fill(streams.view(-1, 1, 1, 1), 0) for c in self.caches)
        if self._recent is not None:
            self._recent = self._recent.masked_fill(streams.view(1, -1, 1), 0)
        self._seen = self._seen.masked_fill(streams, 0)

    def initial_caches(self, frame: Float[Tensor, "B C H W"]) -> tuple[Tensor, ...]:
        """Zero caches for frames of this size, one per shifted block, in order."""
        shapes: list[Tensor] = []

        def note(block: Block | InvertedResidual, x: Tensor) -> Tensor:
            shapes.append(x.new_zeros(len(x), self._fold(x), *x.shape[2:]))
            return block(x)  # type: ignore[no-any-return]

        with torch.no_grad():
            self._walk(frame, note)
        return tuple(shapes)

    def step(
        self, frame: Float[Tensor, "B C H W"], caches: Sequence[Tensor]
    ) -> tuple[Float[Tensor, "B K"], tuple[Tensor, ...]]:
        """Logits of a frame and the caches for the next, from the caches of the one before.

        Keeps nothing and writes into nothing: the form for export.
        """
        kept: list[Tensor] = []

        def cached(block: Block | InvertedResidual, x: Tensor) -> Tensor:
            fold = self._fold(x)
            kept.append(x[:, :fold])
            shifted = torch.cat([caches[len(kept) - 1], x[:, fold:]], dim=1)
            if self.network.config.placement == "block":
                return block(shifted)  # type: ignore[no-any-return]
            return block.rest(x, block.first(shifted))

        return self._walk(frame, cached), tuple(kept)

    def _advance(self, frame: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`step` without gradients: swaps the cached channels in and out, the rest stays put."""
        kept: list[Tensor] = []

        def swapped(block: Block | InvertedResidual, x: Tensor) -> Tensor:
            head = x[:, : self._fold(x)]
            kept.append(head.clone())
            head.copy_(self.caches[len(kept) - 1])
            if self.network.config.placement == "block":
                return block(x)  # type: ignore[no-any-return]
            h = block.first(x)
            head.copy_(kept[-1])
            return block.rest(x, h)

        return self._walk(frame, swapped), tuple(kept)

    def _walk(
        self, frame: Tensor, shifted: Callable[[Block | InvertedResidual, Tensor], Tensor]
    ) -> Tensor:
        """The network on single frames, its shifted blocks called through ``shifted``."""
        backbone = self.network.backbone
        x = backbone.stem(frame)
        for name, block in backbone.blocks():
            x = shifted(block, x) if name in self.network.shifted else block(x)
        if isinstance(backbone, MobileNetV2):
            x = backbone.last(x)
        logits: Tensor = self.network.head(x.mean((2, 3)))  # [B, D, h, w] -> [B, K]
        return logits

    def _fold(self, x: Tensor) -> int:
        return x.shape[1] // self.network.config.shift_div


def check_streamable(network: TSM) -> None:
    """Refuse a network that needs frames which have not come yet.

    Raises:
        ValueError: with the reason and what to do.
    """
    config = network.config
    if config.shift_div and config.direction == "both":
        raise ValueError(
            "this TSM was made with direction='both', whose first channels hold the next frame; "
            "a stream has none yet: train with direction='past' (a bi-directional checkpoint "
            "cannot be converted)"
        )
    if config.non_local or config.temporal_pool:
        part = "non-local blocks" if config.non_local else "temporal pooling"
        raise ValueError(f"{part} look at all frames at once and cannot be streamed; train without")
