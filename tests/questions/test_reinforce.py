from dataclasses import replace

import pytest
import torch

from sensorium.questions.decoding import sample
from sensorium.questions.executor import execute
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.reinforce import reinforce, rewards, up_to_end
from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS, START, Words
from sensorium.training.randomness import seeded
from sensorium.worlds.blocks.programs import ProgramError, from_tokens
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES

WORDS = Words.of(["How many cubes spheres are there what size is the red thing"]).words
TINY = ParserConfig(words=WORDS, hidden=8, embedding=6, longest=8)
ITEMS = (
    Item("large", "red", "metal", "cube", (0.0, 0.0, 0.7)),
    Item("small", "red", "rubber", "cube", (1.0, -1.0, 0.35)),
    Item("small", "blue", "metal", "sphere", (-2.0, 2.0, 0.35)),
)


def make(**changes):
    with seeded(0):
        return QuestionParser(replace(TINY, **changes))


def batch(parser, answers, questions=None):
    """Questions about the same scene."""
    values = torch.full((10, 4), -1, dtype=torch.int8)
    positions = torch.zeros(10, 3)
    for k, item in enumerate(ITEMS):
        values[k] = torch.tensor([VALUES[a].index(item.value(a)) for a in ATTRIBUTES])
        positions[k] = torch.tensor(item.position)
    count = len(answers)
    texts = questions or [["how", "many"], ["what", "size", "is", "the", "cubes"]] * count
    return {
        "question": parser.pack(texts[:count]),
        "answer": torch.tensor([ANSWERS.index(a) for a in answers]),
        "values": values.expand(count, -1, -1),
        "positions": positions.expand(count, -1, -1),
        "count": torch.full((count,), len(ITEMS)),
    }


def numbers(text, width=8):
    row = PROGRAM_WORDS.encode(text.split())[1:]
    return row + [NULL] * (width - len(row))


def test_reward_is_the_executed_answer():
    parser = make()
    programs = [
        "count scene",
        "count filter_shape[cube] scene",
        "query_shape unique filter_color[blue] scene",
        "query_shape unique filter_color[green] scene",  # fails
        "unique scene",  # no answer
    ]
    given = batch(parser, ["3", "3", "sphere", "sphere", "3"])
    tokens = torch.tensor([numbers(p) for p in programs])
    assert rewards(tokens, given).tolist() == [1, 0, 1, 0, 0]
    given["answer"][:] = -1  # not known: nothing is right, least of all what fails
    assert rewards(tokens, given).tolist() == [0] * 5


def test_what_follows_the_end_does_not_count_and_no_end_gives_nothing():
    parser = make()
    count, scene = PROGRAM_WORDS.numbers["count"], PROGRAM_WORDS.numbers["scene"]
    given = batch(parser, ["3"] * 3)
    tokens = torch.tensor(
        [[count, scene, END, count, count], [count, scene, NULL, NULL, NULL], [END, 4, 4, 4, 4]]
    )
    assert rewards(tokens, given).tolist() == [1, 0, 0]
    assert up_to_end(tokens).sum(1).tolist() == [3, 5, 1]


def test_mixed_precision_loses_no_block():
    parser = make()
    given = batch(parser, ["9"])
    positions = torch.zeros(1, 10, 3)
    positions[0, :, 0] = torch.arange(10)
    values = given["values"].clone()
    values[:] = values[0, 2]
    values[0, 9] = given["values"][0, 0]
    given |= {"positions": positions, "values": values, "count": torch.tensor([10])}
    tokens = torch.tensor([numbers("count relate[left] unique filter_size[large] scene")])
    assert rewards(tokens, given).tolist() == [1]
    with torch.autocast("cpu", torch.bfloat16):
        assert rewards(tokens, given).tolist() == [1]


def test_rewards_agree_with_the_plain_executor():
    parser = make(grammar=False)
    texts = [["how"], ["many", "cubes"], ["what", "is"], ["there", "red", "thing"]] * 60
    given = batch(parser, ["3", "2", "yes", "1"] * 60, texts)
    with seeded(4):
        tokens = sample(parser, given["question"]).tokens
    with seeded(5):
        typed = sample(make(), given["question"]).tokens
    for drawn in (tokens, typed):
        got = rewards(drawn, given)
        for row, answer, reward in zip(drawn.tolist(), given["answer"], got, strict=True):
            try:
                said = execute(from_tokens(PROGRAM_WORDS.decode(row)), ITEMS).answer
            except ProgramError:
                continue
            assert bool(reward) == (END in row and said == ANSWERS[answer])
    assert 0 < rewards(typed, given).mean() < 1


