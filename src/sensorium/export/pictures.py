"""Classifiers of pictures as ONNX: as they are simulated, or in the integers that they simulate.

Simulated, the graph rounds floats as the network does. In integers it is what
`sensorium.robustness.integers` makes of it: ONNX Runtime computes its convolutions in 8 bits. Both
take bytes and give logits.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sensorium.export.checking import TOLERANCE, Check
from sensorium.export.exported import Exported
from sensorium.export.extra import need
from sensorium.export.picture_card import page
from sensorium.export.quantising import Accuracy, convolutions, saturates
from sensorium.export.running import open_session
from sensorium.export.tracing import traced
from sensorium.plain import to_plain
from sensorium.recipe import Data
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.datasets.folders import PictureFolders
from sensorium.robustness.integers import integer_network
from sensorium.robustness.quantiser import set_bits
from sensorium.robustness.recipes import RECIPES
from sensorium.robustness.systems import DQSystem
from sensorium.seeds import torch_generator

CALIBRATION, HELD_OUT = 128, 1000
_BATCHES = (1, 3, 16)
_FLIPS = 0.1
"""Largest share of noise pictures in which a value may round to another level than in PyTorch."""


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


@runtime_checkable
class AllPictures(Protocol):
    """Data that can be had as a whole."""

    def all(self, split: Any) -> LabelledData:
        """Every picture of a split."""


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
        data, words = _data(system, source)
        ranges = torch.split(_bytes(data, "val", CALIBRATION)[0], 32)
        integers = integer_network(system.network, ranges, _bits(system))
    plain = write_graph(TakesBytes(system).eval(), system, folder / "fp32.onnx", "fp32")
    session = open_session(plain, torch.get_num_threads())
    found = _checked(system, session)
    size = plain.stat().st_size / 1e6
    done = Exported(plain, plain.with_suffix(".md"), "picture", "fp32", found, size, size)
    if not int8:
        return plain, done, page(done, system, "")
    small = write_graph(integers, system, folder / "int8.onnx", "int8")
    session8 = open_session(small, torch.get_num_threads())
    cost = _accuracy(session, session8, *_bytes(data, "test", HELD_OUT))
    if cost.drop > max_drop:
        raise ValueError(
            f"{system.weights}: in integers top-1 is {100 * (cost.top1 or 0):.1f} % instead of "
            f"{100 * (cost.top1_fp32 or 0):.1f} %, a fall of more than max_drop (--max-drop), so "
            "nothing was written; calibrate on more pictures, or raise it"
        )
    whole, floats = convolutions(small)
    done = Exported(
        small,
        small.with_suffix(".md"),
        "picture",
        "int8",
        _checked(system, session8, exact=False),
        small.stat().st_size / 1e6,
        size,
        accuracy=cost,
        int8=whole,
        floats=floats,
        float_ms=_float_ms(system, folder),
    )
    return small, done, page(done, system, words)


def _bits(system: DQSystem) -> int:
    """Of the weights: as trained, else 8 (7 where pairs of products would overflow)."""
    most = 7 if saturates() else 8
    return min(system.config.weight_bits or most, most)


def write_graph(module: nn.Module, system: DQSystem, path: Path, precision: str) -> Path:
    """Traced with its metadata."""
    onnx = need("onnx")
    config = system.config
    shape = (2, config.in_channels, config.size, config.size)
    image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch_generator(0, "image"))
    model = traced(module, (image,), ["image"], ["logits"], ({0: torch.export.Dim("batch")},))
    model.producer_name = "sensorium"
    about = AboutPictures(
        system.name,
        system.weights,
        config.classes,
        config.size,
        config.in_channels,
        config.bits,
        precision,
    )
    for name, value in about.metadata().items():
        model.metadata_props.add(key=name, value=value)
    onnx.save(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    return path


@torch.no_grad()
def _checked(system: DQSystem, session: Any, exact: bool = True) -> Check:
    """The file against the eager system on noise, and how fast both are.

    A value that lies between two levels may round to the other one: with quantised activations, a
    small share of pictures may differ by more than rounding.
    """
    config = system.config
    errors, scales = [], []
    for count in _BATCHES:
        shape = (count, config.in_channels, config.size, config.size)
        image = torch.randint(
            0, 256, shape, dtype=torch.uint8, generator=torch_generator(1, "export", count)
        )
        eager = system(system.pixels(image)).numpy()
        ours = session.run(["logits"], {"image": image.numpy()})[0]
        errors += np.abs(ours - eager).max(1).tolist()
        scales.append(float(np.abs(eager).max()))
    far = [e for e in errors if e > TOLERANCE * max(1.0, *scales)]
    if exact and len(far) > (_FLIPS * len(errors) if config.bits else 0):
        raise ValueError(
            f"{system.weights}: the exported graph's logits are off by {max(errors):.2g} (largest "
            f"logit {max(scales):.3g}), so nothing was written; please report this system"
        )
    one = torch.zeros(1, config.in_channels, config.size, config.size, dtype=torch.uint8)
    array, x = one.numpy(), system.pixels(one)
    eager_ms, ms = least_ms([lambda: system(x), lambda: session.run(["logits"], {"image": array})])
    shapes = tuple((count, 1) for count in _BATCHES)
    return Check(shapes, max(errors), max(scales), eager_ms, ms, torch.get_num_threads())


def _float_ms(system: DQSystem, folder: Path) -> float:
    """One picture by ONNX Runtime, the same network with float activations."""
    floats = copy.deepcopy(system)
    set_bits(floats, 0)
    path = write_graph(TakesBytes(floats).eval(), floats, folder / "float.onnx", "fp32")
    session = open_session(path, torch.get_num_threads())
    config = system.config
    array = np.zeros((1, config.in_channels, config.size, config.size), np.uint8)
    return least_ms([lambda: session.run(["logits"], {"image": array})])[0]


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


def _data(system: DQSystem, source: Data | str | Path | None) -> tuple[AllPictures, str]:
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


def _bytes(data: AllPictures, split: str, most: int) -> tuple[Tensor, Tensor]:
    """Some pictures of a split as bytes, drawn from all of it, and their labels."""
    whole = data.all(split)
    drawn = torch.randperm(len(whole), generator=torch_generator(0, "export", split))[:most]
    return (whole.x[drawn] * 255).round().to(torch.uint8), whole.y[drawn]


def _accuracy(plain: Any, integers: Any, image: Tensor, label: Tensor) -> Accuracy:
    """Both sessions' answers on held-out pictures."""
    parts = [
        [s.run(["logits"], {"image": part.numpy()})[0] for part in torch.split(image, 100)]
        for s in (plain, integers)
    ]
    old, new = (np.concatenate(part) for part in parts)
    error, scale = float(np.abs(new - old).max()), float(np.abs(old).max())
    truth, before, after = label.numpy(), old.argmax(1), new.argmax(1)
    same = float((before == after).mean())
    right = float((before == truth).mean()), float((after == truth).mean())
    return Accuracy(len(truth), same, error, scale, *right)


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
        values["classes"] = tuple(values["classes"])
        known = AboutPictures.__dataclass_fields__
        self.about = AboutPictures(**{k: v for k, v in values.items() if k in known})

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits."""
        return self.about.classes

    def __call__(self, x: Tensor) -> Float[Tensor, "B K"]:
        """Logits of pictures ``[B, C, S, S]``: bytes, or values in 0..1, which are rounded."""
        image = x if x.dtype == torch.uint8 else (x.detach().clamp(0, 1) * 255).round()
        array = image.to(torch.uint8).contiguous().numpy()
        return torch.from_numpy(self._session.run(["logits"], {"image": array})[0])
