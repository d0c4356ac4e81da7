"""Beam search against all sentences there are."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from sensorium.events.decoding import BOS, EOS, beam_search

WORDS, LONGEST = 6, 5


def chain(seed: int, rows: int) -> Tensor:
    """log p of the next word given the last, per row."""
    table = torch.randn(rows, WORDS, WORDS, generator=torch.Generator().manual_seed(seed))
    return table.log_softmax(-1)


def step(words: Tensor, gates: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    table = gates.unflatten(1, (WORDS, WORDS))
    return table[torch.arange(len(words)), words], state + 1


def every_sentence(table: Tensor) -> list[tuple[tuple[int, ...], float]]:
    found = []
    for size in range(LONGEST - 1):
        for inner in itertools.product(range(2, WORDS - 1), repeat=size):
            path = (BOS, *inner, EOS)
            found.append((path, sum(float(table[a, b]) for a, b in itertools.pairwise(path))))
    return found


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_wide_beam_finds_the_best_of_all(penalty: float) -> None:
    tables = chain(3, 4)
    words, likely = beam_search(
        step, tables.flatten(1), torch.zeros(1, 4, 2), 500, penalty, LONGEST
    )
    for row in range(4):
        best, value = max(
            every_sentence(tables[row]), key=lambda one: one[1] / (len(one[0]) - 1) ** penalty
        )
        said = words[row].tolist()
        assert tuple(said[: len(best)]) == best
        assert set(said[len(best) :]) <= {EOS}
        assert float(likely[row]) == pytest.approx(value, abs=1e-5)


def test_beam_of_one_takes_the_likeliest_word() -> None:
    tables = chain(5, 3)
    words, _ = beam_search(step, tables.flatten(1), torch.zeros(1, 3, 2), 1, 0.0, LONGEST)
    for row in range(3):
        said = [BOS]
        while said[-1] != EOS and len(said) < LONGEST - 1:
            logs = tables[row, said[-1]].clone()
            logs[[BOS, -1]] = float("-inf")
            said.append(int(logs.argmax()))
        assert words[row].tolist()[: len(said)] == said
        assert int(words[row, -1]) == EOS


def test_penalty_favours_longer_sentences() -> None:
    tables = chain(8, 200)
    sizes = [
        (beam_search(step, tables.flatten(1), torch.zeros(1, 200, 2), 20, p, 8)[0] != EOS).sum()
        for p in (0.0, 1.0)
    ]
    assert sizes[1] > sizes[0]


def test_state_follows_its_sentence() -> None:
    """The state holds the words so far; the next word depends on all of them."""

    def remembering(words: Tensor, gates: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = state * 7 + words[None, :, None]
        mixed = (state[0] * gates).sin()
        return mixed.log_softmax(-1), state

    gates = torch.randn(5, WORDS, generator=torch.Generator().manual_seed(2))
    words, likely = beam_search(remembering, gates, torch.zeros(1, 5, 1), 4, 0.0, LONGEST)
    for row in range(5):
        state, total = torch.zeros(1, 1, 1), 0.0
        said = words[row].tolist()
        for a, b in itertools.pairwise(said):
            logs, state = remembering(torch.tensor([a]), gates[row : row + 1], state)
            total += float(logs[0, b])
            if b == EOS:
                break
        assert float(likely[row]) == pytest.approx(total, abs=1e-5)


def test_no_beam_is_refused() -> None:
    with pytest.raises(ValueError, match="beam must be at least 1"):
        beam_search(step, torch.zeros(1, 36), torch.zeros(1, 1, 2), 0, 0.0, 5)
