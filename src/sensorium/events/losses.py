"""The losses of WSDEC (Duan et al., arXiv:1812.03849, section 3.4) and of full supervision.

``L = L_c + lambda_s L_s + lambda_a L_a``: the caption written again from where it was found, the
span found again from what is written there, and the scores of the anchors. Which of them count is
the phase: captions of whole videos, anchors alone, the cycle, or full supervision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from sensorium.events.anchors import iou
from sensorium.events.generator import Generator
from sensorium.events.localiser import Localiser
from sensorium.events.targets import (
    anchor_likelihoods,
    hard_targets,
    rewards,
    sentence_log_p,
    similarity,
    soft_targets,
)


@dataclass(frozen=True)
class LossConfig:
    """How WSDEC learns.

    Attributes:
        targets: labels of the anchors: ``logp`` soft from log p of the sentence in each, ``metric``
            the anchor with the best written sentence, as published, ``policy`` rewards for it, as
            the journal version's code.
        temperature: of ``logp``.
        contrast: of ``logp``, see `targets.soft_targets`.
        sentences: drawn per video and step; 0: all. Published is 1.
        noise: greatest shift of a found span before it is told, in videos.
        caption: lambda of L_c.
        segment: lambda_s.
        anchor: lambda_a in the cycle; 0 leaves the anchors to their own phase, as published.
        offset: weight of the offsets' L1 under full supervision.
        localiser_rate: the localiser's learning rate, but for its offsets, over the stage's.
        beam: partial sentences of ``metric`` and ``policy``.
    """

    targets: Literal["logp", "metric", "policy"] = "logp"
    temperature: float = 1.0
    contrast: float = 0.0
    sentences: int = 0
    noise: float = 0.01
    caption: float = 1.0
    segment: float = 0.01
    anchor: float = 1.0
    offset: float = 0.1
    localiser_rate: float = 0.1
    beam: int = 3

    def __post_init__(self) -> None:
        for name in ("contrast", "noise", "caption", "segment", "anchor", "offset", "sentences"):
            if getattr(self, name) < 0:
                raise ValueError(f"losses: {name} must be at least 0, got {getattr(self, name)!r}")
        if not self.temperature > 0:
            raise ValueError(f"losses: temperature must be above 0, got {self.temperature!r}")
        if not self.localiser_rate > 0:
            raise ValueError(f"losses: localiser_rate must be above 0, got {self.localiser_rate!r}")


@dataclass(frozen=True)
class Lesson:
    """A batch: videos and the sentences that are learnt from.

    Attributes:
        features: of the videos, padded.
        length: steps of each video.
        words: ``<bos>`` ... ``<eos>``, filled up with ``<eos>``.
        word_count: words of each sentence, both ends included; 0: padding.
        spans: true ``(centre, width)``, or ``None``.
    """

    features: Float[Tensor, "B T D"]
    length: Int64[Tensor, "B"]
    words: Int64[Tensor, "B S L"]
    word_count: Int64[Tensor, "B S"]
    spans: Float[Tensor, "B S 2"] | None = None

    @property
    def told(self) -> Bool[Tensor, "B S"]:
        """Which sentences are no padding."""
        return self.word_count > 0

    def drawn(self, count: int) -> Lesson:
        """At most ``count`` sentences of each video, drawn at random; 0: all."""
        if not 0 < count < self.words.shape[1]:
            return self
        order = torch.rand(self.told.shape, device=self.words.device) + self.told
        rows = order.topk(count, dim=1).indices
        spans = self.spans
        if spans is not None:
            spans = spans.gather(1, rows[..., None].expand(-1, -1, 2))
        return Lesson(
            self.features,
            self.length,
            self.words.gather(1, rows[..., None].expand(-1, -1, self.words.shape[-1])),
            self.word_count.gather(1, rows),
            spans,
        )


def caption_loss(
    generator: Generator, lesson: Lesson, spans: Float[Tensor, "B S 2"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "B S L-1 V"]]:
    """L_c: minus log p of the sentences told about ``spans``, per sentence, and the logits."""
    logits = generator(lesson.features, lesson.length, spans, lesson.words)
    logs = sentence_log_p(logits, lesson.words[..., 1:], lesson.word_count)
    return -mean(logs, lesson.told), logits


def anchor_loss(
    localiser: Localiser,
    generator: Generator,
    lesson: Lesson,
    scores: Float[Tensor, "B S A"],
    config: LossConfig,
) -> Float[Tensor, ""]:
    """L_a: of the anchors' scores against what the generator makes of each anchor.

    With soft labels the divergence, whose gradient is that of the cross-entropy.
    """
    spans = localiser.anchors.expand(len(lesson.features), -1, -1)
    logs = scores.log_softmax(-1)
    generating = generator.training
    generator.eval()
    try:
        if config.targets == "logp":
            likely = anchor_likelihoods(
                generator, lesson.features, lesson.length, spans, lesson.words, lesson.word_count
            )
            target = soft_targets(likely, config.temperature, config.contrast, lesson.told)
        else:
            written, _ = generator.write(lesson.features, lesson.length, spans, config.beam)
            alike = similarity(written, lesson.words)
            if config.targets == "policy":
                gain = (logs * rewards(alike, lesson.told)).sum(-1)
                return -mean(gain, lesson.told)
            target = hard_targets(alike)
    finally:
        generator.train(generating)
    return mean(F.kl_div(logs, target, reduction="none").sum(-1), lesson.told)


def cycle_losses(
    localiser: Localiser,
    generator: Generator,
    lesson: Lesson,
    spans: Float[Tensor, "B S 2"],
    noise: float,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """L_c and L_s: the sentence told again from its span, and the span found again from that.

    The likeliest words, teacher-forced, are what is searched for again, as in the published code;
    they carry no gradient, and neither does the span that is to be found again.
    """
    shifted = spans + noise * (2 * torch.rand_like(spans) - 1)
    shifted = shifted.clamp(1e-3, 1.0)
    caption, logits = caption_loss(generator, lesson, shifted)
    again = torch.cat([lesson.words[..., :1], logits.detach().argmax(-1)], -1)
    place = torch.arange(again.shape[-1], device=again.device)
    again = torch.where(place < lesson.word_count[..., None], again, lesson.words)
    found = localiser.best(*localiser(lesson.features, lesson.length, again, lesson.word_count))
    apart = (found - shifted.detach()).square().mean(-1)
    return caption, mean(apart, lesson.told)


def supervised_losses(
    localiser: Localiser,
    lesson: Lesson,
    scores: Float[Tensor, "B S A"],
    offsets: Float[Tensor, "B S A 2"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross-entropy to the anchor nearest the true span, and L1 of what is decoded from it.

    Raises:
        ValueError: without true spans.
    """
    if lesson.spans is None:
        raise ValueError(
            "full supervision needs the key 'spans' in a batch; open the data with kind='full'"
        )
    overlaps = iou(localiser.anchors, lesson.spans[:, :, None])
    nearest = overlaps.argmax(-1)
    entropy = -scores.log_softmax(-1).gather(-1, nearest[..., None])[..., 0]
    rows = nearest[..., None, None].expand(-1, -1, 1, 2)
    found = localiser.decode(offsets).gather(2, rows)[:, :, 0]
    apart = (found - lesson.spans).abs().sum(-1) / lesson.spans[..., 1].clamp_min(1e-2)
    return mean(entropy, lesson.told), mean(apart, lesson.told)


def spread(spans: Float[Tensor, "B S 2"], told: Bool[Tensor, "B S"]) -> Float[Tensor, ""]:
    """Variance of the found centres over the sentences of a video; 0 when all are found at one.

    1/12 where they are even over the video. This is the monitor of collapse.
    """
    weight = told.to(spans.dtype)
    count = weight.sum(1).clamp_min(1)
    centre = spans[..., 0]
    middle = (centre * weight).sum(1) / count
    variance = ((centre - middle[:, None]).square() * weight).sum(1) / count
    return variance.mean()


def mean(values: Float[Tensor, "B S"], told: Bool[Tensor, "B S"]) -> Float[Tensor, ""]:
    """Over the sentences that are no padding."""
    return torch.where(told, values, 0).sum() / told.sum().clamp_min(1)
