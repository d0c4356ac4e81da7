"""Which tokens may come next in a program written from its output to its inputs.

A prefix is well typed when every function gets inputs of its kinds (`blocks.vocabulary.FUNCTIONS`)
and the whole gives an answer. NS-VQA's executor keeps one value beside the current one, so a
program joins two branches at most once. What a prefix still needs is therefore a short stack of
kinds, and there are few such stacks: they are numbered, and two tables say all there is to know.
The published parser has no such constraint (arXiv:1810.02338); it is an option of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS, SPECIALS
from sensorium.worlds.blocks.programs import read_token
from sensorium.worlds.blocks.vocabulary import FUNCTIONS

_State = tuple[tuple[str, ...], bool]  # kinds still needed, the next first; joined branches yet?

_ANSWER = "answer"
_ANSWERS = ("integer", "boolean", "size", "color", "material", "shape")
_NEVER = 10**6


@dataclass(frozen=True, eq=False)
class Grammar:
    """The automaton of well-typed programs.

    Attributes:
        following: state after a token in a state; the state itself where the token is not allowed.
        cost: tokens that are needed after that one, ``<END>`` included; a million where it is
            not allowed.

    Shape:
        both ``int64 [S, 44]``; state 0 is before the first token, state 1 after ``<END>``, where
        only ``<NULL>`` may come.
    """

    following: Int64[Tensor, "S V"]
    cost: Int64[Tensor, "S V"]

    def allowed(self, states: Int64[Tensor, "B"], steps: int) -> Bool[Tensor, "B V"]:
        """Tokens after which the program can still end within ``steps``, this one included."""
        return self.cost.to(states.device)[states] < steps

    def step(self, states: Int64[Tensor, "B"], tokens: Int64[Tensor, "B"]) -> Int64[Tensor, "B"]:
        """States after these tokens."""
        return self.following.to(states.device)[states, tokens]

    @property
    def shortest(self) -> int:
        """Steps that the shortest program takes, ``<END>`` included."""
        return 1 + int(self.cost[0].min())


@cache
def grammar() -> Grammar:
    """The automaton of CLEVR's functions."""
    states = _reachable()
    number = {state: n for n, state in enumerate(states)}
    size = len(PROGRAM_WORDS)
    following = torch.arange(len(states))[:, None].repeat(1, size)
    allowed = torch.zeros(len(states), size, dtype=torch.bool)
    for state in states:
        for token, after in _moves(state):
            following[number[state], token] = number[after]
            allowed[number[state], token] = True
    return Grammar(following, _costs(following, allowed))


_BEGIN: _State = ((_ANSWER,), False)
_DONE: _State = (("nothing",), True)


def _moves(state: _State) -> list[tuple[int, _State]]:
    """Tokens that may come in a state, and where they lead."""
    needed, joined = state
    if state == _DONE:
        return [(NULL, _DONE)]
    if not needed:
        return [(END, _DONE)]
    kinds = _ANSWERS if needed[0] == _ANSWER else needed[:1]
    out: list[tuple[int, _State]] = []
    for token in range(len(SPECIALS), len(PROGRAM_WORDS)):
        function = FUNCTIONS[read_token(PROGRAM_WORDS.words[token]).function]
        binary = len(function.takes) > 1
        if function.gives in kinds and not (binary and joined):
            out.append((token, (function.takes + needed[1:], joined or binary)))
    return out


def _reachable() -> list[_State]:
    """All states, the first and the last one in front."""
    found = [_BEGIN, _DONE]
    for state in found:  # grows while it is walked
        for _, after in _moves(state):
            if after not in found:
                found.append(after)
    return found


def _costs(following: Int64[Tensor, "S V"], allowed: Bool[Tensor, "S V"]) -> Int64[Tensor, "S V"]:
    """Fewest tokens after each token, by relaxation."""
    needed = torch.full((len(following),), _NEVER)
    needed[1] = 0
    while True:
        cost = torch.where(allowed, needed[following], _NEVER)
        better = torch.minimum(needed, cost.min(1).values + 1)
        if torch.equal(better, needed):
            return cost
        needed = better
