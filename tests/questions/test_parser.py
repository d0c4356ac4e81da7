from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.vocabulary import END, NULL, PROGRAM_WORDS, SPECIALS, START, Words
from sensorium.training.randomness import seeded
from sensorium.worlds.blocks.programs import from_tokens

WORDS = Words.of(["How many cubes spheres are there what size is the red thing"]).words
TINY = ParserConfig(words=WORDS, hidden=8, embedding=6)


def make(seed=0, **changes):
    with seeded(seed):
        parser = QuestionParser(replace(TINY, **changes)).eval()
        with torch.no_grad():  # far from uniform, so that choices are clear
            for parameter in parser.parameters():
                parameter.mul_(4)
    return parser


def rows(lengths, high, seed=0):
    """Random rows with start and end, padded."""
    with seeded(seed):
        out = torch.randint(4, high, (len(lengths), max(lengths)))
    out[:, 0] = START
    for row, length in zip(out, lengths, strict=True):
        row[length - 1] = END
        row[length:] = NULL
    return out


def test_published_settings_have_the_published_number_of_parameters():
    words = SPECIALS + tuple(f"w{k}" for k in range(89))
    with torch.device("meta"):
        parser = QuestionParser(ParserConfig(words=words))
    assert sum(p.numel() for p in parser.parameters()) == 7_076_536
    shapes = {name: tuple(p.shape) for name, p in parser.named_parameters()}
    assert shapes["encoder.rnn.weight_ih_l1_reverse"] == (1024, 512)
    assert shapes["decoder.rnn.weight_ih_l0"] == (2048, 300)
    assert shapes["decoder.attention.linear_out.weight"] == (512, 1024)
    assert shapes["decoder.out_linear.weight"] == (44, 512)


def test_padded_encoder_is_the_packed_one_and_so_are_its_gradients():
    parser = make().double()
    encoder, lengths = parser.encoder, torch.tensor([9, 3, 12, 4])
    question = rows(lengths.tolist(), len(WORDS))
    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.embedding(question), lengths, batch_first=True, enforce_sorted=False
    )
    out, (h, c) = encoder.rnn(packed)
    out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    expected = [out, torch.cat([h[0::2], h[1::2]], 2), torch.cat([c[0::2], c[1::2]], 2)]
    memory, state = encoder(question, lengths)
    got = [memory, *state]
    with seeded(1):
        weigh = [torch.randn_like(e) for e in expected]
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert (memory[1, 3:] == 0).all()
    parameters = list(encoder.parameters())
    slow, fast = (
        torch.autograd.grad(sum((x * w).sum() for x, w in zip(o, weigh, strict=True)), parameters)
        for o in (expected, got)
    )
    torch.testing.assert_close(fast, slow)


def test_attention_is_luongs_dot_and_leaves_out_padding():
    attention = make().decoder.attention
    with seeded(2):
        output, memory = torch.randn(1, 1, 16), torch.randn(1, 5, 16)
    padding = torch.tensor([[False, False, False, True, True]])
    weights = torch.softmax(memory[0, :3] @ output[0, 0], 0)
    mixed = torch.cat([weights @ memory[0, :3], output[0, 0]])
    expected = torch.tanh(attention.linear_out(mixed))
    torch.testing.assert_close(attention(output, memory, padding)[0, 0], expected)


@pytest.mark.parametrize("masked", [True, False])
def test_company_in_a_batch_matters_only_where_attention_sees_padding(masked):
    parser = make(mask_attention=masked)
    question, program = rows([5, 13], len(WORDS)), rows([6, 6], 44)
    together = parser(question, program)[0]
    alone = parser(question[:1, :5], program[:1])[0]
    assert torch.allclose(together, alone, atol=1e-5) == masked


def test_supervised_loss_counts_tokens_or_all_positions():
    question, program = rows([5, 8, 6], len(WORDS)), rows([4, 9, 6], 44)
    program = F.pad(program, (0, 3))
    parser = make()
    logs = parser(question, program[:, :-1])
    every = -logs.gather(2, program[:, 1:, None])[..., 0]
    real = program[:, 1:] != NULL
    assert int(real.sum()) == 3 + 8 + 5
    batch = {"question": question, "program": program}
    torch.testing.assert_close(parser.losses(batch)["loss"], every[real].mean())
    parser = make(over_padding=True)
    torch.testing.assert_close(parser.losses(batch)["loss"], every.mean())


