"""Opening local files with FFmpeg, and reading their packets past damage.

PyAV keeps FFmpeg's log quiet by default, and nothing here changes that. Only local files are
opened: formats that point to other files (playlists) and formats that make a picture of any text
are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from sensorium.media.errors import MediaError, Problems

MAX_PIXELS = 2**26  # a damaged header must not make the decoder ask for gigabytes
TIMEOUT_SECONDS = 60.0
MAX_FAILURES = 100  # of the demuxer, before the rest of the file is given up

_REFUSED = {
    "tty": "plain text",
    "bin": "plain text",
    "xbin": "plain text",
    "adf": "plain text",
    "idf": "plain text",
    "concat": "a list of other files",
    "ffmetadata": "metadata alone",
    "hls": "a playlist",
    "dash": "a playlist",
    "sdp": "a network session",
}
_DECODING = {"max_pixels": str(MAX_PIXELS), "err_detect": "crccheck"}
_OPTIONS = {"protocol_whitelist": "file", **_DECODING}


def reason(error: BaseException) -> str:
    """FFmpeg's own words for an error, without numbers and file names."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def open_input(path: str) -> InputContainer:
    """Open a local media file.

    Raises:
        MediaError: when it is missing, empty, or nothing that FFmpeg reads.
    """
    file = Path(path)
    try:
        if not file.exists():
            raise MediaError(f"{path}: no such file; check the path")
        if file.is_dir():
            raise MediaError(f"{path}: got a folder, expected a file")
        if file.stat().st_size == 0:
            raise MediaError(f"{path}: the file is empty (0 bytes); copy or record it again")
        container: InputContainer = av.open(
            f"file:{path}",
            mode="r",
            options=_OPTIONS,
            metadata_errors="replace",
            timeout=(TIMEOUT_SECONDS, TIMEOUT_SECONDS),
        )
    except MediaError:
        raise
    except PermissionError as error:
        raise MediaError(f"{path}: no permission to read the file") from error
    except (av.FFmpegError, OSError, ValueError, RuntimeError) as error:
        raise MediaError(
            f"{path}: not a video or sound file that FFmpeg can read ({reason(error)}); "
            "if it plays elsewhere, convert it to mp4 or wav"
        ) from error
    name = container.format.name
    if name in _REFUSED:
        container.close()
        raise MediaError(f"{path}: got {_REFUSED[name]}, expected a video or sound file")
    for stream in container.streams:
        if has_decoder(stream):
            stream.codec_context.options = _DECODING
    return container


def only(container: InputContainer, chosen: Sequence[Stream]) -> None:
    """Let the demuxer skip every stream but the chosen ones."""
    indices = {stream.index for stream in chosen}
    for stream in container.streams:
        stream.discard = Discard.default if stream.index in indices else Discard.all


def has_decoder(stream: Stream) -> bool:
    """Whether FFmpeg knows how to decode the stream."""
    context: object = stream.codec_context
    return context is not None


def set_threads(stream: Stream, threads: int) -> None:
    """How many threads may decode ``stream``; to be set before its first packet."""
    context = stream.codec_context
    if has_decoder(stream) and not context.is_open:
        context.thread_count = threads
        context.thread_type = "AUTO"


def packets(
    container: InputContainer, streams: Sequence[Stream], problems: Problems
) -> Iterator[Packet[Stream]]:
    """The packets of ``streams`` from where the container stands, going on after damage."""
    failures = 0
    while failures < MAX_FAILURES:
        try:
            for packet in container.demux(tuple(streams)):
                if packet.size > 0:  # the last ones are empty: signs to drain the decoder
                    yield packet
        except (av.FFmpegError, ValueError) as error:
            failures += 1
            problems.add(f"part of the file cannot be read ({reason(error)})")
        else:
            return


def close_quietly(container: InputContainer) -> None:
    """Close, whatever state a damaged file has left the container in."""
    with suppress(av.FFmpegError, OSError, ValueError):
        container.close()
