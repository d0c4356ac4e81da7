"""``sensorium check``: what is wrong with a data set of sounds, before a long run finds out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from sensorium.cli.options import SPEECH, Count, OptionalFolder, Speaking, UsageError
from sensorium.suggest import did_you_mean

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.sounds.checking import Finding
    from sensorium.sounds.datasets.manifest import Listing

Data = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA", help_behavior_hint="")]
Kind = Annotated[str, tyro.conf.arg(metavar="KIND")]


@dataclass(frozen=True)
class Check:
    """Say what is missing, unreadable, silent, short or out of step in a data set of sounds."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium check my/videos",
        "sensorium check data/train.csv --root . --kind sop",
        "sensorium check MUSIC_solo_videos.json --root /media/music --json > problems.jsonl",
    )

    data: Data = ""
    """A list file, or the folder of the lists or of the videos."""

    kind: Kind = "auto"
    """Of list: folder, manifest, prepared, music, solos, urmp, sop, ccol, clipsep, avpc, audioset,
    vggsound, or auto."""

    root: OptionalFolder = None
    """The folder below which the listed media lie. Default: that of DATA."""

    listed_fps: float = 0.0
    """Frames per second of listed frame folders. 0: what the kind says."""

    window: float = 5.944
    """Seconds that a system hears at once: shorter recordings are told."""

    workers: Count = None
    """Recordings looked at side by side. Default: one per processor."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Checks recording after recording."""
        from sensorium.sounds.checking import check

        listing = read_data(self, "check")
        for note in listing.notes:
            console.note(f"note: {note}")
        counts: Counter[str] = Counter()
        total, bad = len(listing.items), 0
        with console.working(f"checking {self.data}") as bar:
            bar.update(0, total)
            for done, finding in enumerate(check(listing, self.window, self.workers or 0), 1):
                console.record(_record(finding))
                for problem in finding.problems:
                    _say(console, f"{problem.kind}: {finding.item.uid}: {problem.text}")
                counts.update({problem.kind for problem in finding.problems})
                bad += bool(finding.problems)
                bar.update(done, total)
        told = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        console.note(
            f"{bad} of {total} recordings have problems ({told})"
            if bad
            else f"all {total} recordings are fine ({listing.kind}, {_splits(listing)})"
        )
        return 1 if bad else 0


def read_data(command: Any, name: str) -> Listing:
    """The listing that ``check`` and ``prepare`` work on.

    Raises:
        UsageError: without DATA, or for an unknown kind.
        ValueError: when the lists are malformed.
    """
    from sensorium.sounds.datasets.kinds import AUTO, READERS, read_listing

    if not command.data:
        raise UsageError(f"{name}: got no data, expected a list or a folder: sensorium {name} DATA")
    if command.kind not in (AUTO, *READERS):
        raise UsageError(
            f"no kind of list {command.kind!r}{did_you_mean(command.kind, [AUTO, *READERS])}"
        )
    if command.workers is not None and command.workers < 1:
        raise UsageError(f"--workers must be 1 or more, got {command.workers}")
    return read_listing(command.data, command.kind, command.root, command.listed_fps)


def _say(console: Console, line: str) -> None:
    """A problem: for people on stdout, on a terminal above the bar; with --json nowhere."""
    if console.stdout.isatty() and not console.json:
        console.note(line)
    else:
        console.show(line)


def _record(finding: Finding) -> dict[str, Any]:
    item = finding.item
    return {
        "file": item.place,
        "uid": item.uid,
        "label": item.label,
        "split": item.split,
        "seconds": finding.seconds,
        "peak_db": finding.peak_db,
        "problems": [{"problem": p.kind, "text": p.text} for p in finding.problems],
    }


def _splits(listing: Listing) -> str:
    counts = Counter(item.split for item in listing.items)
    return ", ".join(f"{counts[split]} {split}" for split in ("train", "val", "test"))
