"""Words of questions and of programs as numbers, by the rules of CLEVR's published preprocessing.

Four special words come first in both vocabularies. Case is kept ("Are" is not "are"); a word that
is only known in the other case, or in American spelling, is read as that (ours: the published code
does not know it).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sensorium.worlds.blocks.programs import TOKENS

SPECIALS: tuple[str, ...] = ("<NULL>", "<START>", "<END>", "<UNK>")
NULL, START, END, UNK = range(4)

_SPLIT_OFF = (";", ",")
_REMOVED = ("?", ".")
_AMERICAN = {"colour": "color", "colours": "colors", "coloured": "colored", "grey": "gray"}


def tokenise(text: str) -> list[str]:
    """Words of a question: ``;`` and ``,`` stand alone, ``?`` and ``.`` are dropped."""
    for mark in _SPLIT_OFF:
        text = text.replace(mark, f" {mark} ")
    for mark in _REMOVED:
        text = text.replace(mark, "")
    return text.split()


@dataclass(frozen=True)
class Words:
    """A vocabulary; a word's number is its place.

    Attributes:
        words: all of them, `SPECIALS` first.

    Raises:
        ValueError: when the special words are not first, or a word occurs twice.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[: len(SPECIALS)] != SPECIALS:
            raise ValueError(
                f"a vocabulary starts with {' '.join(SPECIALS)}, got "
                f"{' '.join(self.words[: len(SPECIALS)]) or 'nothing'}; make it with Words.of"
            )
        if len(set(self.words)) != len(self.words):
            twice = next(w for i, w in enumerate(self.words) if w in self.words[:i])
            raise ValueError(f"the word {twice!r} is twice in the vocabulary; keep it once")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Words:
        """The vocabulary of all words of these questions, in order of the alphabet."""
        found = {word for text in texts for word in tokenise(text)}
        return cls(SPECIALS + tuple(sorted(found - set(SPECIALS))))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each word."""
        return {word: number for number, word in enumerate(self.words)}

    def number(self, word: str) -> int:
        """A word's number, that of its other case or spelling, or `UNK`."""
        known, lower = self.numbers, word.lower()
        for spelling in (word, lower, word.capitalize(), _AMERICAN.get(lower, lower)):
            if known.get(spelling, NULL) >= len(SPECIALS):
                return known[spelling]
        return UNK

    def unknown(self, words: Sequence[str]) -> tuple[str, ...]:
        """Those that are not in the vocabulary, each once, in their order."""
        return tuple(dict.fromkeys(w for w in words if self.number(w) == UNK))

    def encode(self, words: Sequence[str]) -> list[int]:
        """Numbers of ``<START>``, the words, ``<END>``; unknown words are ``<UNK>``."""
        return [START, *(self.number(w) for w in words), END]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Words up to ``<END>``, without the other special words."""
        out: list[str] = []
        for number in numbers:
            if number == END:
                break
            if number >= len(SPECIALS):
                out.append(self.words[number])
        return out


PROGRAM_WORDS = Words(SPECIALS + TOKENS)
"""The 44 words of programs, in the order of the published vocabulary."""
