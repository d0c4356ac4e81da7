"""The temporal shift, against its definition written channel by channel."""

import pytest
import torch
from torch import Tensor, nn

from sensorium.layers.temporal_shift import TemporalShift, shifted, temporal_shift

SETTINGS = [
    (div, direction, order)
    for div in (2, 4, 8)
    for direction in ("both", "past")
    for order in ("future-first", "past-first")
]


def slow(x: Tensor, frames: int, div: int, direction: str, order: str) -> Tensor:
    """The table of the paper's release, one number at a time."""
    fold = x.shape[1] // div
    out = x.clone()
    for row in range(len(x)):
        t = row % frames
        for c in range(2 * fold if direction == "both" else fold):
            first = c < fold
            past = direction == "past" or first == (order == "past-first")
            source = row - 1 if past else row + 1
            inside = t > 0 if past else t < frames - 1
            out[row, c] = x[source, c] if inside else 0
    return out


@pytest.mark.parametrize(("div", "direction", "order"), SETTINGS)
@pytest.mark.parametrize("channels", [8, 13])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_way_to_shift_agrees_with_the_definition(div, direction, order, channels, layout):
    torch.manual_seed(0)
    x = torch.randn(2 * 5, channels, 3, 2).contiguous(memory_format=layout)
    before = x.clone()
    expected = slow(x, 5, div, direction, order)

    assert torch.equal(temporal_shift(x, 5, div, direction, order), expected)
    with_grad = x.clone().requires_grad_()
    assert torch.equal(temporal_shift(with_grad, 5, div, direction, order), expected)
    with torch.no_grad(), shifted(x, 5, div, direction, order):
        assert torch.equal(x, expected)
    assert torch.equal(x, before)


def test_the_vector_of_the_specification():
    x = (10 * torch.arange(3.0)[:, None] + torch.arange(8.0)).reshape(3, 8, 1, 1)
    out = temporal_shift(x, 3)[:, :, 0, 0]
    assert out[:, 0].tolist() == [10, 20, 0]
    assert out[:, 1].tolist() == [0, 1, 11]
    assert out[:, 2].tolist() == [2, 12, 22]
    assert temporal_shift(x, 3, direction="past")[:, 0, 0, 0].tolist() == [0, 0, 10]


def test_one_frame_has_no_neighbours():
    x = torch.ones(2, 8, 1, 1)
    out = temporal_shift(x, 1)
    assert out[:, :2].abs().sum() == 0
    assert torch.equal(out[:, 2:], x[:, 2:])


@pytest.mark.parametrize("direction", ["both", "past"])
@pytest.mark.parametrize("order", ["future-first", "past-first"])
def test_gradients_to_second_order(direction, order):
    x = torch.randn(2 * 3, 4, 1, 2, dtype=torch.double, requires_grad=True)
    args = (x, 3, 4, direction, order)
    assert torch.autograd.gradcheck(temporal_shift, args)
    assert torch.autograd.gradgradcheck(temporal_shift, args)


def test_the_exported_graph_has_no_indexed_writes_and_a_free_batch():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = TemporalShift()

        def forward(self, x: Tensor) -> Tensor:
            return self.shift.then(torch.relu, x.flatten(0, 1), x.shape[1])

    x = torch.randn(2, 4, 8, 3, 3)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(Shifted(), (x,), dynamic_shapes={"x": {0: batch}})
    names = {str(node.target) for node in program.graph.nodes}
    assert any("cat" in name for name in names)
    assert not any("copy" in name or "scatter" in name or "fill" in name for name in names)
    other = torch.randn(5, 4, 8, 3, 3)
    assert torch.equal(program.module()(other), Shifted()(other))


def test_then_leaves_its_input_alone_even_when_the_layer_fails():
    x = torch.randn(4, 8, 2, 2)
    before = x.clone()
    shift = TemporalShift()

    def broken(_: Tensor) -> Tensor:
        raise RuntimeError("no")

    with torch.no_grad():
        assert torch.equal(shift.then(torch.neg, x, 4), -temporal_shift(x, 4))
        assert torch.equal(x, before)
        with pytest.raises(RuntimeError):
            shift.then(broken, x, 4)
    assert torch.equal(x, before)


def test_a_fold_of_everything_both_ways_is_refused():
    with pytest.raises(ValueError, match="div must be at least 2"):
        TemporalShift(div=1)
