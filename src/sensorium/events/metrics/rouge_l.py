"""ROUGE-L of sentences (Lin, ACL workshop 2004): how long a subsequence of words they share.

As the COCO caption code has it: recall weighs 1.2 times as much as precision, and of several
references the best recall and the best precision are taken, each on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sensorium.events.metrics.bleu import check_pairs
from sensorium.events.metrics.tokeniser import Tokens

BETA = 1.2
"""Weight of recall against precision."""


def rouge_l(predictions: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """ROUGE-L of each place, 0..1; the corpus' is their mean.

    Args:
        predictions: one sentence for each place.
        references: one sentence or more for each place.

    Raises:
        ValueError: when there is nothing to compare, or the counts differ.
    """
    check_pairs(predictions, references)
    scores = []
    for words, wanted in zip(predictions, references, strict=True):
        shared = [longest_common(words, other) for other in wanted]
        precision = max(shared) / max(1, len(words))
        recall = max(n / max(1, len(other)) for n, other in zip(shared, wanted, strict=True))
        weight = recall + BETA**2 * precision
        scores.append((1 + BETA**2) * precision * recall / weight if weight else 0.0)
    return scores


@lru_cache(maxsize=1 << 16)
def longest_common(first: Tokens, second: Tokens) -> int:
    """Words of the longest subsequence that both have.

    By bits (Hyyrö 2004): bit ``i`` of ``row`` is 0 where one more word of ``first`` up to ``i`` is
    matched, and a whole row of the table is one addition of long integers.
    """
    places: dict[str, int] = {}
    for i, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        hit = row & places.get(word, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(first) - row.bit_count()
