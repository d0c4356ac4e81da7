"""NS-VQA's question parser: a question becomes a program (Yi et al., arXiv:1810.02338, section 3).

A bi-directional LSTM reads the words, an LSTM with dot attention (Luong et al., arXiv:1508.04025)
writes the program from its output to its inputs. Learned from annotated programs, then by REINFORCE
from answers (`reinforce`). Parameter names and shapes are those of the released weights. Ours: the
attention does not look at padding (``mask_attention``), the loss does not count it
(``over_padding``), and programs are kept well typed (``grammar``); all three can be switched back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from sensorium.questions.decoding import Decoded, beam_search, greedy
from sensorium.questions.reinforce import reinforce
from sensorium.questions.vocabulary import NULL, PROGRAM_WORDS, SPECIALS, Words, tokenise
from sensorium.system import Batch
from sensorium.worlds.blocks.programs import Program, ProgramError, from_tokens

State = tuple[Tensor, Tensor]

_SHUT = 100.0
"""Added before a gate's sigmoid, it is 0 or 1 to the last bit."""

_PART = 64
"""Questions of like length that are read together in training."""


@dataclass(frozen=True)
class ParserConfig:
    """What a `QuestionParser` is built from.

    Attributes:
        words: the questions' vocabulary, the four special words first (`Words.of`).
        hidden: units of the encoder's LSTM per direction; the decoder has twice as many.
        embedding: length of a word's vector.
        layers: of both LSTMs.
        dropout: of word vectors and between layers, in training; the published parser has none.
        longest: steps that a program may take, ``<END>`` included.
        longest_question: words of a question, ``<START>`` and ``<END>`` included.
        mask_attention: whether attention leaves out padding. The published parser does not, so that
            its programs depend a little on the other questions of a batch.
        grammar: whether only well-typed programs are written and sampled.
        over_padding: whether the supervised loss counts padding as well, as published.
        credit: REINFORCE's reward: each ``sample`` its own, or the mean of the ``batch`` for all
            and every step up to `longest` counted, as published.
        decay: of the moving mean of rewards that is REINFORCE's baseline.
        entropy: factor of the entropy that REINFORCE adds to what it maximises.
    """

    words: tuple[str, ...] = SPECIALS
    hidden: int = 256
    embedding: int = 300
    layers: int = 2
    dropout: float = 0.0
    longest: int = 27
    longest_question: int = 50
    mask_attention: bool = True
    grammar: bool = True
    over_padding: bool = False
    credit: Literal["sample", "batch"] = "sample"
    decay: float = 0.9
    entropy: float = 0.0

    def __post_init__(self) -> None:
        least = {"hidden": 1, "embedding": 1, "layers": 1, "longest": 3, "longest_question": 3}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"parser: {name} must be at least {value}, got {getattr(self, name)!r}"
                )
        for name in ("dropout", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"parser: {name} must be 0 to 1, got {getattr(self, name)!r}")
        if self.credit not in ("sample", "batch"):
            raise ValueError(f"parser: credit must be 'sample' or 'batch', got {self.credit!r}")


@dataclass(frozen=True)
class Parsed:
    """What the parser made of a question.

    Attributes:
        tokens: of the program, from its output to its inputs.
        program: the same as steps; ``None`` when there is none or it is malformed.
        score: the product of the tokens' probabilities, 0..1.
        unknown: words of the question that the parser does not know.
        error: why there is no program, in one line; else empty.
    """

    tokens: tuple[str, ...]
    program: Program | None
    score: float
    unknown: tuple[str, ...] = ()
    error: str = ""


