"""REINFORCE: the question parser learns from answers alone (arXiv:1810.02338, section 3).

A program is sampled for each question and executed on the true scene; the reward is 1 where the
answer is right. Each sample is rewarded for itself here, against a moving mean. The released code
rewards all samples of a batch with the batch's mean, which learns far more slowly:
``credit="batch"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from sensorium.questions.decoding import full_precision, sample
from sensorium.questions.grammar import grammar
from sensorium.questions.vocabulary import END, SPECIALS, START
from sensorium.system import Batch

if TYPE_CHECKING:
    from sensorium.questions.parser import QuestionParser


def rewards(tokens: Int64[Tensor, "B T"], batch: Batch) -> Float[Tensor, "B"]:
    """1 where a program, carried out on its scene, gives the answer.

    Args:
        tokens: numbers of `PROGRAM_WORDS`; what follows ``<END>`` does not count, and a program
            without it gives nothing.
        batch: holds ``answer``, ``values``, ``positions`` and ``count``.
    """
    from sensorium.questions.packed import PackedScenes, execute_tokens

    with full_precision(tokens):  # sets of blocks are sums that bfloat16 cannot hold
        scenes = PackedScenes.from_tensors(batch["values"], batch["positions"], batch["count"])
    functions = torch.where(up_to_end(tokens), tokens - len(SPECIALS), -1).clamp(min=-1)
    right: Tensor = execute_tokens(functions, scenes) == batch["answer"]
    known = batch["answer"] >= 0
    return (right & known & (tokens == END).any(1)).float()


def up_to_end(tokens: Int64[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Which tokens come before the first ``<END>`` or are it."""
    ends = tokens == END
    return ends.cumsum(1) == ends.long()


def reinforce(parser: QuestionParser, batch: Batch) -> dict[str, Tensor]:
    """The loss whose gradient is REINFORCE's estimate; moves the parser's baseline.

    ``sample``: mean over questions of ``-(r_i - b) log p_i``, with b the mean of earlier rewards.
    ``batch``: ``-(r - b)`` times the sum of all log-probabilities, those after ``<END>`` included,
    with r the batch's mean reward and b moved before it is used, as in the released code. The
    entropy's factor weighs its sum over the steps, per question or of the whole batch likewise.
    """
    config, whole = parser.config, parser.config.credit == "batch"
    with _without_dropout(parser):
        tries = [_try(parser, part) for part in parser.parts(batch)]
    won, chosen, entropy = (torch.cat(values) for values in zip(*tries, strict=True))
    moved = config.decay * parser.baseline + (1 - config.decay) * won.mean()
    if whole:
        loss = -(won.mean() - moved) * chosen.sum() - config.entropy * entropy.sum()
    else:
        loss = -((won - parser.baseline) * chosen).mean() - config.entropy * entropy.mean()
    parser.baseline.copy_(moved)
    return {"loss": loss, "reward": won.mean(), "entropy": entropy.mean().detach()}


@contextmanager
def _without_dropout(parser: QuestionParser) -> Iterator[None]:
    """Programs must be drawn and weighed by the same probabilities.

    Evaluation mode would do, but cuDNN's LSTMs have no gradient in it.
    """
    drops = [m for m in parser.modules() if isinstance(m, nn.Dropout)]
    try:
        for part in (*drops, parser.encoder.rnn, parser.decoder.rnn):
            setattr(part, "p" if isinstance(part, nn.Dropout) else "dropout", 0.0)
        yield
    finally:
        for drop in drops:
            drop.p = parser.config.dropout
        for coder in (parser.encoder, parser.decoder):
            coder.rnn.dropout = parser.config.dropout if parser.config.layers > 1 else 0.0


def _try(
    parser: QuestionParser, batch: Batch
) -> tuple[Float[Tensor, "B"], Float[Tensor, "B"], Float[Tensor, "B"]]:
    """A program sampled for each question: its reward, log-probability, and summed entropy."""
    whole = parser.config.credit == "batch"
    tokens = sample(parser, batch["question"], past_end=whole).tokens
    counted = torch.ones_like(tokens, dtype=torch.bool) if whole else up_to_end(tokens)
    won = rewards(tokens, batch)
    longest = int(counted.any(0).sum())
    tokens, counted = tokens[:, :longest], counted[:, :longest]
    logs = _logs(parser, batch["question"], tokens)
    chosen = logs.gather(2, tokens[..., None])[..., 0].where(counted, 0.0).sum(1)
    surprise = -(logs.exp() * logs.clamp(min=-1e4)).sum(2).where(counted, 0.0).sum(1)
    return won, chosen, surprise


def _logs(
    parser: QuestionParser, question: Int64[Tensor, "B L"], tokens: Int64[Tensor, "B T"]
) -> Float[Tensor, "B T V"]:
    """Log-probabilities by which each token was drawn, with their graph."""
    start = torch.full_like(tokens[:, :1], START)
    inputs = torch.cat([start, tokens[:, :-1]], 1)
    logs: Tensor = parser(question, inputs)
    if not parser.config.grammar:
        return logs
    rules = grammar()
    state = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.device)
    allowed = torch.zeros_like(logs, dtype=torch.bool)
    for step in range(tokens.shape[1]):
        allowed[:, step] = rules.allowed(state, parser.config.longest - step)
        state = rules.step(state, tokens[:, step])
    return logs.masked_fill(~allowed, -torch.inf).log_softmax(-1)
