from itertools import product

import pytest
import torch

from sensorium.questions.grammar import grammar
from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS
from sensorium.seeds import torch_generator
from sensorium.worlds.blocks.programs import TOKENS, ProgramError, from_tokens, read_token
from sensorium.worlds.blocks.vocabulary import FUNCTIONS

NUMBER = PROGRAM_WORDS.numbers


def answers(tokens):
    """Whether a program is well typed and gives an answer, by looking at its steps."""
    try:
        program = from_tokens(tokens)
    except ProgramError:
        return False
    gives = [FUNCTIONS[step.function].gives for step in program]
    fits = all(
        tuple(gives[i] for i in step.inputs) == FUNCTIONS[step.function].takes for step in program
    )
    return fits and gives[-1] not in ("set", "object")


def accepts(tokens, steps=27):
    rules, state = grammar(), torch.zeros(1, dtype=torch.int64)
    for place, token in enumerate([*(NUMBER[t] for t in tokens), END]):
        if not rules.allowed(state, steps - place)[0, token]:
            return False
        state = rules.step(state, torch.tensor([token]))
    return True


def test_every_program_of_up_to_three_functions_is_accepted_if_and_only_if_it_is_well_typed():
    rules = grammar()
    for length in (1, 2, 3):
        listed = list(product(range(4, 44), repeat=length))
        tokens = torch.tensor(listed)
        state = torch.zeros(len(listed), dtype=torch.int64)
        fine = torch.ones(len(listed), dtype=torch.bool)
        for place in range(length):
            fine &= rules.allowed(state, 27)[torch.arange(len(listed)), tokens[:, place]]
            state = rules.step(state, tokens[:, place])
        fine &= rules.allowed(state, 27)[:, END]
        expected = [answers([PROGRAM_WORDS.words[t] for t in row]) for row in listed]
        assert fine.tolist() == expected
        assert sum(expected) == [0, 2, 34][length - 1]


@pytest.mark.parametrize(
    "text",
    [
        "query_color unique filter_shape[cube] filter_size[large] scene",
        "greater_than count filter_color[red] scene count relate[left] unique scene",
        "equal_material query_material unique scene query_material unique same_size unique scene",
        "count union filter_color[red] scene filter_color[blue] scene",
        "exist filter_size[small] intersect relate[front] unique scene same_color unique scene",
    ],
)
def test_clevrs_kinds_of_programs_are_accepted(text):
    tokens = text.split()
    assert answers(tokens)
    assert accepts(tokens)
    assert accepts(tokens, len(tokens) + 1)
    assert not accepts(tokens, len(tokens))


@pytest.mark.parametrize(
    "text",
    [
        "unique scene",
        "count unique scene",
        "query_color scene",
        "equal_color query_color unique scene query_size unique scene",
        "count scene scene",
        "equal_integer count scene exist scene",
        "count union scene union scene scene",  # a third scene: the executor keeps one value
    ],
)
def test_other_programs_are_not(text):
    assert not accepts(text.split())


@pytest.mark.parametrize("steps", [3, 4, 9, 27])
def test_whatever_is_drawn_ends_in_time(steps):
    rules, generator = grammar(), torch_generator(steps)
    state = torch.zeros(300, dtype=torch.int64)
    drawn = []
    for place in range(steps):
        allowed = rules.allowed(state, steps - place).float()
        drawn.append(torch.multinomial(allowed, 1, generator=generator)[:, 0])
        state = rules.step(state, drawn[-1])
    rows = torch.stack(drawn, 1).tolist()
    assert all(END in row for row in rows)
    assert all(answers(PROGRAM_WORDS.decode(row)) for row in rows)
    assert all(set(row[row.index(END) + 1 :]) <= {NULL} for row in rows)


def test_costs_count_tokens_to_the_end():
    rules, begin = grammar(), 0
    assert rules.cost[begin, NUMBER["count"]] == 2  # scene <END>
    assert rules.cost[begin, NUMBER["query_size"]] == 3  # unique scene <END>
    assert rules.cost[begin, NUMBER["equal_size"]] == 7
    assert rules.shortest == 3


def test_every_token_can_come_somewhere():
    rules = grammar()
    reachable = (rules.cost < 27).any(0)
    assert reachable[4:].all()
    assert {read_token(t).function for t in TOKENS} == set(FUNCTIONS)


def test_a_token_without_its_bracket_is_named():
    with pytest.raises(ProgramError, match=r"filter_color\[red' has no closing bracket"):
        read_token("filter_color[red")
