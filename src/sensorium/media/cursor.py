"""Walking through a video stream: the frame on display at any time, decoding as little as possible.

Four rules make it right and quick:

* Near times are reached by decoding on, far ones by seeking: a seek is worth it when a key frame
  lies between.
* After a seek, pictures before the key frame's own time stamp are dropped: in an open group of
  pictures they refer to what was not decoded. When nothing at or before the wanted time is left,
  the seek goes further back.
* Pictures that nothing refers to (most B-frames) need no decoding on the way to a far time. They
  are skipped up to a margin before it; should the picture found lie before the margin, the way is
  gone again without skipping.
* Time stamps decide, never counts: variable rates, gaps and repeats come out as a player would show
  them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sensorium.media.errors import MediaError, Problems
from sensorium.media.facts import VideoFacts, rough_stamps, tick_of
from sensorium.media.opening import close_quietly, only, open_input, packets, reason, set_threads

_MARGIN_FRAMES = 3
_SEEK_TRIES = 6
_DENSE = ("h264", "hevc", "vp9", "libdav1d", "av1")  # codecs that never write long runs of zeros
_ZEROS = bytes(48)


class Cursor:
    """A decoder of one video stream and its position.

    Args:
        container: already open on ``path``, if one is at hand.
        threads: decoding threads; 1 is best for a few frames here and there.
    """

    def __init__(
        self,
        path: str,
        facts: VideoFacts,
        problems: Problems,
        threads: int = 1,
        container: InputContainer | None = None,
    ) -> None:
        self.path, self.facts, self.problems, self.threads = path, facts, problems, threads
        self._frame_ticks = max(int(1 / facts.fps / facts.time_base), 1)
        self._margin = _MARGIN_FRAMES * self._frame_ticks
        self._group = int(2 / facts.time_base)  # longest stretch between key frames seen, in ticks
        self._packets: Iterator[Packet[Stream]]
        self._coming: deque[tuple[int, VideoFrame]] = deque()  # decoded, not yet on display
        self._pushed: Packet[Stream] | None = None  # read, not yet decoded
        self._shown: VideoFrame | None = None
        self._last_tick: int | None = None  # of the last picture decoded since the seek
        self._floor: int | None = None  # pictures before it lack what they refer to
        self._opened(container or open_input(path))
        self._reset()

    def close(self) -> None:
        """Free the file."""
        close_quietly(self.container)

    def at(self, tick: int) -> VideoFrame:
        """The last frame with a time stamp at or before ``tick``; the first one before all of them.

        Raises:
            MediaError: when nothing can be decoded.
        """
        tick = min(max(tick, self.facts.first), self.facts.end + self._group)
        if self._shown is None or tick < self._shown_tick or self._worth_jumping(tick):
            self._seek(tick)
        self._advance(tick, skip=True)
        if self._shown_tick < self._skipped_before and self._shown_tick < tick:
            # Rarely: the margin held no frame, so the one on display may be among those skipped.
            self._margin *= 4
            self._seek(tick)
            self._advance(tick, skip=False)
        back = 8 * self._frame_ticks
        while self._floor is not None and (self._shown is None or self._shown_tick > tick):
            self._seek(
                tick - back
            )  # the key frame's pictures came too late: damage, or recovery points
            self._advance(tick, skip=False)
            back *= 4
        if self._shown is None:
            raise MediaError(
                f"{self.path}: no picture can be decoded any more; the file is damaged"
            )
        return self._shown

    def _opened(self, container: InputContainer) -> None:
        self.container = container
        stream = container.streams[self.facts.index]
        assert isinstance(stream, VideoStream)
        self.stream = stream
        self._dense = stream.codec_context.name in _DENSE
        self._settle = int(1 / self.facts.time_base) if rough_stamps(container) else 0
        only(container, [stream])
        set_threads(stream, self.threads)

    def _worth_jumping(self, tick: int) -> bool:
        if tick - self._fed <= 4 * self._frame_ticks:
            return False
        entries = self.stream.index_entries
        if len(entries):
            reorder = (self.stream.codec_context.reorder_depth + 1) * self._frame_ticks
            key = entries.search_timestamp(tick - reorder)
            if key >= 0 and entries[key].timestamp - self._fed > 2 * self._frame_ticks:
                return True
            if entries[-1].timestamp >= tick - reorder:
                return False
        return tick - self._fed > self._group  # the index is silent: a guess that learns

    def _seek(self, tick: int) -> None:
        """Stand before the frame on display at ``tick``, at a key frame."""
        back, settle = 0, self._settle
        for _ in range(_SEEK_TRIES):
            target = tick - back - 2 * settle
            if target <= self.facts.first or self.facts.head is None:
                break
            self._reset()
            try:
                self.container.seek(target, stream=self.stream)
            except (av.FFmpegError, OverflowError):
                break
            key = self._find_key(settle)
            if key is not None and key <= tick:
                self._floor, self._fed = key, key
                self._group = max(self._group, tick - key)
                return
            late = key - tick if key is not None else 0
            back = 2 * max(back, late) + self._frame_ticks * 8
        self._rewind()

    def _rewind(self) -> None:
        """Stand at the very start, where every picture counts."""
        self._reset()
        try:
            self.container.seek(self.facts.first, stream=self.stream)
            self._pushed = next(self._packets, None)
        except (av.FFmpegError, OverflowError):
            self._pushed = None
        if self._pushed is None or tick_of(self._pushed) != self.facts.head:
            self.close()  # some formats cannot go back to their first packet
            self._opened(open_input(self.path))
            self._reset()
        self._floor, self._fed = None, self.facts.first

    def _reset(self) -> None:
        self._packets = packets(self.container, [self.stream], self.problems)
        self._coming.clear()
        self._pushed = self._shown = self._last_tick = self._floor = None
        self._shown_tick = self._fed = self.facts.first - 1
        self._skipped_before = self.facts.first - 1
        self._drained = False

    def _find_key(self, settle: int) -> int | None:
        """The time stamp of the next key frame ``settle`` on; its packet is kept for decoding."""
        landed: int | None = None
        for packet in self._packets:
            stamp = tick_of(packet)
            if stamp is not None and landed is None:
                landed = stamp
            if packet.is_keyframe and stamp is not None and stamp >= (landed or stamp) + settle:
                self._pushed = packet
                return stamp
        return None

    def _advance(self, tick: int, *, skip: bool) -> None:
        while True:
            while self._coming and (self._coming[0][0] <= tick or self._shown is None):
                self._shown_tick, self._shown = self._coming.popleft()
            if self._coming or self._drained:
                return
            self._feed(tick - self._margin if skip else self.facts.first - 1)

    def _feed(self, skip_before: int) -> None:
        """Decode one packet more; before ``skip_before``, only what others refer to."""
        packet, self._pushed = self._pushed, None
        packet = packet or next(self._packets, None)
        decoder = self.stream.codec_context
        try:
            if packet is None:
                self._drained = True
                frames = decoder.decode(None)
            else:
                stamp = tick_of(packet)
                skippable = stamp is not None and stamp < skip_before
                decoder.skip_frame = "NONREF" if skippable else "DEFAULT"
                if stamp is not None:
                    self._fed = max(self._fed, stamp)
                    if skippable:
                        self._skipped_before = max(self._skipped_before, skip_before)
                if packet.is_corrupt or (self._dense and _ZEROS in bytes(packet)):
                    self._damage("part of a picture is missing", stamp)
                frames = decoder.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            stamp = packet.pts if packet is not None else None
            self._damage(f"a picture cannot be decoded ({reason(error)})", stamp)
            return
        for frame in frames:
            self._take(frame)

    def _take(self, frame: VideoFrame) -> None:
        stamp = tick_of(frame, by_dts=self.facts.by_dts)
        if stamp is None:
            last = self._last_tick
            stamp = self.facts.first if last is None else last + self._frame_ticks
        if self._floor is not None:
            if self._last_tick is None and stamp >= self._floor and not frame.key_frame:
                # No key frame but a recovery point: the picture mends itself over a while.
                self._floor = 2 * stamp - self._floor + int(1 / self.facts.time_base)
                self._last_tick = stamp
            if stamp < self._floor:
                return
        if not frame.width or not frame.height or stamp > self.facts.end + self._group:
            self._damage("a picture lies outside the film", None)
            return
        if self._last_tick is not None and stamp < self._last_tick:
            self._damage("time stamps run backwards", stamp)
            return
        if frame.is_corrupt:
            self._damage("a picture is damaged", stamp)
        self._last_tick = stamp
        self._coming.append((stamp, frame))

    def _damage(self, kind: str, stamp: int | None) -> None:
        base: Fraction = self.facts.time_base
        since = None if stamp is None else float((stamp - self.facts.first) * base)
        self.problems.add(kind, since)
