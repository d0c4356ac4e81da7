"""How programs are written with a question parser: greedily, by chance, or along a beam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.questions.grammar import grammar
from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS, START

if TYPE_CHECKING:
    from sensorium.questions.parser import QuestionParser


@dataclass(frozen=True, eq=False)
class Decoded:
    """Programs as numbers of `PROGRAM_WORDS`.

    Attributes:
        tokens: without ``<START>``; after ``<END>`` all 0.
        logs: log-probability of each program up to ``<END>``.
    """

    tokens: Int64[Tensor, "B T"]
    logs: Float[Tensor, "B"]

    def texts(self) -> list[tuple[str, ...]]:
        """Tokens of each program, without special words."""
        return [tuple(PROGRAM_WORDS.decode(row)) for row in self.tokens.tolist()]

    def scores(self) -> list[float]:
        """Probability of each program, 0..1."""
        return [float(p) for p in self.logs.exp().tolist()]


Choice = Callable[[Float[Tensor, "B V"]], Int64[Tensor, "B"]]


def greedy(parser: QuestionParser, question: Int64[Tensor, "B L"]) -> Decoded:
    """The likeliest token at each step."""
    with full_precision(question):
        return _walk(parser, question, lambda logs: logs.argmax(1))


def sample(
    parser: QuestionParser,
    question: Int64[Tensor, "B L"],
    generator: torch.Generator | None = None,
    *,
    past_end: bool = False,
) -> Decoded:
    """Tokens drawn by their probabilities.

    Args:
        parser: whose probabilities.
        question: as in the parser's batches.
        generator: of the draws; default: torch's own.
        past_end: go on drawing after ``<END>`` until `ParserConfig.longest`, as NS-VQA does when it
            learns by REINFORCE.
    """

    def draw(logs: Float[Tensor, "B V"]) -> Int64[Tensor, "B"]:
        return torch.multinomial(logs.exp(), 1, generator=generator)[:, 0]

    with full_precision(question):
        return _walk(parser, question, draw, past_end=past_end)


def full_precision(on: Tensor) -> torch.autocast:
    """Without autocast on a tensor's device.

    It would cast all weights anew at every step, which takes longer than it saves.
    """
    return torch.autocast(on.device.type, enabled=False)


@dataclass
class _Rows:
    """The rows that are still written, of which some may have ended.

    Shape:
        all have B rows, the two of ``state`` as their second dimension.
    """

    number: Int64[Tensor, "B"]
    going: Bool[Tensor, "B"]
    token: Int64[Tensor, "B"]
    rule: Int64[Tensor, "B"]
    state: tuple[Tensor, Tensor]
    memory: Float[Tensor, "B L E"]
    padding: Bool[Tensor, "B L"] | None

    def without_ended(self) -> _Rows:
        """Fewer rows, once a quarter has ended: what is left takes less time."""
        if 4 * int(self.going.sum()) > 3 * len(self.going):
            return self
        kept = self.going.nonzero()[:, 0]
        h, c = self.state
        return _Rows(
            self.number[kept],
            self.going[kept],
            self.token[kept],
            self.rule[kept],
            (h[:, kept], c[:, kept]),
            self.memory[kept],
            None if self.padding is None else self.padding[kept],
        )


@torch.no_grad()
def _walk(
    parser: QuestionParser,
    question: Int64[Tensor, "B L"],
    choose: Choice,
    *,
    past_end: bool = False,
) -> Decoded:
    """Token after token, until every row has ended or is as long as it may be."""
    config, rules = parser.config, grammar() if parser.config.grammar else None
    count, device = len(question), question.device
    tokens = torch.full((count, config.longest), NULL, device=device)
    logs = torch.zeros(count, device=device)
    rows = _Rows(
        torch.arange(count, device=device),
        torch.ones(count, dtype=torch.bool, device=device),
        torch.full((count,), START, device=device),
        torch.zeros(count, dtype=torch.int64, device=device),
        *parser.encode(question),
    )
    for step in range(config.longest):
        out, rows.state = parser.decoder(rows.token[:, None], rows.state, rows.memory, rows.padding)
        plain = out[:, 0]  # [B, 1, V] -> [B, V]
        allowed = None if rules is None else rules.allowed(rows.rule, config.longest - step)
        rows.token = choose(plain if allowed is None else plain.masked_fill(~allowed, -torch.inf))
        if not past_end:
            rows.token = rows.token.where(rows.going, NULL)
        tokens[rows.number, step] = rows.token
        gain = plain.gather(1, rows.token[:, None])[:, 0]
        logs[rows.number] += gain.where(rows.going, 0.0)
        if rules is not None:
            rows.rule = rules.step(rows.rule, rows.token)
        rows.going = rows.going & (rows.token != END)
        if past_end:
            continue
        if not rows.going.any():
            break
        rows = rows.without_ended()
    return Decoded(tokens, logs)


@torch.no_grad()
def beam_search(parser: QuestionParser, question: Int64[Tensor, "B L"], width: int) -> Decoded:
    """The likeliest whole program among those that ``width`` partial ones lead to.

    Raises:
        ValueError: for a width below 1.
    """
    if width < 1:
        raise ValueError(f"a beam has a width of at least 1, got {width}")
    config, rules = parser.config, grammar() if parser.config.grammar else None
    count, device, size = len(question), question.device, len(PROGRAM_WORDS)
    (h, c), memory, padding = parser.encode(question)
    memory = memory.repeat_interleave(width, 0)  # [B, L, E] -> [B*K, L, E]
    padding = None if padding is None else padding.repeat_interleave(width, 0)
    state = (h.repeat_interleave(width, 1), c.repeat_interleave(width, 1))
    tokens = torch.full((count * width, config.longest), NULL, device=device)
    logs = torch.full((count, width), -torch.inf, device=device)
    logs[:, 0] = 0.0  # all partial programs are the same at first
    token = torch.full((count * width,), START, device=device)
    rule = torch.zeros(count * width, dtype=torch.int64, device=device)
    ended = torch.zeros(count * width, dtype=torch.bool, device=device)
    rest = torch.full((size,), -torch.inf, device=device)
    rest[NULL] = 0.0
    first = torch.arange(count, device=device)[:, None] * width
    for step in range(config.longest):
        out, state = parser.decoder(token[:, None], state, memory, padding)
        plain = out[:, 0]
        if rules is not None:
            plain = plain.masked_fill(~rules.allowed(rule, config.longest - step), -torch.inf)
        plain = torch.where(ended[:, None], rest, plain)
        total = (logs[..., None] + plain.view(count, width, size)).flatten(1)  # [B, K*V]
        logs, place = total.topk(width, 1)
        origin = (first + place // size).flatten()  # [B, K] -> [B*K]
        token = (place % size).flatten()
        tokens = tokens[origin]
        tokens[:, step] = token
        state = (state[0][:, origin], state[1][:, origin])
        rule = rule[origin] if rules is None else rules.step(rule[origin], token)
        ended = ended[origin] | (token == END)
        if ended.all():
            break
    best = first[:, 0] + logs.argmax(1)
    return Decoded(tokens[best], logs.max(1).values)
