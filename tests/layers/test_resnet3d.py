"""The inflated ResNet against the 2D one."""

import pytest
import torch

from sensorium.layers.resnet import RESNETS, ResNet
from sensorium.layers.resnet3d import ResNet3d, ResNet3dConfig

ONE = ((1,), (1,), (1,), (1,))


@pytest.mark.parametrize("name", ["resnet_tiny", "resnet50"])
def test_names_are_the_2d_network_s(name):
    with torch.device("meta"):
        flat, deep = ResNet(RESNETS[name]), ResNet3d(ResNet3dConfig(RESNETS[name]))
    assert flat.state_dict().keys() == deep.state_dict().keys()


def test_without_taps_every_frame_is_seen_alone():
    torch.manual_seed(0)
    flat = ResNet(RESNETS["resnet_tiny"]).eval()
    deep = ResNet3d(ResNet3dConfig(RESNETS["resnet_tiny"], 1, ONE, 2)).eval()
    deep.load_inflated(flat.state_dict())
    picture = torch.randn(2, 3, 32, 32)
    out = deep(picture.unsqueeze(2).repeat(1, 1, 4, 1, 1))
    assert out.shape[2] == 2
    for t in range(2):
        assert torch.allclose(out[:, :, t], flat(picture), atol=1e-5)


def test_away_from_its_ends_a_still_video_is_its_picture():
    torch.manual_seed(0)
    flat = ResNet(RESNETS["resnet_tiny"]).eval()
    deep = ResNet3d(ResNet3dConfig(RESNETS["resnet_tiny"], last_stride=2)).eval()
    deep.load_inflated(flat.state_dict())
    picture = torch.randn(1, 3, 32, 32)
    out = deep(picture.unsqueeze(2).repeat(1, 1, 24, 1, 1))
    assert torch.allclose(out[:, :, 6], flat(picture), atol=1e-4)


def test_where_the_kernels_are_long():
    with torch.device("meta"):
        network = ResNet3d(ResNet3dConfig(RESNETS["resnet50"]))
    stages = (network.layer1, network.layer2, network.layer3, network.layer4)
    taps = [[block.conv1.kernel_size[0] for block in stage] for stage in stages]
    assert taps == [[3, 3, 3], [3, 1, 3, 1], [3, 1, 3, 1, 3, 1], [1, 3, 1]]
    assert network.conv1.kernel_size == (5, 7, 7)