class Encoder(nn.Module):
    """Reads the question in both directions."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(config.words), config.embedding)
        self.drop = nn.Dropout(config.dropout)
        self.rnn = nn.LSTM(
            config.embedding,
            config.hidden,
            config.layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )

    def forward(
        self, question: Int64[Tensor, "B L"], lengths: Int64[Tensor, "B"]
    ) -> tuple[Float[Tensor, "B L E"], State]:
        """Outputs of every word (zero on padding) and the decoder's first state."""
        vectors = self.drop(self.embedding(question))
        if not question.is_cuda:
            return self.padded(vectors, lengths)
        packed = nn.utils.rnn.pack_padded_sequence(
            vectors, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        out, (h, c) = self.rnn(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(
            out, batch_first=True, total_length=question.shape[1]
        )
        return memory, (_both_directions(h), _both_directions(c))

    def padded(
        self, vectors: Float[Tensor, "B L D"], lengths: Int64[Tensor, "B"]
    ) -> tuple[Float[Tensor, "B L E"], State]:
        """The same as with packed sequences, which on a CPU take three times as long.

        A further input is 1 on padding and there shuts the input gates and opens the forget gates,
        so that a cell keeps what it holds.
        """
        rnn, count = self.rnn, len(vectors)
        place = torch.arange(vectors.shape[1], device=vectors.device)
        past = (place >= lengths[:, None])[..., None]  # [B, L, 1]
        last = (lengths - 1)[:, None, None].expand(-1, 1, rnn.hidden_size)
        zero = vectors.new_zeros(2, count, rnn.hidden_size)
        ends: list[State] = []
        for layer in range(rnn.num_layers):
            names = [f"l{layer}", f"l{layer}_reverse"]
            if layer and self.drop.p:
                vectors = self.drop(vectors)
            vectors, h, c = torch.lstm(
                torch.cat([vectors, past.to(vectors.dtype)], 2),
                (zero.to(vectors.dtype), zero.to(vectors.dtype)),
                [w for name in names for w in self._with_flag(name)],
                *(True, 1, 0.0, self.training, True, True),
            )
            forward = vectors[..., : rnn.hidden_size].gather(1, last)[:, 0]
            ends.append((torch.cat([forward, h[1]], 1), torch.cat([c[0], c[1]], 1)))
            vectors = vectors.masked_fill(past, 0.0)
        return vectors, (torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends]))

    def _with_flag(self, name: str) -> list[Tensor]:
        """A layer's weights with a column for the input that is 1 on padding."""
        weight: Tensor = getattr(self.rnn, f"weight_ih_{name}")
        shut = weight.new_tensor([-_SHUT, _SHUT, 0.0, 0.0])  # input, forget, cell, output
        column = shut.repeat_interleave(self.rnn.hidden_size)[:, None]
        others = (getattr(self.rnn, f"{k}_{name}") for k in ("weight_hh", "bias_ih", "bias_hh"))
        return [torch.cat([weight, column], 1), *others]


def _both_directions(state: Float[Tensor, "2*N B H"]) -> Float[Tensor, "N B 2*H"]:
    """[2N, B, H] -> [N, B, 2H]."""
    return torch.cat([state[0::2], state[1::2]], dim=2)


