from dataclasses import replace
from itertools import product

import pytest
import torch

from sensorium.questions.decoding import beam_search, sample
from sensorium.questions.grammar import grammar
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS, START, Words
from sensorium.seeds import torch_generator
from sensorium.training.randomness import seeded
from sensorium.worlds.blocks.programs import from_tokens
from sensorium.worlds.blocks.vocabulary import FUNCTIONS

WORDS = Words.of(["How many cubes spheres are there what size is the red thing"]).words
QUESTIONS = [["how", "many"], ["what", "size", "is", "the", "red", "thing"], ["cubes"]]


def make(seed=0, **changes):
    with seeded(seed):
        parser = QuestionParser(
            replace(ParserConfig(words=WORDS, hidden=8, embedding=6), **changes)
        )
        with torch.no_grad():
            for parameter in parser.parameters():
                parameter.mul_(3)
    return parser.eval()


def chance(parser, words, tokens):
    """Log-probability of a program with its end, in one go."""
    inputs = torch.tensor([[START, *tokens[:-1]]])
    logs = parser(parser.pack([words]), inputs)[0]
    return float(logs[torch.arange(len(tokens)), torch.tensor(tokens)].sum().detach())


def step_by_step(parser, words):
    """Greedy decoding the slow way: the whole program anew at each step."""
    tokens = []
    question = parser.pack([words])
    while len(tokens) < parser.config.longest and END not in tokens:
        logs = parser(question, torch.tensor([[START, *tokens]]))[0, -1]
        tokens.append(int(logs.argmax()))
    return tokens


@pytest.mark.parametrize("masked", [True, False])
def test_greedy_is_the_likeliest_token_at_each_step(masked):
    for seed in range(4):
        parser = make(seed, grammar=False, mask_attention=masked, longest=12)
        for words in QUESTIONS:
            expected = step_by_step(parser, words)
            decoded = parser.decode(parser.pack([words]))
            assert decoded.tokens[0, : len(expected)].tolist() == expected
            assert (decoded.tokens[0, len(expected) :] == NULL).all()
            assert float(decoded.logs[0]) == pytest.approx(chance(parser, words, expected), 1e-4)


def test_rows_that_end_early_leave_the_others_as_they_are():
    parser = make(1)
    together = parser.decode(parser.pack(QUESTIONS * 5))
    for k, words in enumerate(QUESTIONS * 5):
        alone = parser.decode(parser.pack([words]))
        assert together.tokens[k].tolist() == alone.tokens[0].tolist()
        assert float(together.logs[k]) == pytest.approx(float(alone.logs[0]), rel=1e-4)


def well_typed(longest):
    """All programs with their end in at most so many steps, as numbers."""
    for length in range(2, longest):
        for row in product(PROGRAM_WORDS.words[4:], repeat=length - 1):
            tokens = (*row, "scene")
            if FUNCTIONS[tokens[0].partition("[")[0]].gives not in ("set", "object"):
                try:
                    steps = from_tokens(tokens)
                except ValueError:
                    continue
                if all(
                    tuple(FUNCTIONS[steps[i].function].gives for i in s.inputs)
                    == FUNCTIONS[s.function].takes
                    for s in steps
                ):
                    yield [PROGRAM_WORDS.numbers[t] for t in tokens] + [END]


def test_a_wide_beam_finds_the_likeliest_program_of_all():
    every = list(well_typed(4))
    assert len(every) == 36
    for seed in range(3):
        parser = make(seed, longest=4)
        decoded = parser.decode(parser.pack(QUESTIONS), beam=40)
        for k, words in enumerate(QUESTIONS):
            scores = [chance(parser, words, tokens) for tokens in every]
            best = max(range(len(every)), key=scores.__getitem__)
            assert [t for t in decoded.tokens[k].tolist() if t != NULL] == every[best]
            assert float(decoded.logs[k]) == pytest.approx(scores[best], rel=1e-4)


@pytest.mark.parametrize("typed", [True, False])
def test_a_beam_of_one_is_greedy(typed):
    parser = make(2, grammar=typed)
    question = parser.pack(QUESTIONS)
    one, greedy = beam_search(parser, question, 1), parser.decode(question)
    assert one.tokens.tolist() == greedy.tokens.tolist()
    torch.testing.assert_close(one.logs, greedy.logs)


def test_samples_come_as_often_as_they_are_likely():
    parser = make(3, longest=4)
    question = parser.pack([QUESTIONS[0]] * 4000)
    drawn = sample(parser, question, torch_generator(0)).tokens
    assert drawn.tolist() == sample(parser, question, torch_generator(0)).tokens.tolist()
    logs = parser(question[:1], torch.tensor([[START]]))[0, 0]
    allowed = grammar().allowed(torch.zeros(1, dtype=torch.int64), 4)[0]
    expected = logs.masked_fill(~allowed, -torch.inf).softmax(0)
    seen = torch.bincount(drawn[:, 0], minlength=44) / len(drawn)
    torch.testing.assert_close(seen, expected, atol=0.03, rtol=0)
    assert int(allowed.sum()) > 1
    every = {tuple(tokens) for tokens in well_typed(4)}
    assert {tuple(t for t in row if t != NULL) for row in drawn.tolist()} <= every


def test_past_its_end_a_sample_goes_on_where_the_published_code_does():
    parser = make(1, grammar=False, longest=20)
    question = parser.pack(QUESTIONS * 20)
    short = sample(parser, question, torch_generator(1)).tokens
    long = sample(parser, question, torch_generator(1), past_end=True).tokens
    ended = (short == END).any(1)
    after = (short == END).cumsum(1) - (short == END).long() > 0
    assert ended.any()
    assert (short[after] == NULL).all()
    assert (long[(long == END).cumsum(1) - (long == END).long() > 0] != NULL).any()


def test_a_beam_needs_a_width():
    with pytest.raises(ValueError, match="width of at least 1, got 0"):
        beam_search(make(), make().pack(QUESTIONS), 0)
