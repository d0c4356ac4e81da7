import pytest
import torch
from torch import nn

from sensorium.robustness.pse.activations import find_layers, masked, outputs
from sensorium.robustness.pse.dissection import Concepts, Probe, dissect

COLOURS = Concepts(("red", "green", "blue", "left"), ("colour", "colour", "colour", "place"))


class Channels(nn.Module):
    """Units that are the picture's own colours, and one that is always silent."""

    def __init__(self):
        super().__init__()
        self.units = nn.Identity()

    def forward(self, x):
        maps = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        return self.units(maps).mean((2, 3))


def coloured(count=6):
    """Each picture is one colour in a corner; masks say where."""
    x = torch.zeros(count, 3, 8, 8)
    masks = torch.zeros(count, 4, 8, 8, dtype=torch.bool)
    for k in range(count):
        x[k, k % 3, :4, :4] = 1
        masks[k, k % 3, :4, :4] = True
    masks[:, 3, :, :4] = True
    return x, masks


def probes_of(x, masks, annotated=None):
    def probes():
        for part in range(0, len(x), 2):
            here = slice(part, part + 2)
            yield Probe(x[here], masks[here], None if annotated is None else annotated[here])

    return probes


def test_units_that_are_concepts_have_iou_1():
    x, masks = coloured()
    network = Channels().eval()
    found = dissect(network, {"units": network.units}, probes_of(x, masks), COLOURS, share=0.1)
    found = found["units"]
    torch.testing.assert_close(found.iou[:3, :3], torch.eye(3))
    assert found.labels() == ("red", "green", "blue", None)
    assert found.detectors() == {"colour": 3, "place": 0}
    assert found.unique() == 3
    assert float(found.best[3]) == 0, "a silent unit selects nothing"


def test_iou_is_of_the_whole_set_and_by_annotated_pictures():
    """Unit red shows in 2 of 6 pictures, 16 pixels each; 'left' is annotated where said."""
    x, masks = coloured()
    network = Channels().eval()
    layers = {"units": network.units}
    whole = dissect(network, layers, probes_of(x, masks), COLOURS, share=0.1)["units"]
    assert float(whole.iou[0, 3]) == pytest.approx(32 / (6 * 32))
    annotated = torch.ones(6, 2, dtype=torch.bool)
    annotated[0, 1] = False
    masks[0, 3] = False  # no place in the first picture: its red pixels are not held against it
    part = dissect(network, layers, probes_of(x, masks, annotated), COLOURS, share=0.1)["units"]
    assert float(part.iou[0, 3]) == pytest.approx(16 / (5 * 32))


def test_agrees_with_a_slow_version(noise):
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    network.eval()
    x = torch.rand(6, 3, 8, 8, generator=noise)
    masks = torch.rand(6, 4, 8, 8, generator=noise) > 0.6
    found = dissect(network, {"1": network[1]}, probes_of(x, masks), COLOURS, share=0.2)["1"]
    with torch.no_grad():
        maps = network[:2](x)
    for unit in range(5):
        values = maps[:, unit].flatten().sort().values
        edge = values[round(0.8 * len(values)) - 1]
        assert float(found.thresholds[unit]) == pytest.approx(float(edge), abs=1e-6)
        large = nn.functional.interpolate(maps[:, unit : unit + 1], (8, 8), mode="bilinear")[:, 0]
        cut = large > edge
        for concept in range(4):
            both = (cut & masks[:, concept]).sum()
            either = (cut | masks[:, concept]).sum()
            assert float(found.iou[unit, concept]) == pytest.approx(float(both / either), abs=1e-6)


def test_shuffled_masks_belong_to_other_pictures():
    x, masks = coloured()
    network = Channels().eval()
    layers = {"units": network.units}
    found = dissect(network, layers, probes_of(x, masks), COLOURS, share=0.1, shuffled=True)
    assert float(found["units"].iou[0, 0]) < 0.5


def test_refuses(noise):
    network = Channels().eval()
    with pytest.raises(ValueError, match="probe set is empty"):
        dissect(network, {"units": network.units}, list, COLOURS)
    with pytest.raises(ValueError, match="3 names and 1 categories"):
        Concepts(("a", "b", "c"), ("d",))
    with pytest.raises(ValueError, match=r"no layer 'unit'.*units"):
        find_layers(network, ["unit"])
    lost = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="got nothing"):
        next(iter(outputs(network, {"lost": lost}, [torch.zeros(1, 3, 8, 8)])))
    assert not lost._forward_hooks


def test_masked_units_are_silent_within_the_block_only():
    network = Channels().eval()
    x = torch.rand(1, 3, 4, 4)
    before = network(x)
    with masked(network.units, torch.tensor([True, False, False, False])):
        inside = network(x)
    assert float(inside[0, 0]) == 0
    assert torch.equal(inside[0, 1:], before[0, 1:])
    assert torch.equal(network(x), before)
