"""A data set seen by a test protocol: every video as all of its views, scored together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium.actions.protocols import Protocol
from sensorium.recipe import Split
from sensorium.system import Batch, Meter

if TYPE_CHECKING:
    from sensorium.actions.datasets.data import ActionData
    from sensorium.actions.datasets.stage import StageExamples
    from sensorium.actions.datasets.video_examples import VideoExamples

Network = Callable[[Tensor], Tensor]
"""``uint8 [B, T, 3, S, S] -> logits [B, K]``."""

_AT_ONCE = 8  # views in one forward pass


class ProtocolExamples:
    """A split as a protocol sees it.

    An example is ``frames``: ``uint8 [V, T, 3, S, S]``, the views, and ``label``: ``int64 []``.
    Nothing is drawn: the seed changes nothing.

    Args:
        examples: the split.
        protocol: makes the views.
    """

    def __init__(self, examples: VideoExamples | StageExamples, protocol: Protocol) -> None:
        self.examples = examples
        self.protocol = protocol

    def __len__(self) -> int:
        """Videos in the split."""
        return len(self.examples)

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """The views and the label of one video.

        Raises:
            MediaError: naming a video that cannot be read.
        """
        video, label = self.examples.video(index)
        look = self.examples.look
        views = self.protocol.views(
            video,
            look.sampling,
            look.size,
            fit=look.fit,
            fps=look.fps,
            span=look.part(video.span),
        )
        return {"frames": torch.stack(list(views)), "label": torch.tensor(label)}


@dataclass(frozen=True)
class ProtocolTest:
    """How a protocol tests a network on a data set.

    Attributes:
        data: whose splits.
        protocol: by which.
        network: what is tested.
    """

    data: ActionData
    protocol: Protocol
    network: Network

    @property
    def views(self) -> int:
        """Forward passes per video."""
        return self.protocol.views_per_video

    def open(self, split: Split) -> ProtocolExamples:
        """The examples of one split.

        Raises:
            ValueError: when the data are missing or malformed, with what to do.
        """
        return ProtocolExamples(self.data.open(split), self.protocol)

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feed each video's probabilities, over all of its views, and its label to the meters."""
        probabilities = score(self.protocol, batch["frames"], self.network).cpu()
        for meter in meters.values():
            meter.update(probabilities, batch["label"].cpu())


@torch.no_grad()
def score(
    protocol: Protocol, views: UInt8[Tensor, "B V T 3 S S"], network: Network
) -> Float[Tensor, "B K"]:
    """Class probabilities of each video from its views, a few views at a time."""
    flat = views.flatten(0, 1)  # [B, V, T, 3, S, S] -> [B*V, T, 3, S, S]
    logits = torch.cat([network(some) for some in torch.split(flat, _AT_ONCE)])
    per_video = logits.view(*views.shape[:2], -1)  # [B*V, K] -> [B, V, K]
    return protocol.aggregate(per_video.transpose(0, 1))  # [B, V, K] -> [V, B, K]
