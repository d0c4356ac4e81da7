"""Sound and pictures stay together, whatever the film's frame rate and start."""

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.prepared import Form, Prepared
from sensorium.sounds.datasets.recordings import Reading, open_recordings
from sensorium.sounds.preparing import prepare

RATE = 11025
CLICK_SECONDS = 3.0


def write_film(path, times, sound_start=0.0, seconds=6.0):
    """Pictures at the given times, white from the click on; the click alone is heard."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        video.codec_context.options = {"bf": "0"}
        audio = container.add_stream("pcm_s16le", rate=RATE)
        audio.codec_context.layout = "mono"
        for time in times:
            level = 230 if time >= CLICK_SECONDS else 30
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), level, np.uint8), format="rgb24"
            ).reformat(format="yuv420p")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        wave = np.zeros((1, round((seconds - sound_start) * RATE)), np.int16)
        click = round((CLICK_SECONDS - sound_start) * RATE)
        wave[:, click : click + 200] = 20000
        for begin in range(0, wave.shape[1], 1024):
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(wave[:, begin : begin + 1024]), format="s16", layout="mono"
            )
            block.sample_rate, block.time_base = RATE, Fraction(1, RATE)
            block.pts = begin + round(sound_start * RATE)
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def steps(slow, fast):
    """Times of a film that is slow in its first two seconds, then fast."""
    return [*np.arange(0, 2, 1 / slow), *np.arange(2, 6, 1 / fast)]


def click_and_flash(samples, frames, fps):
    """When the click is heard and when the picture turns white, in seconds."""
    heard = int(torch.nonzero(samples.abs() > 0.3)[0]) / RATE
    seen = int(torch.nonzero(frames.float().mean((1, 2, 3)) > 128)[0]) / fps
    return heard, seen


@pytest.mark.parametrize(
    ("times", "sound_start"),
    [
        (steps(30, 30), 0.0),
        (steps(5, 30), 0.0),
        (steps(30, 10), 0.0),
        (steps(25, 25), 0.7),
        (steps(5, 24), 0.7),
    ],
)
def test_a_click_is_heard_when_it_is_seen(tmp_path, times, sound_start):
    (tmp_path / "own").mkdir()
    write_film(tmp_path / "own/a.mkv", times, sound_start)
    fps = 20.0
    asked = [(k + 0.5) / fps for k in range(100)]
    listing = read_listing(tmp_path / "own")
    (outcome,) = prepare(listing, tmp_path / "out", Form(fps=fps), workers=1)
    uid, item = outcome.item.uid, outcome.item
    prepared = Prepared(tmp_path / "out")
    heard, seen = click_and_flash(
        prepared.window(uid, 0, 5 * RATE), prepared.frames(uid, asked), fps
    )
    expected = CLICK_SECONDS - sound_start  # the clock starts where both have begun
    assert heard == pytest.approx(expected, abs=0.005)
    coarse = max(1 / item.fps, 1 / fps)  # no picture is nearer than this
    assert abs(seen - heard) <= coarse + 0.05
    assert item.duration == pytest.approx(6.0 - sound_start, abs=0.15)
    split = listing.items[0].split
    for data in (tmp_path / "own", tmp_path / "out"):
        recording = open_recordings(data, split=split, reading=Reading(size=0))[0]
        again = click_and_flash(recording.samples(0.0, 5 * RATE), recording.frames(asked), fps)
        assert again[0] == pytest.approx(expected, abs=0.005)
        assert abs(again[1] - heard) <= coarse + 0.05
