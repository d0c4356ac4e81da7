import av
import numpy as np
import pytest
import torch

from sensorium.media import Encoding, MediaError, probe, read, write, write_audio


def frames_of(count, height=64, width=96):
    t = torch.arange(count)[:, None, None]
    y, x = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
    planes = [(x + y * 0 + t) % 256, (2 * y + 0 * x + t) % 256, 128 + 0 * x + 0 * y + t]
    return torch.stack([plane.expand(count, height, width) for plane in planes], 1).to(torch.uint8)


def test_a_film_comes_back(tmp_path):
    frames, sound = frames_of(30), 0.5 * torch.sin(torch.arange(44100 * 12 // 10) / 30)[None]
    path = write(tmp_path / "a.mp4", frames, 25, audio=sound, rate=44100)
    clip = read(path)
    video, audio = clip.need_video(), clip.need_audio()
    assert path == tmp_path / "a.mp4"
    assert (video.fps, video.height, video.width) == (25.0, 64, 96)
    assert video.span.duration == pytest.approx(1.2)
    assert (video.frames(video.times()).float() - frames.float()).abs().mean() < 4
    got = audio.samples()
    assert got.shape[1] == pytest.approx(sound.shape[1], abs=1)
    assert (got[:, :50000] - sound[:, :50000]).abs().max() < 0.05


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50)])
def test_colours_are_marked_and_kept(tmp_path, color):
    frame = torch.tensor(color, dtype=torch.uint8)[:, None, None].expand(3, 48, 64)
    path = write(tmp_path / "c.mp4", [frame] * 3, 10, encoding=Encoding(crf=4))
    got = read(path).need_video().frames([0.1])[0].float().mean((1, 2))
    assert (got - torch.tensor(color)).abs().max() <= 3
    with av.open(str(path)) as container:
        decoded = next(container.decode(video=0))
    assert (int(decoded.colorspace), int(decoded.color_range)) == (1, 1)  # BT.709, limited


def test_an_iterator_is_taken_frame_by_frame(tmp_path):
    taken = []

    def frames():
        for i, frame in enumerate(frames_of(20)):
            taken.append(i)
            yield frame

    path = write(tmp_path / "i.mkv", frames(), 29.97, encoding=Encoding(preset="ultrafast"))
    assert taken == list(range(20))
    info = probe(path)
    assert info.video.fps == pytest.approx(29.97, abs=0.01)
    assert info.seconds == pytest.approx(20 / 29.97, abs=0.002)


@pytest.mark.parametrize(("height", "width"), [(63, 96), (64, 95), (33, 47)])
def test_odd_sizes_gain_a_repeated_row_or_column(tmp_path, height, width):
    frames = frames_of(5, height, width)
    path = write(tmp_path / "o.mp4", frames, 25, encoding=Encoding(crf=4))
    got = read(path).need_video().frames([0.1])[0]
    assert got.shape == (3, height + height % 2, width + width % 2)
    assert (got[:, :height, :width].float() - frames[2].float()).abs().mean() < 3
    assert (got[1, -1].float() - got[1, height - 1].float()).abs().mean() < 4


def test_the_index_stands_in_front_and_tags_are_kept(tmp_path):
    tags = {"title": "A title", "seed": "7"}
    path = write(tmp_path / "t.mp4", frames_of(5), 25, encoding=Encoding(metadata=tags))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        assert container.metadata["title"] == "A title"
        assert container.metadata["seed"] == "7"


