"""What units give: the outputs of some layers, by forward hooks that are always taken off again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.robustness.pse.contributions import Network
from sensorium.suggest import did_you_mean


def find_layers(network: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    """Modules of a network by their names.

    Raises:
        ValueError: for a name that it does not have.
    """
    known = dict(network.named_modules())
    found = {}
    for name in names:
        if name not in known or not name:
            raise ValueError(f"the network has no layer {name!r}{did_you_mean(name, known)}")
        found[name] = known[name]
    return found


@contextmanager
def listening(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Within the block, the latest output of each layer stands under its name."""
    latest: dict[str, Tensor] = {}

    def hook_for(name: str) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            latest[name] = output.detach()

        return layers[name].register_forward_hook(hook)

    hooks = [hook_for(name) for name in layers]
    try:
        yield latest
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def outputs(
    network: Network, layers: Mapping[str, nn.Module], batches: Iterable[Float[Tensor, "B ..."]]
) -> Iterator[dict[str, Float[Tensor, "BR D h w"]]]:
    """The maps of each layer for one batch after the other.

    Raises:
        ValueError: when a layer is never called or gives no maps.
    """
    with listening(layers) as latest:
        for x in batches:
            latest.clear()
            network(x)
            for name in layers:
                if name not in latest or latest[name].ndim != 4:
                    got = list(latest[name].shape) if name in latest else "nothing"
                    raise ValueError(f"layer {name!r} must give maps [N, D, h, w], got {got}")
            yield {name: latest[name].clone() for name in layers}


@contextmanager
def masked(layer: nn.Module, units: Bool[Tensor, " D"]) -> Iterator[None]:
    """Within the block, the chosen units of a layer give 0."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        keep = (~units).to(output.device, output.dtype)
        return output * keep.view(1, -1, *[1] * (output.ndim - 2))

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
