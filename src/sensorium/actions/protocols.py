"""The papers' test protocols by name: which views of a video are scored, and how they are averaged.

Papers: TSM (arXiv:1811.08383), section 5.1 and released code; StNet (arXiv:1811.01549), released
code. Sizes are in units of the network's input side, so that they hold for small networks as well:
256 of 224 pixels is a factor of 8/7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium import images
from sensorium.actions.augment import Fit, fitted_size
from sensorium.actions.sampling import Sampling, frame_count, index_times
from sensorium.suggest import did_you_mean
from sensorium.types import Span, Video


@dataclass(frozen=True)
class Protocol:
    """One way to test on trimmed videos.

    Attributes:
        name: how papers and reports call it.
        kind: the kind of sampling that it is made for; ``None``: any.
        clips: sets of frames per video.
        crops: per clip: 1 (centre), 3 (both ends of the longer side, centre), 5 (corners, centre)
            or 10 (those and their mirror images; wrong for classes that speak of left and right).
        full: crops have the whole shorter side (256 for a 224 network) instead of 7/8 of it.
        fit: how whole pictures are brought to size, where the protocol fixes it (StNet: 4:3).
        segments: of the sampling, where the protocol fixes them.
        average: what is averaged over the views.
    """

    name: str
    kind: Literal["uniform", "dense", "snippets"] | None = None
    clips: int = 1
    crops: Literal[1, 3, 5, 10] = 1
    full: bool = False
    fit: Fit | None = None
    segments: int | None = None
    average: Literal["logits", "probabilities"] = "logits"

    @property
    def views_per_video(self) -> int:
        """Forward passes per video: what cost figures are to be multiplied by."""
        return self.clips * self.crops

    def sampling(self, sampling: Sampling) -> Sampling:
        """The system's sampling with the segments that the protocol fixes."""
        return sampling if self.segments is None else replace(sampling, segments=self.segments)

    def views(
        self,
        video: Video,
        sampling: Sampling,
        size: int,
        *,
        fit: Fit = "crop",
        fps: float = 0.0,
        span: Span | None = None,
    ) -> Iterator[UInt8[Tensor, "T 3 S S"]]:
        """The views of a video, clip by clip and crop by crop within a clip.

        Args:
            video: trimmed to one action, or see ``span``.
            sampling: the system's.
            size: side of the system's input in pixels.
            fit: the system's, see ``augment.fitted_size``.
            fps: rate at which the system looks at videos; 0 is the video's own.
            span: the part of the video to look at, in seconds.

        Raises:
            ValueError: when the sampling has fewer test clips than the protocol asks for.
        """
        span, fps = span or video.span, fps or video.fps
        clips = self.sampling(sampling).test_indices(frame_count(span, fps), self.clips)
        for indices in clips:
            frames = video.frames(index_times(indices, fps, span.start))
            yield from self.crops_of(frames, size, fit)

    def crops_of(
        self, frames: UInt8[Tensor, "T 3 H W"], size: int, fit: Fit = "crop"
    ) -> Iterator[UInt8[Tensor, "T 3 S S"]]:
        """The crops of one clip of whole pictures."""
        side = size * 8 // 7 if self.full else size
        fit = self.fit or fit
        target = fitted_size(frames.shape[-2], frames.shape[-1], size, fit)
        if fit == "squash":
            target = (side, side)
        frames = images.resize(frames, target)
        for top, left in _anchors(*target, side, self.crops):
            view = images.crop(frames, top, left, side, side)
            yield view
            if self.crops == 10:
                yield images.flip(view)

    def aggregate(self, logits: Float[Tensor, "V ... K"]) -> Float[Tensor, "... K"]:
        """Class probabilities of a video from the logits of its views.

        TSM averages logits and takes the softmax afterwards; MMAction2 averages probabilities.
        """
        if self.average == "logits":
            return logits.float().mean(0).softmax(-1)
        return logits.float().softmax(-1).mean(0)


def _anchors(height: int, width: int, side: int, crops: int) -> Sequence[tuple[int, int]]:
    """(top, left) of each crop; as released, steps are quarters of the free room, rounded down."""
    y, x = (height - side) // 4, (width - side) // 4
    centre = ((height - side) // 2, (width - side) // 2)
    if crops == 1:
        return [centre]
    if crops == 3 and width >= height:
        return [(2 * y, 0), (2 * y, 4 * x), (2 * y, 2 * x)]
    if crops == 3:
        return [(0, 2 * x), (4 * y, 2 * x), (2 * y, 2 * x)]
    return [(0, 0), (0, 4 * x), (4 * y, 0), (4 * y, 4 * x), (2 * y, 2 * x)]


PROTOCOLS: dict[str, Protocol] = {
    "efficient": Protocol("efficient"),
    "accurate": Protocol("accurate", "uniform", clips=2, crops=3, full=True),
    "dense": Protocol("dense", "dense", clips=10, crops=3, full=True),
    "stnet": Protocol("stnet", "snippets", full=True, fit="four-thirds", segments=25),
}
"""``efficient``: 1 clip x centre 224. ``accurate``: 2 x 3 crops of 256 (Something-Something).
``dense``: 10 x 3 crops of 256 (Kinetics). ``stnet``: 25 snippets, centre 256 of a 4:3 picture."""


def find_protocol(name: str, sampling: Sampling) -> Protocol:
    """The protocol of that name, if it can be followed with this sampling.

    Raises:
        ValueError: when there is none, or it is made for another kind of sampling.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"no test protocol is called {name!r}{did_you_mean(name, PROTOCOLS)}")
    protocol = PROTOCOLS[name]
    if protocol.kind not in (None, sampling.kind):
        fitting = [p.name for p in PROTOCOLS.values() if p.kind in (None, sampling.kind)]
        raise ValueError(
            f"the protocol {name!r} needs {protocol.kind} sampling, the data have {sampling.kind} "
            f"sampling; take a system trained with {protocol.kind} sampling, or "
            f"the protocol {' or '.join(fitting)}"
        )
    return protocol
