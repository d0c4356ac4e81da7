"""Metrics of question answering: by type of question, of programs, and of parsed scenes.

A question's type is that of the last function of its program, as in the paper's table 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sensorium.questions.executor import execute
from sensorium.questions.vocabulary import PROGRAM_WORDS
from sensorium.worlds.blocks.programs import TOKENS, ProgramError, from_tokens
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES

if TYPE_CHECKING:
    from sensorium.questions.parser import QuestionParser
    from sensorium.questions.scene_parser import SceneParser
    from sensorium.system import Batch, Meter

KINDS = ("count", "exist", "compare_integer", "compare_attribute", "query")
"""Types of questions, as the paper's table has them."""

NEAR = 1.0
"""How far apart, in the world's units on the ground, a seen block and a true one may be."""

_SCENE = ("scene_exact", "recall", "precision", *ATTRIBUTES, "position_error")


def question_meters() -> dict[str, Meter]:
    """Fresh meters, each a mean; those that were told nothing are left out by `evaluate`.

    ``accuracy`` and ``accuracy/<type>``: answers as the system gives them. ``true_scene``: answers
    of the parser's programs on the true scene. ``program_match``: programs that are the annotated
    ones to the letter. ``scene_exact``: scenes of which every block is seen, nothing else is, and
    all attributes are right; ``recall`` and ``precision`` of blocks; ``size``, ``color``,
    ``material``, ``shape`` of those that are found; ``position_error`` on the ground.
    """
    from torchmetrics import MeanMetric

    class Share(MeanMetric):
        higher_is_better = True  # type: ignore[assignment]

    meters: dict[str, Meter] = {"accuracy": Share()}
    for name in ("true_scene", "program_match", *_SCENE):
        meters[name] = MeanMetric()
    return meters | {f"accuracy/{kind}": MeanMetric() for kind in KINDS}


def kind_of(token: str) -> str:
    """The type of a question by the first token of its program (its output)."""
    name = token.partition("[")[0]
    if name in ("equal_integer", "greater_than", "less_than"):
        return "compare_integer"
    return {"equal": "compare_attribute", "query": "query"}.get(name.partition("_")[0], name)


def measure(
    scenes: SceneParser, parser: QuestionParser, batch: Batch, meters: Mapping[str, Meter]
) -> None:
    """Feed a batch to the meters: which ones is said by its keys.

    ``picture`` with ``text``: answers from pixels (see `datasets.answers`). ``question``: programs,
    and with a scene answers on it. ``crop``: attributes of given blocks. ``picture``: scenes.
    """
    if "text" in batch:
        _from_pixels(scenes, parser, batch, meters)
    elif "question" in batch:
        _from_truth(parser, batch, meters)
    elif "crop" in batch:
        _of_crops(scenes, batch, meters)
    else:
        _see(scenes, batch, meters)


def answer_of(tokens: Sequence[str], items: Sequence[Item]) -> str | None:
    """What a program answers on a scene; ``None`` when it is malformed or fails."""
    try:
        return execute(from_tokens(tokens), items).answer
    except ProgramError:
        return None


def true_scenes(batch: Batch) -> list[tuple[Item, ...]]:
    """The scenes of ``values``, ``positions`` and ``count``."""
    values, counts = batch["values"].tolist(), batch["count"].tolist()
    places = batch["positions"].tolist()
    out = []
    for v, p, n in zip(values, places, counts, strict=True):
        out.append(tuple(_item(row, place) for row, place in zip(v[:n], p[:n], strict=True)))
    return out


def _item(values: Sequence[int], place: Sequence[float]) -> Item:
    """A block of numbers into `VALUES` and a position."""
    size, color, material, shape = (VALUES[a][i] for a, i in zip(ATTRIBUTES, values, strict=True))
    right, front, up = place
    return Item(size, color, material, shape, (right, front, up))


def scene_scores(seen: Sequence[Item], true: Sequence[Item]) -> dict[str, list[float]]:
    """Figures of one scene, as lists of what is averaged; pairs are the nearest on the ground."""
    from scipy.optimize import linear_sum_assignment

    a = np.array([item.position[:2] for item in seen]).reshape(-1, 2)
    b = np.array([item.position[:2] for item in true]).reshape(-1, 2)
    gaps = np.linalg.norm(a[:, None] - b[None], axis=2)
    rows, columns = linear_sum_assignment(gaps)
    pairs = [(i, j) for i, j in zip(rows, columns, strict=True) if gaps[i, j] < NEAR]
    out: dict[str, list[float]] = {
        name: [float(seen[i].value(name) == true[j].value(name)) for i, j in pairs]
        for name in ATTRIBUTES
    }
    right = [all(out[name][k] for name in ATTRIBUTES) for k in range(len(pairs))]
    out["scene_exact"] = [float(sum(right) == len(seen) == len(true))]
    out["recall"] = [1.0] * len(pairs) + [0.0] * (len(true) - len(pairs))
    out["precision"] = [1.0] * len(pairs) + [0.0] * (len(seen) - len(pairs))
    out["position_error"] = [float(gaps[i, j]) for i, j in pairs]
    return out


