import numpy as np
import pytest
import torch

from sensorium.expressions.faces import (
    EYES,
    FoundFace,
    YuNet,
    align,
    choose,
    middle,
    model_file,
    paste,
)
from sensorium.worlds import portraits


def squares(height, width, *corners, side=32):
    """Black, with bright squares at (x, y)."""
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    for x, y in corners:
        picture[:, y : y + side, x : x + side] = 255
    return picture


def face(x, y, side=10.0):
    return FoundFace((x, y, x + side, y + side), ((x + 2, y + 4), (x + 8, y + 4)), 0.9)


def portrait(size, seed=3):
    drawn = portraits.draw(portraits.Face(portraits.identity(seed), (0.0,) * 7), size)
    points = drawn.landmarks
    eyes = [tuple(points[k : k + 6].mean(0).tolist()) for k in (36, 42)]
    return drawn.frame, FoundFace((0, 0, size, size), (eyes[0], eyes[1]), 1.0)


def test_yunets_rows_are_read(face_model):
    (found,) = YuNet(face_model).find(squares(96, 160, (64, 32)))
    assert found.box == pytest.approx((64, 32, 96, 64))
    assert found.eyes[0] == pytest.approx((72, 44.8))
    assert found.eyes[1] == pytest.approx((88, 44.8))
    assert 0.9 < found.score <= 1
    finder = YuNet(face_model)
    assert len(finder.find(squares(96, 160, (64, 32), (128, 0)))) == 2
    assert finder.find(squares(96, 160)) == []
    assert finder.find(squares(20, 20)) == []


def test_large_pictures_are_looked_at_small(face_model):
    (found,) = YuNet(face_model).find(squares(3000, 4000, (1000, 1000), side=125))
    assert found.box == pytest.approx((1000, 1000, 1125, 1125), abs=2)


def test_a_model_that_is_none_is_one_line(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"hello" * 100)
    for name, said in {"bad.onnx": "not a model", "none.onnx": "no such face model"}.items():
        with pytest.raises(ValueError, match=f"{name}: {said}.*get YuNet") as caught:
            YuNet(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_where_the_model_is(monkeypatch, tmp_path):
    assert model_file() is None
    monkeypatch.setenv("SENSORIUM_FACE_MODEL", str(tmp_path / "a.onnx"))
    assert model_file() == tmp_path / "a.onnx"
    assert model_file("b.onnx").name == "b.onnx"


def test_the_largest_near_the_middle_is_taken():
    small, large, edge = face(45, 45), face(40, 40, 20), face(0, 0, 22)
    assert choose([small, large, edge], 100, 100) == large
    assert choose([edge, face(10, 80, 10)], 100, 100) == edge
    assert choose([large, small, edge], 100, 100, 1) == edge  # from the left
    assert choose([large, small, edge], 100, 100, 3) == small
    with pytest.raises(ValueError, match="no face 4: 3 found, counted from the left"):
        choose([small, large, edge], 100, 100, 4)
    with pytest.raises(ValueError, match="no face is found in the picture; give one"):
        choose([], 100, 100)


def test_portraits_have_their_eyes_there():
    eyes = torch.tensor([portrait(64, seed)[1].eyes for seed in range(60)]) / 64
    assert torch.allclose(eyes.mean(0), torch.tensor(EYES), atol=0.012)


@pytest.mark.parametrize(("turn", "scale"), [(0.0, 1.0), (0.3, 1.7), (-0.6, 0.6), (3.0, 1.0)])
def test_a_turned_face_comes_out_upright(turn, scale):
    """Against a rotation made by pixels: the same face, turned and scaled, is cut out the same."""
    import cv2

    picture, found = portrait(128)
    matrix = cv2.getRotationMatrix2D((64, 64), np.degrees(turn), scale)
    matrix[:, 2] += 86  # in the middle of a larger picture
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    turned = cv2.warpAffine(pixels, matrix, (300, 300), borderMode=cv2.BORDER_REPLICATE)
    eyes = [tuple(float(v) for v in matrix @ [x, y, 1]) for x, y in found.eyes]
    there = torch.from_numpy(turned.transpose(2, 0, 1).copy())
    plain = align(picture, found, 64).picture.int()
    again = align(there, FoundFace((0, 0, 1, 1), (eyes[0], eyes[1]), 1.0), 64)
    assert again.picture.shape == (3, 64, 64)
    assert (again.picture.int() - plain).abs().float()[:, 12:52, 12:52].mean() < 6
    for (x, y), (ex, ey) in zip(eyes, EYES, strict=True):
        assert again.matrix @ [x, y, 1] == pytest.approx([64 * ex, 64 * ey])


def test_a_portrait_stays_where_it_is():
    picture, _ = portrait(64)
    eyes = tuple((64 * x, 64 * y) for x, y in EYES)
    same = align(picture, FoundFace((0, 0, 64, 64), eyes, 1.0), 64)
    assert torch.equal(same.picture, picture)
    assert torch.equal(middle(picture, 64).picture, picture)


def test_faces_at_the_edge_and_without_eyes():
    picture = torch.randint(0, 255, (3, 30, 40), dtype=torch.uint8)
    corner = FoundFace((0, 0, 5, 5), ((0.0, 0.0), (4.0, 0.0)), 1.0)
    assert align(picture, corner, 64).picture.shape == (3, 64, 64)
    with pytest.raises(ValueError, match="two eyes at one place"):
        align(picture, FoundFace((0, 0, 5, 5), ((1.0, 1.0), (1.0, 1.0)), 1.0), 64)


@pytest.mark.parametrize("shape", [(3, 90, 150), (3, 150, 90), (3, 20, 20), (3, 1, 7)])
def test_the_middle_square(shape):
    picture = torch.randint(0, 255, shape, dtype=torch.uint8)
    crop = middle(picture, 32)
    assert crop.picture.shape == (3, 32, 32)
    centre = crop.matrix @ [shape[2] / 2, shape[1] / 2, 1]
    assert centre == pytest.approx([16, 16], abs=32 / min(shape[1:]))


def test_putting_back():
    picture, found = portrait(128)
    crop = align(picture, found, 64)
    back = paste(picture, torch.stack([crop.picture, 255 - crop.picture]), crop)
    assert back.shape == (2, 3, 128, 128)
    assert (back[0].int() - picture.int()).abs().float().mean() < 6
    assert (back[1].int() - picture.int())[:, 60:70, 60:70].abs().float().mean() > 30
    wide = torch.zeros(3, 60, 200, dtype=torch.uint8)
    square = middle(wide, 32)
    made = paste(wide, torch.full((1, 3, 32, 32), 200, dtype=torch.uint8), square)[0]
    assert (made[:, 20:40, 90:110] == 200).all()
    assert (made[:, :, :65] == 0).all()
    assert (made[:, :, 135:] == 0).all()
