import base64

import cv2
import numpy as np
import pytest
import torch

from sensorium.types import Clip, FrameVideo
from sensorium.watch.pictures import changes, film_strip, key_frames, spread, thumbnail
from sensorium.watch.section import Moment


def test_a_thumbnail_is_a_small_jpeg_of_that_moment() -> None:
    frames = torch.zeros(2, 3, 300, 600, dtype=torch.uint8)
    frames[1, 0] = 250
    picture = thumbnail(FrameVideo(frames, fps=1), Moment(1.5, "red"))
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(picture.data), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (120, 240, 3)
    assert (picture.width, picture.height) == (240, 120)
    blue, green, red = pixels.reshape(-1, 3).mean(0)
    assert red > 230
    assert max(blue, green) < 20


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 501), (900, 3), (1920, 1080)])
def test_thumbnails_of_odd_sizes_stay_small(height: int, width: int) -> None:
    frames = torch.zeros(1, 3, height, width, dtype=torch.uint8)
    picture = thumbnail(FrameVideo(frames, fps=25), Moment(0.0, ""))
    assert 1 <= picture.width <= 240
    assert 1 <= picture.height <= 336


def test_a_cut_is_a_moment_of_change() -> None:
    frames = torch.zeros(60, 3, 18, 32, dtype=torch.uint8)
    frames[41:] = 200
    moments = changes(FrameVideo(frames, fps=10))
    assert len(moments) == 2
    assert moments[0].time < 0.2
    assert 4.1 <= moments[1].time < 4.3


def test_a_still_video_has_one_key_frame() -> None:
    still = FrameVideo(torch.full((50, 3, 18, 32), 90, dtype=torch.uint8), fps=10)
    assert len(key_frames(still, [])) == 1


def test_one_frame_gives_one_picture_everywhere() -> None:
    one = FrameVideo(torch.zeros(1, 3, 18, 32, dtype=torch.uint8), fps=25)
    assert len(film_strip(one)) == 1
    assert len(key_frames(one, [])) == 1


def test_the_weightiest_moments_are_kept_apart_and_in_order() -> None:
    moments = [Moment(t, str(t), weight=w) for t, w in [(0, 1), (1, 5), (1.1, 4), (3, 3), (2, 2)]]
    kept = spread(moments, limit=3, gap=0.5)
    assert [m.time for m in kept] == [1, 2, 3]


def test_key_frames_are_bounded_and_keep_captions(clip: Clip) -> None:
    video = clip.need_video()
    many = [Moment(i / 100, f"m{i}", weight=i) for i in range(400)]
    frames = key_frames(video, many, limit=6)
    assert len(frames) <= 6
    assert [f.moment.time for f in frames] == sorted(f.moment.time for f in frames)
    assert "m399" in [f.moment.caption for f in frames]
