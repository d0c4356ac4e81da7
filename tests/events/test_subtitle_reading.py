"""Subtitles and chapters: what is written is read again, and by other programs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium.events.subtitle_files import chapter_metadata, chapters, srt, vtt
from sensorium.events.subtitle_reading import (
    parse_chapters,
    parse_srt,
    parse_vtt,
    read_subtitles,
)
from sensorium.types import Span

SENTENCES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1
).map(lambda text: " ".join(text.split()))
PLAIN = SENTENCES.filter(lambda t: t and "-->" not in t)
UNMARKED = PLAIN.filter(lambda t: not set("<>{}") & set(t))


@st.composite
def cues(draw, texts):
    out = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, 400_000_000)) / 1000
        out.append((Span(start, start + draw(st.integers(1, 100_000)) / 1000), draw(texts)))
    return sorted(out)


def close(read, written) -> bool:
    return len(read) == len(written) and all(
        a[1] == b[1] and abs(a[0].start - b[0].start) < 6e-4 and abs(a[0].end - b[0].end) < 6e-4
        for a, b in zip(read, written, strict=True)
    )


@given(cues(UNMARKED))
def test_what_is_written_as_srt_is_read_again(given_cues) -> None:
    read = parse_srt(srt(given_cues))
    assert close(sorted(read), given_cues)


@given(cues(PLAIN))
def test_what_is_written_as_vtt_is_read_again(given_cues) -> None:
    assert close(sorted(parse_vtt(vtt(given_cues))), given_cues)


@given(cues(PLAIN))
def test_what_is_written_as_chapters_is_read_again(given_cues) -> None:
    assert close(parse_chapters(chapter_metadata(given_cues)), chapters(given_cues))


FOUND = [
    (Span(0, 1.5), 'A man = "one"; a #2 \\ dog'),
    (Span(2, 4), "naïve <b> & [CHAPTER]"),
    (Span(3, 5), "zwei 1\n--> drei"),
]


def with_chapters(tmp_path: Path) -> Path:
    """A short film whose chapters ffmpeg took from our file."""
    import av

    plain, out = tmp_path / "plain.mp4", tmp_path / "chapters.mp4"
    with av.open(str(plain), "w") as made:
        stream = made.add_stream("mpeg4", rate=4)
        stream.width = stream.height = 32
        for _ in range(24):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    (tmp_path / "chapters.txt").write_text(chapter_metadata(FOUND), encoding="utf-8")
    command = ["ffmpeg", "-v", "error", "-i", str(plain), "-i", str(tmp_path / "chapters.txt")]
    subprocess.run([*command, "-map_chapters", "1", "-codec", "copy", str(out)], check=True)
    return out


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed"
)
def test_ffprobe_reads_the_chapters(tmp_path: Path) -> None:
    film = with_chapters(tmp_path)
    command = ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(film)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["chapters"]
    # MP4 has no gaps between chapters: each runs on to the next
    assert [(float(c["start_time"]), float(c["end_time"])) for c in said] == [
        (0, 2),
        (2, 3),
        (3, 5),
    ]
    assert [c["tags"]["title"] for c in said] == [
        'A man = "one"; a #2 \\ dog',
        "naïve <b> & [CHAPTER]",
        "zwei 1 → drei",
    ]


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
@pytest.mark.parametrize(("write", "suffix"), [(srt, ".srt"), (vtt, ".vtt")])
def test_ffprobe_reads_the_subtitles(tmp_path: Path, write, suffix: str) -> None:
    path = tmp_path / f"story{suffix}"
    path.write_text(write(FOUND), encoding="utf-8")
    command = ["ffprobe", "-v", "error", "-show_packets", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packets"]
    assert [float(p["pts_time"]) for p in said] == [0, 2, 3]
    assert [float(p["duration_time"]) for p in said] == [1.5, 2, 2]
    assert next(text for _, text in read_subtitles(path)) == FOUND[0][1]


def test_files_as_they_are_found(tmp_path: Path) -> None:
    wild = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,500 X1:0 Y1:0\r\n"
        "<i>A man</i>\r\n{\\an8}plays.\r\n\r\n"
        "\r\n00:01:00.5 --> 01:00:00.25\r\nno number, < 3\r\n\r\n3\r\n"
    )
    expected = [
        (Span(1, 2.5), "A man plays."),
        (Span(60.5, 3600.25), "no number, < 3"),
    ]
    path = tmp_path / "film.srt"
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes(wild.removeprefix("\ufeff").encode(encoding))
        assert read_subtitles(path) == expected
    path.write_bytes("1\n00:00:00,000 --> 00:00:01,000\ncafé\n".encode("cp1252"))
    assert read_subtitles(path) == [(Span(0, 1), "café")]
    path = tmp_path / "film.vtt"
    path.write_text(
        "WEBVTT - a title\nKind: captions\n\nNOTE nothing\n00:01 -->\n\nSTYLE\n::cue {}\n\n"
        "intro\n00:02.000 --> 00:03.000 align:start position:0%\n"
        "<v Anna>Tom &amp; <c.red>Jo</c>\n\n"
        "00:00.500 --> 00:01.000\nfirst <00:00.700>word\n",
        encoding="utf-8",
    )
    assert read_subtitles(path) == [
        (Span(0.5, 1), "first word"),
        (Span(2, 3), "Tom & Jo"),
    ]
    path = tmp_path / "gap.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\none\n\n two\n\n2\n")
    assert read_subtitles(path) == [(Span(0, 1), "one two")]
    empty = tmp_path / "empty.srt"
    empty.write_text("")
    assert read_subtitles(empty) == []


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.srt", "1\nhello\n", "line 1: got '1', expected the times"),
        ("a.srt", "1\n0:0 --> x\nhello", "line 2: got '0:0 --> x'"),
        ("a.srt", "\n1\n00:00:02,000 --> 00:00:01,000\nhello", "line 3: ends before it starts"),
        ("a.vtt", "hello", "line 1: got 'hello', expected WEBVTT"),
        ("a.txt", "hello", "ends in .srt or .vtt"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str, what: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=what) as error:
        read_subtitles(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_and_wrong_chapters(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        read_subtitles(tmp_path / "none.srt")
    with pytest.raises(ValueError, match="expected ;FFMETADATA1"):
        parse_chapters("[CHAPTER]")
    for block in ("START=x\nEND=2", "START=1", "START=5\nEND=1", "TIMEBASE=1/0\nSTART=1\nEND=2"):
        with pytest.raises(ValueError, match="chapter 1"):
            parse_chapters(f";FFMETADATA1\n[CHAPTER]\n{block}\n")
