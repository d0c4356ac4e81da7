"""Published files come back as what they were: against the networks built here once more."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sensorium.cli import main
from sensorium.questions.attributes import AttributeNet
from sensorium.questions.official import (
    read_published,
    read_published_attributes,
    read_published_parser,
)
from sensorium.questions.official_names import ROWS, read_vocabulary
from sensorium.questions.parser import QuestionParser
from sensorium.questions.systems import NSVQAConfig, NSVQASystem
from sensorium.store import Card, convert, load, read_header, save
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

_spec = importlib.util.spec_from_file_location(
    "published_networks", Path(__file__).with_name("published_networks.py")
)
rebuilt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rebuilt)

WORDS = ["<NULL>", "<START>", "<END>", "<UNK>", *(f"word{k:02d}" for k in range(89))]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rebuilt.write_vocabulary(tmp_path_factory.mktemp("words") / "vocab.json", WORDS)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = rebuilt.at_random(rebuilt.PublishedParser(93, hidden=16, vector=12), 1)
    return network.save(tmp_path_factory.mktemp("small") / "question_parser.pt")


@pytest.fixture(scope="module")
def attributes(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path]:
    network = rebuilt.at_random(rebuilt.PublishedAttributes(), 2)
    return network, network.save(tmp_path_factory.mktemp("net") / "attribute_net.pt")


def questions(lengths: tuple[int, ...]) -> Tensor:
    """The longest first, as the release sorts them."""
    random = torch.Generator().manual_seed(0)
    out = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for row, n in zip(out, lengths, strict=True):
        row[:n] = torch.tensor([1, *torch.randint(4, 93, (n - 2,), generator=random), 2])
    return out


def cut(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(2) + 1] if 2 in tokens else tokens


def test_a_published_parser_writes_the_same_programs(vocabulary: Path, tmp_path: Path) -> None:
    theirs = rebuilt.at_random(rebuilt.PublishedParser(93), 5, 30.0)
    published = read_published_parser(theirs.save(tmp_path / "question_parser.pt"), vocabulary)
    assert sum(p.numel() for p in theirs.parameters()) == 7_076_536
    ours = QuestionParser(published.config).eval()
    ours.load_state_dict(published.state)
    assert sum(p.numel() for p in ours.parameters()) == 7_076_536
    assert published.config.words == tuple(WORDS)
    question = questions((24, 17, 9, 5))
    theirs, ours = theirs.double(), ours.double()  # such weights make a difference grow
    expected, logs = theirs.sample(question)
    logs = logs.float()
    assert len({tuple(row) for row in expected.tolist()}) == 4
    assert all(len(set(row)) > 3 for row in expected.tolist())
    found = ours.decode(question).tokens.tolist()
    assert [cut(row) for row in found] == [cut(row) for row in expected.tolist()]
    inputs = torch.cat([torch.ones(4, 1, dtype=torch.int64), expected[:, :-1]], 1)
    with torch.no_grad():
        torch.testing.assert_close(ours(question, inputs), logs, rtol=1e-4, atol=1e-4)
        ours.config = published.config.__class__(
            **{**vars(published.config), "mask_attention": True}
        )
        masked = ours(question, inputs)
    torch.testing.assert_close(masked[0], logs[0], rtol=1e-4, atol=1e-4)  # nothing to mask
    assert (masked[3] - logs[3]).abs().max() > 1e-2


def test_words_of_programs_may_be_in_another_order(small: Path, tmp_path: Path) -> None:
    """The embedding and the output are sorted to our order."""
    order = [*rebuilt.PROGRAMS[:4], *reversed(rebuilt.PROGRAMS[4:])]
    other = rebuilt.write_vocabulary(tmp_path / "vocab.json", WORDS, order)
    usual = rebuilt.write_vocabulary(tmp_path / "usual.json", WORDS)
    one, two = (read_published_parser(small, path) for path in (usual, other))
    for name in (
        "decoder.embedding.weight",
        "decoder.out_linear.weight",
        "decoder.out_linear.bias",
    ):
        assert torch.equal(one.state[name][4:], two.state[name][4:].flip(0))
        assert torch.equal(one.state[name][:4], two.state[name][:4])


def test_a_vocabulary_can_be_rebuilt_from_questions(small: Path, tmp_path: Path) -> None:
    texts = [f"{a} {b}?" for a, b in zip(WORDS[4::2], [*WORDS[5::2], ";"], strict=True)]
    path = tmp_path / "CLEVR_train_questions.json"
    path.write_text(json.dumps({"questions": [{"question": text} for text in texts]}))
    with pytest.raises(
        ValueError, match="found 94 question words, expected the 93 that question_p"
    ):
        read_published_parser(small, path)
    path.write_text(json.dumps({"questions": [{"question": t.replace(";", "")} for t in texts]}))
    assert read_published_parser(small, path).config.words == tuple(WORDS)


def test_a_published_attribute_network_tells_the_same(attributes, tmp_path: Path) -> None:
    theirs, file = attributes
    old = theirs.save(tmp_path / "old.pt", counters=False)
    random = torch.Generator().manual_seed(3)
    pictures = torch.randint(0, 256, (3, 3, 149, 224), generator=random, dtype=torch.uint8)
    masks = torch.zeros(3, 149, 224, dtype=torch.uint8)
    masks[0, 20:70, 30:90] = masks[1, 100:149, 200:224] = masks[2, 60:80, 100:120] = 255
    for path, count in ((file, 3), (old, 1)):
        published = read_published_attributes(path)
        ours = AttributeNet(published.config).eval()
        ours.load_state_dict(published.state)
        told = ours.tell(pictures[:count], masks[:count], torch.zeros(count, 8))
        for k in range(count):
            out = theirs.looked(pictures[k], masks[k] / 255)
            expected = {
                "shape": ("sphere", "cube", "cylinder")[int(out[:3].argmax())],
                "size": ("large", "small")[int(out[3:5].argmax())],
                "material": ("metal", "rubber")[int(out[5:7].argmax())],
                "color": (
                    *("blue", "brown", "cyan", "gray"),
                    *("green", "purple", "red", "yellow"),
                )[int(out[7:15].argmax())],
            }
            named = {a: VALUES[a][int(told.values[k, i])] for i, a in enumerate(ATTRIBUTES)}
            assert named == expected
            torch.testing.assert_close(told.positions[k], out[15:], rtol=1e-3, atol=1e-3)
    assert sorted(ROWS) == list(range(18))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system whose parts are kept."""
    torch.manual_seed(0)
    card = Card(
        description="d",
        trained_on="t",
        limits="l",
        licence="MIT",
        paper="p",
    )
    return save(NSVQASystem(NSVQAConfig()), tmp_path_factory.mktemp("base") / "own", card)


