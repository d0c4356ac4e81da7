"""The first picture and the first sounds of a file: proof that it decodes, and where it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sensorium.media.errors import Problems
from sensorium.media.facts import tick_of
from sensorium.media.opening import has_decoder, packets, reason

MAX_ATTEMPTS = 5000  # packets given to a decoder in search of its first picture or sound
SOUNDS = 3  # enough to tell whether frames are of constant length


class Heads:
    """The first picture and the first three sounds that can be decoded, and why not more."""

    def __init__(self, streams: Sequence[VideoStream | AudioStream]) -> None:
        self.streams = {stream.index: stream for stream in streams}
        self.pictures: list[VideoFrame] = []
        self.sounds: list[AudioFrame] = []
        self.failure = "no data"
        self.first_stamps: dict[int, int | None] = {}
        self._attempts = dict.fromkeys(self.streams, 0)

    def find(self, container: InputContainer, problems: Problems) -> None:
        """Read and decode from the start until all is found, or so much that it never will be."""
        for stream in self.streams.values():
            if not has_decoder(stream):
                self.failure = "no decoder for its codec"
                self._attempts[stream.index] = MAX_ATTEMPTS
        for packet in packets(container, list(self.streams.values()), problems):
            stream = self.streams[packet.stream_index]
            self.first_stamps.setdefault(stream.index, tick_of(packet))
            if self._wanted(stream):
                self._attempts[stream.index] += 1
                self._decode(stream, packet)
            if not any(map(self._wanted, self.streams.values())):
                break
        for stream in self.streams.values():
            if self._wanted(stream) and has_decoder(stream):
                self._decode(stream, None)

    def _wanted(self, stream: VideoStream | AudioStream) -> bool:
        missing = not self.pictures if stream.type == "video" else len(self.sounds) < SOUNDS
        return missing and self._attempts[stream.index] < MAX_ATTEMPTS

    def _decode(self, stream: VideoStream | AudioStream, packet: Packet[Any] | None) -> None:
        try:
            frames = stream.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self.failure = reason(error)
            return
        for frame in frames:
            if isinstance(frame, VideoFrame) and frame.width and frame.height:
                self.pictures.append(frame)
            elif isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                self.sounds.append(frame)
