"""Classifiers of pictures as programs of `torch.export`: simulated, or in integers by torchao.

Both take values in 0..1. The simulated one has the gradients of the system, so that it can be
attacked as it is; the one in integers rounds its input to bytes and has none.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.export.compiled import Compiled, check_compiler
from sensorium.export.exported import Exported
from sensorium.export.picture_card import page
from sensorium.export.picture_checking import (
    CALIBRATION,
    HELD_OUT,
    Answer,
    accuracy,
    checked,
    least_ms,
    noise,
    pictures_for,
    some,
    too_much,
    weight_bits,
)
from sensorium.export.pictures import about_pictures, about_system
from sensorium.export.programs import load, program, save
from sensorium.export.pt2e import bounded, check_torchao, quantised
from sensorium.recipe import Data
from sensorium.robustness.quantiser import set_bits
from sensorium.robustness.systems import DQSystem

_STEP = 1 / 255
"""Of the input in integers."""


def made(
    system: DQSystem,
    folder: Path,
    *,
    int8: bool,
    source: Data | str | Path | None,
    max_drop: float,
) -> tuple[Path, Exported, str]:
    """The finished file in a temporary folder, what was measured, and the text of its card.

    Raises:
        ValueError: when the file is not as good as the system, there are no data for ``int8``, or
            no C++ compiler.
        ImportError: when torchao is missing.
    """
    if not system.config.classes:
        raise ValueError(f"{system.weights} has no classes, so that its logits have no names")
    system = copy.deepcopy(system).cpu().eval().requires_grad_(False)
    if int8:
        check_torchao()
        check_compiler()
        data, words = pictures_for(system, source)
    plain = save(_simulated(system), folder / "fp32.pt2", about_system(system, "fp32"))
    simulated = load(plain, "picture")[0]
    found = checked(system, _of_bytes(simulated))
    size = plain.stat().st_size / 1e6
    done = Exported(plain, plain.with_suffix(".md"), "picture", "fp32", found, size, size)
    if not int8:
        return plain, done, page(done, system, "")
    small = folder / "int8.pt2"
    ranges = _values(some(data, "val", CALIBRATION)[0])
    save(integers(system, ranges), small, about_system(system, "int8"))
    run = Compiled(load(small, "picture")[0], small.name)
    whole, floats = run.kernels(_values(noise(system, 3)))
    if not whole:
        raise ValueError(no_integers(system.weights, floats))
    cost = accuracy(_of_bytes(simulated), _of_bytes(run), *some(data, "test", HELD_OUT))
    if cost.drop > max_drop:
        raise ValueError(too_much(system.weights, cost))
    done = Exported(
        small,
        small.with_suffix(".md"),
        "picture",
        "int8",
        checked(system, _of_bytes(run), exact=False),
        small.stat().st_size / 1e6,
        size,
        accuracy=cost,
        int8=whole,
        floats=floats,
        float_ms=_float_ms(system),
    )
    return small, done, page(done, system, words)


def no_integers(weights: str, floats: int) -> str:
    """The refusal of a program that is quantised and computes in floats, in one line."""
    return (
        f"{weights}: none of the {floats} convolutions would run in 8 bits in what this PyTorch "
        "compiles here, so nothing was written; export without int8, or with to='onnx' (--to onnx)"
    )


def integers(system: DQSystem, images: Float[Tensor, "N C S S"]) -> Any:
    """The program in integers, its free ranges from pictures in 0..1.

    Raises:
        ImportError: when torchao is missing.
        ValueError: when the activations have different numbers of bits.
    """
    network, levels = bounded(system.network)
    example, batch = _values(noise(system, 2)), {0: torch.export.Dim("batch")}
    module = program(network, example, batch).module()
    seen = torch.split(images, 32)
    graph = quantised(module, seen, weight_bits(system), (_STEP, levels))
    return program(graph, example, batch)


def _simulated(system: DQSystem) -> Any:
    """The program as the system computes."""
    example = _values(noise(system, 2))
    return program(system.network, example, {0: torch.export.Dim("batch")})


def _values(image: Tensor) -> Float[Tensor, "B C S S"]:
    """Bytes as values in 0..1."""
    return image.float() / 255


def _of_bytes(run: Any) -> Answer:
    """A program as a function of bytes."""
    return lambda image: run(_values(image)).detach()


def _float_ms(system: DQSystem) -> float:
    """One picture by the same compiler, the same network with float activations."""
    floats = copy.deepcopy(system)
    set_bits(floats, 0)
    run = Compiled(_simulated(floats).module(), system.weights)
    config = system.config
    one = torch.zeros(1, config.in_channels, config.size, config.size)
    return least_ms([lambda: run(one)])[0]


class Pt2Pictures:
    """An exported program of a classifier of pictures, compiled; itself a `Classifier`.

    It has no gradients: attack it by transfer, or load a program in floats by
    `torch.export.load(path).module()`, which has them. torchao is not needed. The number of threads
    is PyTorch's.

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
        module, about = load(path, "picture")
        self.about = about_pictures(about)
        self._run: Any = Compiled(module, str(path)) if compiled else module

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits."""
        return self.about.classes

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Float[Tensor, "B K"]:
        """Logits of pictures ``[B, C, S, S]``: bytes, or values in 0..1."""
        logits: Tensor = self._run(_values(x) if x.dtype == torch.uint8 else x.detach().float())
        return logits
