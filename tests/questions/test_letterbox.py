import pytest
import torch

from sensorium.questions.letterbox import Letterbox


@pytest.mark.parametrize("size", [(320, 480), (100, 100), (50, 400), (333, 71), (160, 240)])
def test_points_go_there_and_back(size: tuple[int, int]) -> None:
    box = Letterbox(*size, 160, 240)
    points = torch.tensor([[0.0, 0.0], [size[1], size[0]], [size[1] / 3, size[0] / 5]])
    inner = box.inwards(points)
    torch.testing.assert_close(box.outwards(inner), points)
    assert (inner >= 0).all()
    assert (inner[:, 0] <= 240.001).all()
    assert (inner[:, 1] <= 160.001).all()
    # the longer way fills the working size
    assert max(box.size[0] / 160, box.size[1] / 240) == 1.0


def test_what_is_shrunk_stays_in_place() -> None:
    picture = torch.zeros(1, 3, 400, 200, dtype=torch.uint8)
    picture[:, :, 100:140, 40:80] = 255
    ids = (picture[:, 0] > 0).to(torch.uint8)
    box = Letterbox(400, 200, 160, 240)
    small, small_ids = box.shrink(picture)[0, 0], box.shrink_ids(ids)[0]
    assert small.shape == small_ids.shape == (160, 240)
    (x0, y0), (x1, y1) = box.inwards(torch.tensor([[40.0, 100.0], [80.0, 140.0]])).round().int()
    assert small_ids[y0:y1, x0:x1].all()
    assert int(small_ids.sum()) == (y1 - y0) * (x1 - x0)
    assert (small[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] == 255).all()
    assert (small[:, :80] == 128).all()  # beside the picture


@pytest.mark.parametrize("size", [(320, 480), (64, 48), (500, 100)])
def test_masks_grow_back_onto_the_picture(size: tuple[int, int]) -> None:
    box = Letterbox(*size, 160, 240)
    ids = torch.zeros(1, *size, dtype=torch.uint8)
    y, x = size[0] // 4, size[1] // 3
    ids[:, y : y + size[0] // 2, x : x + size[1] // 2] = 1
    share = torch.nn.functional.avg_pool2d(box.shrink_ids(ids).float(), 2)
    mask = box.enlarge(box.grow(share) > 0.5)[0]
    assert mask.shape == size
    wrong = (mask != ids[0].bool()).float().mean()
    assert wrong < 0.03
