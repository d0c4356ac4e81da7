"""Programs made ready once and carried out as often as wanted, millions of questions at a time.

All that does not depend on the scene is done beforehand: which step takes which output, and whether
the kinds fit. What is left is one pass over the steps with the facts of `packed.PackedScenes`,
compiled by Numba. The answers are those of `executor.execute` (programs) and `executor.walk`
(tokens). Unlike `packed.execute_tokens` it knows any number of branches; the order of a union is
carried exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int, Int8, Int32, Int64
from torch import Tensor

from sensorium.questions.executor import check, check_tokens
from sensorium.questions.packed import PackedScenes, check_range
from sensorium.questions.token_table import KINDS, table
from sensorium.worlds.blocks.programs import TOKENS, Program, ProgramError, read_token

_STEPS = [read_token(token) for token in TOKENS]
_NUMBER = {(step.function, step.value): k for k, step in enumerate(_STEPS)}


@dataclass(frozen=True)
class _Code:
    """Steps of all programs, one after the other.

    Attributes:
        ops: which token each step is.
        inputs: which steps of its program it takes, -1 for none.
        starts: where each program's steps begin, and the end of the last.
        fine: which programs are well formed; of the others no step counts.
    """

    ops: Int8[np.ndarray, "M"]
    inputs: Int32[np.ndarray, "M 2"]
    starts: Int64[np.ndarray, "N1"]
    fine: Bool[np.ndarray, "N"]


class Compiled:
    """Programs ready to be carried out.

    A malformed one among them has no answer, and does not harm the others.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        """Programs as trees or graphs of steps, however many branches they have."""
        self._code = _trees(programs)
        self._check: Callable[[int], None] = lambda k: check(programs[k])

    @classmethod
    def from_tokens(cls, tokens: Int[Tensor, "N L"]) -> Compiled:
        """Programs as tokens in prefix order, read as `executor.walk` reads them.

        Args:
            tokens: indices into `programs.TOKENS`; -1 is stepped over.

        Raises:
            ValueError: when a token does not exist.
        """
        check_range(tokens)
        new = cls.__new__(cls)
        narrow = tokens.cpu().to(torch.int8).contiguous().numpy()
        new._code = _registers(narrow)
        new._check = lambda k: check_tokens([TOKENS[t] for t in narrow[k] if t >= 0])
        return new

    @property
    def malformed(self) -> Int64[Tensor, "K"]:
        """Numbers of the programs that cannot be carried out on any scene."""
        return torch.from_numpy(np.flatnonzero(~self._code.fine))

    def error(self, number: int) -> str:
        """Why a program is malformed, in one line; empty when it is not."""
        try:
            self._check(number)
        except ProgramError as error:
            return str(error)
        return ""

    def __len__(self) -> int:
        return len(self._code.fine)

    def run(self, scenes: PackedScenes, image_index: Int[Tensor, "N"]) -> Int64[Tensor, "N"]:
        """Carry out all programs.

        Args:
            scenes: packed; the work is done on the CPU.
            image_index: which of them each program asks about.

        Returns:
            Indices into `vocabulary.ANSWERS`; -1 for a program that is malformed or fails, or
            counts more than the ten objects that CLEVR has numbers for. `executor.execute` says
            why.

        Raises:
            ValueError: when there are not as many indices as programs, or one is out of range.
        """
        from sensorium.questions.compiled_kernels import answer

        if len(image_index) != len(self):
            raise ValueError(
                f"got {len(image_index)} image numbers for {len(self)} programs, expected as many"
            )
        if len(self) and not 0 <= int(image_index.min()) <= int(image_index.max()) < len(scenes):
            raise ValueError(
                f"got image numbers {int(image_index.min())} to {int(image_index.max())}, "
                f"expected 0 to {len(scenes) - 1}"
            )
        known, code = table(), self._code
        answers = np.empty(len(self), np.int64)
        answer(
            (code.ops, code.inputs, code.starts, code.fine),
            scenes.facts.cpu().contiguous().numpy(),
            image_index.cpu().long().contiguous().numpy(),
            (
                known.does.numpy().astype(np.int8),
                (known.fixed + scenes.width * known.per_item).numpy().astype(np.int32),
                known.of_item.numpy(),
                known.narrows.numpy(),
                known.gives.numpy() == KINDS.index("integer"),
            ),
            scenes.strict,
            answers,
        )
        return torch.from_numpy(answers)


def _kinds() -> Int8[np.ndarray, "T 3"]:
    """Of the inputs and the output of each token."""
    known = table()
    return np.stack([known.takes.numpy(), known.also.numpy(), known.gives.numpy()], 1)


def _trees(programs: Sequence[Program]) -> _Code:
    from sensorium.questions.compiled_kernels import type_trees

    ops: list[int] = []
    inputs: list[tuple[int, int]] = []
    starts = [0]
    for program in programs:
        for step in program:
            taken = [k if 0 <= k < len(program) else -2 for k in step.inputs]
            op = _NUMBER.get((step.function, step.value), -1)
            ops.append(op if len(taken) <= 2 else -1)
            left, right = [*taken, -1, -1][:2]
            inputs.append((left, right))
        starts.append(len(ops))
    code = _Code(
        np.asarray(ops, np.int8),
        np.asarray(inputs, np.int32).reshape(-1, 2),
        np.asarray(starts, np.int64),
        np.zeros(len(programs), np.bool_),
    )
    type_trees(code.ops, code.inputs, code.starts, _kinds(), code.fine)
    return code


def _registers(tokens: Int8[np.ndarray, "N L"]) -> _Code:
    from sensorium.questions.compiled_kernels import read_registers

    room = tokens.shape[1] + int((tokens >= 0).sum())
    ops, inputs = np.empty(room, np.int8), np.empty((room, 2), np.int32)
    starts, fine = np.zeros(len(tokens) + 1, np.int64), np.zeros(len(tokens), np.bool_)
    read_registers(tokens, _kinds(), ops, inputs, starts, fine)
    return _Code(ops[: starts[-1]], inputs[: starts[-1]], starts, fine)
