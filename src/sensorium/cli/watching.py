"""``sensorium watch``: a report about each video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import SPEECH, Device, Files, Folder, Speaking, need_files

if TYPE_CHECKING:
    from sensorium.cli.console import Console


@dataclass(frozen=True)
class Watch:
    """Watch videos and write a report about each: what happens when, and how sure that is."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium watch concert.mp4",
        "sensorium watch *.mp4 --out reports --json",
    )

    files: Files = ()
    """Videos, or folders of numbered frames."""

    out: Folder = "report"
    """Where the reports go: a folder per file, with report.html and report.json."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Watches file after file."""
        need_files(self.files, "watch")
        return 0
