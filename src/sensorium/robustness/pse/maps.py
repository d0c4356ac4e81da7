"""The last maps of a network in which places are still places, found by watching a forward pass.

Networks differ in where their last feature maps are: the output of a module, of a function, of a
block that is never called as a whole (a network with a temporal shift), of a graph without modules
(`torch.export`). So no module is asked for: every tensor that a forward pass makes is seen, and
the last one with height and width that a linear layer's input depends on is it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class LastMaps:
    """One forward pass, with gradients.

    Attributes:
        logits: of each input.
        maps: the last maps; R rows for each input (frames or snippets of a clip; else 1), or of
            three-dimensional convolutions with R steps of time.
        pooled: whether the last linear layer takes exactly the mean of the maps over all places,
            and gives the logits, or logits of rows whose mean they are: the networks for which
            class activation maps are defined.

    Shape:
        ``logits``: ``[B, K]``; ``maps``: ``[B*R, D, h, w]`` or ``[B, D, R, h, w]``.
    """

    logits: Float[Tensor, "B K"]
    maps: Float[Tensor, "..."]
    pooled: bool


def as_rows(maps: Float[Tensor, "..."]) -> Float[Tensor, "BR D h w"]:
    """Steps of time as rows; maps that have none as they are."""
    if maps.ndim == 4:
        return maps
    return maps.transpose(1, 2).flatten(0, 1)  # [B, D, R, h, w] -> [B*R, D, h, w]


def last_maps(
    network: Callable[[Tensor], Tensor], x: Float[Tensor, "B ..."], layer: nn.Module | None = None
) -> LastMaps:
    """Run the network on ``x`` and keep its last maps, or those of ``layer``.

    Raises:
        ValueError: when there are none, with what to do.
    """
    if not len(x):
        raise ValueError("got no inputs to look at")
    watcher = _Watcher(layer is None)
    kept: list[Tensor] = []
    hook = None if layer is None else layer.register_forward_hook(_keep(kept))
    given = x.detach().clone().requires_grad_()
    try:
        with torch.enable_grad(), watcher:
            logits = network(given)
    finally:
        if hook is not None:
            hook.remove()
    if layer is not None:
        if not kept or kept[-1].ndim != 4:
            got = list(kept[-1].shape) if kept else "nothing"
            raise ValueError(f"the layer must give maps [N, D, h, w] once, got {got}")
        return LastMaps(logits, kept[-1], False)
    found = watcher.found()
    if found is None or len(found) % len(x):
        raise ValueError(
            "found no feature maps [N, D, h, w] on the way to the logits; "
            "say with layer= (--layer NAME) whose output to look at"
        )
    return LastMaps(logits, found, watcher.pooled(logits))


def _keep(kept: list[Tensor]) -> Callable[..., Tensor]:
    """A hook that keeps an output; what comes after it works on a copy."""

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    return hook


class _Watcher(TorchFunctionMode):
    """Sees every function of torch that the network calls."""

    def __init__(self, active: bool) -> None:
        super().__init__()
        self.active = active
        self.maps: Tensor | None = None
        self._latest: Tensor | None = None
        self._spatial = 4  # axes of maps; 5 once a three-dimensional convolution was seen
        self._linear: tuple[Tensor, Tensor] | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if self.active and isinstance(out, Tensor):
            with torch._C.DisableTorchFunction():
                self._see(str(getattr(func, "__name__", "")), args, out)
        return out

    def _see(self, name: str, args: tuple[Any, ...], out: Tensor) -> None:
        """Maps are remembered as they come; a linear layer fixes those before it."""
        if name.split(".")[0] == "conv3d":
            self._spatial = 5
        if out.ndim == self._spatial and out.requires_grad and out.is_floating_point():
            if min(out.shape[-2:]) > 1:
                self._latest = out
        elif name.split(".")[0] in ("linear", "addmm") and self._latest is not None:
            given = args[1] if name.startswith("addmm") else args[0]
            self.maps, self._linear = self._latest, (given, out)

    def found(self) -> Tensor | None:
        """The maps before the last linear layer; without one the last maps."""
        return self._latest if self.maps is None else self.maps

    def pooled(self, logits: Tensor) -> bool:
        """Whether class activation maps are defined."""
        if self._linear is None or self.maps is None:
            return False
        given, out = (t.detach() for t in self._linear)
        width, rows = given.shape[-1], out.reshape(len(logits), -1, out.shape[-1])
        if self.maps.shape[1] != width or rows.shape[-1] != logits.shape[1]:
            return False
        mean = self.maps.detach().flatten(2).mean(2)
        if len(mean) != given.numel() // width:
            return False
        scale = float(mean.abs().amax()) + 1e-12
        same_input = torch.allclose(mean.reshape_as(given), given, atol=1e-4 * scale, rtol=1e-4)
        # a constant temperature may follow
        said, got = rows.mean(1), logits.detach()
        factor = float((said * got).sum() / said.square().sum().clamp(min=1e-12))
        room = 1e-3 * (float(got.abs().amax()) + 1e-12)
        return same_input and torch.allclose(factor * said, got, atol=room, rtol=1e-3)
