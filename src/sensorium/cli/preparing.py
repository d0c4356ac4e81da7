"""``sensorium prepare``: decodes a data set of sounds once, so that training only reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from sensorium.cli.checking import Data, Kind, read_data
from sensorium.cli.options import SPEECH, Count, Folder, OptionalFolder, Speaking, UsageError

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.sounds.preparing import Outcome


@dataclass(frozen=True)
class Prepare:
    """Decode a data set of sounds once: seekable sound, packed frames and one manifest."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium prepare my/videos --out prepared",
        "sensorium prepare MUSIC_solo_videos.json --root /media/music --out prepared/music",
        "sensorium prepare data/train.csv --root . --kind sop --out prepared/sop --fps 8",
    )

    data: Data = ""
    """A list file, or the folder of the lists or of the videos."""

    out: Annotated[Folder, tyro.conf.arg(help_behavior_hint="(required)")] = ""
    """The folder to write. A run that was stopped goes on in it with the same command."""

    kind: Kind = "auto"
    """Of list: folder, manifest, music, solos, urmp, sop, ccol, clipsep, avpc, audioset, vggsound,
    or auto."""

    root: OptionalFolder = None
    """The folder below which the listed media lie. Default: that of DATA."""

    listed_fps: float = 0.0
    """Frames per second of listed frame folders. 0: what the kind says."""

    rate: int = 11025
    """Samples of sound per second."""

    fps: float = 8.0
    """Pictures per second; films with fewer keep their own."""

    size: int = 256
    """Shorter side of the pictures, in pixels; smaller ones keep their own."""

    quality: int = 90
    """Of the JPEGs, 1 to 100."""

    workers: Count = None
    """Recordings prepared side by side. Default: one per processor."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Prepares recording after recording."""
        from sensorium.sounds.datasets.prepared import Form
        from sensorium.sounds.preparing import prepare

        if not self.out:
            raise UsageError("prepare: got no --out, expected the folder to write: --out DIR")
        try:
            form = Form(self.rate, self.fps, self.size, self.quality)
        except ValueError as error:
            raise UsageError(f"--{error}") from None
        listing = read_data(self, "prepare")
        for note in listing.notes:
            console.note(f"note: {note}")
        total, done, skipped, failed, size = len(listing.items), 0, 0, 0, 0
        try:
            with console.working(f"preparing {self.data}") as bar:
                bar.update(0, total)
                for outcome in prepare(listing, self.out, form, self.workers or 0):
                    done += 1
                    skipped += outcome.skipped
                    failed += not outcome.item.usable
                    size += outcome.bytes
                    console.record(_record(outcome))
                    if not outcome.item.usable:
                        console.note(f"error: {outcome.item.uid}: {outcome.item.status}")
                    bar.update(done, total)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{done} of {total} done; the same command goes on") from None
        console.show(
            f"{total - failed} of {total} recordings in {self.out}"
            + (f", {skipped} were there already" if skipped else "")
            + (f", {size / 1e6:.1f} MB written" if size else "")
        )
        if failed:
            console.note(f"{failed} of {total} failed")
        return 1 if failed else 0


def _record(outcome: Outcome) -> dict[str, Any]:
    item = outcome.item
    record: dict[str, Any] = {"file": item.place, "uid": item.uid, "label": item.label}
    if not item.usable:
        return {**record, "error": item.status}
    return {
        **record,
        "split": item.split,
        "seconds": item.duration,
        "frames": item.n_frames,
        "fps": item.fps,
        "status": item.status,
        "skipped": outcome.skipped,
    }
