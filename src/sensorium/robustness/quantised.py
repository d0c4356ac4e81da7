"""`quantise_activations`: any network with its rectified activations quantised, without a change.

Networks call ``relu`` as a module, as a function or as a method; so no module is replaced: each
call of a rectifier in a forward pass is seen and its result quantised, with a bound of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sensorium.robustness.quantiser import ActivationQuantiser, check_bits, upper_bound

_RELUS: tuple[Any, ...] = (
    *(F.relu, torch.relu, Tensor.relu, torch.relu_, Tensor.relu_, F.relu_),
    *(F.relu6, F.hardtanh),
)


class _Sites(TorchFunctionMode):
    """Hands the input of every rectifier to ``at(number, input, rectifier)``, in order."""

    def __init__(self, at: Callable[[int, Tensor, Callable[[], Tensor]], Tensor]) -> None:
        super().__init__()
        self.at, self.count = at, 0

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """One call of the network."""
        kwargs = kwargs or {}
        if func not in _RELUS:
            return func(*args, **kwargs)
        number, self.count = self.count, self.count + 1
        given = args[0] if args else kwargs["input"]
        return self.at(number, given, lambda: func(*args, **kwargs))


class QuantisedActivations(nn.Module):
    """A network whose rectified activations have ``2^bits`` levels.

    A rectifier that works in place no longer does: use what it returns.

    Args:
        network: any module; its own parameters are shared, not copied.
        quantisers: one per call of a rectifier in a forward pass.
        classes: names of the logits, if it is a classifier.
    """

    def __init__(
        self,
        network: nn.Module,
        quantisers: Sequence[ActivationQuantiser],
        classes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.sites = nn.ModuleList(quantisers)
        self.classes = classes

    def forward(self, *inputs: Tensor) -> Any:
        """What the network gives.

        Raises:
            ValueError: when it calls other rectifiers than it did when it was wrapped.
        """
        mode = _Sites(self._quantised)
        with mode:
            given = self.network(*inputs)
        if mode.count != len(self.sites):
            raise ValueError(
                f"the network called {mode.count} rectifiers, {len(self.sites)} when it was "
                "wrapped; wrap it with inputs of the kind that it will get"
            )
        return given

    def _quantised(self, number: int, x: Tensor, rectifier: Callable[[], Tensor]) -> Tensor:
        if number >= len(self.sites):
            return rectifier()
        quantised: Tensor = self.sites[number](x)
        return quantised


@torch.no_grad()
def quantise_activations(
    model: nn.Module,
    bits: int,
    batches: Iterable[Float[Tensor, "B ..."]],
    *,
    clip: float | Literal["calibrated"] = "calibrated",
    share: float = 0.999,
) -> QuantisedActivations:
    """Any network with its rectified activations quantised after training (vanilla quantisation).

    Args:
        model: shared, not copied; put into ``eval()`` mode.
        bits: 1 to 8; 0 clips only.
        batches: inputs like those to come: they show where rectifiers are and set their bounds.
        clip: one bound for all of them, or ``"calibrated"``: each its own.
        share: of the positive values that lie below a calibrated bound.

    Raises:
        ValueError: when no rectifier is called, there are no batches, or the bits are wrong.
    """
    check_bits(bits)
    bounds: list[list[Tensor]] = []

    def note(number: int, x: Tensor, rectifier: Callable[[], Tensor]) -> Tensor:
        if number == len(bounds):
            bounds.append([])
        bound = upper_bound(x, share) if clip == "calibrated" else None
        if bound is not None:
            bounds[number].append(bound)
        return rectifier()

    model.eval()
    for batch in batches:
        with _Sites(note):
            model(batch)
    if not bounds:
        raise ValueError(
            f"{type(model).__name__} calls no relu, relu6 or hardtanh on these inputs, so that "
            "there is nothing to quantise (give at least one batch of inputs)"
        )
    values = [float(torch.stack(b).mean()) if b else 6.0 for b in bounds]
    if clip != "calibrated":
        values = [clip] * len(bounds)
    place = next((p.device for p in model.parameters()), torch.device("cpu"))
    made = [ActivationQuantiser(bits, value).to(place) for value in values]
    return QuantisedActivations(model, made, tuple(getattr(model, "classes", ()))).eval()
