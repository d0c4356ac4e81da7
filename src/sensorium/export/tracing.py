"""From a system to an ONNX graph by `torch.export`: pixels in, logits out, batch and time free.

The graph takes ``uint8`` frames and normalises them itself. Where a network has one way for eager
computing and another for a recorded graph (the temporal shift), the recorded one is taken; it is
held to the eager one by `checking`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sensorium.actions.streaming import StreamingTSM
from sensorium.actions.systems import ActionSystem
from sensorium.actions.tsm import TSM
from sensorium.export.about import About
from sensorium.export.extra import need
from sensorium.seeds import torch_generator

TRACED_BATCH = 2


class OneFrame(nn.Module):
    """The streaming step of a system, its caches as inputs and outputs.

    Shape:
        ``frame``: ``uint8 [B, 3, S, S]``; returns logits ``[B, K]`` and the next caches.
    """

    def __init__(self, system: ActionSystem) -> None:
        super().__init__()
        assert isinstance(system.network, TSM)
        self.system = system
        self.stream = StreamingTSM(system.network)

    def forward(self, frame: Tensor, caches: list[Tensor]) -> tuple[Tensor, ...]:
        """One step."""
        logits, kept = self.stream.step(self.system.pixels(frame[:, None])[:, 0], caches)
        return (logits, *kept)

    def empty(self, frame: Tensor) -> list[Tensor]:
        """Caches before the first frame."""
        return list(self.stream.initial_caches(self.system.pixels(frame[:, None])[:, 0]))


def random_frames(about: About, batch: int, time: int, seed: int = 0) -> Tensor:
    """Noise of the right shape: ``uint8 [batch, time, 3, S, S]``."""
    size = about.view.size
    generator = torch_generator(seed, "export", batch, time)
    return torch.randint(
        0, 256, (batch, time, 3, size, size), dtype=torch.uint8, generator=generator
    )


def trace(system: ActionSystem, about: About) -> Any:
    """The ONNX model of a system in ``eval()`` mode on the CPU, with its metadata.

    Inputs and outputs are ``frames -> logits``, or ``frame, cache_0 ... -> logits, next_cache_0
    ...``.
    """
    need("onnx", "onnxscript")
    frames = random_frames(about, TRACED_BATCH, about.view.sampling.count)
    batch, snippets = torch.export.Dim("batch"), torch.export.Dim("time")
    if about.form == "clip":
        time = snippets if about.multiple == 1 else about.multiple * snippets
        model = traced(system, (frames,), ["frames"], ["logits"], ({0: batch, 1: time},))
    else:
        step = OneFrame(system).eval()
        caches = step.empty(frames[:, 0])
        names = [f"cache_{i}" for i in range(len(caches))]
        shapes = ({0: batch}, [{0: batch}] * len(caches))
        outputs = ["logits", *(f"next_{n}" for n in names)]
        model = traced(step, (frames[:, 0], caches), ["frame", *names], outputs, shapes)
    model.producer_name = "sensorium"
    for name, value in about.metadata().items():
        model.metadata_props.add(key=name, value=value)
    return model


def traced(
    module: nn.Module, inputs: tuple[Any, ...], names: list[str], outputs: list[str], shapes: Any
) -> Any:
    """The ONNX model of a module."""
    with _quiet():
        program = torch.onnx.export(
            module,
            inputs,
            dynamo=True,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=shapes,
            custom_translation_table=_integer_operators(),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _integer_operators() -> dict[Any, Any]:
    """How to write the quantise and dequantise operators.

    PyTorch's exporter knows those that were registered when it was first used, and no others.
    """
    from onnxscript.function_libs.torch_lib.ops import quantized_decomposed as written

    from sensorium.robustness.integers import operators

    known = operators()
    names = ("quantize_per_tensor", "dequantize_per_tensor", "dequantize_per_channel")
    return {
        getattr(known, name).default: getattr(written, f"quantized_decomposed_{name}")
        for name in names
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch's exporter says about itself and about packages that are not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*isinstance.treespec", FutureWarning)
            warnings.filterwarnings("ignore", ".*axis name.* will not be used", UserWarning)
            yield
    finally:
        logger.setLevel(level)
