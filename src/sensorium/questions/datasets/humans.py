"""CLEVR-Humans (Johnson et al., arXiv:1705.03633): questions that people asked about CLEVR.

Answers are CLEVR's, programs there are none; the pictures and scenes are CLEVR's. The files are
``CLEVR-Humans-train.json`` and on (``{"questions": [{"question", "answer", "image_index"}]}``), or
a table of the same columns as CSV. The vocabulary is CLEVR's and the words that occur at least ten
times in the training questions, as in the released preprocessing; others are ``<UNK>``.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensorium.questions.datasets.clevr import ARCHIVE as CLEVR
from sensorium.questions.datasets.clevr import ClevrSplit, archive, pictures, scenes_of
from sensorium.questions.official_names import read_json
from sensorium.questions.vocabulary import Words, tokenise
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.vocabulary import ANSWERS

LEAST = 10
"""How often a word must occur to be known."""

_NUMBER = re.compile(r"(\d+)(?:\.\w+)?$")


def read_humans(path: str | Path, split: str, clevr: str | Path | None = None) -> ClevrSplit:
    """A split of CLEVR-Humans.

    Args:
        path: the folder of the files, or one of them (JSON or CSV).
        split: ``train``, ``val`` or ``test``.
        clevr: ``CLEVR_v1.0``, for pictures and scenes; default: there are no scenes, and pictures
            are taken to lie in ``images/<split>`` beside the files.

    Raises:
        ValueError: when a file is missing or malformed, in one line that names the question.
    """
    file = _file(Path(path), split)
    rows = _table(file) if file.suffix.lower() == ".csv" else _objects(file)
    questions = tuple(_question(row, f"{file}: question {k}") for k, row in enumerate(rows))
    if clevr is None:
        return ClevrSplit(split, questions, {}, pictures(file.parent, split))
    folder = archive(clevr, CLEVR)
    return ClevrSplit(
        split, questions, scenes_of(folder, split, questions), pictures(folder, split)
    )


def extended(words: Words, texts: Iterable[str], least: int = LEAST) -> Words:
    """A vocabulary and, after it, the new words of questions, in order of the alphabet.

    Args:
        words: to be extended, whose numbers stay.
        texts: training questions.
        least: how often a word must occur in them.
    """
    counts = Counter(word for text in texts for word in tokenise(text))
    known = set(words.words)
    new = sorted(word for word, n in counts.items() if n >= least and word not in known)
    return Words((*words.words, *new))


def _file(path: Path, split: str) -> Path:
    """The file of a split."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise ValueError(
            f"{path}: no such file or folder; give the folder of CLEVR-Humans-{split}.json"
        )
    names = [f"CLEVR-Humans-{split}{ending}" for ending in (".json", ".csv")]
    found = next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        raise ValueError(f"{path}: found neither {names[0]} nor {names[1]}")
    return found


def _objects(path: Path) -> list[Any]:
    content = read_json(path, "CLEVR-Humans' questions")
    rows = content.get("questions") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise ValueError(f"{path}: has no list 'questions'; expected CLEVR-Humans' questions")
    return rows


def _table(path: Path) -> list[Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            if "question" not in columns:
                raise ValueError(
                    f"{path}: found the columns {', '.join(columns) or 'none'}, expected question, "
                    "answer, image_index or image_filename"
                )
            return list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: is no CSV in UTF-8 ({error})") from None


def _question(row: Any, where: str) -> Question:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: expected an object, got {row!r:.60}")
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{where}: has no text")
    answer = str(row.get("answer") or "").strip().lower()
    if answer and answer not in ANSWERS:
        raise ValueError(f"{where}: {answer!r:.60} is none of CLEVR's 28 answers")
    named = str(row.get("image_filename") or row.get("image") or "")
    return Question(
        text=text.strip(),
        program=(),
        answer=answer,
        family=-1,
        image=_image(row.get("image_index"), named, where),
        filename=named if Path(named).suffix else "",
        split=str(row.get("split") or ""),
    )


def _image(index: Any, named: str, where: str) -> int:
    """The picture's number, from its own column or the file's name."""
    if isinstance(index, str) and index.strip().isdigit():
        return int(index)
    if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
        return index
    found = _NUMBER.search(named)
    if index in (None, "") and found is not None:
        return int(found[1])
    raise ValueError(f"{where}: found no picture's number (image_index or image_filename)")