def by_hand(parser, given, seed, past_end=False):
    """Rewards, and the samples' log-probabilities token by token."""
    with seeded(seed):
        tokens = sample(parser, given["question"], past_end=past_end).tokens
    start = torch.full((len(tokens), 1), START)
    logs = parser(given["question"], torch.cat([start, tokens[:, :-1]], 1))
    return rewards(tokens, given), logs.gather(2, tokens[..., None])[..., 0], tokens


def test_each_sample_is_rewarded_for_itself():
    parser = make(grammar=False)
    parser.baseline.fill_(0.25)
    given = batch(parser, ["3", "2", "yes", "small"])
    won, chosen, tokens = by_hand(parser, given, 6)
    logs = torch.stack([c[: u.sum()].sum() for c, u in zip(chosen, up_to_end(tokens), strict=True)])
    expected = -((won - 0.25) * logs).mean()
    with seeded(6):
        losses = reinforce(parser, given)
    torch.testing.assert_close(losses["loss"], expected)
    assert float(losses["reward"]) == pytest.approx(float(won.mean()))
    assert float(parser.baseline) == pytest.approx(0.9 * 0.25 + 0.1 * float(won.mean()))


def test_published_credit_is_the_batchs_mean_over_every_step():
    parser = make(grammar=False, credit="batch", decay=0.9, entropy=0.1)
    parser.baseline.fill_(0.5)
    given = batch(parser, ["3", "2", "yes", "small"])
    won, chosen, tokens = by_hand(parser, given, 7, past_end=True)
    start = torch.full((len(tokens), 1), START)
    logs = parser(given["question"], torch.cat([start, tokens[:, :-1]], 1))
    baseline = 0.1 * won.mean() + 0.9 * 0.5  # moved before it is used
    expected = -(won.mean() - baseline) * chosen.sum() + 0.1 * (logs.exp() * logs).sum()
    with seeded(7):
        losses = reinforce(parser, given)
    torch.testing.assert_close(losses["loss"], expected)


def test_with_the_grammar_probabilities_are_those_among_what_is_allowed():
    parser = make(longest=3)  # nothing fits but "count scene" and "exist scene"
    given = batch(parser, ["3"] * 400, [["how", "many"]] * 400)
    with seeded(8):
        losses = reinforce(parser, given)
    first = torch.tensor([PROGRAM_WORDS.numbers[t] for t in ("count", "exist")])
    question = given["question"][:1]
    likely = parser(question, torch.tensor([[START]]))[0, 0, first].softmax(0)
    assert float(losses["reward"]) == pytest.approx(float(likely[0].detach()), abs=0.1)
    surprise = -(likely * likely.log()).sum()
    assert float(losses["entropy"]) == pytest.approx(float(surprise.detach()), rel=1e-3)


def test_parts_of_a_batch_give_the_loss_of_the_whole(monkeypatch):
    from sensorium.questions import parser as module

    parser = make()
    texts = [["how"], ["many", "cubes"], ["what", "is", "the", "red", "thing"], ["there"]] * 5
    given = {"question": parser.pack(texts)}
    given["program"] = torch.tensor(
        [[START, *numbers("count scene", 9)], [START, *numbers("exist union scene scene", 9)]] * 10
    )
    whole = parser.losses(given)["loss"]
    monkeypatch.setattr(module, "_PART", 6)
    assert len(parser.parts(given)) == 4
    torch.testing.assert_close(parser.losses(given)["loss"], whole)
    assert len(make(mask_attention=False).parts(given)) == 1


def test_dropout_is_for_programs_only():
    parser = make(dropout=0.5, grammar=False).train()
    given = batch(parser, ["3", "2", "yes", "small"])
    with seeded(6):
        one = reinforce(parser, given)["loss"]
    parser.baseline.zero_()
    with seeded(6):
        other = reinforce(parser.eval(), given)["loss"]
    torch.testing.assert_close(one, other)
    given["program"] = torch.tensor([[START, *numbers("count scene")]] * 4)
    with seeded(1):
        first = parser.train().losses(given)["loss"]
        assert not torch.equal(first, parser.losses(given)["loss"])


def test_it_learns_from_answers_alone():
    with seeded(1):
        parser = QuestionParser(replace(TINY, longest=5))
    given = batch(parser, ["2"] * 32, [["how", "many", "cubes"]] * 32)
    optimiser = torch.optim.Adam(parser.parameters(), lr=0.02)
    with seeded(2):
        seen = []
        for _ in range(40):
            losses = parser.losses(given)
            optimiser.zero_grad()
            losses["loss"].backward()
            optimiser.step()
            seen.append(float(losses["reward"]))
    assert sum(seen[:5]) / 5 < 0.4
    assert sum(seen[-5:]) / 5 > 0.9
