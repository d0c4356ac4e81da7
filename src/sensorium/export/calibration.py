"""Real clips for 8-bit export: some to set the ranges by, others to measure the loss on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from sensorium.actions.datasets.shelf import VIDEO_SUFFIXES
from sensorium.actions.recipes import RECIPES
from sensorium.actions.systems import ActionSystem
from sensorium.actions.view import View
from sensorium.recipe import Data, Split
from sensorium.seeds import torch_generator

CALIBRATION_CLIPS, HELD_OUT_CLIPS = 64, 256
_BATCH = 8

Labelled = tuple[Tensor, Tensor]
"""Frames ``uint8 [B, T, 3, S, S]`` and labels ``int64 [B]`` (-1: not known)."""


class Clips(Protocol):
    """Where the clips come from."""

    words: str

    def calibration(self) -> Iterator[Labelled]:
        """Batches that set the ranges."""

    def held_out(self) -> Iterator[Labelled]:
        """Batches of other clips."""


def clips_for(system: ActionSystem, source: Data | str | Path | None) -> Clips:
    """Clips for a system: of its recipe's data, of other data, or of a folder of videos.

    Raises:
        ValueError: when there are none, or of other classes.
    """
    if isinstance(source, str | Path):
        return FolderClips(Path(source), system.config.view, system.config.classes)
    data = _own_data(system) if source is None else source
    if data.adapt(system.config) != system.config:
        raise ValueError(
            f"{system.weights}: the calibration data have other classes or another view; give the "
            "data that it was trained on, or a folder of videos"
        )
    return DataClips(data)


def _own_data(system: ActionSystem) -> Data:
    """The data of the recipe that the system's card names."""
    name = system.card.recipe if system.card is not None else ""
    if name not in RECIPES:
        raise ValueError(
            f"{system.weights}: its card names no recipe of ours, so that there are no data to "
            "calibrate on; give a folder of videos with calibration= (--calibration DIR)"
        )
    data: Data = RECIPES[name]().data
    return data


class DataClips:
    """The validation split to calibrate on, the test split to measure on."""

    def __init__(self, data: Data) -> None:
        self.data = data
        kind = getattr(data, "kind", type(data).__name__)
        self.words = (
            f"the {kind} data (ranges from the validation split, accuracy on the test split)"
        )

    def calibration(self) -> Iterator[Labelled]:
        """Of the validation split."""
        return self._batches("val", CALIBRATION_CLIPS)

    def held_out(self) -> Iterator[Labelled]:
        """Of the test split."""
        return self._batches("test", HELD_OUT_CLIPS)

    def _batches(self, split: Split, count: int) -> Iterator[Labelled]:
        """At most ``count`` examples, drawn from the whole split; the same every time."""
        examples: Any = self.data.open(split)
        drawn = torch.randperm(len(examples), generator=torch_generator(0, "export", split))
        for group in _grouped(drawn[:count].tolist()):
            found = [examples.example(k, 0) for k in group]
            yield (
                torch.stack([e["frames"] for e in found]),
                torch.stack([e["label"] for e in found]),
            )


class FolderClips:
    """Videos anywhere below a folder: every other one sets the ranges, the rest measure.

    A video whose folder has the name of a class is labelled with it.

    Raises:
        ValueError: when there are fewer than two videos.
    """

    def __init__(self, folder: Path, view: View, classes: tuple[str, ...]) -> None:
        self.view, self.classes = view, classes
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
        if len(files) < 2:
            raise ValueError(
                f"{folder}: got {len(files)} videos to calibrate on, expected at least 2 (better "
                f"{CALIBRATION_CLIPS}), half of which measure the loss"
            )
        self._even, self._odd = files[::2][:CALIBRATION_CLIPS], files[1::2][:HELD_OUT_CLIPS]
        self.words = f"{len(self._even)} videos (accuracy on {len(self._odd)} others) of a folder"

    def calibration(self) -> Iterator[Labelled]:
        """Every other video."""
        return self._batches(self._even)

    def held_out(self) -> Iterator[Labelled]:
        """The ones between."""
        return self._batches(self._odd)

    def _batches(self, files: Sequence[Path]) -> Iterator[Labelled]:
        """The window in the middle of each video."""
        from sensorium.media import read

        for group in _grouped(files):
            frames, labels = [], []
            for path in group:
                video = read(path).need_video()
                windows = self.view.windows(video.span)
                frames += list(self.view.batches(video, [windows[len(windows) // 2]]))
                name = path.parent.name
                labels.append(self.classes.index(name) if name in self.classes else -1)
            yield torch.cat(frames), torch.tensor(labels)


def _grouped(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(things), _BATCH):
        yield things[first : first + _BATCH]
