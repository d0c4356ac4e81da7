"""Listed recordings as what `mixing` mixes, whether prepared or read from media files.

A recording is one stretch of time with both sound and picture: its clock starts where both have
begun, and it ends where one of them ends (or its part of the video does). Sound is mono.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium import images
from sensorium.media import MediaError, problems, read
from sensorium.recipe import Split
from sensorium.sounds.datasets.kinds import AUTO, read_listing
from sensorium.sounds.datasets.manifest import FAILED, SILENT, Item, Listing
from sensorium.sounds.datasets.mixing import Recording
from sensorium.sounds.datasets.packed import SUFFIX, PackedVideo, WavAudio
from sensorium.types import Audio, Clip, Span, Video

Missing = Literal["error", "skip"]
CUT_SECONDS = 0.5
"""A video no longer than its listed part by more than this is taken for the part alone."""


@dataclass(frozen=True)
class Opened:
    """The media of an item on one clock.

    Attributes:
        audio: ``None`` is silence on purpose.
        span: the part with both sound and picture, on that clock.
        clips: what was read, for `media.problems`.
    """

    video: Video
    audio: Audio | None
    span: Span
    clips: tuple[Clip, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Damage met so far, one line each."""
        return tuple(dict.fromkeys(line for clip in self.clips for line in problems(clip)))


def open_item(item: Item) -> Opened:
    """Open an item's files; nothing but their heads is decoded.

    Raises:
        ValueError: when sound or picture is missing, unreadable, or they never meet.
    """
    video, clips = _open_video(item)
    audio: Audio | None
    if item.status == SILENT:
        audio = None
    elif item.audio_path is None:
        audio = clips[0].need_audio() if clips else None
    elif item.audio_path.suffix == ".wav" and isinstance(video, PackedVideo):
        audio = WavAudio(item.audio_path)
    else:
        clip = read(item.audio_path)
        audio, clips = clip.need_audio(), (*clips, clip)
    if audio is None and item.status != SILENT:
        raise MediaError(f"{item.place}: got frames alone, expected sound; list an audio_path")
    return Opened(video, audio, shared_span(item, video, audio), clips)


def _open_video(item: Item) -> tuple[Video, tuple[Clip, ...]]:
    if item.video_path is not None and item.video_path.suffix == SUFFIX and item.fps:
        return PackedVideo(item.video_path, item.fps), ()
    if item.video_path is not None:
        clip = read(item.video_path)
    elif item.frames_dir is not None:
        clip = read(item.frames_dir, fps=item.fps or None)
    else:
        raise MediaError(f"{item.uid}: no picture is listed, expected a film or a frame folder")
    return clip.need_video(), (clip,)


def shared_span(item: Item, video: Video, audio: Audio | None) -> Span:
    """Where the item has both sound and picture.

    Raises:
        MediaError: when it has them nowhere.
    """
    spans = [video.span] if audio is None else [video.span, audio.span]
    begin, end = max(s.start for s in spans), min(s.end for s in spans)
    if not (item.t1 and end - begin <= item.t1 - item.t0 + CUT_SECONDS):
        begin, end = max(begin, item.t0), min(end, item.t1 or inf)
    if end <= begin:
        raise MediaError(
            f"{item.place}: sound and picture have no time in common"
            + (f" from {item.t0:g} to {item.t1:g} s" if item.t1 else "")
        )
    return Span(begin, end)


