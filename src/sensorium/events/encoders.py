"""Encoders of video and of sentences (Duan et al., arXiv:1812.03849; the published code's GRUs).

Recurrent layers run one by one, since the caption generator starts from the states of every layer
at the step where a span ends. Ours: ``local``, a stack of temporal convolutions, which looks only
as far as its kernels reach, so that a span's states tell of that span and not of all before it.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

VideoKind = Literal["gru", "local"]

_KERNEL = 5


class Recurrent(nn.Module):
    """GRU layers whose states of every layer and step are kept.

    Args:
        dim: of a step's input.
        hidden: units of a layer.
        layers: one after the other.
        dropout: between layers.
        residual: whether the output is the top layer's plus ``W x``, as published for video.
    """

    def __init__(
        self, dim: int, hidden: int, layers: int, dropout: float, *, residual: bool = False
    ) -> None:
        super().__init__()
        widths = [dim] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(nn.GRU(width, hidden, batch_first=True) for width in widths)
        self.drop = nn.Dropout(dropout)
        self.residual = nn.Linear(dim, hidden, bias=False) if residual else None

    def forward(
        self, values: Float[Tensor, "N L D"], real: Bool[Tensor, "N L"]
    ) -> tuple[Float[Tensor, "N L H"], Float[Tensor, "K N L H"]]:
        """Outputs (0 on padding), and the states of all layers."""
        states: list[Tensor] = []
        given = values
        for number, layer in enumerate(self.layers):
            given = layer(self.drop(given) if number else given)[0]
            states.append(given)
        out = states[-1] if self.residual is None else states[-1] + self.residual(values)
        return out * real[..., None].to(out.dtype), torch.stack(states)


class Local(nn.Module):
    """Residual temporal convolutions; no state, so a decoder cannot start from it.

    Args:
        dim: of a step's input.
        hidden: channels.
        layers: convolutions, each over five steps.
        dropout: on what a layer adds.
    """

    def __init__(self, dim: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(hidden, hidden, _KERNEL, padding=_KERNEL // 2) for _ in range(layers)
        )
        self.drop = nn.Dropout(dropout)

    def forward(
        self, values: Float[Tensor, "N L D"], real: Bool[Tensor, "N L"]
    ) -> tuple[Float[Tensor, "N L H"], Float[Tensor, "K N L H"]]:
        """Outputs (0 on padding), and the same once more in place of states."""
        mask = real[..., None].to(values.dtype)
        out = self.enter(self.drop(values)) * mask
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            seen = F.gelu(norm(out)) * mask
            # [N, L, H] -> [N, H, L] -> [N, L, H]
            out = out + self.drop(convolution(seen.transpose(1, 2)).transpose(1, 2)) * mask
        return out, out[None]


def video_encoder(
    kind: VideoKind, dim: int, hidden: int, layers: int, dropout: float
) -> Recurrent | Local:
    """An encoder of feature sequences: ``gru`` as published, with a residual, or ``local``."""
    if kind == "local":
        return Local(dim, hidden, layers, dropout)
    return Recurrent(dim, hidden, layers, dropout, residual=True)


class Sentences(nn.Module):
    """Reads sentences: embedding, then GRU layers without a residual.

    Args:
        words: in the vocabulary.
        embedding: length of a word's vector.
        hidden: units of a layer.
        layers: one after the other.
        dropout: between layers.
    """

    def __init__(
        self, words: int, embedding: int, hidden: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding)
        self.rnn = Recurrent(embedding, hidden, layers, dropout)

    def forward(
        self, words: Int64[Tensor, "B S L"], word_count: Int64[Tensor, "B S"]
    ) -> tuple[Float[Tensor, "B S L H"], Float[Tensor, "B S K*H"], Bool[Tensor, "B S L"]]:
        """Outputs per word, the last true state of all layers, and which words are no padding."""
        flat, count = words.flatten(0, 1), word_count.flatten().clamp_min(1)
        real = torch.arange(flat.shape[1], device=flat.device) < count[:, None]
        out, states = self.rnn(self.embedding(flat), real)
        last = last_states(states, count)
        # [B*S, ...] -> [B, S, ...]
        shape = words.shape[:2]
        return out.view(*shape, *out.shape[1:]), last.view(*shape, -1), real.view(*shape, -1)


def last_states(
    states: Float[Tensor, "K N L H"], length: Int64[Tensor, "N"]
) -> Float[Tensor, "N K*H"]:
    """The states of all layers at the last step that is no padding."""
    rows = torch.arange(states.shape[1], device=states.device)
    # [K, N, L, H] -> [K, N, H] -> [N, K*H]
    return states[:, rows, length - 1].transpose(0, 1).flatten(1)
