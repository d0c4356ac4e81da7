"""The sentence localiser: sentence in, span out (Duan et al., arXiv:1812.03849, section 3.2).

``published`` is the network of the published code: the last states of video and sentence attend to
each other ("crossing attention"), are fused, and one vector gives the scores and offsets of all
anchors. It cannot tell one place of the video from another but by what a recurrent state carries.

``equivariant`` is ours: every anchor is judged by what lies inside it and beside it, all by the
same weights, so that what is learnt about one place holds for all. With few and noisy labels this
is what learns at all (docs/decisions.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.events.anchors import AnchorsConfig, anchors_of, decode
from sensorium.events.encoders import Sentences, VideoKind, last_states, video_encoder
from sensorium.events.masks import pooled, soft_masks, valid


@dataclass(frozen=True)
class LocaliserConfig:
    """What a `Localiser` is built from; the defaults are the published sizes.

    Attributes:
        head: see the module.
        video: encoder of the video, ``local`` only with the ``equivariant`` head.
        hidden: units of the encoders.
        embedding: length of a word's vector.
        layers: of the encoders.
        dropout: between layers and in the head.
        norm: after attention and in the head; published is ``batch``, which needs large batches.
        slope: k of the masks, per step (``equivariant``).
        channels: match channels per step (``equivariant``).
        anchors: which, and how far from them.
    """

    head: Literal["equivariant", "published"] = "equivariant"
    video: VideoKind = "gru"
    hidden: int = 512
    embedding: int = 512
    layers: int = 2
    dropout: float = 0.3
    norm: Literal["layer", "batch"] = "layer"
    slope: float = 0.1
    channels: int = 16
    anchors: AnchorsConfig = field(default_factory=AnchorsConfig)

    def __post_init__(self) -> None:
        for name in ("hidden", "embedding", "layers", "channels"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"localiser: {name} must be at least 1, got {getattr(self, name)!r}"
                )
        if not self.slope > 0:
            raise ValueError(f"localiser: slope must be above 0, got {self.slope!r}")
        if self.head == "published" and self.video == "local":
            raise ValueError(
                "localiser: the published head needs the last state of a recurrent encoder, got "
                "video='local'; take video='gru' or head='equivariant'"
            )


class Localiser(nn.Module):
    """Finds what sentences tell.

    Args:
        dim: of a feature vector.
        words: in the vocabulary.
        config: sizes and kinds.
    """

    anchors: Tensor

    def __init__(self, dim: int, words: int, config: LocaliserConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("anchors", anchors_of(config.anchors), persistent=False)
        size = config.hidden
        self.video = video_encoder(config.video, dim, size, config.layers, config.dropout)
        self.text = Sentences(words, config.embedding, size, config.layers, config.dropout)
        if config.head == "published":
            self.head: PublishedHead | EquivariantHead = PublishedHead(config, len(self.anchors))
        else:
            self.head = EquivariantHead(config)

    def forward(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        words: Int64[Tensor, "B S L"],
        word_count: Int64[Tensor, "B S"],
    ) -> tuple[Float[Tensor, "B S A"], Float[Tensor, "B S A 2"]]:
        """Scores of the anchors (logits) and offsets (before `decode`), per sentence.

        A sentence of no words is padding; what it gets means nothing.
        """
        real = valid(length, features.shape[1])
        seen, states = self.video(features, real)
        read, told, spoken = self.text(words, word_count)
        if isinstance(self.head, PublishedHead):
            scores, offsets = self.head(
                (seen, last_states(states, length), real), (read, told, spoken), word_count > 0
            )
        else:
            scores, offsets = self.head(seen, told, length, self.anchors)
        return scores.float(), offsets.float()

    def decode(self, offsets: Float[Tensor, "B S A 2"]) -> Float[Tensor, "B S A 2"]:
        """The span of every anchor as ``(centre, width)``."""
        settings = self.config.anchors
        return decode(self.anchors, offsets, settings.scale, relative=settings.relative)

    def best(
        self,
        scores: Float[Tensor, "B S A"],
        offsets: Float[Tensor, "B S A 2"],
        until: float = 1.0,
    ) -> Float[Tensor, "B S 2"]:
        """The span of the anchor with the greatest score.

        Args:
            scores: of the anchors.
            offsets: of the anchors.
            until: fraction of the video after which there is only padding; no anchor beyond it is
                chosen.
        """
        centres = self.anchors[:, 0]
        beyond = centres > max(until, float(centres.min()))
        chosen = scores.masked_fill(beyond, float("-inf")).argmax(-1)
        rows = chosen[..., None, None].expand(-1, -1, 1, 2)
        return self.decode(offsets).gather(2, rows)[:, :, 0]


class EquivariantHead(nn.Module):
    """Judges every anchor by what it holds and what lies beside it; knows no absolute time.

    Per step, sentence and video give match channels. An anchor is told by its masked means of the
    video's states (inside and in the flanks), their product with the sentence's state, the means
    of the match channels there, the share of their mass inside, and its width.
    """

    def __init__(self, config: LocaliserConfig) -> None:
        super().__init__()
        self.slope = config.slope
        size, told = config.hidden, config.hidden * config.layers
        self.sentence = nn.Sequential(nn.Linear(told, size), nn.LayerNorm(size))
        self.norm = nn.LayerNorm(size)
        self.match_video = nn.Linear(size, size, bias=False)
        self.match_text = nn.Linear(size, size)
        self.match = nn.Linear(size, config.channels)
        self.from_sentence = nn.Linear(size, size)
        self.from_inside = nn.Linear(size, size, bias=False)
        self.from_flanks = nn.Linear(2 * size, size, bias=False)
        self.from_product = nn.Linear(size, size, bias=False)
        self.from_match = nn.Linear(4 * config.channels + 1, size, bias=False)
        self.drop = nn.Dropout(config.dropout)
        self.middle = nn.Linear(size, size)
        self.score = nn.Linear(size, 1)
        self.offset = nn.Linear(size, 2)

    def forward(
        self,
        seen: Float[Tensor, "B T H"],
        told: Float[Tensor, "B S K*H"],
        length: Int64[Tensor, "B"],
        anchors: Float[Tensor, "A 2"],
    ) -> tuple[Float[Tensor, "B S A"], Float[Tensor, "B S A 2"]]:
        """Scores and offsets."""
        count, steps = seen.shape[:2]
        seen, sentence = self.norm(seen), self.sentence(told)
        real = valid(length, steps).to(seen.dtype)
        inside, left, right = (
            soft_masks(spans.expand(count, -1, -1), length, steps, self.slope).inside
            for spans in (anchors, *flanks(anchors))
        )
        # [B, 1, T, H] and [B, S, 1, H] -> [B, S, T, K]
        both = self.match_video(seen)[:, None] * (1 + self.match_text(sentence)[:, :, None])
        matched = self.match(F.gelu(both)) * real[:, None, :, None]
        means = [_means(mask, matched) for mask in (inside, left, right)]  # [B, S, A, K]
        likely = matched.sigmoid() * real[:, None, :, None]
        mass = inside[:, None] @ likely / (likely.sum(2, keepdim=True) + 1e-4)
        width = anchors[:, 1].log().expand(*mass.shape[:3])[..., None]
        held = pooled(inside, seen)
        beside = torch.cat([pooled(left, seen), pooled(right, seen)], -1)
        hidden = (
            self.from_sentence(sentence)[:, :, None]
            + (self.from_inside(held) + self.from_flanks(beside))[:, None]
            + self.from_product(held[:, None] * sentence[:, :, None])
            + self.from_match(torch.cat([*means, mass, width], -1))
        )
        hidden = F.gelu(self.middle(self.drop(F.gelu(hidden))))
        return self.score(hidden)[..., 0], self.offset(hidden)


class PublishedHead(nn.Module):
    """Crossing attention ("type0"), fusion, and linear layers for all anchors at once."""

    def __init__(self, config: LocaliserConfig, anchors: int) -> None:
        super().__init__()
        size, state, fused = config.hidden, config.hidden * config.layers, 3 * config.hidden
        self.video_attention = nn.Linear(size, state, bias=False)
        self.text_attention = nn.Linear(size, state, bias=False)
        self.video_norm, self.text_norm = (_norm(config.norm, size) for _ in range(2))
        self.join = nn.Linear(2 * size, size)
        self.first = nn.Linear(fused, fused, bias=False)
        self.second = nn.Linear(fused, fused, bias=False)
        self.first_norm, self.second_norm = (_norm(config.norm, fused) for _ in range(2))
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(fused, anchors)
        self.offset = nn.Linear(fused, 2 * anchors)

    def forward(
        self,
        video: tuple[Tensor, Tensor, Tensor],
        text: tuple[Tensor, Tensor, Tensor],
        sentences: Bool[Tensor, "B S"],
    ) -> tuple[Float[Tensor, "B S A"], Float[Tensor, "B S A 2"]]:
        """Scores and offsets.

        Args:
            video: outputs ``[B, T, H]``, last states ``[B, K*H]``, which steps are real.
            text: outputs ``[B, S, L, H]``, last states ``[B, S, K*H]``, which words are real.
            sentences: which are no padding; normalisation over the batch sees only these.
        """
        (seen, ended, real), (read, told, spoken) = video, text
        root = math.sqrt(ended.shape[-1])
        # [B, S, T] and [B, S, L]
        to_video = told @ self.video_attention(seen).transpose(1, 2) / root
        to_text = (self.text_attention(read) @ ended[:, None, :, None])[..., 0] / root
        v = to_video.masked_fill(~real[:, None], float("-inf")).softmax(-1) @ seen
        attended = to_text.masked_fill(~spoken, float("-inf")).softmax(-1)
        t = (attended[:, :, None] @ read)[:, :, 0]
        # [B, S, H] -> [N, H]
        v, t = self.video_norm(v[sentences]), self.text_norm(t[sentences])
        x = torch.cat([self.join(torch.cat([t, v], -1)), t * v, t + v], -1)
        x = self.drop(F.relu(self.first_norm(self.first(x))))
        x = F.relu(self.second_norm(self.second(x)))
        # [N, A] -> [B, S, A]
        scores = _scattered(self.score(x), sentences)
        return scores, _scattered(self.offset(x), sentences).view(*scores.shape, 2)


def flanks(
    anchors: Float[Tensor, "A 2"],
) -> tuple[Float[Tensor, "A 2"], Float[Tensor, "A 2"]]:
    """Spans of half the width just before and just after."""
    centre, width = anchors.unbind(-1)
    gap, half = 0.75 * width, 0.5 * width
    return torch.stack([centre - gap, half], -1), torch.stack([centre + gap, half], -1)


def _means(
    mask: Float[Tensor, "B A T"], values: Float[Tensor, "B S T K"]
) -> Float[Tensor, "B S A K"]:
    """Masked means of what differs per sentence."""
    return (mask[:, None] @ values) / (mask.sum(-1)[:, None, :, None] + 1e-4)


def _norm(kind: Literal["layer", "batch"], size: int) -> nn.Module:
    return nn.LayerNorm(size) if kind == "layer" else nn.BatchNorm1d(size)


def _scattered(rows: Float[Tensor, "N D"], where: Bool[Tensor, "B S"]) -> Float[Tensor, "B S D"]:
    """Rows put back where ``where`` is true, 0 elsewhere."""
    out = rows.new_zeros(*where.shape, rows.shape[-1])
    out[where] = rows
    return out
