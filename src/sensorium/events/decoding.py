"""Beam search over the words of a sentence.

The published search follows three partial sentences for at most 20 words, which compete by the sum
of their log-probabilities. Ours can divide by a power of the number of words, and never writes
``<bos>`` or ``<oov>``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.events.vocabulary import BOS, EOS

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""``(words [N], gates [N, G], state [K, N, H]) -> (log p [N, V], state)``; the last is <oov>."""


@torch.no_grad()
def beam_search(
    step: Step,
    gates: Float[Tensor, "N G"],
    state: Float[Tensor, "K N H"],
    beam: int,
    length_penalty: float,
    longest: int,
) -> tuple[Int64[Tensor, "N L"], Float[Tensor, "N"]]:
    """The best sentence for each row, and its log-probability (of all its words).

    Args:
        step: the decoder.
        gates: what it is told about each row.
        state: its first state.
        beam: partial sentences per row.
        length_penalty: they compete by log p over the number of their words to this power.
        longest: words, ``<bos>`` and ``<eos>`` included.

    Returns:
        ``<bos>`` ... ``<eos>``, filled up with ``<eos>``; ``L <= longest``. What did not end in
        time ends there.

    Raises:
        ValueError: for less than one partial sentence.
    """
    if beam < 1:
        raise ValueError(f"beam must be at least 1, got {beam}")
    count, device = len(gates), gates.device
    rows = torch.arange(count, device=device)[:, None]
    words = torch.full((count, 1, 1), BOS, dtype=torch.long, device=device)
    likely = torch.zeros(count, 1, device=device)
    ended = torch.zeros(count, 1, dtype=torch.bool, device=device)
    for number in range(1, longest):
        wide = words.shape[1]
        each = gates[:, None].expand(-1, wide, -1).flatten(0, 1)
        logs, state = step(words[:, :, -1].flatten(), each, state)
        total = likely[..., None] + _allowed(logs.view(count, wide, -1), ended, number, longest)
        size = total.shape[-1]
        length = torch.where(ended, (words != EOS).sum(-1), number).to(total.dtype)
        ranked = total / length[..., None] ** length_penalty
        keep = min(beam, wide * size)
        best = ranked.flatten(1).topk(keep, dim=1).indices
        parent, word = best // size, best % size
        likely = total.flatten(1).gather(1, best)
        words = torch.cat([words[rows, parent], word[..., None]], -1)
        ended = ended.gather(1, parent) | (word == EOS)
        # [K, N*wide, H] -> [K, N*keep, H]
        state = state.view(len(state), count, wide, -1)[:, rows, parent].flatten(1, 2)
        if bool(ended.all()):
            break
    length = (words != EOS).sum(-1).to(likely.dtype)
    first = (likely / length**length_penalty).argmax(1)
    return words[rows[:, 0], first], likely[rows[:, 0], first]


def _allowed(
    logs: Float[Tensor, "N W V"], ended: Bool[Tensor, "N W"], number: int, longest: int
) -> Float[Tensor, "N W V"]:
    """Log-probabilities of what may follow: after the end only ``<eos>``, for nothing."""
    never = torch.zeros(logs.shape[-1], dtype=torch.bool, device=logs.device)
    never[[BOS, -1]] = True
    if number == longest - 1:
        never[:] = True
        never[EOS] = False
    logs = logs.masked_fill(never, float("-inf"))
    over = torch.full_like(logs[0, 0], float("-inf"))
    over[EOS] = 0.0
    return torch.where(ended[..., None], over, logs)
