"""The caption generator: span in, sentence out (Duan et al., arXiv:1812.03849, section 3.3).

Published: the span's description joins the masked means of the video's states left of, inside and
right of it, and a GRU writes from there, starting from the encoder's states where the span ends,
which know all that came before. ``context="c"`` and ``initial="zero"`` leave the span nothing but
itself. Ours besides: in training a description is left out now and then (``blind``), so that the
generator also knows how likely a sentence is of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.events.anchors import edges
from sensorium.events.decoding import beam_search
from sensorium.events.encoders import VideoKind, video_encoder
from sensorium.events.masks import pooled, soft_masks, valid


@dataclass(frozen=True)
class GeneratorConfig:
    """What a `Generator` is built from; the defaults are the published sizes.

    Attributes:
        video: encoder of the video; ``local`` only with ``initial="zero"``.
        hidden: units of encoder and decoder.
        embedding: length of a word's vector.
        layers: of encoder and decoder.
        dropout: between layers, and on what goes into the words.
        slope: k of the masks, per step.
        context: whether the description holds left, inside and right (``clr``) or inside alone.
        initial: the decoder's first state: the encoder's where the span ends, or ``zero``.
        blind: share of training sentences written without a description.
    """

    video: VideoKind = "gru"
    hidden: int = 512
    embedding: int = 512
    layers: int = 2
    dropout: float = 0.3
    slope: float = 0.1
    context: Literal["clr", "c"] = "clr"
    initial: Literal["end", "zero"] = "end"
    blind: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hidden", "embedding", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"generator: {name} must be at least 1, got {getattr(self, name)!r}"
                )
        if not self.slope > 0:
            raise ValueError(f"generator: slope must be above 0, got {self.slope!r}")
        if not 0 <= self.blind < 1:
            raise ValueError(f"generator: blind must be 0 to below 1, got {self.blind!r}")
        if self.initial == "end" and self.video == "local":
            raise ValueError(
                "generator: initial='end' starts from a recurrent encoder's state, got "
                "video='local'; take video='gru' or initial='zero'"
            )


@dataclass(frozen=True)
class Described:
    """What the decoder is told about spans.

    Attributes:
        clip: their descriptions.
        state: the decoder's first state per layer.
    """

    clip: Float[Tensor, "B S C"]
    state: Float[Tensor, "K B S H"]


class Generator(nn.Module):
    """Tells what happens in spans.

    Args:
        dim: of a feature vector.
        words: in the vocabulary.
        config: sizes and kinds.
    """

    def __init__(self, dim: int, words: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden
        self.video = video_encoder(config.video, dim, size, config.layers, config.dropout)
        self.embedding = nn.Embedding(words, config.embedding)
        clip = size * (3 if config.context == "clr" else 1)
        widths = [config.embedding + clip] + [size] * (config.layers - 1)
        self.cells = nn.ModuleList(nn.GRUCell(width, size) for width in widths)
        self.drop = nn.Dropout(config.dropout)
        self.out = nn.Linear(size, words)

    # --- what is told about a span ----------------------------------------------------------------

    def encode(
        self, features: Float[Tensor, "B T D"], length: Int64[Tensor, "B"]
    ) -> tuple[Float[Tensor, "B T H"], Float[Tensor, "K B T H"]]:
        """The video's outputs and states."""
        out, states = self.video(features, valid(length, features.shape[1]))
        return out, states

    def describe(
        self,
        encoded: tuple[Float[Tensor, "B T H"], Float[Tensor, "K B T H"]],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
    ) -> Described:
        """What is inside (and left and right of) each span; gradients reach the spans."""
        seen, states = encoded
        masks = soft_masks(spans, length, seen.shape[1], self.config.slope)
        whole = self.config.context == "clr"
        parts = (masks.left, masks.inside, masks.right) if whole else (masks.inside,)
        clip = torch.cat([pooled(part.to(seen.dtype), seen) for part in parts], -1)
        if self.training and self.config.blind:
            kept = torch.rand(clip.shape[:2], device=clip.device) >= self.config.blind
            clip = clip * kept[..., None].to(clip.dtype)
        return Described(clip, self._first_state(states, length, spans))

    def _first_state(
        self,
        states: Float[Tensor, "K B T H"],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
    ) -> Float[Tensor, "K B S H"]:
        """The encoder's states at ``floor(min(end, 1 - 1e-4) * length)``, or zeros."""
        count, size = len(self.cells), self.config.hidden
        if self.config.initial == "zero":
            return states.new_zeros(count, *spans.shape[:2], size)
        end = edges(spans.detach())[..., 1].clamp_max(1 - 1e-4)
        step = (end * length[:, None]).long()[None, ..., None]
        return states.gather(2, step.expand(count, -1, -1, size))

    # --- words ------------------------------------------------------------------------------------

    def forward(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
        words: Int64[Tensor, "B S L"],
    ) -> Float[Tensor, "B S L-1 V"]:
        """Logits of the word after each of ``words[..., :-1]`` (``<bos>`` first)."""
        told = self.describe(self.encode(features, length), length, spans)
        given = self.word_gates(words[..., :-1]) + self.clip_gates(told.clip)[..., None, :]
        return self.unrolled(given, told.state)

    def word_gates(self, words: Int64[Tensor, "*N L"]) -> Float[Tensor, "*N L 3*H"]:
        """What words add to the first layer's gates."""
        weight = self._first().weight_ih[:, : self.config.embedding]
        return F.linear(self.drop(self.embedding(words)), weight)

    def clip_gates(self, clip: Float[Tensor, "*N C"]) -> Float[Tensor, "*N 3*H"]:
        """What a description adds to the first layer's gates."""
        cell = self._first()
        return F.linear(self.drop(clip), cell.weight_ih[:, self.config.embedding :], cell.bias_ih)

    def unrolled(
        self, given: Float[Tensor, "*N L 3*H"], state: Float[Tensor, "K *N H"]
    ) -> Float[Tensor, "*N L V"]:
        """Logits for every step of ``given``, the first layer's gates."""
        tops = []
        for step in range(given.shape[-2]):
            state = self._step(given[..., step, :], state)
            tops.append(state[-1])
        logits: Tensor = self.out(self.drop(torch.stack(tops, -2)))
        return logits.float()

    def _step(
        self, given: Float[Tensor, "*N 3*H"], state: Float[Tensor, "K *N H"]
    ) -> Float[Tensor, "K *N H"]:
        """The states of all layers one word later."""
        after: list[Tensor] = []
        for number, (cell, held) in enumerate(zip(self.cells, state, strict=True)):
            assert isinstance(cell, nn.GRUCell)
            if number:
                given = F.linear(self.drop(after[-1]), cell.weight_ih, cell.bias_ih)
            after.append(_gru(given, F.linear(held, cell.weight_hh, cell.bias_hh), held))
        return torch.stack(after)

    def _first(self) -> nn.GRUCell:
        cell = self.cells[0]
        assert isinstance(cell, nn.GRUCell)
        return cell

    # --- writing and judging ----------------------------------------------------------------------

    @torch.no_grad()
    def write(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
        beam: int = 3,
        length_penalty: float = 0.0,
        longest: int = 22,
    ) -> tuple[Int64[Tensor, "B S L"], Float[Tensor, "B S"]]:
        """Sentences (``<bos>`` ... ``<eos>``, filled up with ``<eos>``) and their log-probability.

        Args:
            features: of videos, padded.
            length: steps of each video.
            spans: ``(centre, width)`` in fractions of the video.
            beam: partial sentences followed at a time.
            length_penalty: hypotheses compete by log p over their words to this power; the
                published 0 favours short ones.
            longest: words, ``<bos>`` and ``<eos>`` included.
        """
        told = self.describe(self.encode(features, length), length, spans)
        # [B, S, ...] -> [B*S, ...]
        gates = self.clip_gates(told.clip).flatten(0, 1)
        words, likely = beam_search(
            self.next_word, gates, told.state.flatten(1, 2), beam, length_penalty, longest
        )
        return words.view(*spans.shape[:2], -1), likely.view(spans.shape[:2])

    def next_word(
        self,
        words: Int64[Tensor, "N"],
        gates: Float[Tensor, "N 3*H"],
        state: Float[Tensor, "K N H"],
    ) -> tuple[Float[Tensor, "N V"], Float[Tensor, "K N H"]]:
        """Log-probabilities of the word after ``words``, and the states after these."""
        state = self._step(gates + self.word_gates(words[:, None])[:, 0], state)
        logits: Tensor = self.out(self.drop(state[-1]))
        return logits.float().log_softmax(-1), state


def _gru(
    given: Float[Tensor, "*N 3*H"], kept: Float[Tensor, "*N 3*H"], held: Float[Tensor, "*N H"]
) -> Float[Tensor, "*N H"]:
    """A GRU's update from the gates of its input and of its state."""
    reset, update, new = given.chunk(3, -1)
    reset_held, update_held, new_held = kept.chunk(3, -1)
    gate = (update + update_held).sigmoid()
    proposed = (new + (reset + reset_held).sigmoid() * new_held).tanh()
    return proposed + gate * (held - proposed)
