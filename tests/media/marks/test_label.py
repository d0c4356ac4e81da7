import cv2
import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.media.marks import has_label, labelled
from sensorium.media.marks.label import strip


def picture(height, width, seed=0):
    blocks = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    big = torch.nn.functional.interpolate(blocks, (height, width), mode="bicubic")[0]
    return (255 * big.clamp(0, 1)).to(torch.uint8)


@pytest.mark.parametrize("width", [16, 32, 63, 64, 65, 128, 256, 501, 1920])
def test_the_strip_stands_below_and_is_found(width):
    before = picture(90, width)
    after = labelled(before)
    assert torch.equal(after[:, :90], before)
    assert after.shape[1] > 90
    assert has_label(after)
    assert not has_label(before)


def test_the_strip_is_readable():
    ink = (strip(128)[0] < 100).int()
    assert ink.sum(1).nonzero().numel() == 7  # rows of letters
    gaps = (ink.sum(0)[ink.sum(0).nonzero()[0] : ink.sum(0).nonzero()[-1]] == 0).sum()
    assert gaps == 11  # between twelve letters
    assert strip(256).shape == (3, 24, 256)
    with pytest.raises(ValueError, match="too narrow for a label"):
        strip(8)


@pytest.mark.parametrize("width", [64, 65, 256])
def test_it_survives_compression(tmp_path, width):
    marked = labelled(picture(81, width))
    film = media.write(tmp_path / "a.mp4", marked[None].expand(4, -1, -1, -1), 8.0)
    (frame,) = media.read(film).need_video().frames([0.2])
    assert has_label(frame)
    pixels = np.ascontiguousarray(marked.permute(1, 2, 0).numpy())
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 40])
    again = torch.from_numpy(cv2.imdecode(data, cv2.IMREAD_COLOR).transpose(2, 0, 1).copy())
    assert has_label(again)


def test_other_pictures_have_none():
    others = [picture(80, 64, seed) for seed in range(20)]
    others += [torch.full((3, 80, 64), level, dtype=torch.uint8) for level in (0, 24, 240, 255)]
    others += [torch.zeros(3, 1, 1, dtype=torch.uint8), torch.zeros(3, 4, 200, dtype=torch.uint8)]
    marked = labelled(picture(80, 64))
    assert [has_label(other) for other in [*others, marked[:, :-8]]] == [False] * 27


@pytest.mark.parametrize("made", [64, 128, 256, 512])
@pytest.mark.parametrize("shown", [100, 180, 300, 601])
def test_scaled_pictures_are_recognised(made, shown):
    pixels = labelled(picture(made, made)).permute(1, 2, 0).numpy()
    height = round(pixels.shape[0] * shown / made)
    scaled = cv2.resize(pixels, (shown, height), interpolation=cv2.INTER_AREA)
    there = torch.from_numpy(scaled.transpose(2, 0, 1).copy())
    assert has_label(there)
    assert not has_label(there[:, : round(height * made / pixels.shape[0])])
