"""ResNets: sizes and names are torchvision's."""

from dataclasses import replace

import pytest
import torch

from sensorium.layers.resnet import RESNETS, BasicBlock, ResNet

# torchvision's totals less the classifier's 1000 * features + 1000
PARAMETERS = {
    "resnet18": 11_689_512 - 513_000,
    "resnet34": 21_797_672 - 513_000,
    "resnet50": 25_557_032 - 2_049_000,
    "resnet101": 44_549_160 - 2_049_000,
    "resnet152": 60_192_808 - 2_049_000,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_count(name):
    with torch.device("meta"):
        network = ResNet(RESNETS[name])
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]


def test_names_and_strides():
    with torch.device("meta"):
        network = ResNet(RESNETS["resnet50"])
    names = set(network.state_dict())
    assert {"conv1.weight", "bn1.running_var", "layer1.0.downsample.1.bias"} <= names
    assert {"layer4.2.conv3.weight", "layer3.5.bn2.num_batches_tracked"} <= names
    assert not any(name.startswith("fc") for name in names)
    assert network.layer2[0].conv1.stride == (1, 1)
    assert network.layer2[0].conv2.stride == (2, 2)


def test_shapes():
    with torch.device("meta"):
        big = ResNet(RESNETS["resnet18"])(torch.zeros(2, 3, 224, 224))
    assert big.shape == (2, 512, 7, 7)
    tiny = ResNet(RESNETS["resnet_tiny"])
    assert tiny(torch.zeros(2, 3, 33, 47)).shape == (2, tiny.config.features, 3, 3)


def test_block_in_two_steps_is_the_block():
    block = BasicBlock(4, 8, 2).eval()
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(x), block.rest(x, block.first(x)))


def test_zero_branch_leaves_the_shortcut():
    block = BasicBlock(4, 4, 1)
    torch.nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(x), x)


def test_undone_strides_become_dilation():
    with torch.device("meta"):
        network = ResNet(replace(RESNETS["resnet18"], undone=1))
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 512, 14, 14)
    first, second = network.layer4
    assert (first.conv1.stride, first.conv1.dilation, first.conv1.padding) == ((1, 1),) * 3
    assert (first.conv2.dilation, first.conv2.padding) == ((2, 2), (2, 2))
    assert first.downsample[0].stride == (1, 1)
    assert second.conv1.dilation == second.conv2.dilation == (2, 2)
    assert network.layer3[0].conv1.stride == (2, 2)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS["resnet18"]


def test_two_undone_strides_give_an_eighth():
    with torch.device("meta"):
        network = ResNet(replace(RESNETS["resnet18"], undone=2))
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 512, 28, 28)
    assert network.layer3[0].conv1.dilation == (1, 1)
    assert network.layer3[1].conv1.dilation == (2, 2)
    assert network.layer4[0].conv1.dilation == (2, 2)
    assert network.layer4[1].conv2.dilation == (4, 4)


def test_a_dilated_stage_sees_what_the_strided_one_sees():
    """Every second place of the finer map is the coarser map."""
    torch.manual_seed(0)
    coarse = ResNet(RESNETS["resnet_tiny"]).eval()
    fine = ResNet(replace(RESNETS["resnet_tiny"], undone=1)).eval()
    fine.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(fine(x)[..., ::2, ::2], coarse(x), atol=1e-5)
