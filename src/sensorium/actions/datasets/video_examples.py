"""Examples out of real videos and frame folders."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sensorium.actions.augment import Augmentation, Augmenter, Fit, fit_frames
from sensorium.actions.datasets.frames import FrameFolder, frame_files
from sensorium.actions.datasets.records import Listing, Record
from sensorium.actions.mirror import mirror_labels
from sensorium.actions.sampling import Sampling, sample_times
from sensorium.recipe import Split
from sensorium.seeds import generator
from sensorium.types import Span, Video


@dataclass(frozen=True)
class Look:
    """How a labelled video becomes an example.

    Attributes:
        sampling: which frames.
        size: side of the frames in pixels.
        fit: how whole pictures become square.
        augmentation: of training clips.
        fps: rate at which videos are looked at; 0 is their own.
        window_seconds: length of the part to look at: a random one in training, else the middle
            one; 0 is the whole video.
        folder_fps: the rate that frame folders count as; as when `media.read` opens them.
        template: file names in frame folders, see ``frames.frame_files``.
    """

    sampling: Sampling
    size: int
    fit: Fit
    augmentation: Augmentation
    fps: float = 0.0
    window_seconds: float = 0.0
    folder_fps: float = 25.0
    template: str = ""

    def part(self, span: Span, rng: np.random.Generator | None = None) -> Span:
        """The part of a video that is looked at: a random one with ``rng``, else the middle."""
        if not 0 < self.window_seconds < span.duration:
            return span
        place = 0.5 if rng is None else float(rng.random())
        start = span.start + place * (span.duration - self.window_seconds)
        return Span(start, start + self.window_seconds)


class VideoExamples:
    """One split of a data set of videos.

    An example is ``frames``: ``uint8 [F, 3, S, S]`` and ``label``: ``int64 []``.

    Args:
        listing: what is on disk.
        split: ``train`` draws frames, crops and flips from the seed; the others draw nothing.
        look: how a video becomes an example.
    """

    def __init__(self, listing: Listing, split: Split, look: Look) -> None:
        self.listing = listing
        self.classes = listing.classes
        self.split: Split = split
        self.look = look
        self._warned: set[int] = set()
        mirror = mirror_labels(listing.classes)
        self._augment = Augmenter(look.augmentation, look.size, look.fit, mirror)

    def __len__(self) -> int:
        """Videos in the split."""
        return len(self.listing.records)

    def video(self, index: int) -> tuple[Video, int]:
        """A whole video, opened but not decoded, and its label: what test protocols need.

        Raises:
            MediaError: naming a video that cannot be read.
        """
        record = self.listing.records[index]
        return self._open(record), record.label

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """The frames and the label of one video; damage in it is logged once.

        Raises:
            MediaError: naming a video that cannot be read.
        """
        video, label = self.video(index)
        look = self.look
        rng = generator(seed, "clip", index) if self.split == "train" else None
        span = look.part(video.span, rng)
        times = sample_times(span, look.fps or video.fps, look.sampling, self.split, rng)
        frames = video.frames(times)
        self._warn(index, video)
        if rng is None:
            frames = fit_frames(frames, look.size, look.fit).contiguous()
        else:
            frames, label = self._augment(frames, label, rng)
        return {"frames": frames, "label": torch.tensor(label)}

    def unreadable(self) -> dict[Record, str]:
        """The videos that cannot be opened, each with the reason; opens every file."""
        from sensorium.media import MediaError

        found = {}
        for record in self.listing.records:
            try:
                video = self._open(record)
                video.frames([video.span.start])
            except MediaError as error:
                found[record] = str(error)
        return found

    def problems(self) -> list[str]:
        """One line for each video that is missing, was left out, cannot be opened or is damaged.

        Opens every file.
        """
        bad = self.unreadable()
        found = [f"{path}: missing" for path in self.listing.missing]
        found += [*self.listing.notes, *bad.values()]
        for record in self.listing.records:
            if record not in bad:
                damage = getattr(self._open(record), "problems", ())
                found += [f"{record.path}: {line}" for line in damage]
        return found

    def _warn(self, index: int, video: Video) -> None:
        """Say once which video is damaged: the nearest good picture stands in for a bad one."""
        damage = () if isinstance(video, FrameFolder) else getattr(video, "problems", ())
        if damage and index not in self._warned:
            self._warned.add(index)
            path = self.listing.records[index].path
            logging.getLogger(__name__).warning("%s: %s", path, "; ".join(damage))

    def _open(self, record: Record) -> Video:
        from sensorium.media import MediaError, read

        if record.path.is_dir():
            files = frame_files(record.path, self.look.template, record.frames)
            return FrameFolder(files, self.look.folder_fps)
        video = read(record.path).video
        if video is None:
            raise MediaError(f"{record.path}: got sound only, expected pictures")
        return video
