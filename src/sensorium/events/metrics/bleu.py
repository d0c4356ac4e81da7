"""BLEU-1 to BLEU-4 of a corpus (Papineni et al., ACL 2002).

As the COCO caption code computes it, so that figures compare: counts are added up over all pairs,
the reference's length is the nearest (of two as near, the shorter), and a 1e-15 stands in for no
match at all, so that BLEU-4 without a shared 4-gram is a few thousandths instead of zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import exp

from sensorium.events.metrics.tokeniser import Tokens

ORDERS = 4
_TINY, _SMALL = 1e-15, 1e-9

Grams = tuple[Counter[Tokens], ...]


@lru_cache(maxsize=1 << 12)
def ngrams(words: Tokens) -> Grams:
    """How often each run of 1, 2, 3 and 4 words occurs."""
    return tuple(
        Counter(words[i : i + n] for i in range(len(words) - n + 1)) for n in range(1, ORDERS + 1)
    )


def bleu(predictions: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """BLEU-1, -2, -3 and -4 of a corpus, 0..1.

    Args:
        predictions: one sentence for each place.
        references: one sentence or more for each place.

    Raises:
        ValueError: when there is nothing to compare, or the counts differ.
    """
    check_pairs(predictions, references)
    shared, guessed = [0] * ORDERS, [0] * ORDERS
    said = asked = 0
    for words, wanted in zip(predictions, references, strict=True):
        said += len(words)
        asked += min((abs(len(other) - len(words)), len(other)) for other in wanted)[1]
        others = [ngrams(other) for other in wanted]
        for n, counts in enumerate(ngrams(words)):
            guessed[n] += max(0, len(words) - n)
            shared[n] += sum(
                min(count, max(other[n][gram] for other in others))
                for gram, count in counts.items()
            )
    ratio = (said + _TINY) / (asked + _SMALL)
    brevity = exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, scores = 1.0, []
    for n in range(ORDERS):
        product *= (shared[n] + _TINY) / (guessed[n] + _SMALL)
        scores.append(brevity * product ** (1 / (n + 1)))
    return scores


def check_pairs(predictions: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
    """Raise a `ValueError` unless there is a reference for every prediction."""
    if not predictions:
        raise ValueError("got no sentences; give at least one prediction with its references")
    if len(predictions) != len(references) or not all(references):
        raise ValueError(
            f"got {len(predictions)} predictions and {len(references)} lists of references; give "
            "one list for each prediction, with at least one sentence"
        )