def _tell(meters: Mapping[str, Meter], said: Mapping[str, Sequence[float]]) -> None:
    """Feed lists of values, where there are any."""
    for name, values in said.items():
        if values and name in meters:
            meters[name].update(torch.tensor(list(values)))


def _judge(
    meters: Mapping[str, Meter], right: Sequence[bool], programs: Sequence[Sequence[str]]
) -> None:
    """Answers, overall and by the type of question where the true program is known."""
    said: dict[str, list[float]] = {"accuracy": [float(r) for r in right]}
    for hit, tokens in zip(right, programs, strict=True):
        if tokens:
            said.setdefault(f"accuracy/{kind_of(tokens[0])}", []).append(float(hit))
    _tell(meters, said)


def _see(scenes: SceneParser, batch: Batch, meters: Mapping[str, Meter]) -> list[tuple[Item, ...]]:
    """Parse pictures and compare with the truth, where there is one; returns what was seen."""
    seen = [scene.items for scene in scenes.parse(batch["picture"])]
    if "values" in batch:
        for mine, true in zip(seen, true_scenes(batch), strict=True):
            if true:
                _tell(meters, scene_scores(mine, true))
    return seen


def _from_pixels(
    scenes: SceneParser, parser: QuestionParser, batch: Batch, meters: Mapping[str, Meter]
) -> None:
    """Answers to questions in plain words about pictures."""
    seen = _see(scenes, batch, meters)
    texts = [read_text(row) for row in batch["text"].flatten(0, 1)]  # [B, Q, T] -> [B*Q, T]
    rows = batch["program"].flatten(0, 1).tolist()  # [B, Q, L] -> [B*Q, L]
    annotated = [[TOKENS[k] for k in row if k >= 0] for row in rows]
    answers = [ANSWERS[k] if k >= 0 else "" for k in batch["answer"].flatten().tolist()]
    each = batch["text"].shape[1]
    parsed = parser.parse(texts)
    asked = [k for k, answer in enumerate(answers) if answer]  # rows are filled up with no question
    right = [answer_of(parsed[k].tokens, seen[k // each]) == answers[k] for k in asked]
    _judge(meters, right, [annotated[k] for k in asked])
    told = [k for k in asked if annotated[k]]
    said = {"program_match": [parsed[k].tokens == tuple(annotated[k]) for k in told]}
    if "values" in batch:
        true = true_scenes(batch)
        said["true_scene"] = [
            answer_of(parsed[k].tokens, true[k // each]) == answers[k]
            for k in asked
            if true[k // each]
        ]
    _tell(meters, {name: [float(v) for v in values] for name, values in said.items()})


def _from_truth(parser: QuestionParser, batch: Batch, meters: Mapping[str, Meter]) -> None:
    """Programs, and what they answer on the true scene."""
    written = parser.decode(batch["question"].to(parser.baseline.device)).texts()
    annotated: list[Sequence[str]] = [()] * len(written)
    if "program" in batch:
        annotated = [PROGRAM_WORDS.decode(row) for row in batch["program"].tolist()]
        match = [float(tuple(a) == w) for a, w in zip(annotated, written, strict=True)]
        _tell(meters, {"program_match": match})
    if "answer" in batch and "values" in batch:
        answers = [ANSWERS[k] for k in batch["answer"].tolist()]
        pairs = zip(written, true_scenes(batch), answers, strict=True)
        _judge(meters, [answer_of(w, items) == a for w, items, a in pairs], annotated)


def _of_crops(scenes: SceneParser, batch: Batch, meters: Mapping[str, Meter]) -> None:
    """Attributes of blocks that were given."""
    told = scenes.attributes.tell(*(batch[k].flatten(0, 1) for k in ("crop", "mask", "place")))
    right = told.values.cpu() == batch["value"].flatten(0, 1).cpu()  # [B, K, 4] -> [B*K, 4]
    said: dict[str, list[float]] = {
        name: right[:, k].float().tolist() for k, name in enumerate(ATTRIBUTES)
    }
    truth = batch["position"].flatten(0, 1).cpu()
    said["position_error"] = (told.positions.cpu() - truth)[:, :2].norm(dim=1).tolist()
    _tell(meters, said)


def read_text(row: Tensor) -> str:
    """A question from its UTF-8 bytes, which are followed by zeros."""
    return bytes(row.tolist()).rstrip(b"\0").decode("utf-8", "replace")


def write_text(text: str, length: int) -> Tensor:
    """A question as UTF-8 bytes, filled up with zeros (`read_text`).

    Raises:
        ValueError: when it is longer than ``length`` bytes.
    """
    data = text.encode("utf-8")
    if len(data) > length:
        raise ValueError(
            f"a question of {len(data)} bytes, expected at most {length}: {text[:40]!r} …; "
            "give the data a greater 'longest'"
        )
    return torch.tensor(list(data) + [0] * (length - len(data)), dtype=torch.uint8)
