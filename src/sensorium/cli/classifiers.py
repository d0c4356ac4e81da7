"""What ``attack`` and ``explain`` look at: a classifier by name, and its input from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LARGEST = 1024
"""Pixels of the shorter side up to which a picture is taken as it is."""


@dataclass(frozen=True)
class Subject:
    """A classifier of pictures or clips in 0..1.

    Attributes:
        network: gives logits.
        name: what it was asked for by.
        device: where it is.
    """

    network: Any
    name: str
    device: torch.device

    @property
    def batch(self) -> int:
        """Inputs in one pass: as many as a program was exported for, else 256."""
        return getattr(self.network, "batch", None) or 256

    def read(self, file: str, at: float, size: int | None) -> Tensor:
        """A picture ``[1, C, H, W]`` or a clip ``[1, T, C, H, W]``, as the network wants it.

        Raises:
            ValueError: when the file is not what it takes, or too large.
        """
        view = getattr(getattr(self.network, "config", None), "view", None)
        x = _clip(view, file, at) if view is not None else self._picture(file, at, size)
        return (x.float() / 255).to(self.device)

    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the input that they are of: grey where the network takes no colours.

        Raises:
            ValueError: when the network takes neither, or its weights or logits are not finite.
        """
        import torch

        from sensorium.robustness.classifier import check_logits, check_weights, evaluating

        check_weights(self.network)
        with torch.no_grad(), evaluating(self.network):
            try:
                found = self.network(x)
            except (RuntimeError, AssertionError) as error:
                x = x.mean(-3, keepdim=True)
                try:
                    found = self.network(x)
                except (RuntimeError, AssertionError):
                    reason = " ".join(str(error).split())[:200]
                    raise ValueError(
                        f"{self.name} does not take a picture of {x.shape[-1]} x {x.shape[-2]} "
                        f"pixels ({reason}); give pictures of the kind that it was "
                        "made for, or their size with --size"
                    ) from error
        check_logits(found, len(x))
        return found, x

    def unfamiliarity(self, x: Tensor) -> float | None:
        """0..1, above 0.5 for an input unlike anything the weights know; ``None``: cannot tell."""
        import torch

        from sensorium.layers.domain import unfamiliarity

        gauge = getattr(self.network, "gauge", None)
        if gauge is None or not gauge.calibrated:
            return None
        given = (255 * x).round().to(torch.uint8) if x.ndim == 5 else x
        with torch.no_grad():
            features = self.network.domain_features(given)
            return float(unfamiliarity(gauge.distances(features))[0])

    def _picture(self, file: str, at: float, size: int | None) -> Tensor:
        """``uint8 [1, C, H, W]``."""
        from sensorium import images
        from sensorium.media.stills import read_picture

        picture = read_picture(file, at)
        fitted = getattr(self.network, "fitted", None)
        if fitted is not None:
            whole: Tensor = fitted(picture)[None]
            return whole
        if size is not None:
            return images.resize(picture[None], (size, size))
        height, width = picture.shape[1:]
        if min(height, width) > LARGEST:
            raise ValueError(
                f"{file}: {width} x {height} pixels are too many; give the height and width that "
                "the network was made for with --size"
            )
        return picture[None]

    def layer(self, name: str) -> nn.Module:
        """One of the network's modules.

        Raises:
            ValueError: when there is none of that name.
        """
        from torch import nn

        from sensorium.suggest import did_you_mean

        known = dict(self.network.named_modules()) if isinstance(self.network, nn.Module) else {}
        known.pop("", None)  # the network itself, which no name says
        if name not in known:
            raise ValueError(f"--layer: {self.name} has none {name!r}{did_you_mean(name, known)}")
        found: nn.Module = known[name]
        return found


def _clip(view: Any, file: str, at: float) -> Tensor:
    """The window of a video that begins next to ``at``, ``uint8 [1, T, 3, S, S]``."""
    from sensorium import media

    video = media.read(file).need_video()
    if not 0 <= at < video.span.duration:
        raise ValueError(f"{file}: the video lasts {video.span.duration:.2f} s, got --at {at:g}")
    windows = view.windows(video.span)
    chosen = min(windows, key=lambda window: abs(window.start - video.span.start - at))
    clip: Tensor = next(iter(view.batches(video, [chosen])))
    return clip


def read_eps(text: str | None) -> float:
    """A budget: ``8/255`` or ``0.03``.

    Raises:
        UsageError: when it is neither.
    """
    try:
        above, slash, below = (text or "8/255").partition("/")
        return float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"--eps: got {text!r}, expected a size such as 8/255 or 0.03") from None


def load_subject(name: str, device: str) -> Subject:
    """A classifier by the name of its weights, ``module:attribute`` or a file of `torch.export`.

    Raises:
        UsageError: when there is none of that name, or it gives no logits.
    """
    from sensorium.cli.devices import load_system, pick_device

    place = pick_device(device)
    if name.endswith(".pt2"):
        return Subject(_exported(name, place), name, place)
    if ":" in name and not name.startswith("hf://"):
        return Subject(_imported(name).to(place).eval(), name, place)
    system = load_system(name, device)
    if not callable(getattr(system, "forward", None)) or system.name not in _CLASSIFIERS:
        raise UsageError(f"{name} is a {system.name}, expected a classifier of pictures or clips")
    return Subject(system, name, place)


_CLASSIFIERS = ("tsm", "stnet", "tsn", "i3d", "dq")


def _exported(name: str, place: torch.device) -> Any:
    """A program of `torch.export`."""
    from sensorium.export.programs import opened

    if not Path(name).is_file():
        raise UsageError(f"{name}: there is no such file")
    try:
        program, about = opened(name)
    except ValueError as error:
        raise UsageError(f"{error}; write it with torch.export.save") from error
    if about.get("precision") == "int8":
        raise UsageError(
            f"{name}: is in integers, which have no gradients; attack the program in floats, or in "
            "Python this one with surrogate= the system that it was made from"
        )
    inputs = [n for n in program.graph.nodes if n.name in program.graph_signature.user_inputs]
    first = inputs[0].meta["val"].shape[0]
    return _Program(program.module().to(place), first if isinstance(first, int) else None)


class _Program:
    """A program that may have been exported for one size of batch."""

    def __init__(self, module: Any, batch: int | None) -> None:
        self.module, self.batch = module, batch

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        if self.batch is None:
            found: Tensor = self.module(x)
            return found
        missing = -len(x) % self.batch
        padded = torch.cat([x, x[:1].expand(missing, *x.shape[1:])])
        parts = [self.module(part) for part in torch.split(padded, self.batch)]
        return torch.cat(parts)[: len(x)]


def _imported(name: str) -> nn.Module:
    """A network, or what a function without arguments makes, from a module of one's own."""
    import importlib
    import os
    import sys

    from torch import nn

    module, _, attribute = name.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"{name}: {error}; expected module:attribute, as seen from here"
        ) from error
    finally:
        sys.path.pop(0)
    made = found if isinstance(found, nn.Module) else found() if callable(found) else found
    if not isinstance(made, nn.Module):
        raise UsageError(f"{name} is a {type(made).__name__}, expected an nn.Module")
    return made


def class_number(label: str, names: tuple[str, ...], option: str) -> int:
    """The number of a label, by its name or as it is.

    Raises:
        ValueError: when there is none.
    """
    from sensorium.suggest import did_you_mean

    if label in names:
        return names.index(label)
    if label.isdigit() and int(label) < len(names):
        return int(label)
    raise ValueError(f"--{option}: no label {label!r}{did_you_mean(label, names)}")
