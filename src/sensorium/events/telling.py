"""Localiser and generator over videos of any length, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.events.anchors import edges
from sensorium.events.fixed_point import (
    FixedPointConfig,
    Told,
    blind_log_p,
    settle,
    suppressed,
)
from sensorium.events.generator import Generator
from sensorium.events.localiser import Localiser
from sensorium.events.standard import Standard
from sensorium.events.targets import sentence_log_p
from sensorium.events.windows import Fetch, Window, windowed


@dataclass(frozen=True)
class Teller:
    """Tells and finds events; spans are in steps of the video.

    Attributes:
        localiser: sentence in, span out.
        generator: span in, sentence out.
        standard: what features go through first, or ``None``.
        steps: of a window, as long as the videos of the training.
    """

    localiser: Localiser
    generator: Generator
    standard: Standard | None
    steps: int

    @torch.no_grad()
    def events(
        self,
        total: int,
        fetch: Fetch,
        search: FixedPointConfig,
        look: Callable[[Float[Tensor, "1 T D"]], None],
    ) -> list[Told]:
        """The events of a video in order of time.

        A video too short for any anchor is told as a whole.

        Args:
            total: steps of the video.
            fetch: gives its features.
            search: how to find them.
            look: is shown the features of every window, without padding.
        """
        found: list[Told] = []
        for window, features in self._windows(total, fetch):
            look(features[:, : window.real])
            length = torch.tensor([window.steps], device=features.device)
            until = window.real / window.steps
            (raw,) = settle(self.localiser, self.generator, features, length, search, until=until)
            placed = [in_video(event, window) for event in raw]
            own = [event for event in placed if window.owns(event.start, event.end)]
            if raw and not own and total <= self.steps:
                best = max(raw, key=lambda event: event.score)
                own = [replace(best, start=0.0, end=float(total))]
            found += own
        merged = suppressed(found, search) if search.merge == "nms" else found
        return sorted(merged, key=lambda event: (event.start, event.end))

    @torch.no_grad()
    def find(self, total: int, fetch: Fetch, numbers: Sequence[int]) -> Told:
        """Where a sentence is found best: in each window, then among the windows.

        Args:
            total: steps of the video.
            fetch: gives its features.
            numbers: of the sentence's words, both ends included.
        """
        found: list[Told] = []
        for window, features in self._windows(total, fetch):
            words = torch.tensor(numbers, device=features.device)[None, None]
            length = torch.tensor([window.steps], device=features.device)
            count = torch.tensor([[len(numbers)]], device=features.device)
            logits, offsets = self.localiser(features, length, words, count)
            spans = self.localiser.best(logits, offsets, window.real / window.steps)
            sure = self._evidence(features, length, spans, words)
            start, end = edges(spans)[0, 0].tolist()
            found.append(in_video(Told(start, end, tuple(numbers[1:-1]), sure), window))
        return max(found, key=lambda event: event.score)

    def _evidence(
        self,
        features: Float[Tensor, "1 T D"],
        length: Int64[Tensor, "1"],
        spans: Float[Tensor, "1 1 2"],
        words: Int64[Tensor, "1 1 L"],
    ) -> float:
        """How probable a word of a sentence is (0..1), or how much more than untold."""
        logits = self.generator(features, length, spans, words)
        count = torch.tensor([[words.shape[-1]]], device=words.device)
        likely = sentence_log_p(logits, words[..., 1:], count)
        if not self.generator.config.blind:
            return float((likely / (count - 1)).exp())
        unseen = blind_log_p(self.generator, words)
        return float(-torch.expm1(((unseen - likely) / (count - 1)).clamp_max(0)))

    def _windows(self, total: int, fetch: Fetch) -> Iterator[tuple[Window, Float[Tensor, "1 T D"]]]:
        """Windows with their features, filled up with zeros."""
        place = self.localiser.anchors.device
        for window, rows in windowed(total, self.steps, fetch):
            rows = rows.float().to(place)
            rows = rows if self.standard is None else self.standard(rows)
            padding = rows.new_zeros(window.steps - len(rows), rows.shape[1])
            yield window, torch.cat([rows, padding])[None]


def in_video(event: Told, window: Window) -> Told:
    """An event of a window in steps of the video, not beyond its end."""
    end = window.first + min(event.end * window.steps, window.real)
    start = min(window.first + event.start * window.steps, end)
    return Told(start, end, event.words, event.score)
