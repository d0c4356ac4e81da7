import io
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sensorium.media import Encoding, MediaError, problems, read, write
from sensorium.types import Span


def first_loud(samples, rate):
    return int((samples.abs().max(0).values > 0.2).nonzero()[0]) / rate


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_sound_that_starts_late_stays_late(make_film, name):
    codec = "mp2" if name.endswith("ts") else "aac"
    path = make_film(name, sound=codec, sound_start=0.7, sound_seconds=1.0)
    clip = read(path)
    video, audio = clip.need_video(), clip.need_audio()
    assert video.span.start == 0
    assert audio.span.start == pytest.approx(0.7, abs=0.03)
    begins = audio.span.start + first_loud(audio.samples(rate=16000), 16000)
    assert begins == pytest.approx(0.7, abs=0.03)
    quiet = audio.samples(Span(0.0, 0.6), 16000)
    assert torch.equal(quiet, torch.zeros(2, 9600))
    both = audio.samples(Span(0.0, 1.5), 16000)
    assert first_loud(both, 16000) == pytest.approx(0.7, abs=0.03)


def test_pictures_that_start_late_stay_late(make_film, film_number):
    stamps = [10 + i for i in range(20)]
    path = make_film("late.mp4", frames=20, stamps=stamps, sound="aac")
    clip = read(path)
    assert clip.need_audio().span.start == 0
    assert clip.need_video().span.start == pytest.approx(0.4, abs=1e-6)
    assert clip.span == Span(0.0, clip.need_audio().span.end)
    got = [film_number(f) for f in clip.need_video().frames([0.0, 0.41, 0.45, 0.6])]
    assert got == [0, 0, 1, 5]


def test_flash_and_click_come_together(tmp_path):
    """A white frame and a click at 1 s, written and read back, lie within a frame."""
    frames = torch.zeros(50, 3, 64, 64, dtype=torch.uint8)
    frames[25] = 255
    sound = torch.zeros(1, 2 * 44100)
    sound[:, 44100:44200] = 0.9
    for suffix in ("mp4", "mov", "mkv"):
        clip = read(write(tmp_path / f"flash.{suffix}", frames, 25, audio=sound, rate=44100))
        video, audio = clip.need_video(), clip.need_audio()
        white = [t for t in video.times() if video.frames([t]).float().mean() > 128]
        assert white == [pytest.approx(1.02, abs=0.002)]
        click = audio.span.start + first_loud(audio.samples(), 44100)
        assert click == pytest.approx(1.0, abs=0.03 if suffix == "mkv" else 0.003)


def test_an_edit_list_is_respected(make_film, film_number, tmp_path):
    """A film cut without recoding starts at a key frame but is shown from the cut on."""
    source = make_film("source.mp4", frames=75, gop=25, sound="aac", sound_seconds=3.0)
    path = tmp_path / "cut.mp4"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        pairs = {s.index: new.add_stream_from_template(s) for s in old.streams}
        for packet in old.demux():
            if packet.dts is None or packet.pts is None:
                continue
            seconds = packet.pts * packet.time_base
            if seconds < (1 if packet.stream.type == "video" else 1.4):
                continue
            shift = round(1.4 / packet.time_base)  # the first 0.4 s of pictures lie before time 0
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = pairs[packet.stream_index]
            new.mux(packet)
    clip = read(path)
    video, audio = clip.need_video(), clip.need_audio()
    assert video.span.start == pytest.approx(0, abs=0.03)
    assert video.span.end == pytest.approx(1.6, abs=0.05)
    assert film_number(video.frames([0.01])[0]) == pytest.approx(35, abs=1)
    number = film_number(video.frames([0.81])[0])
    assert number == pytest.approx(55, abs=1)
    # The source clicks at 1.5 s: 0.1 s after the cut.
    loud = audio.samples(Span(0.0, 0.3), 44100).abs().max(0).values
    assert int(loud.argmax()) / 44100 == pytest.approx(0.1, abs=0.03)


