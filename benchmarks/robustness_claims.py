"""What the paper on defensive quantisation claims, one by one, against what was measured here.

A claim is put as differences that it says are above 0 (or about 0), each taken seed by seed. It
counts as found when all seeds agree and the mean is a point (0.01) or more, as the opposite when
they agree on the other side, as not found otherwise; one seed alone must show five points, about
two standard errors of a difference between 300 pictures, and is named. Differences in attacks
that are not to be trusted are called naive. The claims are those of arXiv:1904.08444, in our words.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from robustness_measures import key
from robustness_runs import WORLDS, Kind, title

BySeed = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Figures by row, by seed."""
POINT = 0.01
LAST = 5
"""The layer whose input is looked at for the growth of errors: the last convolution of six."""
_MAIN = WORLDS["digits"].budget.main
_SMALL = WORLDS["digits"].budget.small
NAIVE, PLAIN, WORST, BLACK = (key(k, _MAIN) for k in ("fgsm", "pgd_last", "robust", "transfer"))
BY = {
    NAIVE: "FGSM, naive",
    PLAIN: "PGD's last iterate, naive",
    WORST: "worst case",
    BLACK: "black box, transfer",
    "clean": "no attack",
}
"""What figures are called, at the main radius."""


@dataclass(frozen=True)
class Difference:
    """A sum of figures with their signs.

    Attributes:
        label: what it is.
        terms: sign, row and figure of each.
        about_zero: whether it is claimed to be within a point of 0, and not above 0.
    """

    label: str
    terms: tuple[tuple[int, str, str], ...]
    about_zero: bool = False

    def measured(self, rows: BySeed) -> list[float]:
        """Its value for each seed that all rows have."""
        names = {row for _, row, _ in self.terms}
        if not names <= set(rows):
            return []
        seeds = sorted(set.intersection(*(set(rows[name]) for name in names)))
        return [
            sum(sign * rows[row][seed][figure] for sign, row, figure in self.terms)
            for seed in seeds
            if all(figure in rows[row][seed] for _, row, figure in self.terms)
        ]

    def verdict(self, values: list[float]) -> str:
        """In words."""
        if not values:
            return "not measured"
        mean = statistics.mean(values)
        least, more = (POINT, "") if len(values) > 1 else (5 * POINT, ", one seed")
        if self.about_zero:
            return ("found" if abs(mean) < POINT else "not found") + more
        if abs(mean) >= least and len({value > 0 for value in values}) == 1 and 0 not in values:
            return ("found" if mean > 0 else "the opposite") + more
        return "not found" + more


@dataclass(frozen=True)
class Claim:
    """What is claimed, and by what it is judged."""

    text: str
    differences: tuple[Difference, ...]


def above(label: str, figure: str, high: str, low: str) -> Difference:
    """One row's figure minus another's."""
    return Difference(label, ((1, high, figure), (-1, low, figure)))


def lost(label: str, kind: Kind, figure: str, bits: int) -> Difference:
    """What quantisation to some bits costs."""
    return above(label, figure, title(kind, 0), title(kind, bits))


def _vanilla() -> Iterator[Claim]:
    """Section 3 of the paper."""
    flat = lost("clean accuracy lost, full precision to 4 bits", "vanilla", "clean", 4)
    yield Claim(
        "Vanilla quantisation keeps accuracy without attack down to about 4 bits",
        (Difference(flat.label, flat.terms, about_zero=True),),
    )
    yield Claim(
        "Under attack it loses accuracy long before",
        tuple(
            Difference(
                f"lost at {bits} bits beyond what is lost without attack ({BY[figure]})",
                (
                    *lost("", "vanilla", figure, bits).terms,
                    *((-s, r, f) for s, r, f in lost("", "vanilla", "clean", bits).terms),
                ),
            )
            for figure in (NAIVE, PLAIN, WORST)
            for bits in (5, 4, 2)
        ),
    )


def _growth() -> Iterator[Claim]:
    full, few = title("vanilla", 0), title("vanilla", 2)
    yield Claim(
        "Errors grow from layer to layer",
        tuple(
            Difference(
                f"last convolution's input minus picture, {row}, {n.upper()}",
                ((1, row, f"{n}@{LAST}"), (-1, row, f"{n}@0")),
            )
            for row in (full, few)
            for n in ("l2", "l1")
        ),
    )
    yield Claim(
        "They grow faster with fewer bits",
        tuple(
            above(f"last convolution's input, {bits} bits minus more, {n.upper()}", f"{n}@{LAST}",
                  title("vanilla", bits), title("vanilla", more))
            for bits, more in ((2, 4), (4, 0))
            for n in ("l2", "l1")
        ),
    )  # fmt: skip
    yield Claim(
        "One quantiser of 3 bits shrinks small perturbations",
        tuple(
            Difference(
                f"before minus after, eps {eps:g}, {n.upper()}",
                ((1, full, key(f"before {n}", eps)), (-1, full, key(f"after 3 {n}", eps))),
            )
            for n in ("l2", "l1")
            for eps in _SMALL[1:4]
        ),
    )
    yield Claim(
        "It enlarges large ones",
        tuple(
            Difference(
                f"after minus before, eps {eps:g}, {n.upper()}",
                ((1, full, key(f"after 3 {n}", eps)), (-1, full, key(f"before {n}", eps))),
            )
            for n in ("l2", "l1")
            for eps in _SMALL[4:]
        ),
    )


