"""Pictures with questions and answers for end-to-end networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.questions.baselines import FiLMConfig, FiLMSystem
from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.datasets.pairs import PairsData, small_pictures
from sensorium.questions.datasets.question_table import asked_in_blocks
from sensorium.questions.datasets.scenes import SceneData
from sensorium.questions.vocabulary import UNK, tokenise
from sensorium.worlds.blocks.vocabulary import ANSWERS

DATA = PairsData(length=3, held_out=2, tested=2, each=6, at_once=4, height=48, width=72)


def texts(question: torch.Tensor) -> list[str]:
    return [" ".join(blocks_words().decode(row)) for row in question.tolist()]


def test_pictures_are_those_of_the_scene_data() -> None:
    whole = SceneData(length=3).open("train")
    plain = replace(DATA, mirror=0.0).open("train")
    for index in range(3):
        small = plain.example(index, 0)["picture"].float()
        large = whole.scenes[index].pixels.astype(np.float32).mean((0, 1))
        assert small.shape == (3, 48, 72)
        assert np.allclose(small.mean((1, 2)).numpy(), large, atol=1.0)


def test_questions_are_those_of_the_question_data_about_that_picture() -> None:
    table = asked_in_blocks("val", 12, 6)
    examples = DATA.open("val")
    for index in range(2):
        mine = examples.example(index, 0)
        rows = np.flatnonzero(table.scenes == index)
        assert len(rows) == len(mine["answer"]) == 6
        assert mine["answer"].tolist() == table.answers[rows].tolist()
        assert texts(mine["question"]) == [" ".join(tokenise(table.texts[r])) for r in rows]
        assert (mine["question"] != UNK).all()


def test_a_training_example_has_some_of_the_questions_drawn_by_its_seed() -> None:
    examples = replace(DATA, mirror=0.0).open("train")
    first, again, other = (examples.example(1, seed) for seed in (5, 5, 6))
    assert first["question"].shape[0] == first["answer"].shape[0] == 4
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["question"], other["question"])
    assert len(set(texts(first["question"]))) == 4


def test_a_mirror_swaps_left_and_right_in_picture_and_words() -> None:
    plain = replace(DATA, mirror=0.0).open("train")
    mirrored = replace(DATA, mirror=1.0).open("train")
    turned = 0
    for index in range(3):
        for seed in range(4):
            a, b = plain.example(index, seed), mirrored.example(index, seed)
            assert torch.equal(a["picture"].flip(-1), b["picture"])
            assert torch.equal(a["answer"], b["answer"])
            for one, two in zip(texts(a["question"]), texts(b["question"]), strict=True):
                swapped = [{"left": "right", "right": "left"}.get(w, w) for w in one.split()]
                assert swapped == two.split()
                turned += one != two
    assert turned


def test_pictures_and_questions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sensorium.questions.datasets.rendered as rendered

    monkeypatch.setattr(rendered, "_SHARD", 2)
    data = replace(DATA, cache=tmp_path, processes=1)
    first = data.open("val").example(0, 0)
    assert list(tmp_path.rglob("small-48x72-2.npy"))
    again = small_pictures(data.scenes("val"), 48, 72)
    assert isinstance(again, np.ndarray)
    assert torch.equal(torch.from_numpy(np.array(again[0])).permute(2, 0, 1), first["picture"])
    assert all(torch.equal(v, data.open("val").example(0, 0)[k]) for k, v in first.items())


def test_the_system_takes_over_size_and_words() -> None:
    config = DATA.adapt(FiLMConfig(trunk=(8, 8), channels=8, blocks=1))
    assert (config.height, config.width, config.words) == (48, 72, blocks_words().words)
    examples = DATA.open("test")
    made = [examples.example(k, 0) for k in range(2)]
    batch = {k: torch.stack([e[k] for e in made]) for k in made[0]}
    loss = FiLMSystem(config).losses(batch)["loss"]
    assert float(loss.detach()) == pytest.approx(np.log(len(ANSWERS)), rel=0.5)
