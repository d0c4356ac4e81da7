"""`Report`: all that was seen and heard in one file, as numbers and as a page."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.media import FileInfo
from sensorium.system import Result
from sensorium.watch.clock import Clock
from sensorium.watch.pictures import Picture
from sensorium.watch.preview import FILE_NAME, Preview
from sensorium.watch.section import Section
from sensorium.watch.weights import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Report(Result):
    """The report about one file.

    Attributes:
        file: as it was given.
        key: tells this file's report folder from that of another file of the same name.
        info: the file's facts.
        clock: of the clip.
        sections: one per system that answered.
        weights: whose answers the sections are, in the same order.
        strip: evenly spaced small pictures.
        frames: key frames in order of time.
        preview: the player's video.
        seconds_per_stage: wall time, in order.
        damage: what went wrong while the file was read, a line each.
        unanswered: why an ability has no section, a line each.
        folder: where it was written; ``None`` before that.
    """

    file: str
    key: str
    info: FileInfo
    clock: Clock
    sections: tuple[Section, ...]
    weights: tuple[Weights, ...]
    strip: tuple[Picture, ...] = field(repr=False)
    frames: tuple[Picture, ...] = field(repr=False)
    preview: Preview = field(repr=False)
    seconds_per_stage: dict[str, float] = field(default_factory=dict)
    damage: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def page(self) -> Path | None:
        """Where ``report.html`` is, once written."""
        return None if self.folder is None else self.folder / "report.html"

    @property
    def out_of_domain(self) -> bool:
        """Whether any section must not be trusted."""
        return any(s.notice for s in self.sections)

    def at(self, folder: Path) -> Report:
        """The same report, known to lie in ``folder``."""
        preview = self.preview
        if preview.path is not None:
            preview = replace(preview, path=folder / FILE_NAME)
        return replace(self, folder=folder, preview=preview)

    def to_dict(self) -> dict[str, Any]:
        """Every fact of the report in plain JSON types; times are on the clip's clock."""
        return {
            "file": self.file,
            "key": self.key,
            "duration": round(self.clock.duration, 3),
            "start": round(self.clock.start, 3),
            "out_of_domain": self.out_of_domain,
            "media": self.info.to_dict(),
            "damage": list(self.damage),
            "unanswered": list(self.unanswered),
            "sections": [{"section": s.name, "title": s.title, **s.data} for s in self.sections],
            "weights": [w.to_dict() for w in self.weights],
            "key_frames": [round(p.moment.time, 3) for p in self.frames],
            "seconds": {name: round(value, 3) for name, value in self.seconds_per_stage.items()},
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``report.html``, ``report.json``, and what of a long video stays beside them."""
        from sensorium.watch.page import render

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        data, page = folder / "report.json", folder / "report.html"
        data.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        page.write_text(render(self), encoding="utf-8", errors="replace")
        beside = [folder / FILE_NAME] if self.preview.path is not None else []
        beside += [folder / name for s in self.sections for name in s.files]
        for target in beside:
            source = (self.folder or folder) / target.relative_to(folder)
            if source.resolve() != target.resolve():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        return [data, page, *beside]

    def figure(self) -> Figure:
        """All sections' lanes over time."""
        from matplotlib.figure import Figure

        lanes = [(s, lane) for s in self.sections for lane in s.lanes]
        figure = Figure(figsize=(9, 1 + 0.45 * max(1, len(lanes))), layout="constrained")
        axes = figure.subplots()
        for row, (section, lane) in enumerate(lanes):
            colour = "0.6" if section.notice or lane.hue is None else f"C{row}"
            if lane.curve:
                times, values = zip(*lane.curve, strict=True)
                low = [row + 0.45] * len(times)
                high = [row + 0.45 - 0.9 * v for v in values]
                axes.fill_between(times, low, high, color=colour, alpha=0.2, linewidth=0)
            for s in lane.segments:
                axes.barh(row, s.span.duration, 0.7, s.span.start, color=colour, alpha=0.6)
        axes.set_yticks(range(len(lanes)), [lane.label for _, lane in lanes])
        axes.set(xlim=(self.clock.start, self.clock.start + self.clock.duration), xlabel="seconds")
        axes.set_ylim(max(1, len(lanes)) - 0.5, -0.5)
        axes.spines[["top", "right", "left"]].set_visible(False)
        if self.out_of_domain:
            axes.set_title("out of domain: do not trust the labels", color="C3")
        return figure
