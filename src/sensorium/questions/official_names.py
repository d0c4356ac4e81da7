"""NS-VQA's released names (arXiv:1810.02338) -> ours: parameters, outputs, vocabularies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.questions.vocabulary import PROGRAM_WORDS, SPECIALS, Words
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

OUTPUTS = (
    *("sphere", "cube", "cylinder"),
    *("large", "small"),
    *("metal", "rubber"),
    *("blue", "brown", "cyan", "gray", "green", "purple", "red", "yellow"),
    *("right", "front", "up"),
)
"""The 18 outputs of the released attribute network in their order; the last three are the place."""

ROWS = tuple(
    OUTPUTS.index(name) for name in (*(v for a in ATTRIBUTES for v in VALUES[a]), *OUTPUTS[-3:])
)
"""For each output of our `AttributeNet`, the row of the released one."""

_CHILDREN = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def attribute_name(ours: str) -> str:
    """The released name of a parameter of our `AttributeNet`.

    The release keeps ResNet-34 as a numbered list of its children: 0 is the stem's convolution, 1
    its norm, 4 to 7 the stages.
    """
    part, _, rest = ours.partition(".")
    if part == "fc":
        return f"final_layer.{rest}"
    child, _, rest = rest.partition(".")
    return f"main.{_CHILDREN[child]}.{rest}"


@dataclass(frozen=True)
class Vocabulary:
    """The words of a released question parser.

    Attributes:
        questions: in their order.
        programs: in their order; the same 44 as `PROGRAM_WORDS`.
        answers: in their order; empty where the file has none.
    """

    questions: tuple[str, ...]
    programs: tuple[str, ...] = PROGRAM_WORDS.words
    answers: tuple[str, ...] = ()


def read_vocabulary(path: str | Path) -> Vocabulary:
    """The vocabulary that the released preprocessing wrote, or that of a file of questions.

    Args:
        path: ``vocab.json`` (``question_token_to_idx`` …), or CLEVR's training questions, whose
            words in order of the alphabet are the vocabulary, as in the released preprocessing.

    Raises:
        ValueError: when it is neither, or numbers are missing or doubled.
    """
    path = Path(path)
    content = read_json(path, "a vocabulary (vocab.json) or CLEVR's questions")
    if isinstance(content, dict) and "question_token_to_idx" in content:
        programs = PROGRAM_WORDS.words
        if "program_token_to_idx" in content:
            programs = in_order(path, content, "program_token_to_idx")
        answers: tuple[str, ...] = ()
        if "answer_token_to_idx" in content:
            answers = in_order(path, content, "answer_token_to_idx")
        return Vocabulary(in_order(path, content, "question_token_to_idx"), programs, answers)
    questions = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(questions, list) or not questions:
        raise ValueError(
            f"{path}: found neither 'question_token_to_idx' nor 'questions', expected the "
            "vocabulary that preprocess_questions.py wrote, or CLEVR_train_questions.json"
        )
    texts = [q.get("question") if isinstance(q, dict) else None for q in questions]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{path}: a question has no text; expected CLEVR's questions JSON")
    return Vocabulary(Words.of(str(text) for text in texts).words)


def in_order(path: Path, content: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The words of one of the file's tables in the order of their numbers.

    Raises:
        ValueError: when they are not numbered 0, 1, 2 …, or the special words are not first.
    """
    table = content.get(key)
    if not isinstance(table, dict) or not all(type(n) is int for n in table.values()):
        raise ValueError(f"{path}: found no table {key!r}, expected words and their numbers")
    words = sorted(table, key=lambda word: table[word])
    if [table[word] for word in words] != list(range(len(words))):
        raise ValueError(
            f"{path}: the numbers of {key} are not 0 to {len(words) - 1}, each once; is the file "
            "whole?"
        )
    if tuple(words[: len(SPECIALS)]) != SPECIALS:
        raise ValueError(
            f"{path}: {key} starts with {' '.join(words[:4])}, expected {' '.join(SPECIALS)}"
        )
    return tuple(words)


def read_json(path: Path, expected: str) -> Any:
    """A JSON file's content.

    Raises:
        ValueError: when there is no such file, or it is no JSON.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {what}; expected {expected}")
    try:
        return json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON ({error}); expected {expected}") from None
