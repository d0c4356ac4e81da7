"""`watch`: every ability over one file, written down as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import torch

from sensorium import media, store
from sensorium.store.atomic import fresh_folder
from sensorium.system import System
from sensorium.types import Clip
from sensorium.watch import wording
from sensorium.watch.abilities import SECTIONS, Ability
from sensorium.watch.clock import Clock
from sensorium.watch.folder import choose, file_key
from sensorium.watch.pictures import Picture, film_strip, key_frames
from sensorium.watch.preview import make_preview
from sensorium.watch.report import Report
from sensorium.watch.section import Section, Setting
from sensorium.watch.weights import Weights

OnStage = Callable[[str, float], None]


def watch(
    path: str | Path,
    out: str | Path,
    *,
    systems: Sequence[System] | None = None,
    device: str | torch.device = "cpu",
    on_stage: OnStage | None = None,
) -> Report:
    """Write ``<out>/<file stem>/report.html`` (and ``report.json``) about one file.

    A second file of the same stem gets a folder of its own (``<stem>-2``); the report of the same
    file is replaced, whole or not at all.

    Args:
        path: a video file, or a folder of numbered frames.
        out: where the report's folder goes; made if missing.
        systems: whose answers the report holds; default: the bundled weights of each ability in
            ``SECTIONS``. They are moved to ``device`` and set to ``eval()``.
        device: where to compute.
        on_stage: told the stage that runs and the share of it that is done, 0..1.

    Raises:
        ValueError: when the file cannot be read, or holds nothing that these systems understand.
    """
    path, out = Path(path), Path(out)
    timer = Timer(on_stage or (lambda stage, share: None))
    with timer.stage("read"):
        info = media.probe(path)
        clip = media.read(path)
    abilities, unanswered = _answerable(clip), () if systems else _unanswered(clip)
    if systems is None:
        with timer.stage("load"):
            systems = [store.load(a.weights) for a in abilities]
    folder = choose(path, out)
    with fresh_folder(folder) as unfinished:
        sections = [_section(system.to(device), clip, unfinished, timer) for system in systems]
        strip, frames = _pictures(clip, sections, timer)
        with timer.stage("preview") as told:
            preview = make_preview(path, clip, unfinished, told)
        report = Report(
            file=str(path),
            key=file_key(path, out),
            info=info,
            clock=Clock.of(clip.span),
            sections=tuple(sections),
            weights=tuple(_card(system) for system in systems),
            strip=tuple(strip),
            frames=tuple(frames),
            preview=preview,
            seconds_per_stage=dict(timer.seconds),
            damage=media.problems(clip),
            unanswered=unanswered,
        )
        report.save(unfinished)
    return report.at(folder)


def _answerable(clip: Clip) -> list[Ability]:
    """The abilities that have something to say about such a clip.

    Raises:
        ValueError: when there is none.
    """
    found = [a for a in SECTIONS if a.answers_for(clip)]
    if not found:
        missing = "video" if clip.video is None else "audio"
        needs = wording.listing([f"{a.name} need {a.needed}" for a in SECTIONS])
        raise ValueError(
            f"{clip.name}: got {_has(clip)}, but {needs}; give a file with a {missing} stream"
        )
    return [a for a in found if a.installed] or found


def _unanswered(clip: Clip) -> tuple[str, ...]:
    """Why the other abilities say nothing about such a clip, a line each."""
    lacking = [
        f"Nothing is said about {a.name}: that needs {a.needed}, and this file has {_has(clip)}."
        for a in SECTIONS
        if not a.answers_for(clip)
    ]
    absent = [
        f"Nothing is said about {a.name}: the weights \u201c{a.weights}\u201d are not installed."
        for a in SECTIONS
        if a.answers_for(clip) and not a.installed
    ]
    return (*lacking, *absent)


def _has(clip: Clip) -> str:
    if clip.video is not None and clip.audio is not None:
        return "pictures and sound"
    return "sound only" if clip.video is None else "pictures only"


def _card(system: System) -> Weights:
    return Weights.of(system, getattr(system, "card", None))


def _section(system: System, clip: Clip, folder: Path, timer: Timer) -> Section:
    """What a system says about the clip, as the ability of its result's type shows it.

    Raises:
        ValueError: when no section shows such a result.
    """
    card, clock = _card(system), Clock.of(clip.span)
    with timer.stage(system.weights) as told:
        result = system.eval().predict(clip)
        for ability in SECTIONS:
            if isinstance(result, ability.result):
                return ability.section(result, Setting(clip, clock, card, folder, told))
    known = wording.listing([a.name for a in SECTIONS])
    raise ValueError(
        f"system {card.name!r} gives {type(result).__name__}, which no section of a report shows; "
        f"this version shows {known}"
    )


def _pictures(
    clip: Clip, sections: Sequence[Section], timer: Timer
) -> tuple[list[Picture], list[Picture]]:
    """The film strip and the key frames; none for a clip of sound only."""
    if clip.video is None:
        return [], []
    with timer.stage("pictures"):
        moments = [m for s in sections for m in s.moments]
        return film_strip(clip.video), key_frames(clip.video, moments)


class Timer:
    """Wall time per stage; tells `on_stage` what runs."""

    def __init__(self, on_stage: OnStage) -> None:
        self.on_stage = on_stage
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Times the block; yields a function that takes the share that is done."""
        self.on_stage(name, 0.0)
        began = perf_counter()
        yield lambda share: self.on_stage(name, share)
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began
        self.on_stage(name, 1.0)
