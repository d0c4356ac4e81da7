"""Balance: no answer of a family may run ahead of the others.

CLEVR's rule (arXiv:1612.06890, section 3): an answer is refused while it has been given more than
1.1 times as often as the runner-up, or more than five times the median (at least 5). Counts start
again every 250 pictures. Families that were used least come first; among equals the order is drawn,
where CLEVR takes them in the order of the files, which puts questions of one file into blocks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.vocabulary import MOST, VALUES, Kind

AGAIN = 250
"""Pictures after which counting starts again."""

ANSWERS_OF: dict[Kind, tuple[str, ...]] = {
    "boolean": ("yes", "no"),
    "integer": tuple(str(n) for n in range(MOST + 1)),
    "size": VALUES["size"],
    "color": VALUES["color"],
    "material": VALUES["material"],
    "shape": VALUES["shape"],
}
"""What a question can have for an answer, by what its last function gives."""


class Balance:
    """How often each family was used and each of its answers given.

    Args:
        families: in the order by which they are numbered here.
    """

    def __init__(self, families: Sequence[Family]) -> None:
        self._answers = [ANSWERS_OF[f.nodes[-1].gives] for f in families]
        self._pictures = 0
        self._start()

    def _start(self) -> None:
        """All counts at zero."""
        self._given = [dict.fromkeys(answers, 0) for answers in self._answers]
        self._used = [0] * len(self._answers)

    def next_picture(self) -> None:
        """Say that the questions which follow are about another picture."""
        if self._pictures and self._pictures % AGAIN == 0:
            self._start()
        self._pictures += 1

    def order(self, rng: random.Random) -> list[int]:
        """The families' numbers, those used least first."""
        numbers = list(range(len(self._used)))
        rng.shuffle(numbers)
        return sorted(numbers, key=self._used.__getitem__)

    def refused(self, number: int) -> frozenset[str]:
        """The answers that family ``number`` must not give now."""
        given = self._given[number]
        counts = sorted(given.values())
        most = min(1.1 * counts[-2], 5.0 * max(median(counts), 5.0))
        return frozenset(answer for answer, count in given.items() if count > most)

    def note(self, number: int, answer: str) -> None:
        """Count a question of family ``number``."""
        self._used[number] += 1
        self._given[number][answer] += 1
