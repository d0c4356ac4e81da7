import pytest
import torch

from sensorium.media import MediaError, SoundWriter, read, write, write_audio


def noise(channels, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, count, generator=generator) * 1.8 - 0.9


@pytest.mark.parametrize(("name", "bits"), [("a.wav", 16), ("a.wav", 32), ("a.flac", 24)])
@pytest.mark.parametrize("channels", [1, 2, 6, 7])
def test_blocks_give_the_same_file_as_the_whole(tmp_path, name, bits, channels):
    sound = noise(channels, 20_000)
    with SoundWriter(tmp_path / "blocks" / name, 22050, channels, bits=bits) as file:
        for begin, end in ((0, 1), (1, 1), (1, 5000), (5000, 14_097), (14_097, 20_000)):
            file.write(sound[:, begin:end])
    got = read(tmp_path / "blocks" / name).need_audio()
    assert (got.rate, got.channels) == (22050, channels)
    whole = write_audio(tmp_path / "whole" / name, sound, 22050, bits=bits)
    assert torch.equal(got.samples(), read(whole).need_audio().samples())
    assert (got.samples() - sound).abs().max() <= (0 if bits == 32 else 2.0 ** (1 - bits))


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="fell"), SoundWriter(path, 8000, 1) as file:  # noqa: PT012
        file.write(noise(1, 9000))
        raise RuntimeError("the microphone fell")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.flac"]


def test_wrong_sound_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"got 9 at 8000 Hz"):
        SoundWriter(tmp_path / "a.wav", 8000, 9)
    with pytest.raises(ValueError, match=r"\.flac \(16, 24\), got .mp3"):
        SoundWriter(tmp_path / "a.mp3", 8000, 1)
    with (
        pytest.raises(ValueError, match="got 2 channels, expected 1"),
        SoundWriter(tmp_path / "a.wav", 8000, 1) as file,
    ):
        file.write(noise(2, 10))
    with (
        pytest.raises(ValueError, match="NaN"),
        SoundWriter(tmp_path / "a.wav", 8000, 1) as file,
    ):
        file.write(torch.full((1, 10), torch.nan))
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(MediaError), SoundWriter(tmp_path / "taken" / "a.wav", 8000, 1):
        pass


@pytest.mark.parametrize("rate", [44100, 20000])
def test_a_film_takes_its_sound_in_blocks(tmp_path, rate):
    seconds = torch.arange(rate) / rate
    sound = 0.5 * torch.sin(2 * torch.pi * 300 * seconds).expand(2, -1)
    frames = torch.zeros(10, 3, 16, 16, dtype=torch.uint8)
    parts = (sound[:, k : k + 777] for k in range(0, rate, 777))
    blocks = write(tmp_path / "blocks.mp4", frames, 10, audio=parts, rate=rate)
    whole = write(tmp_path / "whole.mp4", frames, 10, audio=sound, rate=rate)
    got, expected = (read(path).need_audio().samples() for path in (blocks, whole))
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 1e-3
