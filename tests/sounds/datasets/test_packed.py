import io
import pickle
import wave

import cv2
import numpy as np
import pytest
import torch

from sensorium.sounds.datasets.packed import PackedVideo, WavAudio
from sensorium.types import Span


@pytest.fixture
def packed(tmp_path):
    """Five pictures of 20 x 30 at 4 Hz, each of its own brightness."""
    places, data = [0], b""
    for k in range(5):
        good, code = cv2.imencode(".jpg", np.full((20, 30, 3), 40 * k + 20, np.uint8))
        assert good
        data += code.tobytes()
        places.append(len(data))
    (tmp_path / "frames.mjpeg").write_bytes(data)
    np.save(tmp_path / "frames.npy", np.array(places, np.int64))
    return tmp_path / "frames.mjpeg"


def write_wav(path, values, rate=8000, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(values, "<i2").tobytes())
    return path


def test_a_picture_is_shown_until_the_next(packed):
    video = PackedVideo(packed, 4.0)
    assert (video.span, video.height, video.width) == (Span(0.0, 1.25), 20, 30)
    frames = video.frames([0.0, 0.2499, 0.25, 1.2, 1.25, 99.0, -1.0, 0.8])
    assert frames.shape == (8, 3, 20, 30)
    numbers = ((frames.float().mean((1, 2, 3)) - 20) / 40).round().int().tolist()
    assert numbers == [0, 0, 1, 4, 4, 4, 0, 3]
    assert video.frames([]).shape == (0, 3, 20, 30)
    assert torch.equal(pickle.loads(pickle.dumps(video)).frames([0.3]), video.frames([0.3]))
    with pytest.raises(ValueError, match="finite"):
        video.frames([float("nan")])
    with pytest.raises(ValueError, match="above 0 Hz"):
        PackedVideo(packed, 0.0)


def a_pickle() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "index",
    [
        np.array([0], np.int64),
        np.array([0, 9, 9], np.int64),
        np.array([5, 9], np.int64),
        np.array([0, 10**9], np.int64),
        np.array([0.0, 9.0]),
        np.array([[0, 9]], np.int64),
        b"",
        b"no index",
        a_pickle(),
    ],
)
def test_a_damaged_index_says_what_to_do(packed, index):
    if isinstance(index, bytes):
        packed.with_suffix(".npy").write_bytes(index)
    else:
        np.save(packed.with_suffix(".npy"), index)
    with pytest.raises(ValueError, match="sensorium prepare again"):
        PackedVideo(packed, 4.0)


def test_a_damaged_picture_is_named(packed):
    places = np.load(packed.with_suffix(".npy"))
    data = bytearray(packed.read_bytes())
    data[places[3] : places[4]] = bytes(places[4] - places[3])
    packed.write_bytes(data)
    video = PackedVideo(packed, 4.0)
    assert video.frames([0.0]).shape[0] == 1
    with pytest.raises(ValueError, match="picture 3 cannot be decoded"):
        video.frames([0.8])


def test_windows_are_the_samples_with_silence_around(tmp_path):
    values = np.arange(-1000, 1000) * 16
    audio = WavAudio(write_wav(tmp_path / "a.wav", values))
    assert (audio.rate, audio.count, audio.span) == (8000, 2000, Span(0.0, 0.25))
    whole = np.concatenate([np.zeros(500), values / 32768, np.zeros(500)]).astype(np.float32)
    for begin, count in (
        (0, 2000),
        (-500, 3000),
        (1990, 20),
        (-20, 25),
        (5000, 7),
        (-90, 9),
        (3, 0),
    ):
        expected = whole[begin + 500 : begin + 500 + count] if -500 <= begin < 2500 else 0.0
        window = audio.window(begin, count).numpy()
        assert window.shape == (count,)
        np.testing.assert_array_equal(window, expected)
    part = audio.samples(Span(0.1, 0.2))
    np.testing.assert_array_equal(part[0].numpy(), whole[500 + 800 : 500 + 1600])


def test_another_rate_is_refused(tmp_path):
    audio = WavAudio(write_wav(tmp_path / "a.wav", [1, 2, 3]))
    with pytest.raises(ValueError, match="prepared at 8000 Hz, asked for at 16000 Hz"):
        audio.samples(None, 16000)


def test_other_and_damaged_files_are_refused(tmp_path):
    stereo = write_wav(tmp_path / "stereo.wav", [1, 2, 3, 4], channels=2)
    cut = write_wav(tmp_path / "cut.wav", range(1000))
    cut.write_bytes(cut.read_bytes()[:900])
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    for path in (stereo, cut, text, tmp_path / "none.wav"):
        with pytest.raises(ValueError, match="sensorium prepare again"):
            WavAudio(path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = write_wav(tmp_path / "a.wav", range(1000))
    audio = WavAudio(path)
    path.write_bytes(path.read_bytes()[:500])
    assert audio.window(0, 100).abs().max() > 0
    with pytest.raises(ValueError, match="cut short"):
        audio.window(0, 1000)
