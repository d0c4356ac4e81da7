"""Any network's rectifiers are found and quantised, however it calls them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.robustness.quantised import QuantisedActivations, quantise_activations
from sensorium.seeds import torch_generator


class Mixed(nn.Module):
    """A module, a function, a method, in place and not."""

    classes = ("a", "b")

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(5))
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.layers[0](x))
        x = F.relu(self.layers[1](x), inplace=True)
        x = self.layers[2](x).relu()
        x = torch.relu(self.layers[3](x))
        x = F.relu6(self.layers[4](x))
        return self.head(x)


def inputs() -> Tensor:
    return torch.rand(64, 16, generator=torch_generator(0, "inputs"))


def made(seed: int = 0) -> Mixed:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Mixed()


def test_every_rectifier_is_found() -> None:
    wrapped = quantise_activations(made(), 3, [inputs()])
    assert len(wrapped.sites) == 5
    assert wrapped.classes == ("a", "b")


def test_values_between_layers_have_that_many_levels() -> None:
    network = made()
    seen: list[Tensor] = []
    network.head.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
    quantise_activations(network, 2, [inputs()])(inputs())
    assert len(seen[-1].unique()) <= 4
    assert len(seen[0].unique()) > 8  # while it was wrapped: floats


def test_eight_bits_are_close_and_no_bits_closer() -> None:
    network, x = made().eval(), inputs()
    plain = network(x).detach()
    eight, none = (quantise_activations(network, b, [x], share=1.0)(x).detach() for b in (8, 0))
    assert torch.allclose(none, plain, atol=1e-6)
    assert 0 < float((eight - plain).abs().max()) < 0.03
    assert torch.equal(network(x), plain)  # the network itself is as it was


def test_gradient_reaches_the_input() -> None:
    x = inputs().requires_grad_()
    quantise_activations(made(), 2, [inputs()])(x).sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().max()) > 0


def test_one_bound_for_all() -> None:
    wrapped = quantise_activations(made(), 4, [inputs()], clip=1.0)
    assert [float(site.clip) for site in wrapped.sites] == [1.0] * 5  # type: ignore[arg-type]


def test_tsm_is_quantised_too() -> None:
    network = TSM(TSMConfig("resnet_tiny", classes=3, width=0.5)).eval()
    clips = torch.rand(2, 8, 3, 32, 32, generator=torch_generator(0, "clips"))
    wrapped = quantise_activations(network, 8, [clips], share=1.0)
    assert len(wrapped.sites) == 9  # the stem's, and two in each of four blocks
    plain = network(clips).detach()
    assert float((wrapped(clips).detach() - plain).abs().max()) < 0.1 * float(plain.abs().max())


def test_another_number_of_calls_is_one_line() -> None:
    wrapped = quantise_activations(made(), 4, [inputs()])
    short = QuantisedActivations(wrapped.network, list(wrapped.sites)[:3])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="called 5 rectifiers, 3 when it was wrapped"):
        short(inputs())


@pytest.mark.parametrize("batches", [[], [inputs()]])
def test_nothing_to_quantise_is_one_line(batches: list[Tensor]) -> None:
    network = nn.Linear(16, 2) if batches else made()
    with pytest.raises(ValueError, match="nothing to quantise") as caught:
        quantise_activations(network, 4, batches)
    assert "\n" not in str(caught.value)
