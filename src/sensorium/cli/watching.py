"""``sensorium watch``: a report about each video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorium.cli.options import SPEECH, Device, Files, Folder, Speaking, need_files

if TYPE_CHECKING:
    from sensorium.cli.console import Console
    from sensorium.watch.report import Report


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
        from sensorium.cli.devices import pick_device
        from sensorium.watch import watch

        device = pick_device(self.device)

        def look(file: str) -> None:
            with console.working(f"watching {file}") as bar:
                report = watch(
                    file,
                    self.out,
                    device=device,
                    on_stage=lambda stage, share: bar.update(
                        round(100 * share), 100, f"{file}: {stage}"
                    ),
                )
            console.record({**report.to_dict(), "path": str(report.page)})
            for problem in report.damage:
                console.note(f"note: {file}: {problem}")
            show_report(report, console)

        return console.each(self.files, look)


def show_report(report: Report, console: Console) -> None:
    """What the report says in a few sentences, and where it is."""
    console.show(report.file)
    for section in report.sections:
        doubt = section.notice.partition(". ")[0].rstrip(".")  # the rest speaks of the page
        for text in (f"{doubt}." if doubt else "", section.summary, section.remark):
            if text:
                console.show(f"  {text}")
    console.show(f"  report: {report.page}")
