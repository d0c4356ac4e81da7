"""Action systems as programs of `torch.export`: whole clips in, in floats or in 8-bit integers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium.actions.results import Actions
from sensorium.actions.systems import ActionSystem
from sensorium.export.about import About
from sensorium.export.calibration import Clips
from sensorium.export.checking import Check
from sensorium.export.compiled import Compiled, check_compiler
from sensorium.export.exported import Exported
from sensorium.export.picture_checking import least_ms
from sensorium.export.picture_programs import no_integers
from sensorium.export.programs import load, program, save
from sensorium.export.pt2e import check_torchao, quantised
from sensorium.export.quantising import Accuracy, saturates
from sensorium.export.running import actions_of
from sensorium.export.tracing import TRACED_BATCH, random_frames
from sensorium.plain import from_plain
from sensorium.types import Clip

LEAST = 3
"""Frames of a clip: the first and the last of a shifted one are special."""


@torch.no_grad()
def made(
    system: ActionSystem, about: About, folder: Path, clips: Clips | None
) -> tuple[Path, Exported]:
    """The finished file in a temporary folder, checked for all but its accuracy.

    Args:
        system: on the CPU, in ``eval()`` mode.
        about: the file's metadata, in 32 bits.
        folder: where to write.
        clips: for 8 bits; ``None``: in floats.

    Raises:
        ValueError: when the program is not as good as the system, or there is no C++ compiler.
        ImportError: when torchao is missing.
    """
    if clips is not None:
        check_torchao()
        check_compiler()
    count = about.view.sampling.count
    example, sizes = random_frames(about, TRACED_BATCH, count), _sizes(about)
    plain = save(program(system, example, sizes), folder / "fp32.pt2", about)
    floats = load(plain, "clip")[0]
    found = _checked(system, floats, about)
    if not found.close:
        raise ValueError(
            f"{system.weights}: the exported program's logits are off by {found.error:.2g} "
            f"(largest logit {found.scale:.3g}), so nothing was written; please report this system"
        )
    size = plain.stat().st_size / 1e6
    done = Exported(plain, plain.with_suffix(".md"), "clip", "fp32", found, size, size)
    if clips is None:
        return plain, done
    frames = (batch for batch, _ in clips.calibration())
    graph = quantised(program(system, example, sizes).module(), frames, 7 if saturates() else 8)
    small = folder / "int8.pt2"
    save(program(graph, example, sizes), small, replace(about, precision="int8"))
    run = Compiled(load(small, "clip")[0], small.name)
    whole, others = run.kernels(random_frames(about, 3, count))
    if not whole:
        raise ValueError(no_integers(system.weights, others))
    compiled, one = Compiled(floats, plain.name), random_frames(about, 1, count)
    return small, Exported(
        small,
        small.with_suffix(".md"),
        "clip",
        "int8",
        _checked(system, run, about),
        small.stat().st_size / 1e6,
        size,
        accuracy=_accuracy(floats, run, clips),
        int8=whole,
        floats=others,
        float_ms=least_ms([lambda: compiled(one)], 5)[0],
    )


def _sizes(about: About) -> dict[int, Any]:
    """The free dimensions: batch and time."""
    if about.multiple > 1:
        time = about.multiple * torch.export.Dim("snippets")
    else:
        time = torch.export.Dim("time", min=LEAST)
    return {0: torch.export.Dim("batch"), 1: time}


def _checked(system: ActionSystem, run: Any, about: About) -> Check:
    """Against the eager system on noise, at sizes that were not traced, and how fast both are."""
    count = about.view.sampling.count
    shapes = ((1, count), (3, count), (1, 2 * count))
    errors, scales = [], []
    for batch, time in shapes:
        clips = random_frames(about, batch, time, seed=1)
        eager = system(clips)
        errors.append(float((run(clips) - eager).abs().max()))
        scales.append(float(eager.abs().max()))
    one = random_frames(about, 1, count)
    eager_ms, ms = least_ms([lambda: system(one), lambda: run(one)], 5)
    return Check(shapes, max(errors), max(scales), eager_ms, ms, torch.get_num_threads())


def _accuracy(floats: Any, integers: Any, clips: Clips) -> Accuracy:
    """Both programs' answers on held-out clips, one view each."""
    held_out = list(clips.held_out())
    truth = torch.cat([labels for _, labels in held_out])
    old, new = (torch.cat([run(f) for f, _ in held_out]) for run in (floats, integers))
    return Accuracy.between(truth.numpy(), old.numpy(), new.numpy())


class Pt2Actions:
    """An exported program of an action system, compiled.

    torchao is not needed. The number of threads is PyTorch's.

    Args:
        path: the file.
        compiled: by `torch.compile` at the first call, which a program in integers needs in order
            to be fast; otherwise operator by operator.

    Attributes:
        about: the file's metadata.

    Raises:
        ValueError: when the file is missing, damaged, or no export of this form, or there is no
            C++ compiler.
    """

    def __init__(self, path: str | Path, compiled: bool = True) -> None:
        module, about = load(path, "clip")
        self.about = from_plain(About, about, f"{path}: metadata")
        self._run: Any = Compiled(module, str(path)) if compiled else module

    @torch.no_grad()
    def __call__(self, frames: UInt8[Tensor, "B T 3 S S"]) -> Float[Tensor, "B K"]:
        """Logits of clips."""
        logits: Tensor = self._run(frames)
        return logits

    def predict(self, clip: Clip) -> Actions:
        """What happens when, as ``System.predict`` says it (without a domain gauge).

        Raises:
            ValueError: when the clip has no pictures.
        """
        return actions_of(self, self.about, clip)