@pytest.mark.parametrize("rate", [44100, 16000, 8000, 22050, 11025, 7000, 20000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_becomes_one_that_aac_has(tmp_path, rate, channels):
    seconds = 0.5
    t = torch.arange(int(rate * seconds)) / rate
    sound = 0.5 * torch.sin(2 * torch.pi * 300 * t).expand(channels, -1)
    path = write(tmp_path / "s.mp4", frames_of(10), 20, audio=sound, rate=rate)
    audio = read(path).need_audio()
    assert audio.channels == channels
    assert audio.rate >= rate or rate > 96000
    back = audio.samples(rate=rate)
    n = min(back.shape[1], sound.shape[1]) - rate // 50
    assert (back[:, rate // 50 : n] - sound[:, rate // 50 : n]).abs().mean() < 0.02


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 8])
def test_many_channels(tmp_path, channels):
    t = torch.arange(24000) / 48000
    pitch = torch.arange(1, channels + 1)[:, None] * 150
    sound = 0.4 * torch.sin(2 * torch.pi * pitch * t)
    path = write(tmp_path / "m.mp4", frames_of(10), 20, audio=sound, rate=48000)
    got = read(path).need_audio().samples()
    assert got.shape[0] == channels
    loudest = torch.fft.rfft(got[:, 4000:20000]).abs().argmax(1) * 48000 / 16000
    low_end = 3 if channels >= 6 else None  # the fourth of 5.1 and 7.1 carries low sounds alone
    for channel in range(channels):
        if channel != low_end:
            assert float(loudest[channel]) == pytest.approx(150 * (channel + 1), abs=4)


def test_nothing_is_left_of_a_film_that_fails(tmp_path):
    def broken():
        yield frames_of(1)[0]
        raise RuntimeError("the camera fell")

    path = tmp_path / "b.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="camera"):
        write(path, broken(), 25)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["b.mp4"]


def test_wrong_arguments_are_named(tmp_path):
    path, frames = tmp_path / "a.mp4", frames_of(2)
    with pytest.raises(ValueError, match=r"uint8 \[3, H, W\].*float32 \[3, 64, 96\]"):
        write(path, frames.float(), 25)
    with pytest.raises(ValueError, match="all of one size"):
        write(path, [frames[0], frames[0, :, :32]], 25)
    with pytest.raises(ValueError, match="at least one frame"):
        write(path, [], 25)
    with pytest.raises(ValueError, match="needs its rate"):
        write(path, frames, 25, audio=torch.zeros(1, 100))
    with pytest.raises(ValueError, match=r"float \[C, N\]"):
        write(path, frames, 25, audio=torch.zeros(100), rate=8000)
    with pytest.raises(ValueError, match="finite"):
        write(path, frames, 25, audio=torch.full((1, 100), float("nan")), rate=8000)
    with pytest.raises(ValueError, match="fps must be"):
        write(path, frames, 0)
    with pytest.raises(MediaError, match=r"\.mp4"):
        write(tmp_path / "a.xyz", frames, 25)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        write(tmp_path / "file" / "a.mp4", frames, 25)
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "bits", "error"),
    [
        ("a.wav", 16, 2**-15),
        ("a.wav", 24, 2**-23),
        ("a.wav", 32, 0),
        ("a.flac", 16, 2**-15),
        ("a.flac", 24, 2**-23),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_alone_comes_back(tmp_path, name, bits, error, channels):
    dice = np.random.default_rng(0)
    samples = torch.from_numpy(dice.uniform(-1, 1, (channels, 10_001)).astype(np.float32))
    samples[0, :2] = torch.tensor([1.0, -1.0])
    path = write_audio(tmp_path / name, samples, 11025, bits=bits)
    audio = read(path).need_audio()
    got = audio.samples()
    assert (audio.rate, audio.channels) == (11025, channels)
    assert got.shape == samples.shape
    assert (got - samples).abs().max() <= error


def test_sound_formats_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"\.wav \(16, 24, 32 bits\)"):
        write_audio(tmp_path / "a.mp3", torch.zeros(1, 10), 8000)
    with pytest.raises(ValueError, match="with 32 bits"):
        write_audio(tmp_path / "a.flac", torch.zeros(1, 10), 8000, bits=32)
    with pytest.raises(ValueError, match="1 Hz or more"):
        write_audio(tmp_path / "a.wav", torch.zeros(1, 10), 0)
