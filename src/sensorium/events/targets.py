"""Which anchor a sentence belongs to, as the generator sees it: the labels of L_a.

Published: write a sentence for every anchor, score each against the true one, take the best as the
label (arXiv:1812.03849). Many anchors give the same sentence; the published code then always takes
the first, ours spreads the label over all of them. The journal version's code rewards all anchors
by ``exp(10 * score)`` instead (``policy``). Ours by default asks the generator how likely the true
sentence is in each anchor, which has no ties and needs no search (``logp``).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.events.generator import Generator
from sensorium.events.vocabulary import EOS

_CHUNK = 4096
"""Sentences judged at once."""

_NEVER = -1e4
"""A log-probability; finite, since a video may have no sentence at all."""


@torch.no_grad()
def anchor_likelihoods(
    generator: Generator,
    features: Float[Tensor, "B T D"],
    length: Int64[Tensor, "B"],
    spans: Float[Tensor, "B A 2"],
    words: Int64[Tensor, "B S L"],
    word_count: Int64[Tensor, "B S"],
) -> Float[Tensor, "B S A"]:
    """Log p of every sentence, teacher-forced, told about every span. The spans are shared."""
    told = generator.describe(generator.encode(features, length), length, spans)
    clips, spoken = generator.clip_gates(told.clip), generator.word_gates(words[..., :-1])
    share = max(1, _CHUNK // spans.shape[1])
    rows = []
    for video in range(len(features)):
        parts = []
        for first in range(0, words.shape[1], share):
            some = slice(first, first + share)
            count = max(2, int(word_count[video, some].max()))
            # [s, 1, L, G] + [1, A, 1, G]
            gates = spoken[video, some, None, : count - 1] + clips[video, None, :, None]
            state = told.state[:, video, None].expand(-1, gates.shape[0], -1, -1)
            logits = generator.unrolled(gates, state)
            target = words[video, some, 1:count]
            parts.append(sentence_log_p(logits, target[:, None], word_count[video, some, None]))
        rows.append(torch.cat(parts))
    return torch.stack(rows)


def sentence_log_p(
    logits: Float[Tensor, "*N L V"], target: Int64[Tensor, "*M L"], word_count: Int64[Tensor, "*M"]
) -> Float[Tensor, "*N"]:
    """Log p of sentences; ``target`` are the words after ``<bos>``, which ``word_count`` counts."""
    logs = logits.log_softmax(-1)
    target = target.expand(*logs.shape[:-1])
    picked = logs.gather(-1, target[..., None])[..., 0]
    place = torch.arange(target.shape[-1], device=target.device)
    return (picked * (place < word_count[..., None] - 1)).sum(-1)


def similarity(
    written: Int64[Tensor, "B A L"], true: Int64[Tensor, "B S M"]
) -> Float[Tensor, "B S A"]:
    """How alike sentences are, 0..1: F-measure of the longest common subsequence (ROUGE-L's).

    Stands in for METEOR, which the paper takes, since it must be had for thousands of pairs a
    second. ``<bos>`` and ``<eos>`` do not count.
    """
    a, b = written[:, None, :, 1:], true[:, :, None, 1:]
    shape = (len(a), b.shape[1], a.shape[2])
    table = torch.zeros(*shape, b.shape[-1] + 1, dtype=torch.long, device=a.device)
    for i in range(a.shape[-1]):
        before, row = table, [torch.zeros(shape, dtype=torch.long, device=a.device)]
        for j in range(b.shape[-1]):
            same = (a[..., i] == b[..., j]) & (a[..., i] != EOS)
            row.append(
                torch.where(same, before[..., j] + 1, torch.maximum(before[..., j + 1], row[-1]))
            )
        table = torch.stack(row, -1)
    lengths = (a != EOS).sum(-1) + (b != EOS).sum(-1)
    return 2 * table[..., -1] / lengths.clamp_min(1)


def soft_targets(
    logs: Float[Tensor, "B S A"], temperature: float, contrast: float, told: Bool[Tensor, "B S"]
) -> Float[Tensor, "B S A"]:
    """A distribution over the anchors from log p of the sentence in each.

    Args:
        logs: by `anchor_likelihoods`.
        temperature: 1 takes the likelihoods as they are, more spreads them.
        contrast: how much (0..1) an anchor counts less for a sentence because it tells the video's
            other sentences as well.
        told: which sentences are no padding.
    """
    if contrast:
        others = logs.masked_fill(~told[..., None], _NEVER).logsumexp(1, keepdim=True)
        logs = logs - contrast * others
    return (logs / temperature).softmax(-1)


def hard_targets(scores: Float[Tensor, "B S A"]) -> Float[Tensor, "B S A"]:
    """The best anchor; equal ones share the label."""
    best = (scores >= scores.amax(-1, keepdim=True) - 1e-6).to(scores.dtype)
    return best / best.sum(-1, keepdim=True)


def rewards(scores: Float[Tensor, "B S A"], told: Bool[Tensor, "B S"]) -> Float[Tensor, "B S A"]:
    """The journal version's: ``exp(10 score)`` over its greatest, less the mean of the anchors."""
    raised = (10 * scores).exp() * told[..., None]
    raised = raised / raised.amax().clamp_min(1e-8)
    return raised - raised.mean(-1, keepdim=True)