class MediaRecording:
    """A recording out of files, opened when first used.

    Args:
        item: from a listing.
        label: its class, or -1.
        rate: of the samples, in hertz.
        size: pictures whose shorter side is longer than this are made smaller; 0: never.
    """

    def __init__(self, item: Item, label: int, rate: int, size: int = 0) -> None:
        self.item, self.label, self.rate, self.size = item, label, rate, size
        self._opened: Opened | None = None

    @property
    def seconds(self) -> float:
        """How long it has both sound and picture; of prepared ones as the manifest says."""
        item = self.item
        packed = item.video_path is not None and item.video_path.suffix == SUFFIX
        return item.duration if packed and item.duration else self.opened.span.duration

    @property
    def opened(self) -> Opened:
        """The media, opened at first use.

        Raises:
            ValueError: when they cannot be.
        """
        if self._opened is None:
            self._opened = open_item(self.item)
        return self._opened

    def samples(self, start: float, count: int) -> Float32[Tensor, " N"]:
        """``count`` mono samples from ``start`` seconds on, silence outside of the recording.

        Raises:
            ValueError: when the sound cannot be read.
        """
        opened, rate = self.opened, self.rate
        begin, total = round(start * rate), round(opened.span.duration * rate)
        first, last = max(begin, 0), min(begin + count, total)
        out = torch.zeros(count)
        if opened.audio is not None and last > first:
            since = opened.span.start + first / rate
            heard = opened.audio.samples(Span(since, since + (last - first) / rate), rate)
            out[first - begin : last - begin] = heard.mean(0)  # [C, n] -> [n]
        return out

    def frames(self, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """The picture on display at each time in seconds; outside, the nearest.

        Raises:
            ValueError: when the pictures cannot be read.
        """
        span = self.opened.span
        inside = [span.start + min(max(t, 0.0), span.duration) for t in times]
        pictures = self.opened.video.frames(inside)
        if self.size and min(pictures.shape[-2:]) > self.size:
            return images.resize_short_side(pictures, self.size)
        return pictures

    def __repr__(self) -> str:
        return f"MediaRecording({self.item.uid!r}, {self.item.label!r})"


class ListedRecordings:
    """The recordings of one split, without twins and without silent ones.

    Args:
        items: all usable.
        classes: names in the order of the labels.
        reading: rate and size.
    """

    def __init__(self, items: Sequence[Item], classes: Sequence[str], reading: Reading) -> None:
        self.classes = tuple(classes)
        order = {name: number for number, name in enumerate(self.classes)}
        self._recordings = [
            MediaRecording(item, order.get(item.label, -1), reading.rate, reading.size)
            for item in items
        ]

    def __len__(self) -> int:
        """How many."""
        return len(self._recordings)

    def __getitem__(self, index: int) -> MediaRecording:
        """One of them.

        Raises:
            ValueError: for a negative index: nobody filmed a stage without its performer.
            IndexError: past the end.
        """
        if index < 0:
            raise ValueError(
                "real recordings have no silent ones without a performer; set --data.mixing.silent "
                "to 0"
            )
        return self._recordings[index]

    def label(self, index: int) -> int:
        """Class of one, without reading it; -1 where unknown or several."""
        return self._recordings[index].label

    def twin(self, index: int) -> int:
        """Itself: which ones look the same is not known."""
        return index


@dataclass(frozen=True)
class Reading:
    """How recordings are read.

    Attributes:
        rate: of the samples, in hertz; prepared ones must have been prepared at it.
        size: pictures whose shorter side is longer than this are made smaller; 0: never.
        media_root: the folder below which listed media lie; default: that of the lists.
        listed_fps: of listed frame folders, in hertz; 0: what the kind says.
        sources: ``one``: leave out recordings in which several classes sound (duets), which
            cannot be mixed with known truth; ``any``: keep them.
    """

    rate: int = 11025
    size: int = 256
    media_root: Path | None = None
    listed_fps: float = 0.0
    sources: Literal["one", "any"] = "one"


def open_recordings(
    root: Path,
    kind: str = AUTO,
    split: Split = "train",
    missing: Missing = "error",
    reading: Reading | None = None,
) -> ListedRecordings:
    """The recordings of one split.

    Args:
        root: a list file, or the folder of the lists, of the media or of what was prepared.
        kind: of the list, or ``auto``.
        split: without ``test`` recordings, ``val`` serves for both.
        missing: what to do about recordings that are not there (in your own folder also those
            that cannot be read): ``error``, or ``skip`` them and say how many.
        reading: rate, size of the pictures and the like.

    Raises:
        ValueError: when the lists are malformed, recordings are missing, or none is left.
    """
    reading = reading or Reading()
    listing = read_listing(root, kind, reading.media_root, reading.listed_fps)
    items = [item for item in _of_split(listing, split) if _wanted(item, reading)]
    if not items:
        raise ValueError(_nothing(listing, root, split))
    usable = _usable(listing.kind, items, split, missing)
    _same_rate(usable, reading, root)
    return ListedRecordings(usable, _classes(listing, reading), reading)


def open_mixtures(
    root: Path, kind: str = AUTO, missing: Missing = "error", reading: Reading | None = None
) -> tuple[tuple[Recording, ...], ...]:
    """The published test mixtures, each as what is mixed.

    Raises:
        ValueError: when the set has none, or recordings are missing.
    """
    reading = reading or Reading()
    listing = read_listing(root, kind, reading.media_root, reading.listed_fps)
    if not listing.mixtures:
        raise ValueError(f"{root}: {listing.kind} lists no test mixtures (a *_sep.csv, or URMP)")
    named = {uid for mixture in listing.mixtures for uid in mixture}
    usable = _usable(
        listing.kind, [item for item in listing.items if item.uid in named], "test", missing
    )
    _same_rate(usable, reading, root)
    recordings = ListedRecordings(usable, _classes(listing, reading), reading)
    place = {item.uid: number for number, item in enumerate(usable)}
    return tuple(
        tuple(recordings[place[uid]] for uid in mixture)
        for mixture in listing.mixtures
        if all(uid in place for uid in mixture)
    )


def classes_of(root: Path, kind: str = AUTO, reading: Reading | None = None) -> tuple[str, ...]:
    """The names of the classes of all splits, in the order of the labels.

    Raises:
        ValueError: when the lists are malformed.
    """
    reading = reading or Reading()
    listing = read_listing(root, kind, reading.media_root, reading.listed_fps)
    return _classes(listing, reading)


def _classes(listing: Listing, reading: Reading) -> tuple[str, ...]:
    wanted = (item for item in listing.items if _wanted(item, reading))
    return tuple(sorted({name for item in wanted for name in item.classes if name}))


def _same_rate(items: list[Item], reading: Reading, root: Path) -> None:
    """Prepared sound is not resampled."""
    for item in items:
        packed = item.video_path is not None and item.video_path.suffix == SUFFIX
        if packed and item.rate != reading.rate:
            raise ValueError(
                f"{root}: prepared at {item.rate} Hz, asked for at {reading.rate} Hz; run "
                f"sensorium prepare with --rate {reading.rate} into another folder"
            )


def _wanted(item: Item, reading: Reading) -> bool:
    return reading.sources == "any" or len(item.classes) == 1


def _of_split(listing: Listing, split: Split) -> list[Item]:
    items = [item for item in listing.items if item.split == split]
    if not items and split == "test":
        return [item for item in listing.items if item.split == "val"]
    return items


def _nothing(listing: Listing, root: Path, split: Split) -> str:
    counts = {s: sum(i.split == s for i in listing.items) for s in ("train", "val", "test")}
    held = ", ".join(f"{count} {name}" for name, count in counts.items())
    return (
        f"{root}: {listing.kind} lists no {split} recording of a single class (all in all {held}); "
        "check the lists, or take those of several classes, too"
    )


def _usable(kind: str, items: list[Item], split: Split, missing: Missing) -> list[Item]:
    """What is there; of your own folder, what can be opened."""
    if kind == "folder":
        items = [_tried(item) for item in items]
    bad = [item for item in items if not item.usable]
    good = [item for item in items if item.usable]
    what = f"{kind}: {len(bad)} of {len(items)} {split} recordings cannot be used"
    if bad and (missing == "error" or not good):
        raise ValueError(
            f"{what}, the first is {bad[0].uid} ({bad[0].status}); see sensorium check, mend "
            "them, or leave them out with --data.missing skip"
        )
    if bad:
        logging.getLogger(__name__).warning("%s and are left out", what)
    return good


def _tried(item: Item) -> Item:
    try:
        open_item(item)
    except ValueError as error:
        return replace(item, status=f"{FAILED}: {error}")
    return item
