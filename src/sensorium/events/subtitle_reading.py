"""Subtitle files as sentences with their times: SubRip (SRT), WebVTT, and ffmpeg's chapters.

Lenient as players are: byte order marks, Windows' line ends, a comma or a point before the
milliseconds, numbers that are missing, and bytes that are not UTF-8 (then Windows-1252) are all
read. Markup (``<i>``, ``<v Anna>``, braces) is dropped, lines of a cue become one. Cues come in
order of time. `subtitle_files` writes.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from pathlib import Path

from sensorium.events.subtitle_files import Cue
from sensorium.types import Span

SUFFIXES = (".srt", ".vtt")

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_MARKUP = re.compile(r"</?[A-Za-z][^<>\n]*>|<\d[\d:.]*>|\{\\[^{}\n]*\}")
_ESCAPED = re.compile(r"\\(.)")
_BOMS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_subtitles(path: str | Path) -> list[Cue]:
    """The cues of an SRT or VTT file, by its suffix.

    Raises:
        ValueError: when it is missing or malformed, in one line that names the line.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a subtitle file that ends in {' or '.join(SUFFIXES)}")
    if not path.is_file():
        raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    text = decoded(path.read_bytes())
    parse = parse_vtt if path.suffix.lower() == ".vtt" else parse_srt
    return parse(text, str(path))


def decoded(data: bytes) -> str:
    """Text of a subtitle file's bytes."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def parse_srt(text: str, where: str = "SRT") -> list[Cue]:
    """Cues of a SubRip text.

    Args:
        text: of the file.
        where: named in errors.

    Raises:
        ValueError: for a first block without times, and times that run backwards.
    """
    return sorted(_cues(text, where, vtt=False), key=lambda cue: cue[0])


def parse_vtt(text: str, where: str = "VTT") -> list[Cue]:
    """Cues of a WebVTT text; its notes, styles and regions are passed over.

    Args:
        text: of the file.
        where: named in errors.

    Raises:
        ValueError: without the word WEBVTT at its head, and as `parse_srt`.
    """
    head = text.removeprefix("\ufeff").split("\n", 1)[0].split()
    if not head or head[0] != "WEBVTT":
        raise ValueError(f"{where}: line 1: got {' '.join(head)[:40]!r}, expected WEBVTT")
    return sorted(_cues(text, where, vtt=True), key=lambda cue: cue[0])


def parse_chapters(text: str, where: str = "chapters") -> list[Cue]:
    """Chapters of ffmpeg's metadata format, with their titles.

    Args:
        text: of the file.
        where: named in errors.

    Raises:
        ValueError: without ``;FFMETADATA1`` at its head, or for a chapter without times.
    """
    if not text.startswith(";FFMETADATA"):
        raise ValueError(f"{where}: line 1: got {text[:20]!r}, expected ;FFMETADATA1")
    cues = []
    for number, part in enumerate(re.split(r"(?m)^\[CHAPTER\]\s*$", text)[1:], 1):
        block = re.split(r"(?m)^\[\w+\]\s*$", part)[0]
        fields = dict(re.findall(r"(?ms)^(\w+)=((?:\\.|[^\\\n])*)$", block))
        try:
            top, bottom = (int(n) for n in fields.get("TIMEBASE", "1/1000000000").split("/"))
            start, end = (int(fields[name]) * top / bottom for name in ("START", "END"))
        except (KeyError, ValueError, ZeroDivisionError):
            raise ValueError(
                f"{where}: chapter {number}: expected TIMEBASE=1/1000, START= and END= in whole "
                "numbers"
            ) from None
        cues.append((_span(start, end, f"{where}: chapter {number}"), _unescaped(fields)))
    return cues


def _unescaped(fields: dict[str, str]) -> str:
    return _ESCAPED.sub(r"\1", fields.get("title", ""))


def _cues(text: str, where: str, vtt: bool) -> list[Cue]:
    """Cues in the order of the file; a block without times goes on with the cue before it."""
    cues: list[Cue] = []
    for number, block in _blocks(text):
        if vtt and block[0].split()[0] in ("WEBVTT", "NOTE", "STYLE", "REGION"):
            continue
        # an identifier may come before the times
        row = next((k for k, line in enumerate(block[:2]) if "-->" in line), None)
        if row is not None:
            found = _TIMES.fullmatch(block[row])
            place = f"{where}: line {number + row}"
            if found is None:
                raise ValueError(
                    f"{place}: got {block[row][:60]!r}, expected 00:00:01,000 --> 00:00:02,500"
                )
            start, end = _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:])
            cues.append((_span(start, end, place), _plain(block[row + 1 :], vtt)))
        elif all(line.strip().isdigit() for line in block):
            continue  # a number and nothing else, at the end of many files
        elif cues:
            span, said = cues[-1]
            cues[-1] = (span, " ".join([said, _plain(block, vtt)]).strip())
        else:
            raise ValueError(
                f"{where}: line {number}: got {block[0][:40]!r}, expected the times of a cue, "
                "00:00:01,000 --> 00:00:02,500"
            )
    return cues


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between empty ones, with the number of their first line."""
    block: list[str] = []
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _plain(lines: list[str], vtt: bool) -> str:
    """One line without markup."""
    text = " ".join(_MARKUP.sub("", "\n".join(lines)).split())
    return html.unescape(text) if vtt else text


def _seconds(hours: str | None, minutes: str, seconds: str, rest: str) -> float:
    whole = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return (1000 * whole + int(rest.ljust(3, "0"))) / 1000


def _span(start: float, end: float, place: str) -> Span:
    if end < start:
        raise ValueError(f"{place}: ends before it starts, at {end:g} s after {start:g} s")
    return Span(start, end)
