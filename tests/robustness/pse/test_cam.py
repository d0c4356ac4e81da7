import pytest
import torch
from torch import nn

from sensorium.robustness.pse.cam import activation_maps
from sensorium.robustness.pse.maps import last_maps


def pictures(noise, *shape):
    return torch.rand(shape, generator=noise)


@pytest.mark.parametrize("name", ["pooled", "warm"])
def test_the_mean_of_a_map_and_the_bias_are_the_logit(name, request, noise):
    network = request.getfixturevalue(name)
    x = pictures(noise, 4, 3, 8, 8)
    labels = torch.tensor([[0, 1, 2]] * 4)
    found = activation_maps(network, x, labels, batch=3)
    assert found.method == "cam"
    assert found.values.shape == (4, 3, 1, 4, 4)
    sums = found.values.mean((2, 3, 4)) + network.temperature * network.fc.bias
    torch.testing.assert_close(sums, network(x), atol=1e-5, rtol=1e-4)


def test_cam_by_its_formula(pooled, noise):
    x = pictures(noise, 2, 3, 8, 8)
    found = activation_maps(pooled, x, torch.tensor([[1], [2]])).values[:, 0, 0]
    weights = pooled.fc.weight[[1, 2]]
    expected = torch.einsum("bd,bdhw->bhw", weights, pooled.maps(x))
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_grad_cam_is_cam_over_the_places_and_cut_at_0(pooled, noise):
    x, labels = pictures(noise, 2, 3, 8, 8), torch.tensor([[0], [1]])
    exact = activation_maps(pooled, x, labels).values
    cheap = activation_maps(pooled, x, labels, method="grad-cam")
    assert cheap.method == "grad-cam"
    torch.testing.assert_close(cheap.values, (exact / 16).relu())


def test_frames_of_a_clip_have_maps_of_their_own(clips, noise):
    x = pictures(noise, 2, 4, 3, 8, 8)
    found = activation_maps(clips, x, torch.tensor([[0, 2], [1, 0]]))
    assert found.method == "cam"
    assert found.values.shape == (2, 2, 4, 4, 4)
    labels = torch.tensor([[0, 2], [1, 0]])
    sums = found.values.mean((2, 3, 4)) + clips.fc.bias[labels]
    torch.testing.assert_close(sums, clips(x).gather(1, labels), atol=1e-5, rtol=1e-4)
    assert found.over(x).shape == (2, 2, 4, 8, 8)


def test_steps_of_time_of_three_dimensional_convolutions(volumes, noise):
    x, labels = pictures(noise, 2, 4, 3, 8, 8), torch.tensor([[0, 2], [1, 0]])
    found = activation_maps(volumes, x, labels)
    assert found.method == "cam"
    assert found.values.shape == (2, 2, 2, 8, 8)
    sums = found.values.mean((2, 3, 4)) + volumes.fc.bias[labels]
    torch.testing.assert_close(sums, volumes(x).gather(1, labels), atol=1e-5, rtol=1e-4)


def test_a_network_of_convolutions_alone_has_grad_cam(convolutional, noise):
    x = pictures(noise, 2, 3, 8, 8)
    found = activation_maps(convolutional, x, torch.tensor([[0], [1]]))
    assert found.method == "grad-cam"
    assert found.values.shape == (2, 1, 1, 4, 4)
    maps = convolutional.conv(x)
    expected = torch.stack([maps[0, 0], maps[1, 1]]).detach()
    torch.testing.assert_close(found.values[:, 0, 0], (expected / 16).relu())


def test_a_row_of_a_snippet_is_repeated_for_its_frames(noise):
    from sensorium.robustness.pse.cam import ActivationMaps

    maps = ActivationMaps(torch.arange(2.0).view(1, 1, 2, 1, 1), "cam", torch.zeros(1, 2))
    over = maps.over(torch.zeros(1, 6, 3, 2, 2))
    assert over[0, 0, :, 0, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_networks_without_pooling_have_grad_cam_only(flattened, noise):
    x, labels = pictures(noise, 2, 3, 8, 8), torch.tensor([[0], [1]])
    found = activation_maps(flattened, x, labels)
    assert found.method == "grad-cam"
    assert bool((found.values >= 0).all())
    maps = flattened.maps(x).detach().requires_grad_()
    chosen = flattened.fc(maps.flatten(1)).gather(1, labels).sum()
    (slope,) = torch.autograd.grad(chosen, maps)
    expected = (slope.mean((2, 3), keepdim=True) * maps).sum(1).relu()
    torch.testing.assert_close(found.values[:, 0, 0], expected.detach(), atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="take method='grad-cam'"):
        activation_maps(flattened, x, labels, method="cam")


def test_exported_programs_have_maps(pooled, noise):
    x = pictures(noise, 2, 3, 8, 8)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(pooled, (x,), dynamic_shapes=((batch,) + (None,) * 3,)).module()
    labels = torch.tensor([[0], [1]])
    found = activation_maps(program, x, labels)
    assert found.method == "cam"
    torch.testing.assert_close(found.values, activation_maps(pooled, x, labels).values)


def test_a_layer_of_ones_choice(pooled, noise):
    x = pictures(noise, 2, 3, 8, 8)
    seen = last_maps(pooled, x, pooled.conv1)
    assert seen.maps.shape == (2, 6, 8, 8)
    assert not seen.pooled
    assert not pooled.conv1._forward_hooks
    found = activation_maps(pooled, x, torch.tensor([[0], [1]]), layer=pooled.norm)
    assert (found.method, found.values.shape[-1]) == ("grad-cam", 8)


def test_no_maps_is_said(linear, noise):
    with pytest.raises(ValueError, match="found no feature maps"):
        last_maps(linear, pictures(noise, 2, 3, 6, 8))
    with pytest.raises(ValueError, match="got no inputs"):
        last_maps(linear, torch.zeros(0, 3, 6, 8))
    with pytest.raises(ValueError, match="must give maps"):
        last_maps(linear, pictures(noise, 2, 3, 6, 8), linear.head)
    with pytest.raises(ValueError, match="got nothing"):
        last_maps(linear, pictures(noise, 2, 3, 6, 8), nn.Conv2d(1, 1, 1))
