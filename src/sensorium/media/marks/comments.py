"""Text in the place that a format has for a comment: PNG, JPEG, GIF, WebP; read back from MP4, too.

PNG: an ``iTXt`` chunk named Comment. JPEG: a ``COM`` segment. GIF: a comment extension. WebP: the
image description of an ``EXIF`` chunk. MP4 and MOV get their ``comment`` tag when they are written
(`media.write`). No picture data is touched.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
_LARGEST = 1 << 28  # bytes of a picture file that are looked through
_DESCRIPTION = 0x010E  # EXIF's image description


def kind_of(head: bytes) -> str:
    """``png``, ``jpeg``, ``gif``, ``webp``, ``mp4`` or an empty string, by a file's first bytes."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "mp4"
    return next((kind for magic, kind in PICTURES.items() if head.startswith(magic)), "")


def with_comment(data: bytes, text: str) -> bytes:
    """The picture file with a comment.

    Raises:
        ValueError: when it is no PNG, JPEG, GIF or WebP.
    """
    inserters = {"png": _into_png, "jpeg": _into_jpeg, "gif": _into_gif, "webp": _into_webp}
    kind = kind_of(data[:16])
    if kind not in inserters:
        raise ValueError("a comment goes into PNG, JPEG, GIF or WebP, got none of these")
    return inserters[kind](data, text.encode("utf-8"))


def comments(path: str | Path) -> list[str]:
    """All comments of a file in the places above; none where the file is damaged there.

    Raises:
        OSError: when it cannot be read.
    """
    with Path(path).open("rb") as file:
        kind = kind_of(file.read(16))
        readers = {"png": _of_png, "jpeg": _of_jpeg, "gif": _of_gif, "webp": _of_webp}
        if kind in readers:
            file.seek(0)
            found = readers[kind](file.read(_LARGEST))
            return [text.decode("utf-8", "replace") for text in found]
    return _of_container(path)


def _of_container(path: str | Path) -> list[str]:
    """The comment tag, by FFmpeg."""
    from sensorium.media.errors import MediaError
    from sensorium.media.opening import close_quietly, open_input

    try:
        container = open_input(str(path))
    except MediaError:
        return []
    try:
        tags = {**container.metadata}
        return [tags[name] for name in ("comment", "COMMENT") if name in tags]
    finally:
        close_quietly(container)


def _into_png(data: bytes, text: bytes) -> bytes:
    body = b"iTXt" + b"Comment\0" + b"\0\0" + b"\0" + b"\0" + text  # not compressed, no language
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]  # after the signature and IHDR


def _of_png(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"iTXt" and body.startswith(b"Comment\0\0"):
            yield body[len(b"Comment\0\0\0") :].split(b"\0", 2)[-1]
        elif kind == b"tEXt" and body.startswith(b"Comment\0"):
            yield body[len(b"Comment\0") :]
        at += 12 + size


def _into_jpeg(data: bytes, text: bytes) -> bytes:
    if len(text) > 65533:
        raise ValueError(f"a JPEG's comment has at most 65533 bytes, got {len(text)}")
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):  # JFIF and EXIF come first
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return data[:at] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + data[at:]


def _of_jpeg(data: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:  # till the pixels
        size = max(2, struct.unpack_from(">H", data, at + 2)[0])
        if data[at + 1] == 0xFE:
            yield data[at + 4 : at + 2 + size]
        at += 2 + size


def _after_gif_header(data: bytes) -> int:
    """Where the first block of a GIF stands: after the screen's size and the colour table."""
    flags = data[10] if len(data) > 10 else 0
    return 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)


def _into_gif(data: bytes, text: bytes) -> bytes:
    parts = [text[at : at + 255] for at in range(0, len(text), 255)]
    block = b"!\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    at = _after_gif_header(data)
    return b"GIF89a" + data[6:at] + block + data[at:]


def _of_gif(data: bytes) -> Iterator[bytes]:
    at = _after_gif_header(data)
    while at + 1 < len(data) and data[at] in (0x21, 0x2C):
        label = data[at + 1] if data[at] == 0x21 else 0
        if data[at] == 0x2C:  # a picture: its head, perhaps its colours, the code size
            flags = data[at + 9] if at + 9 < len(data) else 0
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        else:
            at += 2
        parts = []
        while at < len(data) and data[at]:
            parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at += 1
        if label == 0xFE:
            yield b"".join(parts)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _into_webp(data: bytes, text: bytes) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, _DESCRIPTION, 2, len(text) + 1, 26)
    exif = tiff + struct.pack("<I", 0) + text + b"\0"
    chunks = [(kind, body) for kind, body in _riff_chunks(data) if kind != b"EXIF"]
    if chunks and chunks[0][0] == b"VP8 ":  # a still without an extended head: it gets one
        chunks.insert(0, (b"VP8X", bytes(4) + _sizes(chunks[0][1])))
    if not chunks or chunks[0][0] != b"VP8X":
        raise ValueError("a WebP of this kind takes no comment; expected a lossy or extended one")
    head = bytearray(chunks[0][1])
    head[0] |= 0x08  # has EXIF
    chunks[0] = (b"VP8X", bytes(head))
    body = b"".join(_chunk(kind, body) for kind, body in [*chunks, (b"EXIF", exif)])
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _sizes(lossy: bytes) -> bytes:
    """Width and height, less one, as an extended head has them."""
    sizes = struct.unpack_from("<HH", lossy, 6)
    return b"".join(((size & 0x3FFF) - 1).to_bytes(3, "little") for size in sizes)


def _of_webp(data: bytes) -> Iterator[bytes]:
    for kind, body in _riff_chunks(data):
        if kind == b"EXIF":
            yield from _descriptions(body.removeprefix(b"Exif\0\0"))


def _descriptions(tiff: bytes) -> Iterator[bytes]:
    """The image descriptions in the first directory of EXIF data."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order or len(tiff) < 10:
        return
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    if at + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(order + "H", tiff, at)
    for k in range(count):
        entry = at + 2 + 12 * k
        if entry + 12 > len(tiff):
            return
        tag, _, size, where = struct.unpack_from(order + "HHII", tiff, entry)
        if tag == _DESCRIPTION and size > 4:
            yield tiff[where : where + size].rstrip(b"\0")
