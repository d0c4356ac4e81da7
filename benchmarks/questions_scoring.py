"""Scores answers by the type of their question, and parsed scenes by what truly stands there."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from sensorium.questions.executor import candidates
from sensorium.worlds.blocks.programs import to_tokens
from sensorium.worlds.blocks.questions import KINDS, Question
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES

_OVERLAP = 0.5  # least IoU of the masks of a found and a true block that are the same


# --- answers --------------------------------------------------------------------------------------


def scored(questions: Sequence[Question], answers: Sequence[str | None]) -> dict[str, float]:
    """Share of right answers, overall and per type; ``None`` counts as wrong.

    ``no_answer`` is the share of ``None``. ``accuracy_with_guess`` is what a uniform guess among
    the candidates of the question's last function would bring on average where there is none (the
    published test script guesses so).
    """
    right: dict[str | None, list[bool]] = {kind: [] for kind in KINDS}
    none, guessed = 0, 0.0
    for question, answer in zip(questions, answers, strict=True):
        right[question.kind].append(answer == question.answer)
        if answer is None:
            none += 1
            guessed += 1 / len(candidates(question.program[-1].token))
    hits = [hit for hits in right.values() for hit in hits]
    out = {"accuracy": share(hits)}
    out |= {f"accuracy/{kind}": share(hits) for kind, hits in right.items() if hits}
    out["no_answer"] = none / len(hits)
    out["accuracy_with_guess"] = (sum(hits) + guessed) / len(hits)
    return out


def share(hits: Sequence[bool]) -> float:
    """Of those that hit."""
    return sum(hits) / len(hits)


def program_match(questions: Sequence[Question], programs: Sequence[Sequence[str]]) -> float:
    """Share of programs, as prefix tokens, that are the annotated ones to the letter."""
    pairs = zip(questions, programs, strict=True)
    return share([tuple(to_tokens(q.program)) == tuple(p) for q, p in pairs])


def commonest(questions: Sequence[Question]) -> Callable[[Question], str]:
    """A guesser that knows the last function of a question and its commonest answer."""
    counts: dict[str, Counter[str]] = {}
    for question in questions:
        counts.setdefault(question.program[-1].function, Counter())[question.answer] += 1
    best = {function: count.most_common(1)[0][0] for function, count in counts.items()}

    def guess(question: Question) -> str:
        last = question.program[-1]
        return best.get(last.function) or candidates(last.token)[0]

    return guess


# --- scenes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """Blocks with their masks, true or found.

    Attributes:
        items: what they are and where.
        masks: of the same picture.
    """

    items: tuple[Item, ...]
    masks: Bool[np.ndarray, "N H W"]


def overlaps(
    found: Bool[np.ndarray, "N H W"], true: Bool[np.ndarray, "M H W"]
) -> NDArray[np.float64]:
    """IoU of every pair of masks, ``[N, M]``."""
    a, b = (m.reshape(len(m), -1).astype(np.float32) for m in (found, true))
    shared = (a @ b.T).astype(np.float64)
    union = a.sum(1)[:, None] + b.sum(1)[None] - shared
    return shared / np.maximum(union, 1.0)


def matched(found: Listed, true: Listed) -> list[tuple[int, int, float]]:
    """Pairs ``(found, true, IoU)`` whose masks agree best over all, those below 0.5 left out."""
    from scipy.optimize import linear_sum_assignment

    if not found.items or not true.items:
        return []
    iou = overlaps(found.masks, true.masks)
    rows, columns = linear_sum_assignment(-iou)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(i, j, float(iou[i, j])) for i, j in pairs if iou[i, j] >= _OVERLAP]


class SceneTally:
    """Figures of parsed scenes: what was found, what it was called, where it was put."""

    def __init__(self) -> None:
        self.found = self.true = self.scenes = self.exact = self.relations = self.agreeing = 0
        self.hits: dict[str, list[bool]] = {a: [] for a in (*ATTRIBUTES, "all")}
        self.offsets: list[float] = []
        self.ious: list[float] = []

    def add(self, found: Listed, true: Listed) -> None:
        """One picture's scene and its truth."""
        pairs = matched(found, true)
        self.found, self.true = self.found + len(found.items), self.true + len(true.items)
        self.scenes += 1
        right = 0
        for i, j, iou in pairs:
            a, b = found.items[i], true.items[j]
            same = {name: a.value(name) == b.value(name) for name in ATTRIBUTES}
            for name, hit in same.items():
                self.hits[name].append(hit)
            self.hits["all"].append(all(same.values()))
            right += all(same.values())
            self.ious.append(iou)
            self.offsets += [abs(a.position[k] - b.position[k]) for k in (0, 1)]
        self.exact += right == len(found.items) == len(true.items)
        self._relate(found, true, pairs)

    def _relate(self, found: Listed, true: Listed, pairs: list[tuple[int, int, float]]) -> None:
        """Whether any two blocks stand to each other as they should, on either axis."""
        for n, (i, j, _) in enumerate(pairs):
            for k, m, _ in pairs[:n]:
                for axis in (0, 1):
                    seen = found.items[i].position[axis] < found.items[k].position[axis]
                    is_so = true.items[j].position[axis] < true.items[m].position[axis]
                    self.relations += 1
                    self.agreeing += seen == is_so

    def figures(self) -> dict[str, float]:
        """Shares of 1, and the mean distance in the world's units."""
        pairs = len(self.ious)
        out = {
            "scenes": self.scenes,
            "blocks": self.true,
            "recall": pairs / max(1, self.true),
            "precision": pairs / max(1, self.found),
            "scene_exact": self.exact / max(1, self.scenes),
        }
        out |= {f"right/{a}": share(hits) for a, hits in self.hits.items() if hits}
        if pairs:
            out["mask_iou"] = statistics.mean(self.ious)
            out["position_error"] = statistics.mean(self.offsets)
        if self.relations:
            out["right/relation"] = self.agreeing / self.relations
        return out


# --- seeds ----------------------------------------------------------------------------------------


def over_seeds(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Means and spread of one row over the seeds of its training; empty when there are none."""
    runs = list(seeds.values())
    if not runs:
        return {}
    out: dict[str, Any] = {"seeds": sorted(seeds)}
    for name, value in runs[0].items():
        if not isinstance(value, int | float):
            out[name] = value
            continue
        values = [run[name] for run in runs if name in run]
        out[name] = statistics.mean(values)
        if len(values) > 1:
            out[f"{name}_spread"] = statistics.stdev(values)
    return out
