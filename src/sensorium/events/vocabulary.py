"""Words of sentences as numbers, by the rules of the published code of arXiv:1812.03849.

A sentence is lower-cased, full stops and commas stand alone, blanks part the rest. A word counts
when it occurs more than once; the most frequent come first, equal ones by the alphabet. ``<bos>``
is 0, ``<eos>`` is 1, ``<oov>`` is last; there are 6000 in all at most. Sentences are filled up with
``<eos>``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int64
from torch import Tensor

BEGIN, END, UNKNOWN = "<bos>", "<eos>", "<oov>"
BOS, EOS = 0, 1
MOST = 6000
_STAND_ALONE = ".,"


def tokenise(text: str) -> list[str]:
    """Words of a sentence.

    Example:
        >>> tokenise("He waves, then bows.")
        ['he', 'waves', ',', 'then', 'bows', '.']
    """
    text = text.lower()
    for mark in _STAND_ALONE:
        text = text.replace(mark, f" {mark} ")
    return text.split()


@dataclass(frozen=True)
class Words:
    """A vocabulary; a word's number is its place.

    Attributes:
        words: all of them: ``<bos>``, ``<eos>``, ..., ``<oov>``.

    Raises:
        ValueError: when the special words are not in their places, or a word occurs twice.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        ends = (*self.words[:2], *self.words[2:][-1:])
        if ends != (BEGIN, END, UNKNOWN):
            raise ValueError(
                f"a vocabulary starts with {BEGIN} {END} and ends with {UNKNOWN}, got "
                f"{' '.join(ends) or 'nothing'}; make it with Words.of"
            )
        if len(set(self.words)) != len(self.words):
            twice = next(w for i, w in enumerate(self.words) if w in self.words[:i])
            raise ValueError(f"the word {twice!r} is twice in the vocabulary; keep it once")

    @classmethod
    def of(cls, sentences: Iterable[str], *, least: int = 2, most: int = MOST) -> Words:
        """The vocabulary of (training) sentences.

        Args:
            sentences: as text.
            least: how often a word must occur; the published code takes 2.
            most: words in all, the special ones counted.
        """
        counts = Counter(word for text in sentences for word in tokenise(text))
        kept = [w for w, n in counts.items() if n >= least and w not in (BEGIN, END, UNKNOWN)]
        kept.sort(key=lambda word: (-counts[word], word))
        return cls((BEGIN, END, *kept[: max(0, most - 3)], UNKNOWN))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    @property
    def oov(self) -> int:
        """Number of ``<oov>``."""
        return len(self.words) - 1

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a sentence that are not in the vocabulary, each once, in their order."""
        return tuple(dict.fromkeys(w for w in tokenise(text) if w not in self.numbers))

    def encode(self, text: str) -> list[int]:
        """Numbers of ``<bos>``, the sentence's words, ``<eos>``; unknown words are ``<oov>``."""
        return [BOS, *(self.numbers.get(w, self.oov) for w in tokenise(text)), EOS]

    def decode(self, numbers: Iterable[int]) -> str:
        """The sentence up to ``<eos>``; a leading ``<bos>`` is left out."""
        told: list[str] = []
        for number in numbers:
            if number == EOS:
                break
            if number != BOS:
                told.append(self.words[number])
        return " ".join(told).replace(" ,", ",").replace(" .", ".")

    def padded(
        self, texts: Sequence[str], rows: int, longest: int
    ) -> tuple[Int64[Tensor, "S L"], Int64[Tensor, "S"]]:
        """Sentences as a table filled up with ``<eos>``, and how many numbers each has.

        A sentence longer than ``longest`` numbers loses its last words, not its ``<eos>``; rows
        without a sentence count 0.

        Raises:
            ValueError: for more than ``rows`` sentences.
        """
        if len(texts) > rows:
            raise ValueError(f"got {len(texts)} sentences for {rows} rows; make more rows")
        table = torch.full((rows, longest), EOS)
        count = torch.zeros(rows, dtype=torch.int64)
        for row, text in enumerate(texts):
            numbers = [*self.encode(text)[: longest - 1], EOS] if longest else []
            numbers = numbers[:-1] if numbers[-2:] == [EOS, EOS] else numbers
            table[row, : len(numbers)] = torch.tensor(numbers)
            count[row] = len(numbers)
        return table, count