class Attention(nn.Module):
    """Luong's dot attention; only the layer that mixes has weights."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear_out = nn.Linear(2 * size, size)

    def forward(
        self,
        output: Float[Tensor, "B T E"],
        memory: Float[Tensor, "B L E"],
        padding: Bool[Tensor, "B L"] | None,
    ) -> Float[Tensor, "B T E"]:
        """``tanh(W [context; output] + b)``; nothing is drawn from ``padding``."""
        scores = output @ memory.transpose(1, 2)  # [B, T, L]
        if padding is not None:
            scores = scores.masked_fill(padding[:, None], float("-inf"))
        context = scores.softmax(-1) @ memory
        return torch.tanh(self.linear_out(torch.cat([context, output], dim=2)))


class Decoder(nn.Module):
    """Writes the program token by token."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        size = 2 * config.hidden
        self.embedding = nn.Embedding(len(PROGRAM_WORDS), config.embedding)
        self.drop = nn.Dropout(config.dropout)
        self.rnn = nn.LSTM(
            config.embedding,
            size,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.attention = Attention(size)
        self.out_linear = nn.Linear(size, len(PROGRAM_WORDS))

    def forward(
        self,
        tokens: Int64[Tensor, "B T"],
        state: State,
        memory: Float[Tensor, "B L E"],
        padding: Bool[Tensor, "B L"] | None,
    ) -> tuple[Float[Tensor, "B T V"], State]:
        """Log-probabilities of the token after each of ``tokens``, and the state after the last."""
        output, state = self.rnn(self.drop(self.embedding(tokens)), state)
        output = self.attention(output, memory, padding)
        return self.out_linear(output).float().log_softmax(-1), state


class QuestionParser(nn.Module):
    """The encoder and the decoder, their losses, and parsing.

    Batches:
        ``question``: ``int64 [B, Lq]``, ``<START>`` words ``<END>``, padded with 0. Beside it
        ``program``: ``int64 [B, Lp]``, likewise, of `PROGRAM_WORDS` (supervised), or else
        ``answer``: ``int64 [B]`` in ``blocks.vocabulary.ANSWERS``, with the true scene as
        ``values`` ``int8 [B, 10, 4]``, ``positions`` ``float [B, 10, 3]`` and ``count``
        ``int64 [B]`` (REINFORCE).
    """

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.config = config
        self.words = Words(config.words)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.baseline: Tensor
        self.register_buffer("baseline", torch.zeros(()))

    def encode(
        self, question: Int64[Tensor, "B L"]
    ) -> tuple[State, Float[Tensor, "B l E"], Bool[Tensor, "B l"] | None]:
        """What the decoder starts from and looks at: state, outputs per word, padding."""
        lengths = (question != NULL).sum(1)
        question = question[:, : int(lengths.max())]
        memory, state = self.encoder(question, lengths)
        return state, memory, question == NULL if self.config.mask_attention else None

    def forward(
        self, question: Int64[Tensor, "B L"], program: Int64[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Log-probabilities of the token that follows each of ``program`` (``<START>`` first)."""
        state, memory, padding = self.encode(question)
        logs: Tensor = self.decoder(program, state, memory, padding)[0]
        return logs

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Supervised when the batch holds programs, else REINFORCE from answers.

        Raises:
            ValueError: when it holds neither.
        """
        if "program" in batch:
            return self._supervised(batch)
        if "answer" in batch:
            return reinforce(self, batch)
        raise ValueError(
            f"the question parser learns from 'program' or 'answer', got a batch of "
            f"{', '.join(sorted(batch))}; see QuestionParser for the keys"
        )

    def _supervised(self, batch: Batch) -> dict[str, Tensor]:
        """Mean negative log-likelihood of the tokens after ``<START>``."""
        whole = self.config.over_padding
        losses, counted = [], 0
        for part in self.parts(batch):
            program = part["program"]
            if not whole:
                program = program[:, : int((program != NULL).sum(1).max())]
            logs = self(part["question"], program[:, :-1]).flatten(0, 1)
            target = program[:, 1:].flatten()
            ignored = -100 if whole else NULL
            losses.append(F.nll_loss(logs, target, ignore_index=ignored, reduction="sum"))
            counted += int((target != ignored).sum())
        return {"loss": torch.stack(losses).sum() / counted}

    def parts(self, batch: Batch) -> list[Batch]:
        """A batch by length of the questions, so that less of it is padding.

        It stays whole where its padding counts.
        """
        question = batch["question"]
        counts = self.config.over_padding or not self.config.mask_attention
        if counts or len(question) <= _PART:
            return [batch]
        order = (question != NULL).sum(1).argsort()
        return [
            {key: value[rows] for key, value in batch.items()} for rows in torch.split(order, _PART)
        ]

    @torch.no_grad()
    def decode(self, question: Int64[Tensor, "B L"], beam: int = 1) -> Decoded:
        """Programs of questions as numbers, all of them as one batch."""
        return beam_search(self, question, beam) if beam > 1 else greedy(self, question)

    def parse(self, texts: Sequence[str], *, beam: int = 1, batch: int = 256) -> list[Parsed]:
        """A program for each question, in their order; bad questions are told, not raised.

        Questions of like length are decoded together.

        Args:
            texts: in plain words.
            beam: partial programs that are followed at a time; 1 takes the likeliest token.
            batch: questions at once.

        Raises:
            ValueError: for a single string.
        """
        if isinstance(texts, str):
            raise ValueError(f"parse takes a list of questions, got {texts!r}; put it in brackets")
        words = [tokenise(text) for text in texts]
        wrong = [self._wrong(w) for w in words]
        order = sorted((i for i in range(len(texts)) if not wrong[i]), key=lambda i: len(words[i]))
        out = [
            Parsed((), None, 0.0, self.words.unknown(w), e)
            for w, e in zip(words, wrong, strict=True)
        ]
        training = self.training
        self.eval()
        try:
            for first in range(0, len(order), batch):
                chosen = order[first : first + batch]
                decoded = self.decode(self.pack([words[i] for i in chosen]), beam)
                for i, tokens, score in zip(chosen, decoded.texts(), decoded.scores(), strict=True):
                    out[i] = _parsed(tokens, score, out[i].unknown)
        finally:
            self.train(training)
        return out

    def pack(self, questions: Sequence[Sequence[str]]) -> Int64[Tensor, "B L"]:
        """Words of questions as a batch, on the parser's device."""
        rows = [torch.tensor(self.words.encode(q)) for q in questions]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=NULL)
        return padded.to(self.baseline.device)

    def _wrong(self, words: Sequence[str]) -> str:
        """Why a question cannot be parsed, in one line; else empty."""
        most = self.config.longest_question - 2
        if not words:
            return "the question is empty; ask something such as 'How many cubes are there?'"
        if len(words) > most:
            return f"the question has {len(words)} words, expected at most {most}; ask shorter"
        if len(self.words.unknown(words)) == len(set(words)):
            return (
                f"none of the question's words is known ({', '.join(list(words)[:3])} …); ask "
                "about the blocks' size, color, material, shape or number"
            )
        return ""


def _parsed(tokens: tuple[str, ...], score: float, unknown: tuple[str, ...]) -> Parsed:
    """Tokens as a program, or what is wrong with them."""
    try:
        return Parsed(tokens, from_tokens(tokens), score, unknown)
    except ProgramError as error:
        return Parsed(tokens, None, score, unknown, f"the parser wrote no program: {error}")
