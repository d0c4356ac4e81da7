"""CNN+LSTM and FiLM: shapes, what they attend to, learning, saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sensorium.questions.baselines import (
    CNNLSTMConfig,
    CNNLSTMSystem,
    EndToEndSystem,
    FiLMBlock,
    FiLMConfig,
    FiLMSystem,
    last_state,
    with_coordinates,
)
from sensorium.questions.vocabulary import Words, tokenise
from sensorium.store import Card, load, save
from sensorium.system import Batch, System
from sensorium.types import Clip, FrameVideo
from sensorium.worlds.blocks.vocabulary import ANSWERS

WHERE = "Is the red spot left?"
COLOR = "What color is the spot?"
WORDS = Words.of([WHERE, COLOR]).words
SMALL = {"words": WORDS, "height": 24, "width": 36}


def film() -> FiLMSystem:
    torch.manual_seed(0)
    config = FiLMConfig(
        **SMALL,
        trunk=(8, 12),
        embedding=8,
        hidden=16,
        channels=12,
        blocks=2,
        head=16,
        perceptron=16,
    )  # type: ignore[arg-type]
    return FiLMSystem(config)


def cnn_lstm(blind: bool = False) -> CNNLSTMSystem:
    torch.manual_seed(0)
    return CNNLSTMSystem(
        CNNLSTMConfig(**SMALL, trunk=(8, 12), embedding=8, hidden=16, perceptron=16, blind=blind)  # type: ignore[arg-type]
    )


SYSTEMS = {"film": film, "cnn-lstm": cnn_lstm, "blind": lambda: cnn_lstm(blind=True)}


def spots(count: int = 8, seed: int = 0) -> Batch:
    """A red or a blue spot left or right: whether it is red and left, and its colour."""
    draw = torch.Generator().manual_seed(seed)
    pictures = torch.full((count, 3, 24, 36), 90, dtype=torch.uint8)
    answers = torch.zeros(count, 2, dtype=torch.long)
    for k in range(count):
        red, left = (bool(b) for b in torch.randint(0, 2, (2,), generator=draw))
        columns = slice(4, 12) if left else slice(24, 32)
        pictures[k, 0 if red else 2, 8:16, columns] = 255
        answers[k, 0] = ANSWERS.index("yes" if red and left else "no")
        answers[k, 1] = ANSWERS.index("red" if red else "blue")
    rows = [torch.tensor(Words(WORDS).encode(tokenise(t))) for t in (WHERE, COLOR)]
    question = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return {
        "picture": pictures,
        "question": question.expand(count, -1, -1).clone(),
        "answer": answers,
    }


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> EndToEndSystem:
    made = SYSTEMS[request.param]()
    assert isinstance(made, EndToEndSystem)
    return made


def trained(system: EndToEndSystem, steps: int = 60) -> EndToEndSystem:
    optimiser = torch.optim.AdamW(system.train().parameters(), lr=1e-2)
    for step in range(steps):
        optimiser.zero_grad()
        system.losses(spots(16, step % 4))["loss"].backward()
        optimiser.step()
    return system.eval()


def accuracy(system: EndToEndSystem, batch: Batch) -> Tensor:
    """Per question."""
    return (
        (system(batch["picture"], batch["question"]).argmax(-1) == batch["answer"]).float().mean(0)
    )


def test_a_logit_per_answer_and_a_gradient_for_every_parameter(system: EndToEndSystem) -> None:
    batch = spots(3)
    assert system(batch["picture"], batch["question"]).shape == (3, 2, len(ANSWERS))
    system.losses(batch)["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in system.parameters())


def test_padding_does_not_change_the_answer(system: EndToEndSystem) -> None:
    system.eval()
    batch = spots(2)
    longer = torch.nn.functional.pad(batch["question"], (0, 5))
    assert torch.equal(
        system(batch["picture"], batch["question"]), system(batch["picture"], longer)
    )


def test_film_learns_what_needs_picture_and_question() -> None:
    assert accuracy(trained(film()), spots(32, 9)).min() > 0.95


def test_cnn_lstm_learns_what_needs_no_place() -> None:
    assert accuracy(trained(cnn_lstm(), 200), spots(32, 9))[1] > 0.95


def test_without_the_picture_only_the_kind_of_answer_is_learnt() -> None:
    system, batch = trained(cnn_lstm(blind=True), 200), spots(64, 9)
    best = system(batch["picture"], batch["question"]).argmax(-1)
    assert {ANSWERS[k] for k in best[:, 0].tolist()} <= {"yes", "no"}
    assert {ANSWERS[k] for k in best[:, 1].tolist()} <= {"red", "blue"}
    assert accuracy(system, batch)[1] < 0.75


def test_questions_of_one_picture_are_answered_apart() -> None:
    system, batch = film().eval(), spots(2)
    both = system(batch["picture"], batch["question"])
    alone = system(batch["picture"], batch["question"][:, 1:])
    assert torch.allclose(both[:, 1:], alone, atol=1e-5)


def test_a_block_with_gamma_and_beta_zero_is_its_first_convolution() -> None:
    block = FiLMBlock(3)
    x = torch.rand(2, 5, 4, 6)
    out = block(x, torch.zeros(2, 3), torch.zeros(2, 3))
    assert torch.equal(out, block.conv1(x).relu())
    shifted = block(x, torch.zeros(2, 3), torch.ones(2, 3))
    assert torch.allclose(shifted, out + 1)


def test_coordinates_go_from_minus_one_to_one() -> None:
    maps = with_coordinates(torch.zeros(2, 1, 3, 5))
    assert maps.shape == (2, 3, 3, 5)
    assert maps[1, 1, 2].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert maps[1, 2, :, 4].tolist() == [-1.0, 0.0, 1.0]


def test_last_state_is_that_of_the_last_word() -> None:
    states = torch.arange(8.0).view(2, 4, 1)
    question = torch.tensor([[1, 5, 2, 0], [1, 6, 7, 2]])
    assert last_state(states, question).flatten().tolist() == [2.0, 7.0]


def test_answers_pictures_of_any_size() -> None:
    system = trained(film())
    batch = spots(6, 9)
    for picture, answer in zip(batch["picture"], batch["answer"], strict=True):
        large = picture.repeat_interleave(4, 1).repeat_interleave(4, 2)
        expected = [ANSWERS[k] for k in answer.tolist()]
        assert system.answer(large, [WHERE, COLOR]) == expected


def test_saves_and_loads(system: EndToEndSystem, tmp_path: Path) -> None:
    kinds: dict[str, type[System]] = {system.name: type(system)}
    save(system.eval(), tmp_path / "s", Card("baseline"))
    again = load(tmp_path / "s", systems=kinds)
    assert isinstance(again, EndToEndSystem)
    batch = spots(2)
    assert torch.equal(
        system(batch["picture"], batch["question"]), again(batch["picture"], batch["question"])
    )


def test_measures_accuracy(system: EndToEndSystem) -> None:
    batch = spots(4)
    meters = system.eval().metrics()
    system.measure(batch, meters)
    assert float(meters["accuracy"].compute()) == pytest.approx(
        float(accuracy(system, batch).mean())
    )


def test_predict_says_that_it_needs_a_question() -> None:
    clip = Clip(FrameVideo(torch.zeros(1, 3, 24, 36, dtype=torch.uint8), 1.0), None, "a.png")
    with pytest.raises(ValueError, match="a.png: .*answer"):
        film().predict(clip)
