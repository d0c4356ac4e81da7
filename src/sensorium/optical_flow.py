"""Optical flow: how far each pixel moves from one picture to the next, behind one small interface.

A `Flow` turns pictures ``uint8 [T, 3, H, W]`` into fields ``float32 [T-1, 2, H, W]``: what is at
``(x, y)`` in picture ``t`` is at ``(x + dx, y + dy)`` in picture ``t + 1``, in pixels, channel 0
``dx`` (to the right) and channel 1 ``dy`` (downwards). The Sound of Motions (arXiv:1904.05979)
takes PWC-Net; here it is

* `DISFlow`: OpenCV's dense inverse search (Kroeger et al., arXiv:1603.03590), always there. It
  runs on one thread, since its answer depends on how the picture is cut into stripes;
* `RAFTFlow`: torchvision's RAFT-small (Teed, Deng, arXiv:2003.12039), where torchvision is
  installed beside Sensorium, which does not need it and never imports it otherwise.

Fields are costly, so whoever needs them more than once keeps them: stage solos with their pictures
(`StageSolos`), separation for windows that overlap (`MovingPictures`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float16, Float32, UInt8
from torch import Tensor, nn

from sensorium import images


class Flow(Protocol):
    """A method of optical flow; its ``repr`` says all of its settings."""

    def __call__(self, pictures: UInt8[Tensor, "T 3 H W"]) -> Float32[Tensor, "T-1 2 H W"]:
        """The field from each picture to the next, in pixels."""


def _check(pictures: Tensor) -> None:
    if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(
            "optical flow needs uint8 pictures [T, 3, H, W], got "
            f"{pictures.dtype} {list(pictures.shape)}; scale to 0..255 and call .to(torch.uint8)"
        )


@dataclass(frozen=True)
class DISFlow:
    """OpenCV's dense inverse search; the same answer every time, whatever the thread settings.

    Small pictures are enlarged until their shorter side has ``least`` pixels: patches of 8 pixels
    see a hand of 5 pixels only then. The fields are brought back to the pictures' size and unit.

    Attributes:
        preset: OpenCV's, from fast to accurate.
        least: pixels that the shorter side has at least when the search runs; 0 never enlarges.
        finest_scale: of the pyramid; 0 is full resolution, each step halves it. -1: the preset's.
    """

    preset: Literal["ultrafast", "fast", "medium"] = "medium"
    least: int = 128
    finest_scale: int = 0

    def __post_init__(self) -> None:
        if self.preset not in _PRESETS:
            raise ValueError(f"preset must be one of {', '.join(_PRESETS)}, got {self.preset!r}")

    def __call__(self, pictures: UInt8[Tensor, "T 3 H W"]) -> Float32[Tensor, "T-1 2 H W"]:
        """The field from each picture to the next, in pixels.

        Raises:
            ValueError: when these are not ``uint8`` pictures.
        """
        _check(pictures)
        height, width = pictures.shape[-2:]
        out = torch.zeros(max(0, len(pictures) - 1), 2, height, width)
        if len(out) == 0:
            return out
        size = images.short_side_size(height, width, max(self.least, min(height, width)))
        search = self._search()
        with _one_thread():
            grey = [_grey(p, size) for p in pictures]
            for t in range(len(out)):
                flow = search.calc(grey[t], grey[t + 1], None)
                # [h, w, 2] -> [2, H, W]
                out[t] = _fit(torch.from_numpy(flow).permute(2, 0, 1), (height, width))
        return out

    def _search(self) -> Any:
        search = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        if self.finest_scale >= 0:
            search.setFinestScale(self.finest_scale)
        return search


_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _grey(picture: UInt8[Tensor, "3 H W"], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    rgb = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())  # [3, H, W] -> [H, W, 3]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if grey.shape == size:
        return np.asarray(grey)
    return np.asarray(cv2.resize(grey, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))


def _fit(flow: Float[Tensor, "2 h w"], size: tuple[int, int]) -> Float[Tensor, "2 H W"]:
    """A field in another size; its vectors are scaled with the picture."""
    if flow.shape[-2:] == size:
        return flow
    ratio = torch.tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]])
    fitted = F.interpolate(flow[None], size, mode="bilinear", antialias=True)[0]
    return fitted * ratio.view(2, 1, 1)


@dataclass(frozen=True)
class RAFTFlow:
    """torchvision's RAFT-small with its published weights, where torchvision is installed.

    The pictures are enlarged until their shorter side has ``least`` pixels (RAFT looks at an
    eighth of the resolution and refuses less than 128) and padded to multiples of 8.

    Attributes:
        least: pixels that the shorter side has at least when the network runs.
        updates: recurrent refinements.
        device: where the network runs.
    """

    least: int = 256
    updates: int = 12
    device: str = "cpu"
    _held: list[nn.Module] = field(default_factory=list, repr=False, compare=False)

    def __call__(self, pictures: UInt8[Tensor, "T 3 H W"]) -> Float32[Tensor, "T-1 2 H W"]:
        """The field from each picture to the next, in pixels.

        Raises:
            ValueError: when these are not ``uint8`` pictures, or torchvision is not installed.
        """
        _check(pictures)
        height, width = pictures.shape[-2:]
        out = torch.zeros(max(0, len(pictures) - 1), 2, height, width)
        network = self._network()
        size = images.short_side_size(height, width, max(self.least, min(height, width)))
        pads = (0, -size[1] % 8, 0, -size[0] % 8)
        with torch.no_grad():
            wide = images.resize(pictures.to(self.device).float() / 127.5 - 1.0, size)
            wide = F.pad(wide, pads, mode="replicate")
            for t in range(len(out)):
                fields = network(wide[t : t + 1], wide[t + 1 : t + 2], self.updates)
                flow = fields[-1][0, :, : size[0], : size[1]].float().cpu()
                out[t] = _fit(flow, (height, width))
        return out

    def _network(self) -> nn.Module:
        if not self._held:
            try:
                models = importlib.import_module("torchvision.models.optical_flow")
            except (ImportError, RuntimeError) as error:
                raise ValueError(
                    f"RAFT needs torchvision, which does not load here ({error}); "
                    "pip install torchvision to match this PyTorch, or use DISFlow()"
                ) from None
            made = models.raft_small(weights=models.Raft_Small_Weights.DEFAULT)
            self._held.append(made.to(self.device).eval())
        return self._held[0]


def coarse(flow: Float[Tensor, "*B 2 H W"], stride: int) -> Float[Tensor, "*B 2 h w"]:
    """The mean field of each ``stride`` x ``stride`` square, still in pixels of the picture.

    Shape:
        ``h = ceil(H / stride)``; squares over the lower and right edge average what is inside.
    """
    if stride == 1:
        return flow
    flat = flow.reshape(-1, 1, *flow.shape[-2:])  # [*B, 2, H, W] -> [N, 1, H, W]
    small = F.avg_pool2d(flat, stride, ceil_mode=True, count_include_pad=False)
    return small.reshape(*flow.shape[:-2], *small.shape[-2:])  # [N, 1, h, w] -> [*B, 2, h, w]


@dataclass(frozen=True)
class FlowGrid:
    """Which fields a network sees: plain settings, so that they can be saved with it.

    Attributes:
        method: that searches. Half the enlarged resolution is four times as fast as the whole.
        stride: pixels per cell of the grid.
    """

    method: DISFlow = field(default_factory=lambda: DISFlow(finest_scale=1))
    stride: int = 4

    def __call__(self, pictures: UInt8[Tensor, "T 3 H W"]) -> Float16[Tensor, "T-1 2 h w"]:
        """The coarse fields, in pixels of the pictures; see `coarse`."""
        return coarse(self.method(pictures), self.stride).half()
