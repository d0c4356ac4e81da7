"""Judges of generated faces: their networks, and what the bundled ones know."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sensorium.expressions import metrics
from sensorium.expressions.judges import (
    SIZE,
    ExpressionJudge,
    IdentityJudge,
    Judged,
    Judges,
    brought,
    bundled_judges,
    centres,
    judges_of,
)
from sensorium.worlds.portraits import EXPRESSIONS, Face, draw, identity, split_seed


def faces(expression: str, degree: float, people: range = range(6)) -> tuple[Tensor, Tensor]:
    degrees = tuple(degree * (name == expression) for name in EXPRESSIONS)
    drawn = [draw(Face(identity(split_seed("test", i)), degrees), 128) for i in people]
    return torch.stack([p.frame for p in drawn]), torch.stack([p.landmarks / 128 for p in drawn])


def test_shapes() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(2, 3, SIZE, SIZE)
    logits, degrees, landmarks, features = ExpressionJudge().eval()(pictures)
    assert logits.shape == degrees.shape == (2, len(EXPRESSIONS))
    assert landmarks.shape == (2, 68, 2)
    assert features.shape == (2, 64)
    vectors = IdentityJudge().eval()(pictures)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_centres_of_single_places() -> None:
    maps = torch.zeros(1, 2, 8, 16)
    maps[0, 0, 2, 4] = 100.0
    maps[0, 1, 7, 15] = 100.0
    wanted = torch.tensor([[[4.5 / 16, 2.5 / 8], [15.5 / 16, 7.5 / 8]]])
    torch.testing.assert_close(centres(maps), wanted)


def test_pictures_are_brought_to_size() -> None:
    pictures = torch.full((2, 3, 96, 80), 51, dtype=torch.uint8)
    assert brought(pictures).shape == (2, 3, SIZE, SIZE)
    torch.testing.assert_close(brought(pictures), torch.full((2, 3, SIZE, SIZE), 0.2))
    same = torch.rand(1, 3, SIZE, SIZE)
    assert torch.equal(brought(same), same)


def test_judging_leaves_the_mode_and_needs_pictures() -> None:
    judges = Judges().train()
    first = judges.judge(torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)))
    assert judges.training
    assert isinstance(first, Judged)
    assert len(first[1:]) == 2
    with pytest.raises(ValueError, match=r"need pictures \[N, 3, H, W\], got \[3, 64, 64\]"):
        judges.judge(torch.zeros(3, 64, 64))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train them: python benchmarks/portrait_judges.py"):
        judges_of(tmp_path / "none.safetensors")


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_bundled_judges_name_true_faces_of_people_they_have_not_seen(name: str) -> None:
    pictures, places = faces(name, 0.95)
    judged = bundled_judges().judge(pictures)
    index = EXPRESSIONS.index(name)
    right = judged.logits.argmax(1) == index
    assert right.float().mean() >= 0.8
    assert metrics.nme(judged.landmarks, places).mean() < 0.05
    strength = [
        bundled_judges().judge(faces(name, d)[0]).degrees[:, index].mean() for d in (0, 0.4)
    ]
    assert strength[0] < strength[1] < judged.degrees[:, index].mean()


def test_bundled_judges_know_people_again_in_another_light() -> None:
    neutral, _ = faces("happy", 0.0, range(12))
    happy, _ = faces("happy", 1.0, range(12))
    judges = bundled_judges()
    again = metrics.reidentified(
        judges.judge(happy).identity, torch.arange(12), judges.judge(neutral).identity
    )
    assert again.mean() > 0.8
