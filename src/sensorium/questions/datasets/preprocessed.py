"""What the released code of NS-VQA (and of IEP) makes of CLEVR: an HDF5 file and a vocabulary.

``questions`` ``int [N, Lq]`` and ``programs`` ``int [N, Lp]`` (``<START>`` ... ``<END>``, then
``<NULL>``; programs in prefix order), ``answers`` ``int [N]``, ``image_idxs``, ``orig_idxs`` and
``question_families`` ``int [N]``; numbers are those of the tables in ``vocab.json``. The test split
and CLEVR-Humans lack programs. Scenes that the released scene parser wrote are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int32, Int64
from numpy.typing import NDArray
from torch import Tensor

from sensorium.questions.official_names import Vocabulary, read_json, read_vocabulary
from sensorium.questions.vocabulary import END, NULL, SPECIALS, START
from sensorium.worlds.blocks.programs import TOKENS, Program, from_tokens
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """Questions as numbers; one by one, `Question`s in words.

    Attributes:
        vocabulary: of all numbers.
        questions: ``<START>`` words ``<END>``, then 0.
        programs: likewise, in prefix order; ``None`` where there are none.
        answers: numbers of the vocabulary's answers; ``None`` where there are none.
        images: number of each question's picture.
        origins: number of each question in the JSON file that it comes from.
        families: of each question, -1 where there are none.

    Shape:
        ``questions``: ``int32 [N, Lq]``; ``programs``: ``int32 [N, Lp]``; the others: ``[N]``.
    """

    vocabulary: Vocabulary = field(repr=False)
    questions: Int32[np.ndarray, "N Lq"]
    programs: Int32[np.ndarray, "N Lp"] | None
    answers: Int32[np.ndarray, "N"] | None
    images: Int64[np.ndarray, "N"]
    origins: Int64[np.ndarray, "N"]
    families: Int64[np.ndarray, "N"]

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, number: int) -> Question:
        return Question(
            text=self.text(number),
            program=self.program(number),
            answer=self.answer(number),
            family=int(self.families[number]),
            image=int(self.images[number]),
        )

    def __iter__(self) -> Iterator[Question]:
        return (self[number] for number in range(len(self)))

    def text(self, number: int) -> str:
        """The words of a question; punctuation at its end and unknown words are lost."""
        words = self.vocabulary.questions
        return " ".join(
            words[k] for k in _spoken(self.questions[number]) if k not in (NULL, START, END)
        )

    def program(self, number: int) -> Program:
        """A question's program; empty where there are none.

        Raises:
            ProgramError: when it is malformed.
        """
        if self.programs is None:
            return ()
        words = self.vocabulary.programs
        return from_tokens(words[k] for k in _spoken(self.programs[number]) if k >= len(SPECIALS))

    def answer(self, number: int) -> str:
        """The answer in words; empty where there is none."""
        return "" if self.answers is None else self.vocabulary.answers[self.answers[number]]

    def tokens(self) -> Int64[Tensor, "N Lp"]:
        """All programs as `packed.execute_tokens` and `compiled.Compiled` take them.

        Raises:
            ValueError: when there are no programs, or they have functions that CLEVR does not.
        """
        if self.programs is None:
            raise ValueError("these questions have no programs; take a split that has them")
        known = {word: k for k, word in enumerate(TOKENS)}
        words = self.vocabulary.programs
        table = np.array([known.get(word, -1) for word in words])
        used = np.unique(self.programs)
        odd = [words[k] for k in used if table[k] < 0 and words[k] not in SPECIALS]
        if odd:
            raise ValueError(f"no function {odd[0]!r}; expected programs of CLEVR's functions")
        over = np.cumsum(self.programs == END, 1) > 0
        return torch.from_numpy(np.where(over, -1, table[self.programs]))


def read_preprocessed(path: str | Path, vocabulary: str | Path) -> Preprocessed:
    """Questions of the released preprocessing.

    Args:
        path: HDF5 file.
        vocabulary: ``vocab.json`` that was written beside it.

    Raises:
        ValueError: in one line, when a file is missing, broken or of another form, or a number is
            none of the vocabulary's.
    """
    path, words = Path(path), read_vocabulary(vocabulary)
    arrays = _arrays(path)
    n = len(arrays["questions"])
    for name, array in arrays.items():
        if len(array) != n:
            raise ValueError(
                f"{path}: {name} has {len(array)} rows and questions {n}, expected as many"
            )
    for name, known in (
        ("questions", words.questions),
        ("programs", words.programs),
        ("answers", words.answers),
    ):
        found = arrays.get(name)
        if found is not None and found.size and not 0 <= found.min() <= found.max() < len(known):
            raise ValueError(
                f"{path}: {name} has numbers {found.min()} to {found.max()}, but {vocabulary} "
                f"numbers {len(known)} words; is it the vocabulary of this file?"
            )
    odd = sorted(set(words.answers) - {*ANSWERS, *SPECIALS})
    if odd:
        raise ValueError(f"{vocabulary}: {odd[0]!r:.60} is none of CLEVR's 28 answers")
    none = np.full(n, -1)
    return Preprocessed(
        words,
        arrays["questions"].astype(np.int32),
        arrays["programs"].astype(np.int32) if "programs" in arrays else None,
        arrays["answers"].astype(np.int32) if "answers" in arrays else None,
        arrays["image_idxs"].astype(np.int64),
        arrays.get("orig_idxs", np.arange(n)).astype(np.int64),
        arrays.get("question_families", none).astype(np.int64),
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The file's arrays of whole numbers."""
    import h5py

    if not path.is_file():
        raise ValueError(f"{path}: no such file; give the HDF5 file of preprocess_questions.py")
    out: dict[str, NDArray[Any]] = {}
    try:
        with h5py.File(path, "r") as file:
            there = sorted(file)
            for name, dimensions in (
                *(("questions", 2), ("programs", 2), ("answers", 1)),
                *(("image_idxs", 1), ("orig_idxs", 1), ("question_families", 1)),
            ):
                if name not in file:
                    continue
                array = np.asarray(file[name])
                if array.dtype.kind not in "iu" or array.ndim != dimensions:
                    raise ValueError(
                        f"{path}: {name} is {array.dtype} {list(array.shape)}, expected whole "
                        f"numbers in {dimensions} dimension{'s' if dimensions > 1 else ''}"
                    )
                out[name] = array
    except (OSError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: cannot be read as HDF5 ({reason}); make it again") from None
    missing = [name for name in ("questions", "image_idxs") if name not in out]
    if missing:
        raise ValueError(
            f"{path}: has no {missing[0]!r} (it has {', '.join(there) or 'nothing'}); expected the "
            "HDF5 file of preprocess_questions.py"
        )
    return out


def _spoken(row: NDArray[np.int32]) -> list[int]:
    """A row's numbers up to ``<END>``."""
    numbers: list[int] = row.tolist()
    return numbers[: numbers.index(END)] if END in numbers else numbers


def read_parsed_scenes(path: str | Path) -> dict[int, tuple[Item, ...]]:
    """Scenes that the released scene parser wrote, by number of the picture.

    ``{"scenes": [{"image_index", "objects": [...]}]}``, an object being ``size``, ``color``,
    ``material``, ``shape`` and ``position``.

    Raises:
        ValueError: when it is no such file, or an object is malformed, in one line.
    """
    path = Path(path)
    content = read_json(path, "parsed scenes")
    scenes = content.get("scenes") if isinstance(content, dict) else None
    if not isinstance(scenes, list):
        raise ValueError(f"{path}: has no list 'scenes'; expected what NS-VQA's scene parser wrote")
    out = {}
    for number, scene in enumerate(scenes):
        where = f"{path}: scene {number}"
        if not isinstance(scene, dict) or not isinstance(scene.get("objects"), list):
            raise ValueError(f"{where}: has no list 'objects'")
        index = scene.get("image_index", number)
        if not isinstance(index, int):
            raise ValueError(f"{where}: image_index must be a whole number, got {index!r:.60}")
        items = scene["objects"]
        out[index] = tuple(_item(o, f"{where}, object {k}") for k, o in enumerate(items))
    return out


def _item(value: Any, where: str) -> Item:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, got {value!r:.60}")
    words = []
    for attribute in ATTRIBUTES:
        word = value.get(attribute)
        if word not in VALUES[attribute]:
            raise ValueError(
                f"{where}: {attribute} must be one of {', '.join(VALUES[attribute])}, got "
                f"{word!r:.60}"
            )
        words.append(word)
    place = value.get("position")
    if (
        not isinstance(place, list)
        or len(place) != 3
        or not all(isinstance(x, int | float) and np.isfinite(x) for x in place)
    ):
        raise ValueError(f"{where}: position must be three numbers, got {place!r:.60}")
    size, color, material, shape = words
    right, front, up = (float(x) for x in place)
    return Item(size, color, material, shape, (right, front, up))
