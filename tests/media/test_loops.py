import pytest
import torch
from PIL import Image

from sensorium.media import MediaError
from sensorium.media.loops import webp_facts, write_loop


def drift(count, height=40, width=66):
    x = torch.linspace(0, 255, width).expand(3, height, width)
    y = torch.linspace(0, 160, height)[None, :, None]
    return torch.stack([(x + y + 9 * t) / 2 for t in range(count)]).clamp(0, 255).to(torch.uint8)


def shown(path):
    """Frames and milliseconds as an independent reader sees them."""
    frames, times = [], []
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            pixels = torch.tensor(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8)
            frames.append(pixels.view(*image.size[::-1], 3).permute(2, 0, 1))
            times.append(image.info["duration"])
    return torch.stack(frames), times


@pytest.mark.parametrize(
    ("suffix", "rate", "times"),
    [(".gif", 10.0, {100}), (".gif", 24.0, {40, 50}), (".webp", 24.0, {41, 42})],
)
def test_frames_and_times(tmp_path, suffix, rate, times):
    frames = drift(12)
    path = write_loop(tmp_path / f"a{suffix}", iter(frames), rate)
    seen, durations = shown(path)
    assert seen.shape == frames.shape
    assert (seen.int() - frames.int()).abs().float().mean() < 6
    assert set(durations) <= times
    assert sum(durations) == pytest.approx(12_000 / rate, abs=11)


def test_one_palette_for_all_frames(tmp_path):
    """What does not move keeps its colour: no flicker."""
    frames = drift(1).expand(8, -1, -1, -1).clone()
    frames[:, :, :10] = torch.linspace(0, 255, 8)[:, None, None, None].to(torch.uint8)
    seen, _ = shown(write_loop(tmp_path / "a.gif", frames, 10.0))
    assert (seen[:, :, 12:] == seen[:1, :, 12:]).all()


def test_facts_of_a_webp(tmp_path):
    data = write_loop(tmp_path / "a.webp", drift(12), 24.0).read_bytes()
    facts = webp_facts(data)
    assert (facts.height, facts.width, facts.frames) == (40, 66, 12)
    assert facts.seconds == pytest.approx(0.5, abs=0.002)
    Image.new("RGB", (8, 8)).save(tmp_path / "still.webp")
    assert webp_facts((tmp_path / "still.webp").read_bytes()) is None
    assert webp_facts(b"") is None
    assert all(webp_facts(data[:end]) is None or end >= 30 for end in range(200))


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="at most 50 frames a second, got 60"):
        write_loop(tmp_path / "a.gif", drift(2), 60.0)
    with pytest.raises(ValueError, match="at least one frame"):
        write_loop(tmp_path / "a.gif", [], 8.0)
    with pytest.raises(ValueError, match=r"written as .gif or .webp"):
        write_loop(tmp_path / "a.png", drift(2), 8.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        write_loop(tmp_path / "file" / "a.gif", drift(2), 8.0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
