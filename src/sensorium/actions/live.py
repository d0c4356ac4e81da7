"""Recognition as it happens: one frame in, one answer out (TSM, arXiv:1811.08383, section 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from sensorium.actions.results import Action, Actions
from sensorium.actions.streaming import StreamingTSM
from sensorium.types import Span

if TYPE_CHECKING:
    from sensorium.actions.systems import ActionSystem
    from sensorium.actions.tsm import TSM
    from sensorium.actions.view import View


class ActionStream:
    """Streams of frames, side by side, and what happens in each now.

    The answer to a frame is the mean of the logits of the last ``T`` frames, where ``T`` is the
    number of frames that the system was trained on.

    Args:
        system: which the network belongs to.
        network: the system's, uni-directional.
        batch: number of streams.

    Attributes:
        fps: rate at which frames should come, in hertz: the one that the system was trained at
            (0 when it was trained at the files' own rates).

    Raises:
        ValueError: when the network needs frames that have not come yet.
    """

    def __init__(self, system: ActionSystem, network: TSM, batch: int = 1) -> None:
        view: View = system.config.view
        self.system = system
        self.fps = view.sampling.count / view.window_seconds if view.window_seconds else view.fps
        self._network = StreamingTSM(network, batch, window=view.sampling.count)
        self._frames = 0

    @torch.no_grad()
    def __call__(self, frame: UInt8[Tensor, "3 H W"]) -> Actions:
        """What happens now, in a single stream.

        The only entry of ``windows`` is the time of this frame, counted from the first at `fps`.

        Raises:
            ValueError: when the stream was opened for several (use `step`), or the frame is not
                ``uint8 [3, H, W]``.
        """
        if frame.ndim != 3:
            raise ValueError(
                f"expected one frame uint8 [3, H, W], got {list(frame.shape)}; "
                "for several streams call step() with [B, 3, H, W]"
            )
        scores = self.step(frame[None])
        length = 1 / (self.fps or 1.0)
        now = Span((self._frames - 1) * length, self._frames * length)
        classes = self.system.config.classes
        best = int(scores[0].argmax())
        action = Action(now, classes[best], float(scores[0, best]))
        return Actions("stream", self.system.weights, classes, (now,), scores, (action,))

    @torch.no_grad()
    def step(self, frames: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
        """Probabilities of each stream's classes after its next frame.

        Raises:
            ValueError: when there is not one frame per stream.
        """
        view: View = self.system.config.view
        pixels = self.system.pixels(view.fitted(frames)[:, None])[:, 0]
        self._network(pixels)
        self._frames += 1
        return self._network.consensus().softmax(1).cpu()

    def reset(self, streams: Bool[Tensor, " B"] | None = None) -> None:
        """Forget the past of the streams where the mask is true (default: of all)."""
        self._network.reset(streams)
        if streams is None:
            self._frames = 0
