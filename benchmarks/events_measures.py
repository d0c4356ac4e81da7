"""What `events_quality.py` measures of a trained WSDEC, and of spans that nobody looked for.

A row holds what was measured of it: localisation (``miou``, ``recall1_iou0.5`` ..., with ``_macro``
for means over videos), the diagnostic of collapse (`collapse`), dense captioning (``cider_d`` ...
``soda`` with ``recall``, ``precision``, ``f1`` and ``predictions``), and on true spans who, of
which colour, does what (``slot_all`` ...). Shares are 0..1, CIDEr-D 0..10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from events_held_out import HeldOut, Story, name, spans_of
from sensorium.events import baselines
from sensorium.events.anchors import iou
from sensorium.events.fixed_point import FixedPointConfig, write
from sensorium.events.losses import Lesson
from sensorium.events.measuring import story_of
from sensorium.events.metrics.dense import dense_captioning
from sensorium.events.metrics.slots import slot_accuracy
from sensorium.events.systems import WSDECSystem
from sensorium.events.targets import anchor_likelihoods
from sensorium.seeds import derive

Row = dict[str, Any]
Rows = dict[str, Row]
Spans = dict[int, Float[Tensor, "S 2"]]
"""By episode, ``(centre, width)`` for each of its sentences."""

CANDIDATES = 15
"""Random spans and anchors that are told of an episode, as published."""

_COUNTS = ("predictions", "videos", "empty_videos", "predictions_on_empty")
_AT_ONCE = 8  # episodes
_ALIKE = 0.5  # IoU from which two answers are one


# --- localisation ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """Where sentences are found, and where the generator would put them.

    Attributes:
        spans: the localiser's.
        labels: the anchor in which the generator finds the sentence likeliest: what it is taught.
    """

    spans: Spans
    labels: Spans


@torch.no_grad()
def found_by(system: WSDECSystem, held_out: HeldOut) -> Found:
    """Every sentence, asked alone."""
    spans, labels = {}, {}
    for numbers, batch in held_out.batches(_AT_ONCE):
        lesson = system.lesson(batch)
        found, _ = system.localise(lesson)
        anchors = system.localiser.anchors.expand(len(numbers), -1, -1)
        likely = anchor_likelihoods(
            system.generator, lesson.features, lesson.length, anchors, lesson.words,
            lesson.word_count,
        )  # fmt: skip
        best = likely.argmax(-1)[..., None].expand(-1, -1, 2)
        liked = anchors.gather(1, best)
        for row, index in enumerate(numbers):
            count = len(held_out.stories[index])
            spans[index], labels[index] = found[row, :count], liked[row, :count]
    return Found(spans, labels)


def collapse(spans: Spans, held_out: HeldOut) -> Row:
    """Whether different sentences of an episode are found at different places.

    ``spread``: variance of the centres (1/12 where they are even, 0 at one place); ``distinct``:
    how many answers there are, those with an IoU of 0.5 or more being one; ``shared``: mean IoU of
    the answers to two sentences. Each beside the same of the truth. Episodes with one event do not
    count.
    """
    rows = []
    for index, mine in spans.items():
        if len(mine) > 1:
            true = held_out.spans(index)
            rows.append([*_scattered(mine), *_scattered(true), float(len(true))])
    if not rows:
        return {}
    names = ("spread", "distinct", "shared")
    every = (*names, *(f"{n}_true" for n in names), "sentences_of_an_episode")
    return dict(zip(every, torch.tensor(rows).mean(0).tolist(), strict=True))


def _scattered(spans: Float[Tensor, "S 2"]) -> tuple[float, int, float]:
    """Variance of the centres, different spans, mean IoU of two."""
    shared = iou(spans[:, None], spans)
    kept: list[int] = []
    for k in range(len(spans)):
        if all(float(shared[k, other]) < _ALIKE for other in kept):
            kept.append(k)
    pairs = ~torch.eye(len(spans), dtype=torch.bool)
    return float(spans[:, 0].var(correction=0)), len(kept), float(shared[pairs].mean())


def localisation_rows(system: WSDECSystem, held_out: HeldOut, label: str) -> Rows:
    """A system's row of localisation with the diagnostic."""
    found = found_by(system, held_out)
    labels = held_out.localised(found.labels)
    row = {**held_out.localised(found.spans), **collapse(found.spans, held_out)}
    return {label: {**row, "label_miou": labels["miou"]}}


def chance_rows(anchors: Float[Tensor, "A 2"], held_out: HeldOut, seed: int) -> Rows:
    """Spans that nobody looked for, as answers to the sentences; and the best anchor of all."""

    def nearest(index: int) -> Float[Tensor, "S 2"]:
        true = held_out.spans(index)
        return anchors[iou(anchors, true[:, None]).argmax(-1)]

    def count(index: int) -> int:
        return len(held_out.stories[index])

    def drawn(index: int) -> int:
        return derive(seed, held_out.split, index)

    def starts(index: int) -> Float[Tensor, "S"]:
        return torch.tensor([span.start for span, _ in held_out.stories[index]])

    ways: dict[str, Callable[[int], Float[Tensor, "S 2"]]] = {
        "whole video": lambda i: baselines.whole_video(count(i)),
        "random spans": lambda i: baselines.random_spans(count(i), drawn(i)),
        "random anchors": lambda i: baselines.random_anchors(anchors, count(i), drawn(i)),
        "uniform split, order unknown": lambda i: baselines.unordered_split(count(i), drawn(i)),
        "uniform split, order known": lambda i: baselines.ordered_split(starts(i)),
        "nearest anchor": nearest,
    }
    filled = [i for i, story in enumerate(held_out.stories) if story]
    out: Rows = {}
    for label, way in ways.items():
        spans = {i: way(i) for i in filled}
        out[label] = {**held_out.localised(spans), **collapse(spans, held_out)}
    return out


