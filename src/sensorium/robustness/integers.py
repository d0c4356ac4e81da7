"""From simulated to real integers: a copy of a network that says what an 8-bit kernel computes.

An activation of n bits is an integer 0..2^n - 1 with one scale and zero point 0, so bytes hold it
exactly, and every number of bits runs on the same unsigned-by-signed 8-bit kernels: no faster with
fewer bits. Weights become int8 per output channel once batch normalisation is folded into them (the
paper keeps them in floats: this is where the integer network differs from the simulated one), and
sums of a residual network are of bytes with ranges from data. The order quantise, clip as integers,
dequantise is what ONNX Runtime turns into integer convolutions; to clip floats first would keep all
of it in floats, and slower.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sensorium.robustness.lipschitz import MeanNorm, Norm, norms_after
from sensorium.robustness.network import PictureNetwork
from sensorium.robustness.quantiser import ActivationQuantiser, weight_steps


def operators() -> Any:
    """The quantise and dequantise operators that exporters and compilers know."""
    import torch.ao.quantization.fx._decomposed

    return torch.ops.quantized_decomposed


class IntegerActivation(nn.Module):
    """An activation quantiser by bytes: quantise (which rectifies), clip as integers, dequantise.

    Shape:
        any to the same.
    """

    def __init__(self, quantiser: ActivationQuantiser) -> None:
        super().__init__()
        self.levels = quantiser.levels
        self.scale = float(quantiser.step)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The level of each value, times the step."""
        ops = operators()
        level = ops.quantize_per_tensor(x, self.scale, 0, 0, 255, torch.uint8)
        level = level.clamp(max=self.levels) if self.levels < 255 else level
        back: Tensor = ops.dequantize_per_tensor(level, self.scale, 0, 0, 255, torch.uint8)
        return back


class IntegerRange(nn.Module):
    """A signed output in bytes, its range from what it has seen; before that, it only looks.

    Shape:
        any to the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = 0.0, 0.0

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Rounded to one of 256 values (in training mode: unchanged, and noted)."""
        if self.training:
            self.low = min(self.low, float(x.min()))
            self.high = max(self.high, float(x.max()))
            return x
        scale = max(self.high - self.low, 1e-6) / 255
        zero = min(255, max(0, round(-self.low / scale)))
        ops = operators()
        level = ops.quantize_per_tensor(x, scale, zero, 0, 255, torch.uint8)
        back: Tensor = ops.dequantize_per_tensor(level, scale, zero, 0, 255, torch.uint8)
        return back


class IntegerConv(nn.Module):
    """A convolution with int8 weights, per output channel, and a float bias.

    Shape:
        ``[B, C, H, W] -> [B, D, h, w]``.
    """

    weight: Tensor
    scales: Tensor
    zeros: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv2d, norm: Norm | None, bits: int) -> None:
        super().__init__()
        weight, bias = folded(layer, norm)
        scales = weight_steps(weight, max(bits, 2))  # 1 bit: both signs of one size
        rounded = (weight / scales.view(-1, 1, 1, 1)).round()
        self.register_buffer("weight", rounded.to(torch.int8))
        self.register_buffer("scales", scales)
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int64))
        self.register_buffer("bias", bias)
        self.options = (layer.stride, layer.padding, layer.dilation, layer.groups)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The convolution of levels by levels, times both scales."""
        weight = operators().dequantize_per_channel(
            self.weight, self.scales, self.zeros, 0, -128, 127, torch.int8
        )
        convolved: Tensor = F.conv2d(x, weight, self.bias, *self.options)  # type: ignore[arg-type]
        return convolved


def folded(layer: nn.Conv2d, norm: Norm | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the normalisation after it, in ``eval()`` mode."""
    weight = layer.weight.detach()
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    if norm is None:
        return weight, bias
    if isinstance(norm, MeanNorm):
        return weight, bias + norm.bias.detach() - norm.running_mean
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias.detach() - norm.running_mean * scale
    return weight * scale.view(-1, 1, 1, 1), bias * scale + shift


class IntegerNetwork(nn.Module):
    """A quantised network in integers: bytes in, logits out; pooling and last layer in floats.

    Shape:
        ``uint8 [B, C, H, W] -> float32 [B, K]``.
    """

    def __init__(self, network: PictureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: UInt8[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Logits."""
        x = operators().dequantize_per_tensor(image, 1 / 255, 0, 0, 255, torch.uint8)
        logits: Tensor = self.network(x)
        return logits


@torch.no_grad()
def integer_network(
    network: PictureNetwork,
    batches: Iterable[UInt8[Tensor, "B C H W"]] = (),
    weight_bits: int = 8,
) -> IntegerNetwork:
    """A network of quantised activations as integers; the network itself stays as it is.

    Args:
        network: trained, with 1 to 8 bits.
        batches: pictures that set the ranges of residual sums (a plain network needs none).
        weight_bits: of the weights; those trained with fewer than 8 are exact with the same.

    Raises:
        ValueError: when the network computes in floats, or ranges are wanted and there are no
            pictures.
    """
    made = copy.deepcopy(network).eval()
    _refuse_floats(made)
    after = norms_after(made)
    ranges: list[IntegerRange] = []
    for parent in list(made.modules()):
        children = list(parent.named_children())
        for place, (name, child) in enumerate(children):
            if isinstance(child, nn.Conv2d):
                conv = IntegerConv(child, after.get(child), weight_bits)
                if child in after:
                    setattr(parent, children[place + 1][0], nn.Identity())
                if not _quantised_next([c for _, c in children[place + 1 :]]):
                    ranges.append(IntegerRange())
                    setattr(parent, name, nn.Sequential(conv, ranges[-1]))
                else:
                    setattr(parent, name, conv)
            elif isinstance(child, ActivationQuantiser):
                setattr(parent, name, IntegerActivation(child))
    whole = IntegerNetwork(made).eval().requires_grad_(False)
    if ranges:
        _set_ranges(whole, ranges, batches)
    return whole


def _refuse_floats(network: nn.Module) -> None:
    found = [m for m in network.modules() if isinstance(m, ActivationQuantiser)]
    if not found or any(not q.bits for q in found):
        raise ValueError(
            "the activations of this network are floats, so that there are no integers to compute "
            "with; train it with bits (1 to 8), or export without int8"
        )


def _quantised_next(following: list[nn.Module]) -> bool:
    """Whether a convolution's output goes into a quantiser, through nothing but its norm."""
    for module in following:
        if isinstance(module, ActivationQuantiser | IntegerActivation):
            return True
        if not isinstance(module, nn.BatchNorm2d | MeanNorm | nn.Identity):
            return False
    return False


def _set_ranges(
    whole: IntegerNetwork, ranges: list[IntegerRange], batches: Iterable[Tensor]
) -> None:
    """Look at the outputs that need a range, in floats between."""
    for one in ranges:
        one.train()
    count = 0
    for batch in batches:
        whole(batch)
        count += 1
    for one in ranges:
        one.eval()
    if not count:
        raise ValueError(
            "a residual network needs pictures to set the ranges of its sums by; give batches"
        )
