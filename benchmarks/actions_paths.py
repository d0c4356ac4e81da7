"""The networks that `actions_speed` compares, on every path that they can be run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from sensorium.actions.baselines import I3D, TSN, I3DConfig, TSNConfig
from sensorium.actions.sampling import Sampling
from sensorium.actions.systems import (
    I3DSystem,
    I3DSystemConfig,
    TSMSystem,
    TSMSystemConfig,
    TSNSystem,
    TSNSystemConfig,
)
from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.actions.view import View
from sensorium.export.about import About
from sensorium.export.calibration import Labelled
from sensorium.export.quantising import quantise
from sensorium.export.running import open_session
from sensorium.export.tracing import random_frames, trace

Call = Callable[[], object]

NETWORKS = ("tsn", "tsm", "tsm-slices", "i3d")
EAGER = ("fp32", "fp32 channels-last", "bf16 channels-last")
ONNX = ("onnx fp32", "onnx int8")


@dataclass(frozen=True)
class Plan:
    """How large, how often, where."""

    backbone: str = "resnet50"
    small_backbone: str = "mobilenet_v2"
    size: int = 224
    frames: int = 8
    i3d_frames: int = 32
    batches: tuple[int, ...] = (1, 8)
    repeats: int = 10
    threads: int = 4
    device: str = "cpu"
    compiled: bool = True
    memory_of: tuple[str, ...] = NETWORKS

    def time(self, network: str) -> int:
        return self.i3d_frames if network == "i3d" else self.frames

    def rounds(self, batch: int) -> int:
        return self.repeats if batch == 1 else max(2, self.repeats // 3)


QUICK = Plan(
    "resnet_tiny", "resnet_tiny", 32, 8, 16, (1, 2), 2, 1, compiled=False, memory_of=("tsm",)
)


class SliceCopies(nn.Module):
    """The shift as published code does it: a tensor of zeros, filled by three slice assignments."""

    def forward(self, x: Tensor, frames: int) -> Tensor:
        clips = x.view(-1, frames, *x.shape[1:])
        fold = x.shape[1] // 8
        out = torch.zeros_like(clips)
        out[:, :-1, :fold] = clips[:, 1:, :fold]
        out[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
        out[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
        return out.view(x.shape)

    def then(self, layer: Callable[[Tensor], Tensor], x: Tensor, frames: int) -> Tensor:
        return layer(self(x, frames))


def build(network: str, plan: Plan, **options: Any) -> nn.Module:
    """A network with random weights."""
    torch.manual_seed(0)
    backbone: Any = options.pop("backbone", plan.backbone)
    if network == "i3d":
        return I3D(I3DConfig(backbone, classes=400)).eval()
    if network == "tsn":
        return TSN(TSNConfig(backbone, classes=400)).eval()
    made = TSM(TSMConfig(backbone, classes=400, **options)).eval()
    if network == "tsm-slices":
        made.shift = SliceCopies()  # type: ignore[assignment]
    return made


def pixels(network: str, path: str, batch: int, plan: Plan) -> Tensor:
    """Normalised frames ``[B, T, 3, S, S]``, in the memory layout of the path."""
    shape = (batch, plan.time(network), plan.size, plan.size, 3)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).permute(0, 1, 4, 2, 3)
    x = x.to(plan.device)  # in memory: B T H W 3
    if path.startswith("bf16"):
        return x.bfloat16()
    return x.contiguous() if path == "fp32" else x


def prepared(model: nn.Module, network: str, path: str, plan: Plan) -> nn.Module:
    """The network in the path's number format and memory layout."""
    model = model.to(plan.device)
    if path.startswith("bf16"):
        model = model.bfloat16()
    if path == "fp32":
        return model
    layout = torch.channels_last_3d if network == "i3d" else torch.channels_last
    return model.to(memory_format=layout)  # type: ignore[call-overload,no-any-return]


def finish(plan: Plan) -> None:
    if plan.device != "cpu":
        torch.cuda.synchronize()


def eager_call(model: nn.Module, x: Tensor, plan: Plan) -> Call:
    """One forward pass, waited for."""

    def call() -> None:
        with torch.inference_mode():
            model(x)
        finish(plan)

    return call


def onnx_call(file: Path, network: str, batch: int, plan: Plan) -> Call:
    session = open_session(file, plan.threads)
    shape = (batch, plan.time(network), 3, plan.size, plan.size)
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).numpy()
    return lambda: session.run(["logits"], {"frames": frames})


def calls_of(network: str, path: str, plan: Plan, files: Path) -> Callable[[int], Call]:
    """How to run a network on a path, for a batch size."""
    if path in ONNX:
        file = files / f"{network}-{path.split()[1]}.onnx"
        return lambda batch: onnx_call(file, network, batch, plan)
    plain = path.replace("compiled", "channels-last")
    model = prepared(build(network, plan), network, plain, plan)
    if "compiled" in path:
        model = torch.compile(model)  # type: ignore[assignment]
    return lambda batch: eager_call(model, pixels(network, plain, batch, plan), plan)


# --- ONNX files -----------------------------------------------------------------------------------


class Noise:
    """Two clips to take ranges from: enough for speed."""

    words = "noise"

    def __init__(self, about: About) -> None:
        self.frames = random_frames(about, 1, about.view.sampling.count)

    def calibration(self) -> Iterator[Labelled]:
        for _ in range(2):
            yield self.frames, torch.zeros(1, dtype=torch.int64)

    held_out = calibration


def write_onnx(network: str, plan: Plan, folder: Path) -> None:
    """The exported file in 32 bits and in 8."""
    view = View(size=plan.size, sampling=Sampling("uniform", plan.time(network)))
    classes = tuple(f"class {k}" for k in range(400))
    backbone: Any = plan.backbone
    torch.manual_seed(0)
    system: Any
    if network == "i3d":
        system = I3DSystem(I3DSystemConfig(I3DConfig(backbone), view, classes))
    elif network == "tsn":
        system = TSNSystem(TSNSystemConfig(TSNConfig(backbone), view, classes))
    else:
        system = TSMSystem(TSMSystemConfig(TSMConfig(backbone), view, classes))
    about = About(network, network, classes, view, "clip")
    file = folder / f"{network}-fp32.onnx"
    onnx.save(trace(system.eval(), about), file)
    quantise(file, folder / f"{network}-int8.onnx", about, Noise(about))