class Pipe(io.RawIOBase):
    """Takes bytes and never goes back, so that no header can be completed."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += bytes(data)
        return len(data)

    def writable(self):
        return True

    def seekable(self):
        return False


@pytest.mark.parametrize(("form", "sound"), [("matroska", "aac"), ("webm", "libopus")])
def test_a_file_without_a_duration(stream_film, film_number, tmp_path, form, sound):
    pipe = Pipe()
    codec = {"matroska": "libx264", "webm": "libvpx"}[form]
    options = {"matroska": {}, "webm": {"deadline": "realtime", "cpu-used": "8"}}[form]
    stream_film(pipe, form, codec=codec, options=options, frames=75, sound=sound, sound_seconds=3.0)
    path = tmp_path / "live.mkv"
    path.write_bytes(bytes(pipe.data))
    clip = read(path)
    video = clip.need_video()
    assert video.span.end == pytest.approx(3.0, abs=0.05)
    assert clip.need_audio().span.end == pytest.approx(3.0, abs=0.1)
    assert len(video.times()) == 75
    for number in (70, 10, 74, 0, 40):
        assert film_number(video.frames([number / 25 + 0.01])[0]) == number


def test_only_sound_and_only_pictures(make_film):
    sound = read(make_film("a.wav", codec=None, sound="pcm_s16le"))
    assert sound.video is None
    with pytest.raises(ValueError, match="expected pictures"):
        sound.need_video()
    pictures = read(make_film("a.mp4"))
    assert pictures.audio is None
    with pytest.raises(ValueError, match="expected sound"):
        pictures.need_audio()
    assert pictures.name.endswith("a.mp4")


def test_a_cover_picture_is_no_video(make_film, tmp_path):
    sound = make_film("a.mp3", codec=None, sound="libmp3lame", rate=44100)
    cover = make_film("cover.png", "image2", codec="png", pixels="rgb24", frames=1)
    path = tmp_path / "song.mp3"
    with av.open(str(sound)) as old, av.open(str(cover)) as art, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        picture = new.add_stream_from_template(art.streams.video[0])
        picture.disposition = av.stream.Disposition.attached_pic
        for source, target in ((art, picture), (old, stream)):
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = target
                    new.mux(packet)
    clip = read(path)
    assert clip.video is None
    assert clip.need_audio().span.duration == pytest.approx(2.0, abs=0.06)


def test_a_single_picture_is_a_film_of_one_frame(make_film, film_number):
    clip = read(make_film("still.png", "image2", codec="png", pixels="rgb24", frames=1))
    assert clip.need_video().times() == [pytest.approx(0.02)]
    assert film_number(clip.need_video().frames([7.0])[0]) == 0


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.mp4", b"", "empty"),
        ("zeros.mp4", bytes(100_000), "not a video"),
        ("noise.mp4", random.Random(0).randbytes(50_000), "not a video"),
        ("notes.txt", b"just some words\n" * 400, "plain text|not a video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:5,\nhttp://localhost/a.ts\n", "playlist|not a video"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile a.mp4\n", "other files|not a video"),
        ("words.srt", b"1\n00:00:00,000 --> 00:00:02,000\nhello\n", "neither a video nor"),
        ("page.html", b"<html><body>404 not found</body></html>", "not a video"),
    ],
)
def test_what_is_no_media_file_is_refused_in_one_line(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MediaError, match=says) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_files_folders_and_wrong_arguments(tmp_path, make_film):
    with pytest.raises(MediaError, match="no such file; check the path"):
        read(tmp_path / "nothing.mp4")
    with pytest.raises(MediaError, match="without numbered pictures"):
        read(tmp_path)
    with pytest.raises(ValueError, match="fps is for folders"):
        read(make_film("a.mp4"), fps=10)


def test_names_that_look_like_something_else(make_film, tmp_path, monkeypatch):
    data = make_film("a.mp4", frames=3).read_bytes()
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mp4", "a%03d.mp4", "concat:a|b.mp4", "ä ö.mp4", "-i.mp4"):
        Path(name).write_bytes(data)
        assert len(read(name).need_video().times()) == 3


def test_a_cut_file_is_read_as_far_as_it_goes_and_says_so(tmp_path, film_number, make_film):
    data = make_film("a.mp4", frames=100, gop=12, sound="aac", sound_seconds=4.0).read_bytes()
    moved = tmp_path / "front.mp4"
    frames = torch.zeros(100, 3, 64, 96, dtype=torch.uint8)
    frames[:, 0] = torch.arange(100, dtype=torch.uint8)[:, None, None] * 2
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, 99, (100, 64, 96), np.uint8))
    frames[:, 1] = noise
    write(moved, frames, 25, encoding=Encoding(key_seconds=0.5))
    whole = moved.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    clip = read(path)
    video = clip.need_video()
    assert 1.0 < video.span.end < 3.5
    assert any("cut short" in line for line in problems(clip))
    red = video.frames([0.5, 99.0])[:, 0].float().mean((1, 2))
    assert float(red[0]) == pytest.approx(24, abs=4)
    assert float(red[1]) == pytest.approx(2 * (video.span.end * 25 - 1), abs=8)
    path.write_bytes(data[: len(data) // 2])  # the index was at the end
    with pytest.raises(MediaError, match="not a video"):
        read(path)


def outcome_of(path):
    """Reads all of a file; whatever else is raised fails the test."""
    try:
        clip = read(path)
        if clip.video is not None:
            clip.video.frames(clip.video.times()[:60])
            clip.video.frames([0.1])
        if clip.audio is not None:
            heard = clip.audio.samples(Span(0, 3), 16000)
            if not (heard.isfinite().all() and float(heard.abs().max()) <= 1):
                return "sound out of bounds"
    except MediaError as error:
        return "refused in one line" if "\n" not in str(error) else "refused at length"
    return "problems" if problems(clip) else "read"


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_refused_or_read_but_never_surprises(make_film, tmp_path, seed):
    dice = random.Random(seed)
    films = [
        make_film("a.mp4", sound="aac"),
        make_film("a.mkv", sound="aac"),
        make_film("a.ts", sound="mp2"),
        make_film("a.avi", codec="mpeg4", sound="libmp3lame", rate=44100),
        make_film("a.flac", codec=None, sound="flac"),
    ]
    outcomes = Counter()
    for film in films:
        for _ in range(8):
            data = bytearray(film.read_bytes())
            at = dice.randrange(len(data) if dice.random() < 0.5 else 2048)
            match dice.randrange(3):
                case 0:
                    data = data[:at]
                case 1:
                    data[at : at + 2000] = bytes(len(data[at : at + 2000]))
                case _:
                    for _ in range(20):
                        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            path = tmp_path / film.name
            path.write_bytes(bytes(data))
            outcomes[outcome_of(path)] += 1
    assert set(outcomes) <= {"read", "problems", "refused in one line"}
    assert outcomes["read"] <= 20


def test_time_stamps_that_claim_ages_cost_nothing(tmp_path):
    path = tmp_path / "ages.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), i * 5, np.uint8), format="rgb24"
            )
            frame.pts = i if i < 49 else 10**10
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    clip = read(path)
    assert clip.duration < 10
    assert len(clip.need_video().times()) < 300
    assert any("jump" in line for line in problems(clip))
    assert float(clip.need_video().frames([1e9]).float().mean()) > 200


def write_long(path, seconds):
    """A picture and 8000 samples a second, in mp4 (whose index lies in memory)."""
    block = np.random.default_rng(0).integers(-9999, 9999, (1, 8000), np.int16)
    images = [np.full((64, 64, 3), i, np.uint8) for i in range(0, 250, 10)]
    pictures = [av.VideoFrame.from_ndarray(image, format="rgb24") for image in images]
    pictures = [picture.reformat(format="yuv420p") for picture in pictures]
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=1)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=8000)
        audio.codec_context.layout = "mono"
        for second in range(seconds):
            picture = pictures[second % len(pictures)]
            picture.pts = second
            container.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            sound.sample_rate, sound.pts = 8000, second * 8000
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))


LOOK = """
import sys
from collections import Counter
from pathlib import Path
from sensorium.media import read
from sensorium.types import Span
clip = read(sys.argv[1])
end = clip.duration
clip.video.frames([end * (i + 0.5) / 16 for i in range(16)])
clip.audio.samples(Span(end / 2, end / 2 + 5), 16000)
peak = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmHWM")]
print(end, peak[0].split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's peak memory")
@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_an_hour_costs_no_more_memory_than_a_minute(tmp_path, suffix):
    """Peak memory of a fresh process that samples 16 frames and 5 s of sound, for both lengths."""
    peaks = []
    for seconds in (60, 3600):
        path = tmp_path / f"{seconds}.{suffix}"
        write_long(path, seconds)
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(path)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        length, peak = map(float, done.stdout.split())
        assert length == pytest.approx(seconds, abs=1.1)
        assert done.stderr == ""
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 20  # MiB
