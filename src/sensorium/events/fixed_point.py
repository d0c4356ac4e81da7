"""Dense captioning as a fixed point: spans that, told and found again, stay where they are.

Duan et al., arXiv:1812.03849, section 3.1: ``S(t+1) = l(V, g(V, S(t)))`` from many starts. The
published code takes 15 random spans, one round, and drops those that hardly moved (``moved``); the
paper's own reading keeps those that stay (``stable``), which is our default. Where the published
code fails for want of any, the best is kept. Ours besides: starts at the anchors, scores, and
suppression of the worse of two that overlap instead of their hull.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.events.anchors import edges, iou
from sensorium.events.generator import Generator
from sensorium.events.localiser import Localiser
from sensorium.events.targets import anchor_likelihoods, sentence_log_p
from sensorium.events.vocabulary import BOS, EOS
from sensorium.seeds import torch_generator


@dataclass(frozen=True)
class FixedPointConfig:
    """How a video is searched for events.

    Attributes:
        start: from ``random`` spans, the same in every video, or from all ``anchors``.
        candidates: random spans.
        rounds: of telling and finding; 0 tells the starts themselves.
        keep: spans that stay (``stable``), or that move (``moved``), in the last round.
        agreement: IoU of one round with the next that divides the two.
        merge: what becomes of two that overlap: ``nms`` keeps the better, ``hull`` joins them.
        overlap: IoU above which two are one; published is 0.9.
        same: IoU above which two of the same words are one (``nms``).
        beam: partial sentences followed at a time.
        length_penalty: see `Generator.write`.
        least: score below which nothing is told; when no candidate reaches it, the story is empty.
        contrast: how much likelier (nats a word) a sentence must be in its span than in anchors
            elsewhere in the video; what fits everywhere tells of nothing. 0: not asked.
        most: events told at most.
        seed: of the random spans.
    """

    start: Literal["random", "anchors"] = "random"
    candidates: int = 15
    rounds: int = 1
    keep: Literal["stable", "moved"] = "stable"
    agreement: float = 0.2
    merge: Literal["nms", "hull"] = "nms"
    overlap: float = 0.9
    same: float = 0.2
    beam: int = 3
    length_penalty: float = 0.0
    least: float = 0.0
    contrast: float = 0.0
    most: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("candidates", 1), ("rounds", 0), ("beam", 1), ("most", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"fixed point: {name} must be at least {least}, got {getattr(self, name)!r}"
                )
        for name in ("agreement", "overlap", "same", "least"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"fixed point: {name} must be 0 to 1, got {getattr(self, name)!r}")
        if self.contrast < 0:
            raise ValueError(f"fixed point: contrast must be 0 or more, got {self.contrast!r}")


@dataclass(frozen=True)
class Told:
    """An event of a video.

    Attributes:
        start: in fractions of the video.
        end: likewise.
        words: of the vocabulary, without ``<bos>`` and ``<eos>``.
        score: 0..1.
    """

    start: float
    end: float
    words: tuple[int, ...]
    score: float

    def iou(self, other: Told) -> float:
        """Temporal intersection over union."""
        shared = max(0.0, min(self.end, other.end) - max(self.start, other.start))
        union = self.end - self.start + other.end - other.start - shared
        return shared / union if union > 0 else 0.0


@torch.no_grad()
def settle(
    localiser: Localiser,
    generator: Generator,
    features: Float[Tensor, "B T D"],
    length: Int64[Tensor, "B"],
    config: FixedPointConfig,
    given: Float[Tensor, "B K 2"] | None = None,
    until: float = 1.0,
) -> list[list[Told]]:
    """The events of each video in order of time. Call in ``eval()`` mode.

    Empty only where no candidate's score reaches ``config.least``, or none stands out by
    ``config.contrast``.

    Args:
        localiser: sentence in, span out.
        generator: span in, sentence out.
        features: of videos, padded.
        length: steps of each video.
        config: of the search.
        given: spans to start from instead of the config's.
        until: see `Localiser.best`.
    """
    spans = starts(localiser.anchors, config).to(features).expand(len(features), -1, -1)
    spans = spans if given is None else given
    before = spans
    words, likely = write(generator, features, length, spans, config)
    for _ in range(config.rounds):
        logits, offsets = localiser(features, length, words, (words != EOS).sum(-1) + 1)
        found = localiser.best(logits, offsets, until)
        before, spans = spans, found
        words, likely = write(generator, features, length, spans, config)
    agreed = iou(before, spans)
    score = scores(generator, features, length, words, likely, agreed, config)
    stays = agreed >= config.agreement
    kept = stays if config.keep == "stable" or config.rounds == 0 else ~stays
    stories = []
    for i in range(len(features)):
        events = chosen(_told(spans[i], words[i], score[i]), kept[i].tolist(), config)
        if config.contrast and events:
            video = (features[i : i + 1], length[i : i + 1])
            by = contrasts(generator, *video, localiser.anchors, events)
            events = [e for e, much in zip(events, by, strict=True) if much >= config.contrast]
        stories.append(events)
    return stories


def starts(anchors: Float[Tensor, "A 2"], config: FixedPointConfig) -> Float[Tensor, "K 2"]:
    """The spans S(0)."""
    if config.start == "anchors":
        return anchors
    return torch.rand(config.candidates, 2, generator=torch_generator(config.seed, "candidates"))


def write(
    generator: Generator,
    features: Float[Tensor, "B T D"],
    length: Int64[Tensor, "B"],
    spans: Float[Tensor, "B K 2"],
    config: FixedPointConfig,
) -> tuple[Int64[Tensor, "B K L"], Float[Tensor, "B K"]]:
    """`Generator.write` with these settings."""
    return generator.write(features, length, spans, config.beam, config.length_penalty)


def scores(
    generator: Generator,
    features: Float[Tensor, "B T D"],
    length: Int64[Tensor, "B"],
    words: Int64[Tensor, "B K L"],
    likely: Float[Tensor, "B K"],
    agreed: Float[Tensor, "B K"],
    config: FixedPointConfig,
) -> Float[Tensor, "B K"]:
    """0..1: the geometric mean of a word's probability, agreement and evidence.

    A word's probability is the geometric mean over the sentence. Agreement is the IoU of the last
    two rounds; where movers are kept it does not count. Evidence, where the generator has learnt
    without descriptions, is how much less probable a word would be without one.
    """
    count = (words[..., 1:] != EOS).sum(-1) + 1
    parts = [(likely / count).exp()]
    if config.keep == "stable" and config.rounds:
        parts.append(agreed)
    if generator.config.blind:
        unseen = blind_log_p(generator, words)
        parts.append(-torch.expm1(((unseen - likely) / count).clamp_max(0)))
    return torch.stack(parts).clamp(0, 1).prod(0) ** (1 / len(parts))


def blind_log_p(generator: Generator, words: Int64[Tensor, "B K L"]) -> Float[Tensor, "B K"]:
    """Log p of sentences when nothing is told about a span."""
    first = generator.cells[0]
    assert isinstance(first, torch.nn.GRUCell)
    width = first.weight_ih.shape[1] - generator.config.embedding
    nothing = generator.clip_gates(first.weight_ih.new_zeros(width))
    state = nothing.new_zeros(len(generator.cells), *words.shape[:2], generator.config.hidden)
    logits = generator.unrolled(generator.word_gates(words[..., :-1]) + nothing, state)
    count = (words[..., 1:] != EOS).sum(-1) + 2
    return sentence_log_p(logits, words[..., 1:], count)


@torch.no_grad()
def contrasts(
    generator: Generator,
    features: Float[Tensor, "1 T D"],
    length: Int64[Tensor, "1"],
    anchors: Float[Tensor, "A 2"],
    events: Sequence[Told],
) -> list[float]:
    """How much likelier (nats a word) each sentence is in its span than elsewhere in the video.

    Elsewhere: the mean over the anchors that share nothing with the span; infinite where there are
    none, since an event that fills the video cannot be compared.
    """
    place = features.device
    longest = max(len(event.words) for event in events) + 2
    rows = [[BOS, *e.words, *[EOS] * (longest - 1 - len(e.words))] for e in events]
    words = torch.tensor(rows, device=place)[None]
    count = torch.tensor([[len(event.words) + 2 for event in events]], device=place)
    own = torch.tensor(
        [[0.5 * (e.start + e.end), e.end - e.start] for e in events], device=place
    ).to(anchors)
    spans = torch.cat([own, anchors])[None]
    likely = anchor_likelihoods(generator, features, length, spans, words, count)[0]
    likely = likely / (count[0, :, None] - 1)  # [S, S + A] per word
    apart = iou(own[:, None], anchors[None]) == 0  # [S, A]
    others = (likely[:, len(events) :] * apart).sum(-1) / apart.sum(-1).clamp_min(1)
    much = likely.diagonal() - others
    return torch.where(apart.any(-1), much, torch.inf).tolist()


def chosen(events: Sequence[Told], kept: Sequence[bool], config: FixedPointConfig) -> list[Told]:
    """What is told of the candidates, in order of time.

    Args:
        events: candidates in the order of the starts.
        kept: which pass the test of one round against the next; when none does, the best is taken.
        config: how to merge, and what score is too low.
    """
    able = [event for event in events if event.score >= config.least]
    passed = [e for e, k in zip(events, kept, strict=True) if k and e.score >= config.least]
    if not passed and able:
        passed = [max(able, key=lambda event: event.score)]
    merged = suppressed(passed, config) if config.merge == "nms" else hulls(passed, config.overlap)
    best = sorted(merged, key=lambda event: -event.score)[: config.most]
    return sorted(best, key=lambda event: (event.start, event.end))


def suppressed(events: Sequence[Told], config: FixedPointConfig) -> list[Told]:
    """From the best on, those that overlap none before them by more than may be."""
    kept: list[Told] = []
    for event in sorted(events, key=lambda event: -event.score):
        limits = (config.same if e.words == event.words else config.overlap for e in kept)
        if all(event.iou(e) <= limit for e, limit in zip(kept, limits, strict=True)):
            kept.append(event)
    return kept


def hulls(events: Sequence[Told], overlap: float) -> list[Told]:
    """In the order of the starts: one that overlaps a kept one widens that to both, as published.

    The words are those of the better.
    """
    kept: list[Told] = []
    for event in events:
        shared = [event.iou(e) for e in kept]
        if not kept or max(shared) <= overlap:
            kept.append(event)
            continue
        at = shared.index(max(shared))
        better = max(kept[at], event, key=lambda e: e.score)
        start, end = min(kept[at].start, event.start), max(kept[at].end, event.end)
        kept[at] = replace(better, start=start, end=end)
    return kept


def _told(
    spans: Float[Tensor, "K 2"], words: Int64[Tensor, "K L"], score: Float[Tensor, "K"]
) -> list[Told]:
    """Candidates of one video."""
    ends = edges(spans).tolist()
    rows = [tuple(w for w in row[1:] if w != EOS) for row in words.tolist()]
    return [
        Told(start, end, said, sure)
        for (start, end), said, sure in zip(ends, rows, score.tolist(), strict=True)
    ]
