"""Programs in 8-bit integers by torchao's PT2E flow for x86 processors.

The flow puts observers around the convolutions of an exported program, looks at inputs, and leaves
quantise and dequantise operators in their place, which Inductor turns into integer kernels
(`compiled`). Where a network quantises its activations itself, ours are fixed instead: levels as it
was trained with, so that the integers are those that it simulates. Weights are symmetric int8 per
output channel, on the same levels as in `sensorium.robustness.integers`; the last layer is computed
in floats.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.export.extra import need
from sensorium.robustness.integers import folded
from sensorium.robustness.lipschitz import norms_after
from sensorium.robustness.quantiser import ActivationQuantiser

_PACKAGE = "torchao.quantization.pt2e"
_EPS = 1e-12
"""Least scale of weights; the flow's own, 2^-12, would round small weights more coarsely."""


def check_torchao() -> None:
    """Refuse an environment without torchao.

    Raises:
        ImportError: naming the command that gets it.
    """
    with _quiet():
        need(f"{_PACKAGE}.quantize_pt2e", extra="torchao")


def bounded(network: nn.Module) -> tuple[nn.Module, int]:
    """A copy with norms folded and plain bounds for quantisers, and the levels above 0 of these.

    With no levels (activations in floats) the ranges are left to observers.

    Raises:
        ValueError: when the quantisers have different numbers of bits.
    """
    made = copy.deepcopy(network).eval()
    after = norms_after(made)
    levels = {m.levels for m in made.modules() if isinstance(m, ActivationQuantiser)}
    if len(levels) != 1:
        raise ValueError(
            f"expected quantised activations of one number of bits, got {len(levels)} numbers; "
            "set them alike with set_bits"
        )
    for parent in list(made.modules()):
        children = list(parent.named_children())
        for place, (name, child) in enumerate(children):
            if isinstance(child, nn.Conv2d):
                setattr(parent, name, _folded_layer(child, after.get(child)))
                if child in after:
                    setattr(parent, children[place + 1][0], nn.Identity())
            elif isinstance(child, ActivationQuantiser):
                setattr(parent, name, nn.Hardtanh(0.0, float(child.clip)))
    return made.eval().requires_grad_(False), levels.pop()


def _folded_layer(layer: nn.Conv2d, norm: Any) -> nn.Conv2d:
    weight, bias = folded(layer, norm)
    made = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        layer.dilation,  # type: ignore[arg-type]
        layer.groups,
    )
    made.weight = nn.Parameter(weight.clone())
    made.bias = nn.Parameter(bias.clone())
    return made


@torch.no_grad()
def quantised(
    module: nn.Module,
    batches: Iterable[Tensor],
    weight_bits: int,
    fixed: tuple[float, int] | None = None,
) -> Any:
    """The module of a program, in integers.

    Args:
        module: of an exported program (`torch.export.ExportedProgram.module`).
        batches: what the observers look at.
        weight_bits: 2 to 8.
        fixed: the step of the input, and the levels above 0 of every `nn.Hardtanh` (0: observed);
            ``None`` for a network without either.

    Raises:
        ImportError: when torchao is missing.
    """
    with _quiet():
        flow = need(f"{_PACKAGE}.quantize_pt2e", extra="torchao")
        prepared = flow.prepare_pt2e(module, _quantizer(weight_bits, fixed))
        for batch in batches:
            prepared(batch)
        return _without_leftovers(flow.convert_pt2e(prepared))


def _without_leftovers(module: Any) -> Any:
    """Rid of the float weights that the integers were made from: a file would hold both."""
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    names = [n for n, _ in (*module.named_parameters(), *module.named_buffers())]
    for name in set(names) - used:
        owner, _, attribute = name.rpartition(".")
        delattr(module.get_submodule(owner), attribute)
    return module


def _quantizer(weight_bits: int, fixed: tuple[float, int] | None) -> Any:
    """The flow's for x86, with our weights, and fixed ranges if there are any."""
    x86 = need(f"{_PACKAGE}.quantizer.x86_inductor_quantizer", extra="torchao")
    observer = need(f"{_PACKAGE}.observer", extra="torchao")
    largest = (1 << max(weight_bits, 2) - 1) - 1
    config = x86.get_default_x86_inductor_quantization_config()
    weight = replace(
        config.weight,
        quant_min=-largest,
        quant_max=largest,
        observer_or_fake_quant_ctr=observer.PerChannelMinMaxObserver.with_args(eps=_EPS),
    )
    made = _fixing(x86, *fixed) if fixed else x86.X86InductorQuantizer()
    made.set_global(replace(config, weight=weight))
    made.set_function_type_qconfig(F.linear, None)
    return made


def _fixing(x86: Any, step: float, levels: int) -> Any:
    """A quantizer with fixed ranges: of the input, and of the bounded activations."""
    parts = need(f"{_PACKAGE}.quantizer", extra="torchao")
    key = x86.QUANT_ANNOTATION_KEY

    def empty() -> Any:
        return x86._X86InductorQuantizationAnnotation(_annotated=True)

    def spec(scale: float) -> Any:
        return parts.FixedQParamsQuantizationSpec(
            torch.uint8, scale, 0, 0, 255, torch.per_tensor_affine
        )

    class Fixing(x86.X86InductorQuantizer):  # type: ignore[misc]
        def annotate(self, model: Any) -> Any:
            super().annotate(model)
            known = {}
            for node in model.graph.nodes:
                if node.op == "placeholder":
                    known[node] = spec(step)
                elif levels and node.target == torch.ops.aten.hardtanh.default:
                    known[node] = spec(node.args[2] / levels)
                    node.meta.setdefault(key, empty()).output_qspec = known[node]
            for note in [n.meta[key] for n in model.graph.nodes if key in n.meta]:
                inputs = note.input_qspec_map
                inputs.update({source: known[source] for source in inputs if source in known})
            return model

    return Fixing()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torchao says about its kernels for GPUs, and about its own future."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
