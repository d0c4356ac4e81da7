"""Quantisers against closed forms: levels, gradients, what rounding does to small changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sensorium.robustness.quantiser import (
    ActivationQuantiser,
    WeightQuantiser,
    calibrate_clips,
    quantise_weights,
    quantisers,
    round_through,
    set_bits,
    weight_steps,
)
from sensorium.seeds import torch_generator

BITS = range(1, 9)


def uniform(count: int, low: float, high: float) -> torch.Tensor:
    return torch.rand(count, generator=torch_generator(0, "test")) * (high - low) + low


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("clip", [6.0, 1.0, 2.3])
def test_has_as_many_levels_as_its_bits_say(bits: int, clip: float) -> None:
    given = ActivationQuantiser(bits, clip)(torch.linspace(-1, clip + 1, 20_001))
    levels = given.unique()
    assert len(levels) == 2**bits
    assert levels[0] == 0
    assert float(levels[-1]) == pytest.approx(clip)
    assert torch.allclose(levels.diff(), torch.tensor(clip / (2**bits - 1)), atol=1e-6)


@pytest.mark.parametrize("bits", BITS)
def test_is_the_formula_and_idempotent(bits: int) -> None:
    x = uniform(5000, -2, 8)
    quantiser = ActivationQuantiser(bits, 6.0)
    step = torch.tensor(6.0) / (2**bits - 1)
    once = quantiser(x)
    assert torch.equal(once, (x.clamp(0, 6) / step).round() * step)
    assert torch.equal(quantiser(once), once)


@pytest.mark.parametrize("bits", [0, 1, 4])
def test_gradient_passes_inside_the_bounds_alone(bits: int) -> None:
    x = torch.tensor([-3.0, -0.1, 0.1, 2.9, 3.1, 5.9, 6.1, 40.0], requires_grad=True)
    ActivationQuantiser(bits, 6.0)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_without_bits_it_is_a_bounded_relu() -> None:
    x = uniform(100, -2, 8)
    assert torch.equal(ActivationQuantiser(0, 6.0)(x), nn.functional.relu6(x))


def test_rounding_is_exact_and_half_goes_to_even() -> None:
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, 254.5, 0.49999997])
    assert round_through(x).tolist() == [0, 2, 2, 0, 254, 0]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_rounding_keeps_the_mean_change_and_enlarges_its_square(share: float) -> None:
    """A change d < s of values anywhere in their steps: E|dq| = d, but E|dq|^2 = s d."""
    quantiser = ActivationQuantiser(4, 6.0)
    step = float(quantiser.step)
    x = uniform(400_000, step, 6 - 2 * step)
    d = share * step
    change = quantiser(x + d) - quantiser(x)
    assert float(change.abs().mean()) == pytest.approx(d, rel=0.02)
    assert float(change.square().mean()) == pytest.approx(step * d, rel=0.02)


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_have_symmetric_levels_per_channel(bits: int) -> None:
    weight = torch.randn(5, 3, 3, 3, generator=torch_generator(1)) * torch.arange(1, 6).view(
        -1, 1, 1, 1
    )
    rounded = WeightQuantiser(bits)(weight)
    steps = weight_steps(weight, bits).view(-1, 1, 1, 1)
    levels = rounded / steps
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert int(levels.round().abs().max()) == 2 ** (bits - 1) - 1
    assert bool(((rounded - weight).abs() <= steps / 2 * 1.001).all())
    assert torch.allclose(rounded.abs().flatten(1).amax(1), weight.abs().flatten(1).amax(1))


def test_one_bit_weights_are_signs_times_the_mean_size() -> None:
    weight = torch.tensor([[1.0, -3.0], [-0.5, -0.5]])
    assert WeightQuantiser(1)(weight).tolist() == [[2, -2], [-0.5, -0.5]]


def test_quantised_weights_train_the_floats_beneath() -> None:
    layer = nn.Sequential(nn.Linear(4, 3))
    quantise_weights(layer, 2)
    names = [name for name, _ in layer.named_parameters()]
    assert "0.parametrizations.weight.original" in names
    layer(torch.ones(1, 4)).sum().backward()
    original = dict(layer.named_parameters())["0.parametrizations.weight.original"]
    assert original.grad is not None
    assert torch.equal(original.grad, torch.ones(3, 4))


def test_bits_can_be_changed_later() -> None:
    network = nn.Sequential(nn.Linear(2, 2), ActivationQuantiser(8), ActivationQuantiser(8))
    set_bits(network, 2)
    assert [q.bits for _, q in quantisers(network)] == [2, 2]
    with pytest.raises(ValueError, match="no activation quantisers; wrap it"):
        set_bits(nn.Linear(2, 2), 2)


def test_bounds_are_calibrated_where_values_are() -> None:
    network = nn.Sequential(ActivationQuantiser(2, 6.0), ActivationQuantiser(2, 6.0))
    x = uniform(10_000, -1, 2).view(10, -1)
    bounds = calibrate_clips(network, [x], share=0.99)
    assert bounds["0"] == pytest.approx(1.98, abs=0.01)
    assert float(network[0].clip) == pytest.approx(bounds["0"])  # type: ignore[arg-type]
    assert [q.bits for _, q in quantisers(network)] == [2, 2]
    nothing = calibrate_clips(network, [-torch.ones(1, 3)])
    assert nothing["0"] == pytest.approx(bounds["0"])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ActivationQuantiser(9), "bits must be 1 to 8"),
        (lambda: ActivationQuantiser(4, 0.0), "clip must be above 0"),
        (lambda: WeightQuantiser(-1), "bits must be 1 to 8"),
        (lambda: quantise_weights(nn.Linear(1, 1), 12), "weight_bits must be 1 to 8"),
        (lambda: calibrate_clips(nn.ReLU(), []), "no batches"),
        (lambda: calibrate_clips(nn.ReLU(), [], share=2.0), "share must be"),
    ],
)
def test_wrong_use_is_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
