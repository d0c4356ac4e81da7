"""TSN and I3D."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sensorium.actions.baselines import I3D, TSN, I3DConfig, TSNConfig
from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.layers.resnet import RESNETS, ResNet


def test_tsn_is_blind_to_order_and_tsm_with_the_same_weights_is_not():
    torch.manual_seed(0)
    tsn = TSN(TSNConfig("resnet_tiny", classes=5)).eval()
    tsm = TSM(TSMConfig("resnet_tiny", classes=5)).eval()
    torch.nn.init.normal_(tsm.head.weight)
    tsn.load_state_dict(tsm.state_dict())
    x = torch.randn(2, 4, 3, 32, 32)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        assert torch.allclose(tsn(x), tsn(x[:, order]), atol=1e-5)
        assert not torch.allclose(tsm(x), tsm(x[:, order]), atol=1e-5)


def test_i3d_size_and_cost():
    with torch.device("meta"):
        network = I3D(I3DConfig()).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 32, 3, 224, 224))
    assert counter.get_total_flops() / 2e9 == pytest.approx(152.5, abs=0.1)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(28.04e6, abs=5e3)


def test_i3d_sees_order_and_takes_any_number_of_frames():
    torch.manual_seed(0)
    network = I3D(I3DConfig("resnet_tiny", classes=5)).eval()
    torch.nn.init.normal_(network.head.weight)
    x = torch.randn(2, 8, 3, 32, 32)
    with torch.no_grad():
        assert (network(x) - network(x.flip(1))).abs().max() > 1e-3
        for frames in (1, 5, 16):
            x = torch.randn(1, frames, 3, 32, 32)
            assert network.features(x).shape == (1, (frames + 1) // 2, 128)


def test_i3d_starts_from_image_weights():
    source = ResNet(RESNETS["resnet_tiny"]).state_dict()
    network = I3D(I3DConfig("resnet_tiny", classes=5))
    network.load_backbone({**source, "fc.weight": torch.zeros(1)})
    kernel = network.backbone.conv1.weight
    assert torch.allclose(kernel.sum(2), source["conv1.weight"], atol=1e-6)


def test_i3d_partial_bn_and_groups():
    network = I3D(I3DConfig("resnet_tiny", classes=5, partial_bn=True)).train()
    groups = {g["name"]: len(g["params"]) for g in network.parameter_groups()}
    assert groups["norms"] == 2
    assert groups["head weight"] == groups["head bias"] == 1


def test_errors():
    with pytest.raises(ValueError, match="backbone must be one of"):
        I3DConfig("mobilenet_v2")
    with pytest.raises(ValueError, match="at least 1"):
        I3DConfig(classes=0)
    with pytest.raises(ValueError, match="at least 1"):
        TSNConfig(classes=0)
    with pytest.raises(ValueError, match="stem_taps must be odd"):
        I3DConfig(stem_taps=4)
    with pytest.raises(ValueError, match=r"\[B, T, 3, H, W\]"):
        I3D(I3DConfig("resnet_tiny"))(torch.zeros(8, 3, 32, 32))