def test_a_batch_of_neither_programs_nor_answers_is_refused():
    with pytest.raises(ValueError, match="learns from 'program' or 'answer', got a batch of"):
        make().losses({"question": rows([4], len(WORDS))})


def test_it_learns_programs_by_heart():
    pairs = {
        "How many cubes are there?": "count filter_shape[cube] scene",
        "How many spheres are there?": "count filter_shape[sphere] scene",
        "What size is the red thing?": "query_size unique filter_color[red] scene",
    }
    with seeded(3):
        parser = QuestionParser(replace(TINY, hidden=16))
    question = parser.pack([q.rstrip("?").split() for q in pairs])
    targets = [torch.tensor(PROGRAM_WORDS.encode(p.split())) for p in pairs.values()]
    program = nn.utils.rnn.pad_sequence(targets, batch_first=True)
    optimiser = torch.optim.Adam(parser.parameters(), lr=0.02)
    for _ in range(100):
        loss = parser.losses({"question": question, "program": program})["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for (text, tokens), parsed in zip(pairs.items(), parser.parse(list(pairs)), strict=True):
        assert parsed.tokens == tuple(tokens.split()), text
        assert parsed.program == from_tokens(tokens.split())
        assert parsed.score > 0.8
        assert not parsed.error
    assert parser.training  # parsing leaves the mode as it was


def test_parsing_keeps_the_order_and_does_not_depend_on_batches():
    parser = make()
    texts = ["how many cubes", "what", "is the red thing there what size", "many are there"] * 3
    at_once = parser.parse(texts)
    one_by_one = [parser.parse([text])[0] for text in texts]
    pairs = parser.parse(texts, batch=2)
    assert [p.tokens for p in at_once] == [p.tokens for p in one_by_one]
    assert [p.tokens for p in at_once] == [p.tokens for p in pairs]
    assert [p.score for p in at_once] == pytest.approx([p.score for p in pairs], rel=1e-3)
    assert len({p.tokens for p in at_once}) > 1
    assert parser.parse([]) == []


def test_a_grammatical_parser_always_writes_a_program():
    texts = ["how many cubes are there", "what size", "red red red red red"]
    for seed in range(6):
        for parsed in make(seed).parse(texts):
            assert parsed.program is not None
            assert parsed.error == ""
            assert len(parsed.tokens) <= 26


def test_without_grammar_nonsense_is_reported():
    parsed = [p for s in range(6) for p in make(s, grammar=False).parse(["how many cubes"])]
    assert any(p.error for p in parsed)
    for one in parsed:
        assert (one.program is None) == bool(one.error)
        assert "\n" not in one.error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the question is empty; ask something such as"),
        (" ? ", "the question is empty"),
        ("cubes " * 300, "the question has 300 words, expected at most 48"),
        ("wie viele", "none of the question's words is known (wie, viele"),
    ],
)
def test_what_cannot_be_parsed_gets_one_clear_line(text, message):
    (parsed,) = make().parse([text])
    assert message in parsed.error
    assert "\n" not in parsed.error
    assert parsed.program is None
    assert parsed.tokens == ()
    assert parsed.score == 0


def test_unknown_words_are_named_and_the_rest_is_parsed():
    parsed = make().parse(["how many purple cubes are there, purple elephant"])[0]
    assert parsed.unknown == ("purple", ",", "elephant")
    assert parsed.program is not None


def test_one_string_is_not_taken_for_many_questions():
    with pytest.raises(ValueError, match="list of questions"):
        make().parse("How many cubes are there?")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"longest": 2}, "longest must be at least 3"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"credit": "mean"}, "credit must be 'sample' or 'batch'"),
        ({"longest_question": 2}, "longest_question must be at least 3"),
        ({"decay": 1.5}, "decay must be 0 to 1"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **changes)
