"""A folder that ``sensorium prepare`` made: `Prepared` reads it fast.

.. code-block:: text

    prepared.json           what all have in common: rate, fps, size, quality, kind
    manifest.csv            an item per recording, what failed too
    mixtures.json           published test mixtures, each a list of uids
    items/<name>/           sound.wav, frames.mjpeg, frames.npy, item.json
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.plain import from_plain
from sensorium.sounds.datasets.kinds import MANIFEST, PREPARED
from sensorium.sounds.datasets.lists import json_object
from sensorium.sounds.datasets.manifest import Item, Listing, parse_manifest
from sensorium.sounds.datasets.packed import PackedVideo, WavAudio

FORMAT = 1
MIXTURES = "mixtures.json"


@dataclass(frozen=True)
class Form:
    """What all recordings of a prepared folder have in common.

    Attributes:
        rate: of the sound, in hertz.
        fps: of the pictures, in hertz; films with fewer keep their own.
        size: shorter side of the pictures, in pixels; smaller ones keep their own.
        quality: of the JPEGs, 1..100.
        kind: of the list that they come from.
        format: version of the layout.
    """

    rate: int = 11025
    fps: float = 8.0
    size: int = 256
    quality: int = 90
    kind: str = "folder"
    format: int = FORMAT

    def __post_init__(self) -> None:
        for name, least, most in (
            ("rate", 1000, 192_000),
            ("fps", 0.01, 1000),
            ("size", 8, 4096),
            ("quality", 1, 100),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be {least} to {most}, got {value!r}")


class Prepared:
    """A prepared folder.

    Args:
        root: the folder.

    Raises:
        ValueError: when it is none, or unfinished.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.form = read_form(self.root)
        manifest = self.root / MANIFEST
        if not manifest.is_file():
            raise ValueError(f"{manifest}: not there yet; run sensorium prepare again to its end")
        items = parse_manifest(manifest, self.root)
        self.listing = Listing("prepared", items, _mixtures(self.root / MIXTURES))
        self._items = {item.uid: item for item in items}
        self._open: dict[str, _Pair] = {}

    @property
    def items(self) -> tuple[Item, ...]:
        """Every recording, those that failed too."""
        return self.listing.items

    def window(self, uid: str, start_sample: int, n_samples: int) -> Float32[Tensor, "N"]:
        """Samples of a recording, silence outside of it.

        Raises:
            ValueError: for an unknown uid, or files that cannot be read.
        """
        return self._pair(uid).sound.window(start_sample, n_samples)

    def frames(self, uid: str, times: Sequence[float]) -> UInt8[Tensor, "T 3 H W"]:
        """Pictures of a recording at times in seconds; outside, the nearest.

        Raises:
            ValueError: for an unknown uid, or files that cannot be read.
        """
        return self._pair(uid).pictures.frames(times)

    def _pair(self, uid: str) -> _Pair:
        if uid not in self._open:
            item = self._items.get(uid)
            if item is None or not item.usable or not item.audio_path or not item.video_path:
                why = "no such recording" if item is None else item.status
                raise ValueError(f"{self.root}: {uid}: {why}")
            self._open[uid] = _Pair(
                WavAudio(item.audio_path), PackedVideo(item.video_path, item.fps)
            )
        return self._open[uid]


@dataclass(frozen=True)
class _Pair:
    sound: WavAudio
    pictures: PackedVideo = field(repr=False)


def read_form(root: Path) -> Form:
    """What ``prepared.json`` says.

    Raises:
        ValueError: when there is none, or of another version.
    """
    path = root / PREPARED
    if not path.is_file():
        raise ValueError(f"{root}: no {PREPARED} in it; make it with sensorium prepare DATA --out")
    form = from_plain(Form, json_object(path), str(path))
    if form.format != FORMAT:
        raise ValueError(f"{path}: format {form.format}, expected {FORMAT}; prepare the data again")
    return form


def _mixtures(path: Path) -> tuple[tuple[str, ...], ...]:
    if not path.is_file():
        return ()
    try:
        value = json.loads(path.read_text("utf-8"))
        return tuple(tuple(str(uid) for uid in mixture) for mixture in value)
    except (ValueError, TypeError):
        raise ValueError(f"{path}: expected a JSON list of lists of uids") from None
