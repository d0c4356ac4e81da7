import json
import re
from fractions import Fraction

import av
import pytest

from sensorium.media import AudioInfo, MediaError, VideoInfo, probe


def test_facts_of_a_film(make_film):
    path = make_film("a.mp4", sound="aac", tracks=2)
    info = probe(path)
    assert info.file == str(path)
    assert "mp4" in info.container
    assert info.bytes == path.stat().st_size
    assert info.seconds == pytest.approx(2.0, abs=0.05)
    assert info.video == VideoInfo(
        codec="h264",
        width=96,
        height=64,
        fps=25.0,
        variable_rate=False,
        rotation=0,
        pixel_format="yuv420p",
        frames=40,
    )
    assert len(info.audio) == 2
    assert info.audio[0].codec == "aac"
    assert (info.audio[0].rate, info.audio[0].channels) == (48000, 2)
    assert info.audio[0].seconds == pytest.approx(2.0, abs=0.05)
    assert any("2 audio tracks" in note for note in info.notes)
    assert info.subtitles == 0


def test_it_is_plain_json(make_film):
    facts = probe(make_film("a.mkv", sound="libopus")).to_dict()
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {
        *("file", "container", "seconds", "bytes", "video", "audio", "subtitles", "notes")
    }
    assert facts["audio"][0]["codec"] == "opus"


def test_sound_alone(make_film):
    info = probe(make_film("a.wav", codec=None, sound="pcm_s16le", rate=16000))
    assert info.video is None
    assert info.audio == (AudioInfo("pcm_s16le", 16000, 2, None, 2.0),)
    assert info.notes == ()


def test_variable_rate_is_seen(make_film):
    stamps = [0, 1, 2, 3, 10, 11, 12, 30, 31, 32]
    assert probe(make_film("v.mp4", frames=10, stamps=stamps)).video.variable_rate
    assert not probe(make_film("c.mp4", frames=10)).video.variable_rate


def test_what_is_unusual_is_noted(make_film, tmp_path):
    late = probe(make_film("late.mp4", sound="aac", sound_start=0.5))
    assert any(re.match(r"the sound starts 0\.(4[78]|50)", note) for note in late.notes)
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        stream.codec_context.color_trc = 16
        for i in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    notes = probe(path).notes
    assert any("not square (16:11)" in note for note in notes)
    assert any("high dynamic range (PQ)" in note for note in notes)
    info = probe(path)
    assert (info.video.width, info.video.height) == (64, 64)


def test_damage_is_noted(make_film, tmp_path):
    data = make_film("a.mkv", sound="libopus").read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(data[: len(data) * 2 // 3])
    assert any("cut short" in note for note in probe(path).notes)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        probe(tmp_path / "a.mp4")
