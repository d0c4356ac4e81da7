"""METEOR of sentences by NLTK (Lavie and Agarwal 2007: alpha 0.9, beta 3, gamma 0.5), without Java.

Words match when they are equal, have the same Porter stem, or are synonyms in WordNet. WordNet's
data are a download of their own (``python -m nltk.downloader wordnet``); without them there are no
synonyms and the score is `meteor_exact_stem`. NLTK looks synonyms up by stems, so it finds those
alone whose stems are words ("car" and "auto", not "automobile"). Neither score is METEOR 1.5, the
Java program that published tables use; the three must not be compared with one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from sensorium.events.metrics.bleu import check_pairs
from sensorium.events.metrics.tokeniser import Tokens

Variant = Literal["meteor", "meteor_exact_stem"]

_HELD = 1 << 17  # pairs whose scores are kept


class Meteor:
    """Scores pairs of sentences, each pair once.

    Args:
        synonyms: ``True``: from WordNet; ``False``: none; ``None``: from WordNet when it is there.

    Attributes:
        name: ``meteor`` with synonyms, ``meteor_exact_stem`` without.

    Raises:
        ValueError: when synonyms are asked for and there is no WordNet.
    """

    def __init__(self, synonyms: bool | None = None) -> None:
        from nltk.translate.meteor_score import single_meteor_score

        words = None if synonyms is False else _wordnet()
        if synonyms and words is None:
            raise ValueError(
                "METEOR with synonyms needs WordNet's data, which are not there; run "
                "`python -m nltk.downloader wordnet`, or take synonyms=None"
            )
        self.name: Variant = "meteor_exact_stem" if words is None else "meteor"
        stemmer, wordnet = _Stems(), _NoSynonyms() if words is None else _Synonyms(words)

        @lru_cache(maxsize=_HELD)
        def score(prediction: Tokens, reference: Tokens) -> float:
            return float(
                single_meteor_score(reference, prediction, str, stemmer=stemmer, wordnet=wordnet)
            )

        self.score = score

    def __call__(
        self, predictions: Sequence[Tokens], references: Sequence[Sequence[Tokens]]
    ) -> list[float]:
        """METEOR of each place, 0..1: that of its best reference.

        Args:
            predictions: one sentence for each place.
            references: one sentence or more for each place.

        Raises:
            ValueError: when there is nothing to compare, or the counts differ.
        """
        check_pairs(predictions, references)
        return [
            max(self.score(words, other) for other in wanted)
            for words, wanted in zip(predictions, references, strict=True)
        ]


class _Stems:
    """The Porter stemmer, which stems each word once."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self.stem = lru_cache(maxsize=1 << 16)(PorterStemmer().stem)


class _NoSynonyms:
    """A WordNet that knows no word."""

    def synsets(self, word: str) -> list[Any]:
        """Nothing."""
        del word
        return []


class _Synonyms:
    """WordNet, which looks each word up once."""

    def __init__(self, wordnet: Any) -> None:
        self.synsets = lru_cache(maxsize=1 << 15)(wordnet.synsets)


def _wordnet() -> Any | None:
    """NLTK's WordNet, or ``None`` where its data are missing."""
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return wordnet
