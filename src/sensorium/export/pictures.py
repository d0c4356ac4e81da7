"""Classifiers of pictures as ONNX: as they are simulated, or in the integers that they simulate.

Simulated, the graph rounds floats as the network does. In integers it is what
`sensorium.robustness.integers` makes of it: ONNX Runtime computes its convolutions in 8 bits. Both
take bytes and give logits.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sensorium.export.exported import Exported
from sensorium.export.extra import need
from sensorium.export.picture_card import page
from sensorium.export.picture_checking import (
    CALIBRATION,
    HELD_OUT,
    Answer,
    accuracy,
    checked,
    least_ms,
    pictures_for,
    some,
    too_much,
    weight_bits,
)
from sensorium.export.quantising import convolutions
from sensorium.export.running import open_session
from sensorium.export.tracing import traced
from sensorium.plain import to_plain
from sensorium.recipe import Data
from sensorium.robustness.integers import integer_network
from sensorium.robustness.quantiser import set_bits
from sensorium.robustness.systems import DQSystem
from sensorium.seeds import torch_generator


@dataclass(frozen=True)
class AboutPictures:
    """The metadata of an exported classifier of pictures; all but strings as JSON.

    Attributes:
        system: name of the system.
        weights: name of the weights.
        classes: names of the logits.
        size: height and width of the pictures.
        channels: 3 (RGB) or 1 (grey).
        bits: of the activations (0: floats).
        precision: ``fp32`` (simulated) or ``int8``.
        form: always ``picture``.
        format: version of this list.
    """

    system: str
    weights: str
    classes: tuple[str, ...]
    size: int
    channels: int
    bits: int
    precision: str = "fp32"
    form: str = "picture"
    format: int = 1

    def metadata(self) -> dict[str, str]:
        """As ONNX keeps it: strings by name."""
        plain: dict[str, Any] = to_plain(self)
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in plain.items()}


def about_system(system: DQSystem, precision: str) -> AboutPictures:
    """Of a system's file."""
    config = system.config
    return AboutPictures(
        system.name,
        system.weights,
        config.classes,
        config.size,
        config.in_channels,
        config.bits,
        precision,
    )


def about_pictures(values: Mapping[str, Any]) -> AboutPictures:
    """From a file's metadata; what this version does not know is left out."""
    known = AboutPictures.__dataclass_fields__
    kept = {k: v for k, v in values.items() if k in known}
    return AboutPictures(**{**kept, "classes": tuple(kept["classes"])})


class TakesBytes(nn.Module):
    """A system that takes bytes."""

    def __init__(self, system: DQSystem) -> None:
        super().__init__()
        self.network = system.network

    def forward(self, image: UInt8[Tensor, "B C S S"]) -> Float[Tensor, "B K"]:
        """Logits."""
        logits: Tensor = self.network(image.float() / 255)
        return logits


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
        ValueError: when the file is not as good as the system, or there are no data for ``int8``.
        ImportError: when the ``export`` extra is missing.
    """
    need("onnx", "onnxscript", "onnxruntime")
    if not system.config.classes:
        raise ValueError(f"{system.weights} has no classes, so that its logits have no names")
    system = copy.deepcopy(system).cpu().eval()
    if int8:
        data, words = pictures_for(system, source)
        ranges = torch.split(some(data, "val", CALIBRATION)[0], 32)
        integers = integer_network(system.network, ranges, weight_bits(system))
    plain = write_graph(TakesBytes(system).eval(), system, folder / "fp32.onnx", "fp32")
    session = open_session(plain, torch.get_num_threads())
    found = checked(system, by(session))
    size = plain.stat().st_size / 1e6
    done = Exported(plain, plain.with_suffix(".md"), "picture", "fp32", found, size, size)
    if not int8:
        return plain, done, page(done, system, "")
    small = write_graph(integers, system, folder / "int8.onnx", "int8")
    session8 = open_session(small, torch.get_num_threads())
    cost = accuracy(by(session), by(session8), *some(data, "test", HELD_OUT))
    if cost.drop > max_drop:
        raise ValueError(too_much(system.weights, cost))
    whole, floats = convolutions(small)
    done = Exported(
        small,
        small.with_suffix(".md"),
        "picture",
        "int8",
        checked(system, by(session8), exact=False),
        small.stat().st_size / 1e6,
        size,
        accuracy=cost,
        int8=whole,
        floats=floats,
        float_ms=_float_ms(system, folder),
    )
    return small, done, page(done, system, words)


def by(session: Any) -> Answer:
    """A session as a function of bytes."""
    return lambda image: torch.from_numpy(session.run(["logits"], {"image": image.numpy()})[0])


def write_graph(module: nn.Module, system: DQSystem, path: Path, precision: str) -> Path:
    """Traced with its metadata."""
    onnx = need("onnx")
    config = system.config
    shape = (2, config.in_channels, config.size, config.size)
    image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch_generator(0, "image"))
    model = traced(module, (image,), ["image"], ["logits"], ({0: torch.export.Dim("batch")},))
    model.producer_name = "sensorium"
    for name, value in about_system(system, precision).metadata().items():
        model.metadata_props.add(key=name, value=value)
    onnx.save(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    return path


def _float_ms(system: DQSystem, folder: Path) -> float:
    """One picture by ONNX Runtime, the same network with float activations."""
    floats = copy.deepcopy(system)
    set_bits(floats, 0)
    path = write_graph(TakesBytes(floats).eval(), floats, folder / "float.onnx", "fp32")
    session = open_session(path, torch.get_num_threads())
    config = system.config
    array = np.zeros((1, config.in_channels, config.size, config.size), np.uint8)
    return least_ms([lambda: session.run(["logits"], {"image": array})])[0]


class OnnxPictures:
    """An exported classifier of pictures, itself a `Classifier`: it can be attacked by transfer.

    Args:
        path: the file.
        threads: of one call; default: as many as there are cores.

    Attributes:
        about: the file's metadata.

    Raises:
        ValueError: when the file is missing, damaged, or no export of this form.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        self._session = open_session(path, threads)
        found = self._session.get_modelmeta().custom_metadata_map
        if found.get("form") != "picture":
            raise ValueError(
                f"{path}: no classifier of pictures that sensorium exported; open an exported "
                "action system with OnnxActions or OnnxStream"
            )
        text = ("system", "weights", "precision", "form")
        values = {k: v if k in text else json.loads(v) for k, v in found.items()}
        self.about = about_pictures(values)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits."""
        return self.about.classes

    def __call__(self, x: Tensor) -> Float[Tensor, "B K"]:
        """Logits of pictures ``[B, C, S, S]``: bytes, or values in 0..1, which are rounded."""
        image = x if x.dtype == torch.uint8 else (x.detach().clamp(0, 1) * 255).round()
        array = image.to(torch.uint8).contiguous().numpy()
        return torch.from_numpy(self._session.run(["logits"], {"image": array})[0])