def _defended() -> Iterator[Claim]:
    """Sections 4 and 5."""
    kinds: tuple[Kind, ...] = ("raw penalty", "non-expansive")
    yield Claim(
        "Errors grow less in defended networks",
        tuple(
            above(f"last convolution's input, vanilla minus {kind}, {bits} bits, {n.upper()}",
                  f"{n}@{LAST}", title("vanilla", bits), title(kind, bits))
            for kind in kinds
            for bits in (4, 2)
            for n in ("l2", "l1")
        ),
    )  # fmt: skip
    yield Claim(
        "Defensive quantisation is more robust than vanilla at the same bits",
        tuple(
            above(f"{kind}, {bits} bits ({BY[figure]})", figure, title(kind, bits),
                  title("vanilla", bits))
            for kind in kinds
            for bits in (4, 2)
            for figure in (NAIVE, PLAIN, WORST, BLACK)
        )
        + tuple(
            above(f"non-expansive, {bits} bits, vanilla with the same bound ({BY[figure]})", figure,
                  title("non-expansive", bits), title("vanilla", bits, "bound 1"))
            for bits in (4, 2)
            for figure in (NAIVE, WORST)
        ),
    )  # fmt: skip
    yield Claim(
        "Quantised networks become more robust than their own full precision",
        tuple(
            above(f"{kind}, {bits} bits minus full precision ({BY[figure]})", figure,
                  title(kind, bits), title(kind, 0))
            for kind in kinds
            for bits in (4, 2)
            for figure in (NAIVE, PLAIN, WORST)
        ),
    )  # fmt: skip
    yield Claim(
        "Less robustness is lost to quantisation than without the defence",
        tuple(
            Difference(
                f"{kind}, {bits} bits ({BY[figure]})",
                (
                    *lost("", "vanilla", figure, bits).terms,
                    *((-s, r, f) for s, r, f in lost("", kind, figure, bits).terms),
                ),
            )
            for kind in kinds
            for bits in (4, 2)
            for figure in (NAIVE, WORST)
        ),
    )
    yield Claim(
        "Defensive quantisation is more accurate than vanilla without attack",
        tuple(
            above(f"{kind}, {bits} bits", "clean", title(kind, bits), title("vanilla", bits))
            for kind in kinds
            for bits in (4, 3, 2)
        ),
    )


def _combined() -> Iterator[Claim]:
    kinds: tuple[Kind, ...] = ("raw penalty", "non-expansive")
    yield Claim(
        "Robustness rises with the penalty's weight",
        tuple(
            above(f"raw penalty, 4 bits, beta 0.03 minus 0.0003 ({BY[figure]})", figure,
                  title("raw penalty", 4, "beta 0.03"), title("raw penalty", 4, "beta 0.0003"))
            for figure in (NAIVE, WORST)
        ),
    )  # fmt: skip
    yield Claim(
        "On top of adversarial training it adds robustness",
        tuple(
            above(f"{kind}, {bits} bits ({BY[figure]})", figure,
                  title(kind, bits, "adversarial"), title("vanilla", bits, "adversarial"))
            for kind in kinds
            for bits in (4, 2)
            for figure in (NAIVE, WORST, BLACK)
        ),
    )  # fmt: skip
    yield Claim(
        "Behind feature squeezing it adds robustness",
        tuple(
            above(f"non-expansive, {bits} bits ({BY[figure]})", figure,
                  title("non-expansive", bits, "squeezed"), title("vanilla", bits, "squeezed"))
            for bits in (4, 2)
            for figure in (NAIVE, WORST, BLACK)
        ),
    )  # fmt: skip
    yield Claim(
        "A bound of 1 costs accuracy at 4 bits beside one of 6",
        (above("vanilla", "clean", title("vanilla", 4), title("vanilla", 4, "bound 1")),),
    )
    bound = tuple(
        (sign * way, title(kind, 4, more), "clean")
        for way, kind in ((1, "vanilla"), (-1, "raw penalty"))
        for sign, more in ((1, ""), (-1, "bound 1"))
    )
    yield Claim("It costs less with the penalty", (Difference("raw penalty", bound),))


def every() -> tuple[Claim, ...]:
    """All of them, in the paper's order."""
    return (*_vanilla(), *_growth(), *_defended(), *_combined())


def claims(rows: Mapping[str, BySeed]) -> list[dict[str, Any]]:
    """What was found of each claim, on digits."""
    found = []
    for claim in every():
        parts = []
        for difference in claim.differences:
            values = difference.measured(rows["digits"])
            part: dict[str, Any] = {
                "measured": difference.label,
                "by_seed": [round(v, 5) for v in values],
                "verdict": difference.verdict(values),
            }
            if values:
                part["mean"] = round(statistics.mean(values), 5)
            parts.append(part)
        found.append({"claim": claim.text, "parts": parts})
    return found