# --- dense captioning -----------------------------------------------------------------------------


@torch.no_grad()
def stories_of(
    system: WSDECSystem, held_out: HeldOut, search: FixedPointConfig | None = None
) -> dict[int, Story]:
    """What the system tells of every episode."""
    out: dict[int, Story] = {}
    for numbers, batch in held_out.batches(_AT_ONCE):
        told = system.settle(system.lesson(batch), search)
        out |= {i: story_of(events, system.words) for i, events in zip(numbers, told, strict=True)}
    return out


@torch.no_grad()
def told_about(
    system: WSDECSystem, held_out: HeldOut, spans: Mapping[int, Float[Tensor, "S 2"]]
) -> dict[int, Story]:
    """What the system's generator tells about given spans, sentence by sentence."""
    out: dict[int, Story] = {}
    for index, rows in spans.items():
        if not len(rows):
            out[index] = []
            continue
        lesson: Lesson = system.lesson(held_out.batch([index]))
        words, _ = write(
            system.generator, lesson.features, lesson.length, rows[None], system.config.search
        )
        said = [system.words.decode(numbers) for numbers in words[0].tolist()]
        out[index] = list(zip(spans_of(rows), said, strict=True))
    return out


def captioning_row(stories: Mapping[int, Story], held_out: HeldOut) -> Row:
    """Scores of stories."""
    scores = dense_captioning({name(i): s for i, s in stories.items()}, [held_out.truth])
    kept = {k: v for k, v in scores.items() if "_iou" not in k or k.startswith(("rec", "prec"))}
    return {k: v if k in _COUNTS else v / 100 for k, v in kept.items()}


def given_rows(system: WSDECSystem, held_out: HeldOut, seed: int, by: str = "") -> Rows:
    """The generator told about spans that nobody looked for, and about the true ones.

    Args:
        system: whose generator writes.
        held_out: episodes.
        seed: of random spans.
        by: whose generator it is, for the names of the rows; empty: those of `chance_rows`.
    """
    anchors, every = system.localiser.anchors, range(len(held_out))

    def drawn(index: int) -> int:
        return derive(seed, held_out.split, index)

    def parts(index: int) -> Float[Tensor, "S 2"]:
        return baselines.unordered_split(max(1, len(held_out.stories[index])), 0)

    ways: dict[str, Callable[[int], Float[Tensor, "S 2"]]] = {
        "whole video": lambda i: baselines.whole_video(1),
        "random spans": lambda i: baselines.random_spans(CANDIDATES, drawn(i)),
        "random anchors": lambda i: baselines.random_anchors(anchors, CANDIDATES, drawn(i)),
        "uniform split, order known": parts,
        "true spans": held_out.spans,
    }
    suffix = f", told by {by}" if by else ""
    out: Rows = {}
    for label, way in ways.items():
        stories = told_about(system, held_out, {i: way(i) for i in every})
        out[label + suffix] = captioning_row(stories, held_out)
        if label == "true spans":
            out[label + suffix] |= _slots(stories, held_out)
    return out


def _slots(stories: Mapping[int, Story], held_out: HeldOut) -> Row:
    """Who, of which colour, does what, where the spans are the true ones in their order."""
    pairs: list[tuple[str, str]] = []
    for index, told in stories.items():
        pairs += [(a, b) for (_, a), (_, b) in zip(told, held_out.stories[index], strict=True)]
    return dict(slot_accuracy(pairs)) if pairs else {}


# --- the search -----------------------------------------------------------------------------------


def searches(own: FixedPointConfig) -> dict[str, FixedPointConfig]:
    """The search with one thing changed."""
    out = {f"rounds: {n}": replace(own, rounds=n) for n in (0, 1, 2, 4, 8)}
    for count in (5, 15, 50):
        label = f"candidates: {count} random spans"
        out[label] = replace(own, start="random", candidates=count)
    out["candidates: the anchors"] = replace(own, start="anchors")
    out["contrast: not asked"] = replace(own, contrast=0.0)
    out["kept: what stays"] = replace(own, keep="stable")
    out["kept: what moves (published)"] = replace(own, keep="moved")
    out["overlapping: joined (published)"] = replace(own, merge="hull", overlap=0.9)
    return out


def search_rows(system: WSDECSystem, held_out: HeldOut) -> Rows:
    """One system, searched in several ways."""
    out: Rows = {}
    done: dict[FixedPointConfig, Row] = {}
    for label, search in searches(system.config.search).items():
        if search not in done:
            done[search] = captioning_row(stories_of(system, held_out, search), held_out)
        out[label] = dict(done[search])
    return out


# --- together -------------------------------------------------------------------------------------


def system_rows(system: WSDECSystem, held_out: HeldOut, label: str, found: bool = True) -> Rows:
    """All of a system: found, told, collapsed or not, and what it says of the true spans.

    Args:
        system: trained.
        held_out: episodes.
        label: of the row.
        found: whether its localiser was trained; without, nothing is asked of it.
    """
    if not found:
        return {label: {}}
    (row,) = localisation_rows(system, held_out, label).values()
    row |= captioning_row(stories_of(system, held_out), held_out)
    true = told_about(system, held_out, {i: held_out.spans(i) for i in range(len(held_out))})
    return {label: row | _slots(true, held_out)}


def merged(*tables: Rows) -> Rows:
    """Rows of several tables, those of one name put together."""
    out: Rows = {}
    for rows in tables:
        for label, row in rows.items():
            out.setdefault(label, {}).update(row)
    return out
