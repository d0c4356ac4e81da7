import av
import pytest
import torch

from sensorium import media
from sensorium.events.chaptered_video import write_with_chapters
from sensorium.types import Span

CUES = [(Span(1.5, 2.5), "a drum; #rolls"), (Span(2.0, 3.0), "the man waves")]


def packets(path, zero=0.0):
    """Kind, time and bytes of every packet of picture and sound."""
    with av.open(str(path)) as container:
        kinds = [s for s in container.streams if s.type in ("video", "audio")]
        return sorted(
            (p.stream.type, round(float(p.pts * p.time_base) - zero, 2), bytes(p))
            for p in container.demux(kinds)
            if p.size
        )


def same(one, other, most):
    """Whether the bytes are the same and times, but for a shift of all, differ little."""
    shifts = [a[1] - b[1] for a, b in zip(one, other, strict=True)]
    bytes_agree = [(k, d) for k, _, d in one] == [(k, d) for k, _, d in other]
    return bytes_agree and max(map(abs, shifts)) <= most and max(shifts) - min(shifts) <= 0.011


def chapters(path):
    with av.open(str(path)) as container:
        return [
            (float(c["start"] * c["time_base"]), c["metadata"]["title"])
            for c in container.chapters()
        ]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    frames = (torch.arange(32)[:, None, None, None] * 7).expand(-1, 3, 32, 48).to(torch.uint8)
    sound = 0.2 * torch.sin(torch.arange(4 * 8000) / 5).expand(1, -1)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media.write(path, frames, 8.0, audio=sound, rate=8000)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_copy_has_the_sentences_and_the_same_packets(film, tmp_path, suffix):
    made = write_with_chapters(film, tmp_path / "new" / f"copy{suffix}", CUES)
    assert same(packets(made), packets(film), 0.15 if suffix == ".mkv" else 0.0)
    assert chapters(made) == [(0.0, "…"), (1.5, "a drum; #rolls"), (2.0, "the man waves")]
    assert [p.name for p in made.parent.iterdir()] == [made.name]


def test_chapters_are_replaced_and_may_be_none(film, tmp_path):
    first = write_with_chapters(film, tmp_path / "first.mkv", CUES)
    assert chapters(write_with_chapters(first, tmp_path / "second.mkv", [])) == []


def test_a_late_start_becomes_zero(film, tmp_path):
    late = tmp_path / "late.mkv"
    with av.open(str(film)) as given, av.open(str(late), "w") as made:
        streams = {s.index: made.add_stream_from_template(s) for s in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.pts += round(5 / packet.time_base)
                packet.dts += round(5 / packet.time_base)
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    with av.open(str(late)) as container:
        zero = container.start_time / 1e6
    assert zero > 4.5
    made = write_with_chapters(late, tmp_path / "copy.mkv", CUES)
    assert chapters(made)[1][0] == 1.5
    assert same(packets(made), packets(late, zero), 0.02)


def test_what_cannot_be_is_one_line_and_leaves_nothing(film, tmp_path):
    with pytest.raises(ValueError, match=r"copy\.avi: such a file holds no chapters"):
        write_with_chapters(film, tmp_path / "copy.avi", CUES)
    with pytest.raises(ValueError, match="chapters go into a copy of a video file"):
        write_with_chapters(tmp_path, tmp_path / "copy.mp4", CUES)
    with pytest.raises(ValueError, match="would replace the file itself"):
        write_with_chapters(film, film, CUES)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(ValueError, match="cannot be copied"):
        write_with_chapters(text, tmp_path / "copy.mp4", CUES)
    assert [p.name for p in tmp_path.iterdir()] == ["text.mp4"]
