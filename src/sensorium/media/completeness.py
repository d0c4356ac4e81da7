"""Whether a file is all there: the length its container claims against the bytes on disk.

Decoders see nothing wrong with a file that was cut between two packets. Most containers know how
long they should be, though, or end with a mark; a few dozen bytes tell. Raw and transport streams
know neither.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_MAX_BOXES = 100_000
_UNKNOWN_RIFF = (0, 0xFFFFFFFF)
_TAIL_BYTES = 1 << 17


def cut_short(path: str, container: str) -> str | None:
    """A remark where the file ends before its container says so, else ``None``.

    Args:
        path: the file.
        container: FFmpeg's name of its format.
    """
    names = container.split(",")
    check = next((check for name, check in _CHECKS.items() if name in names), None)
    if check is None:
        return None
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        missing = check(file, size)
    if missing is None:
        return None
    return "the file is cut short" + (f", {missing} bytes are missing" if missing else "")


def _boxes(file: BinaryIO, size: int) -> int | None:
    """MP4 and MOV: boxes, each with its length, one after the other."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return 8 - len(head) if head else None
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # the last one, to the end of the file
            return None
        if length < 8:
            return None
        at += length
        if at > size:
            return at - size
        if at == size:
            return None
    return None


def _segment(file: BinaryIO, size: int) -> int | None:
    """Matroska and WebM: a header, then one segment, whose length may be unknown."""
    at = 0
    for _ in range(8):
        file.seek(at)
        head = file.read(12)
        if len(head) < 5:
            return None
        name_length = 9 - head[0].bit_length()
        width = 9 - head[name_length].bit_length() if name_length < len(head) else 9
        if name_length > 4 or width > 8:
            return None
        raw = int.from_bytes(head[name_length : name_length + width], "big")
        length = raw & ((1 << 7 * width) - 1)
        if length == (1 << 7 * width) - 1:
            return None
        at += name_length + width + length
        if head[:4] == b"\x18\x53\x80\x67":
            return at - size if at > size else None
    return None


def _riff(file: BinaryIO, size: int) -> int | None:
    """WAV and AVI: the length stands at the start, unless the recorder never wrote it."""
    head = file.read(8)
    length = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or length in _UNKNOWN_RIFF or length + 8 <= size:
        return None
    return length + 8 - size


def _pages(file: BinaryIO, size: int) -> int | None:
    """Ogg: the last page is marked as such, and whole."""
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) - page < 27:
        return 0
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    whole = page + 27 + tail[page + 26] + sum(segments)
    if whole > len(tail):
        return whole - len(tail)
    return None if tail[page + 5] & 4 else 0


def _trailer(mark: bytes, after: int = 0) -> Callable[[BinaryIO, int], int | None]:
    """Formats that end with a mark, ``after`` bytes more, and perhaps a padding of zeros."""

    def check(file: BinaryIO, size: int) -> int | None:
        file.seek(max(0, size - 4096))
        tail = file.read()
        at = tail.rfind(mark)
        return 0 if at < 0 or tail[at + len(mark) + after :].strip(b"\0") else None

    return check


def _transport(file: BinaryIO, size: int) -> int | None:
    """MPEG transport streams: whole packets of 188 bytes."""
    head = file.read(189)
    if len(head) < 189 or head[0] != 0x47 or head[188] != 0x47 or size % 188 == 0:
        return None
    return 188 - size % 188


_CHECKS: dict[str, Callable[[BinaryIO, int], int | None]] = {
    "mp4": _boxes,
    "matroska": _segment,
    "wav": _riff,
    "avi": _riff,
    "ogg": _pages,
    "gif": _trailer(b"\x3b"),
    "png_pipe": _trailer(b"IEND", after=4),
    "jpeg_pipe": _trailer(b"\xff\xd9"),
    "mpegts": _transport,
}
