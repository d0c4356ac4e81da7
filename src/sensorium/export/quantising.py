"""From 32-bit floats to 8-bit integers: convolutions that ONNX Runtime computes in int8.

Static quantisation with quantise/dequantise pairs around every convolution (Jacob et al.,
arXiv:1712.05877): weights int8 per output channel, activations uint8 with ranges from real clips.
What lies between convolutions (the shift, residual additions, pooling) stays in 8 bits, too; the
pooled features and the classifier are computed in floats.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sensorium.export.about import About
from sensorium.export.calibration import Clips, Labelled
from sensorium.export.extra import need
from sensorium.export.running import advance, open_session, roll, zero_caches

_OPERATIONS = ["Add", "Clip", "Concat", "Conv", "MaxPool", "Pad", "Relu", "Reshape", "Slice"]
_OPERATIONS += ["Split", "Squeeze", "Transpose", "Unsqueeze"]
_INT8, _FLOAT = ("QLinearConv", "ConvInteger"), ("Conv", "FusedConv", "NhwcFusedConv")

Feed = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Accuracy:
    """What 8 bits cost, on clips that the ranges were not taken from.

    Attributes:
        clips: how many.
        agreement: share of clips with the same best class as in 32 bits.
        error: largest absolute difference of a logit from 32 bits.
        scale: largest absolute logit in 32 bits.
        top1_fp32: share of right answers in 32 bits (``None``: the clips have no labels).
        top1: in 8 bits.
    """

    clips: int
    agreement: float
    error: float
    scale: float
    top1_fp32: float | None = None
    top1: float | None = None

    @classmethod
    def between(cls, truth: NDArray[Any], old: NDArray[Any], new: NDArray[Any]) -> Accuracy:
        """Of logits ``[N, K]`` before and after; a label below 0 says that it is not known."""
        error, scale = float(np.abs(new - old).max()), float(np.abs(old).max())
        new, old = new.argmax(1), old.argmax(1)
        same = float((new == old).mean())
        if (truth < 0).any():
            return cls(len(truth), same, error, scale)
        right_before, right = float((old == truth).mean()), float((new == truth).mean())
        return cls(len(truth), same, error, scale, right_before, right)

    @property
    def drop(self) -> float:
        """Fall of the top-1 accuracy; without labels the share of clips that changed class."""
        if self.top1_fp32 is None or self.top1 is None:
            return 1 - self.agreement
        return self.top1_fp32 - self.top1


def saturates() -> bool:
    """Whether this processor adds pairs of 8-bit products in 16 bits, which may overflow.

    So do x86 processors without VNNI; their weights get 7 bits.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return not torch.cpu._is_vnni_supported()


def quantise(source: Path, target: Path, about: About, clips: Clips) -> None:
    """Write the 8-bit form of a 32-bit file.

    Args:
        source: the 32-bit file.
        target: where to write.
        about: metadata of ``source``.
        clips: to take the ranges of activations from.
    """
    need("onnxruntime.quantization", "onnx")
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    shaped = target.with_suffix(".shaped.onnx")
    quant_pre_process(source, shaped, skip_symbolic_shape=True, skip_optimization=True)
    model = onnx.load(shaped)
    products = {
        out for n in model.graph.node if n.op_type in ("MatMul", "Gemm") for out in n.output
    }
    classifier = [n.name for n in model.graph.node if products & set(n.input)]
    quantize_static(
        shaped,
        target,
        _Reader(_feeds(source, about, clips)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=_OPERATIONS,
        nodes_to_exclude=classifier,
        per_channel=True,
        reduce_range=saturates(),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


class _Reader:
    """Hands inputs to ONNX Runtime's calibrator one by one."""

    def __init__(self, feeds: Iterator[Feed]) -> None:
        self.feeds = feeds

    def get_next(self) -> Feed | None:
        """The next inputs, ``None`` at the end."""
        return next(self.feeds, None)


def _feeds(source: Path, about: About, clips: Clips) -> Iterator[Feed]:
    """Inputs of the graph: clips, or their frames with the caches that come with them."""
    if about.form == "clip":
        for frames, _ in clips.calibration():
            yield {"frames": frames.numpy()}
        return
    session = open_session(source, torch.get_num_threads())
    for frames, _ in clips.calibration():
        array, caches = frames.numpy(), zero_caches(session, len(frames))
        for t in range(array.shape[1]):
            yield {"frame": array[:, t], **caches}
            caches = advance(session, array[:, t], caches)[1]


def convolutions(path: Path) -> tuple[int, int]:
    """How many convolutions this machine computes in 8 bits, and how many in floats.

    Counted in the graph as ONNX Runtime runs it, after its fusions.
    """
    onnx = need("onnx")
    optimised = path.with_suffix(".optimised.onnx")
    open_session(path, optimised=optimised)
    kinds = [n.op_type for n in onnx.load(optimised).graph.node]
    optimised.unlink()
    return sum(k in _INT8 for k in kinds), sum(k in _FLOAT for k in kinds)


def accuracy(plain: Any, quantised: Any, about: About, clips: Clips) -> Accuracy:
    """Both sessions' answers on held-out clips, one view each."""
    labels, ours, theirs = [], [], []
    for batch in clips.held_out():
        labels.append(batch[1].numpy())
        theirs.append(_logits(plain, about, batch))
        ours.append(_logits(quantised, about, batch))
    truth, new, old = (np.concatenate(part) for part in (labels, ours, theirs))
    return Accuracy.between(truth, old, new)


def _logits(session: Any, about: About, batch: Labelled) -> NDArray[Any]:
    """Of each clip: ``[B, K]``."""
    frames = batch[0].numpy()
    if about.form == "stream":
        mean: NDArray[Any] = np.mean(roll(session, frames), axis=0)
        return mean
    logits: NDArray[Any] = session.run(["logits"], {"frames": frames})[0]
    return logits
