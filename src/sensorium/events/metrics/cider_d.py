"""CIDEr-D (Vedantam, Zitnick, Parikh: CVPR 2015, arXiv:1411.5726, section 6 and appendix).

A sentence is a vector of weights per order of n-grams, count times log(sets of references / sets
with the n-gram). CIDEr-D is the mean over orders 1 to 4 and references of the cosine with counts
clipped to the reference's, times a Gaussian of the difference in length (sigma 6), times 10. The
sets of references are those given: on the server these are the pairs of one video alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, log, sqrt

from sensorium.events.metrics.bleu import ORDERS, check_pairs, ngrams
from sensorium.events.metrics.tokeniser import Tokens

SIGMA = 6.0
"""Of the penalty for another length, in words."""

Weighted = tuple[list[dict[Tokens, float]], list[float]]


def cider_d(predictions: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """CIDEr-D of each place, 0..10; the corpus' is their mean.

    Args:
        predictions: one sentence for each place.
        references: one sentence or more for each place; with one place alone all scores are 0,
            since no n-gram tells places apart.

    Raises:
        ValueError: when there is nothing to compare, or the counts differ.
    """
    check_pairs(predictions, references)
    spread: Counter[Tokens] = Counter()
    for wanted in references:
        spread.update({gram for words in wanted for counts in ngrams(words) for gram in counts})
    places = log(len(references))
    known: dict[Tokens, Weighted] = {}

    def weighted(words: Tokens) -> Weighted:
        """Weights and lengths of the vectors of a sentence, one of each order."""
        if words not in known:
            rows = [
                {gram: n * (places - log(max(1, spread[gram]))) for gram, n in counts.items()}
                for counts in ngrams(words)
            ]
            known[words] = rows, [sqrt(sum(w * w for w in row.values())) for row in rows]
        return known[words]

    scores = []
    for words, wanted in zip(predictions, references, strict=True):
        mine = weighted(words)
        alike = [
            _cosine(mine, weighted(other)) * exp(-((len(words) - len(other)) ** 2) / 2 / SIGMA**2)
            for other in wanted
        ]
        scores.append(10 * sum(alike) / len(alike))
    return scores


def _cosine(mine: Weighted, other: Weighted) -> float:
    """Mean over orders of the clipped cosine of two sentences."""
    total = 0.0
    for row, norm, other_row, other_norm in zip(*mine, *other, strict=True):
        if norm and other_norm:
            shared = row.keys() & other_row.keys()
            dot = sum(min(row[gram], other_row[gram]) * other_row[gram] for gram in shared)
            total += dot / (norm * other_norm)
    return total / ORDERS