def test_both_files_become_a_system(attributes, small, vocabulary, base, tmp_path) -> None:
    folder = tmp_path / "pretrained"
    folder.mkdir()
    (folder / "attribute_net.pt").write_bytes(attributes[1].read_bytes())
    (folder / "question_parser.pt").write_bytes(small.read_bytes())
    made = convert(folder, "nsvqa", vocabulary=vocabulary, base=base)
    assert made == tmp_path / "pretrained-system"
    system, kept = load(made), load(base)
    published = read_published(folder, vocabulary)
    assert system.config.parser == published.parser.config
    assert system.config.attributes == published.attributes.config
    state = system.state_dict()
    for name, tensor in kept.state_dict().items():
        if name.startswith(("scenes.finder.", "gauge.")):
            assert torch.equal(state[name], tensor)
    for prefix, part in (
        ("parser.", published.parser),
        ("scenes.attributes.", published.attributes),
    ):
        assert all(torch.equal(state[prefix + name], t) for name, t in part.state.items())
    notes = read_header(made).card.notes
    assert f"from {base}: finder" in notes
    (found,) = system.see(torch.randint(0, 256, (1, 3, 90, 120), dtype=torch.uint8))
    assert len(found.items) == len(found.scores)


def test_one_file_keeps_the_rest_of_the_base(attributes, base, tmp_path) -> None:
    made = convert(attributes[1], "nsvqa", tmp_path / "mine", base=base)
    assert load(made).config.parser == load(base).config.parser
    assert f"from {base}: finder, parser" in read_header(made).card.notes


