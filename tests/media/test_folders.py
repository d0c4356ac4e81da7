import pickle

import av
import numpy as np
import pytest

from sensorium.media import MediaError, probe, problems, read


def save(path, image):
    codec = {".jpg": "mjpeg", ".png": "png"}[path.suffix]
    pixels = {".jpg": "yuvj444p", ".png": "rgb24"}[path.suffix]
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], pixels
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def folder(tmp_path, film_picture):
    def make(pattern, numbers, width=96, height=64):
        for shown, number in enumerate(numbers):
            save(tmp_path / pattern.format(number), film_picture(shown, width, height))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("{:05d}.jpg", range(1, 13)),
        ("img_{:05d}.jpg", range(1, 13)),
        ("{:06d}.png", range(12)),
        ("frame{}.png", range(5, 17)),  # 5, 6 ... 10: sorted by number, not by letters
        ("IMG-{}.jpg", [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233]),
    ],
)
def test_frames_come_in_the_order_of_their_numbers(folder, film_number, pattern, numbers):
    clip = read(folder(pattern, numbers), fps=10.0)
    video = clip.need_video()
    assert clip.audio is None
    assert (video.fps, video.height, video.width) == (10.0, 64, 96)
    assert video.span.duration == pytest.approx(1.2)
    assert [film_number(f) for f in video.frames(video.times())] == list(range(12))
    assert [film_number(f) for f in video.frames([0.3, 0.3, 9.0, -1.0])] == [3, 3, 11, 0]
    assert problems(clip) == ()


def test_pixels_of_a_png_are_exact(folder, film_picture):
    video = read(folder("{}.png", range(3), width=97, height=61)).need_video()
    got = video.frames([0.05])[0].permute(1, 2, 0).numpy()
    assert video.fps == 25.0
    assert np.array_equal(got, film_picture(1, 97, 61))


def test_flow_beside_pictures_is_left_alone(folder, film_number):
    folder("flow_x_{:05d}.jpg", range(1, 9))
    video = read(folder("img_{:05d}.jpg", range(1, 4))).need_video()
    assert len(video.times()) == 3


def test_several_sequences_are_refused_by_name(folder):
    folder("left_{}.png", range(2))
    with pytest.raises(MediaError, match="'left', 'right'"):
        read(folder("right_{}.png", range(2)))


def test_a_broken_picture_is_replaced_and_reported(folder, film_number):
    path = folder("{:03d}.png", range(6))
    (path / "003.png").write_bytes(b"not a picture")
    (path / "000.png").write_bytes(b"")
    clip = read(path)
    assert [film_number(f) for f in clip.need_video().frames(clip.need_video().times())] == [
        *(1, 1, 2, 2, 4, 5)
    ]
    assert any("003.png" in line for line in problems(clip))
    assert any("000.png" in line for line in probe(path).notes)
    for file in path.iterdir():
        file.write_bytes(b"?")
    with pytest.raises(MediaError, match="none of its 6 pictures"):
        read(path)


def test_pictures_of_other_sizes_are_scaled(folder, film_picture):
    path = folder("{}.png", range(2))
    save(path / "2.png", film_picture(2, 128, 128))
    clip = read(path)
    assert clip.need_video().frames([0.09]).shape == (1, 3, 64, 96)
    assert any("size changes" in line for line in problems(clip))


def test_rate_and_pickling(folder, film_number):
    path = folder("{}.png", range(4))
    with pytest.raises(ValueError, match="fps must be above 0"):
        read(path, fps=0)
    again = pickle.loads(pickle.dumps(read(path, fps=2.0).need_video()))
    assert film_number(again.frames([1.1])[0]) == 2
    assert "4 pictures" in repr(again)
