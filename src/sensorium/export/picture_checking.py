"""An exported classifier of pictures against the system: the same logits, how fast, how accurate.

Whatever runs the file is a function of bytes here: ONNX Runtime or a program of `torch.export`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from sensorium.export.checking import TOLERANCE, Check
from sensorium.export.quantising import Accuracy, saturates
from sensorium.recipe import Data
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.datasets.folders import PictureFolders
from sensorium.robustness.recipes import RECIPES
from sensorium.robustness.systems import DQSystem
from sensorium.seeds import torch_generator

CALIBRATION, HELD_OUT = 128, 1000
_BATCHES = (1, 3, 16)
_FLIPS = 0.1
"""Largest share of noise pictures in which a value may round to another level than in PyTorch."""

Answer = Callable[[Tensor], Tensor]
"""Logits ``[B, K]`` of bytes ``uint8 [B, C, S, S]``."""


@runtime_checkable
class AllPictures(Protocol):
    """Data that can be had as a whole."""

    def all(self, split: Any) -> LabelledData:
        """Every picture of a split."""


def weight_bits(system: DQSystem) -> int:
    """Of the weights: as trained, else 8 (7 where pairs of products would overflow)."""
    most = 7 if saturates() else 8
    return min(system.config.weight_bits or most, most)


def noise(system: DQSystem, count: int) -> Tensor:
    """Pictures that no system knows: ``uint8 [count, C, S, S]``."""
    config = system.config
    shape = (count, config.in_channels, config.size, config.size)
    generator = torch_generator(1, "export", count)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@torch.no_grad()
def checked(system: DQSystem, answer: Answer, exact: bool = True) -> Check:
    """The file against the eager system on noise, and how fast both are.

    A value that lies between two levels may round to the other one: with quantised activations, a
    small share of pictures may differ by more than rounding.

    Raises:
        ValueError: when more of them do and ``exact`` is asked for.
    """
    config = system.config
    errors: list[float] = []
    scales: list[float] = []
    for count in _BATCHES:
        image = noise(system, count)
        eager = system(system.pixels(image))
        errors += (answer(image) - eager).abs().amax(1).tolist()
        scales.append(float(eager.abs().max()))
    far = [e for e in errors if e > TOLERANCE * max(1.0, *scales)]
    if exact and len(far) > (_FLIPS * len(errors) if config.bits else 0):
        raise ValueError(
            f"{system.weights}: the exported graph's logits are off by {max(errors):.2g} (largest "
            f"logit {max(scales):.3g}), so nothing was written; please report this system"
        )
    one = torch.zeros(1, config.in_channels, config.size, config.size, dtype=torch.uint8)
    x = system.pixels(one)
    eager_ms, ms = least_ms([lambda: system(x), lambda: answer(one)])
    shapes = tuple((count, 1) for count in _BATCHES)
    return Check(shapes, max(errors), max(scales), eager_ms, ms, torch.get_num_threads())


def least_ms(works: Sequence[Callable[[], object]], repeats: int = 10) -> list[float]:
    """Least milliseconds of each, by turns, so that the machine's moods hit all of them."""
    best = [float("inf")] * len(works)
    for turn in range(repeats + 1):
        for i, work in enumerate(works):
            start = time.perf_counter()
            work()
            if turn:  # the first warms up
                best[i] = min(best[i], time.perf_counter() - start)
    return [1e3 * b for b in best]


def pictures_for(system: DQSystem, source: Data | str | Path | None) -> tuple[AllPictures, str]:
    """Pictures of the system's classes, and what they are in words.

    Raises:
        ValueError: when there are none, or of other classes.
    """
    size = system.config.size
    data: Any = source
    if isinstance(source, str | Path):
        data = PictureFolders(Path(source), resize=size, size=size)
    elif source is None:
        name = system.card.recipe if system.card is not None else ""
        if name not in RECIPES:
            raise ValueError(
                f"{system.weights}: its card names no recipe of ours, so that there are no "
                "pictures to measure 8 bits on; give a folder with --calibration DIR"
            )
        data = RECIPES[name]().data
    if not isinstance(data, AllPictures) or data.adapt(system.config) != system.config:  # type: ignore[attr-defined]
        raise ValueError(
            f"{system.weights}: the calibration data are no pictures of its classes and size; "
            "give the data that it was trained on, or a folder of pictures by class"
        )
    return data, f"{data} (ranges from the validation split, accuracy on the test split)"


def some(data: AllPictures, split: str, most: int) -> tuple[Tensor, Tensor]:
    """Some pictures of a split as bytes, drawn from all of it, and their labels."""
    whole = data.all(split)
    drawn = torch.randperm(len(whole), generator=torch_generator(0, "export", split))[:most]
    return (whole.x[drawn] * 255).round().to(torch.uint8), whole.y[drawn]


@torch.no_grad()
def accuracy(plain: Answer, integers: Answer, image: Tensor, label: Tensor) -> Accuracy:
    """Both answers on held-out pictures."""
    parts = torch.split(image, 100)
    old, new = (torch.cat([a(part) for part in parts]).numpy() for a in (plain, integers))
    return Accuracy.between(label.numpy(), old, new)


def too_much(weights: str, cost: Accuracy) -> str:
    """The refusal of an 8-bit form, in one line."""
    return (
        f"{weights}: in integers top-1 is {100 * (cost.top1 or 0):.1f} % instead of "
        f"{100 * (cost.top1_fp32 or 0):.1f} %, a fall of more than max_drop (--max-drop), so "
        "nothing was written; calibrate on more pictures, or raise it"
    )