def test_what_is_wrong_is_told_in_a_line(small, vocabulary, attributes, base, tmp_path) -> None:
    def told(path: Path, *words: Path) -> str:
        with pytest.raises(ValueError, match=".") as error:
            read_published(path, *words)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "found neither question_parser.pt nor attribute_net.pt" in told(tmp_path)
    assert "does not hold its 93 words; give them with --vocabulary" in told(small)
    assert "no such file; expected a vocabulary" in told(small, tmp_path / "nothing.json")
    broken = tmp_path / "broken.json"
    broken.write_text('{"question_token_to_idx": {"<NULL>": 0')
    assert "is no JSON" in told(small, broken)
    broken.write_text('{"words": []}')
    assert "found neither 'question_token_to_idx' nor 'questions'" in told(small, broken)
    broken.write_text('{"question_token_to_idx": {"<NULL>": 0, "b": 2}}')
    assert "the numbers of question_token_to_idx are not 0 to 1" in told(small, broken)
    rebuilt.write_vocabulary(broken, [*WORDS[4:], *WORDS[:4]])
    assert "starts with word00 word01 word02 word03, expected <NULL>" in told(small, broken)
    rebuilt.write_vocabulary(broken, WORDS, [*rebuilt.PROGRAMS[:-1], "subtraction_set"])
    assert "2 of its program words are not CLEVR's 44 or missing" in told(small, broken)

    detector = tmp_path / "object_detector.pt"
    torch.save({"step": 1, "model": {"Conv_Body.conv1.weight": torch.zeros(1)}}, detector)
    assert "found NS-VQA's Mask R-CNN, which cannot be converted" in told(detector)
    torch.save({"fc.weight": torch.zeros(2)}, detector)
    assert "found 1 tensors, the first named fc.weight, expected NS-VQA's" in told(detector)
    shape_only = rebuilt.PublishedAttributes(3, 3)
    assert "of 3 channels and 3 outputs, expected 6" in told(shape_only.save(detector))
    content = torch.load(small, weights_only=True)
    torch.save({**content, "net_params": {**content["net_params"], "use_attention": 0}}, detector)
    assert "found a question parser with use_attention=0, expected 1" in told(detector, vocabulary)
    state = dict(content["net_state"])
    state["decoder.out_linear.bias"] = torch.full((44,), float("nan"))
    torch.save({**content, "net_state": state}, detector)
    assert "found decoder.out_linear.bias not finite" in told(detector, vocabulary)
    del state["decoder.out_linear.bias"]
    torch.save({**content, "net_state": state}, detector)
    assert "without decoder.out_linear.bias (1 tensors missing, 0 unknown)" in told(
        detector, vocabulary
    )
    detector.write_bytes(small.read_bytes()[:3000])
    assert "expected a PyTorch checkpoint" in told(detector, vocabulary)

    with pytest.raises(ValueError, match=r"\(--base\): .*nowhere"):
        convert(attributes[1], "nsvqa", tmp_path / "x", base="nowhere")
    with pytest.raises(ValueError, match="got class names or a published name, expected neither"):
        convert(attributes[1], "nsvqa", tmp_path / "x", classes=["a"])
    with pytest.raises(ValueError, match="got a base, which only nsvqa takes"):
        convert(attributes[1], "tsm", tmp_path / "x", base=base)


def test_a_vocabulary_gives_all_three_tables(tmp_path: Path) -> None:
    answers = ["<NULL>", "<START>", "<END>", "<UNK>", "0", "1", "10", "2"]
    path = tmp_path / "vocab.json"
    tables = {"question_token_to_idx": WORDS, "answer_token_to_idx": answers}
    path.write_text(json.dumps({n: {w: k for k, w in enumerate(t)} for n, t in tables.items()}))
    found = read_vocabulary(path)
    assert (found.questions, found.answers) == (tuple(WORDS), tuple(answers))
    assert found.programs == tuple(rebuilt.PROGRAMS)


def test_the_command_line_takes_vocabulary_and_base(small, vocabulary, base, tmp_path, capsys):
    words = ["--as", "nsvqa", "--vocabulary", vocabulary, "--base", base, "--out", tmp_path / "own"]
    assert main(["convert", str(small), *map(str, words)]) == 0
    out = capsys.readouterr().out
    assert "NS-VQA with question_parser.pt of the release" in out
    assert f'sensorium ask IMAGE "How many cubes are there?" --system {tmp_path / "own"}' in out
    assert main(["convert", str(small), "--as", "nsvqa", "--base", str(base)]) == 1
    assert "give them with --vocabulary" in capsys.readouterr().err
