"""What is measured of generated pictures while a system is trained."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sensorium.expressions.judges import bundled_judges
from sensorium.expressions.measuring import expression_meters, measure
from sensorium.worlds.portraits import EXPRESSIONS, Face, Portrait, draw, identity, split_seed


def batch(count: int = 7) -> dict[str, Tensor]:
    """Each expression at full degree, of as many people."""

    def drawn(person: int, degree: float) -> Portrait:
        degrees = tuple(degree * (k == person % 7) for k in range(len(EXPRESSIONS)))
        return draw(Face(identity(split_seed("val", person)), degrees), 64)

    true = [drawn(i, 1.0) for i in range(count)]
    return {
        "neutral": torch.stack([drawn(i, 0.0).frame for i in range(count)]),
        "target": torch.stack([p.frame for p in true]),
        "degrees": torch.eye(7)[torch.arange(count) % 7],
        "landmarks": torch.stack([p.landmarks / 64 for p in true]),
        "mouth": torch.stack([p.mouth_mask() for p in true]),
        "face": torch.stack([p.face_mask() for p in true]),
    }


def told(made: Tensor, given: dict[str, Tensor], still: Tensor | None = None) -> dict[str, float]:
    meters = expression_meters()
    measure(made, given, meters, still=still)
    return {n: float(m.compute()) for n, m in meters.items() if m.update_called}  # type: ignore[attr-defined]


def test_the_true_pictures_are_right() -> None:
    given = batch()
    row = told(given["target"].float() / 255, given, given["neutral"].float() / 255)
    assert set(row) == set(expression_meters())
    assert row["l1"] == row["l1_mouth"] == 0.0
    assert row["ssim"] == pytest.approx(1.0)
    assert row["neutral_psnr"] == pytest.approx(100.0)
    assert row["accuracy"] >= 0.8
    assert row["landmark_nme"] < 0.05
    assert row["copy_ssim"] < 1
    assert row["copy_ssim_mouth"] < row["copy_ssim_face"] < row["copy_ssim"]


def test_a_copy_is_as_good_as_the_copy_beside_it() -> None:
    given = batch()
    row = told(given["neutral"].float() / 255, given)
    for name in ("l1", "psnr", "ssim", "ssim_face", "psnr_mouth"):
        assert row[name] == pytest.approx(row[f"copy_{name}"]), name
    assert row["identity"] == pytest.approx(1.0)
    assert row["accuracy"] <= 3 / 7
    assert row["intensity_mae"] > 0.5
    assert "neutral_psnr" not in row


def test_faces_without_a_mouth_are_left_out() -> None:
    given = batch(3)
    given["mouth"][0] = False
    made = given["target"].float() / 255
    made[0] = 0
    row = told(made, given)
    assert row["l1_mouth"] == 0.0
    assert row["l1"] > 0


def test_judges_may_be_others() -> None:
    given = batch(2)
    meters = expression_meters()
    judges = bundled_judges()
    measure(given["neutral"].float() / 255, given, {"identity": meters["identity"]}, judges=judges)
    assert float(meters["identity"].compute()) == pytest.approx(1.0)
