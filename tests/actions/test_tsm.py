"""TSM: sizes and costs of the paper, where the shift sits, what it sees."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.layers.resnet import RESNETS, ResNet

TINY = TSMConfig("resnet_tiny", classes=5, dropout=0.0)


def on_meta(config: TSMConfig) -> TSM:
    with torch.device("meta"):
        return TSM(config).eval()


def macs(network: TSM, frames: int, size: int = 224) -> float:
    x = torch.zeros(1, frames, 3, size, size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    return counter.get_total_flops() / 2


def lively(config: TSMConfig) -> TSM:
    """A network whose logits differ visibly: a new head is almost zero."""
    torch.manual_seed(0)
    network = TSM(config).eval()
    torch.nn.init.normal_(network.head.weight)
    return network


@pytest.mark.parametrize(
    ("config", "parameters", "tensors"),
    [
        (TSMConfig("resnet50", 174), 23.865e6, 320),
        (TSMConfig("resnet50", 400), 24.328e6, 320),
        (TSMConfig("resnet101", 174), 42.857e6, 626),
        (TSMConfig("mobilenet_v2", 27), 2.258e6, 314),
        (TSMConfig("mobilenet_v2", 400), 2.736e6, 314),
        (TSMConfig("resnet50", 400, non_local=True), 31.686e6, 385),
    ],
)
def test_sizes(config, parameters, tensors):
    network = on_meta(config)
    count = sum(p.numel() for p in network.parameters())
    assert count == pytest.approx(parameters, abs=600)
    assert len(network.state_dict()) == tensors


@pytest.mark.parametrize(
    ("config", "frames", "giga"),
    [
        (TSMConfig("resnet50", 400), 8, 32.70),
        (TSMConfig("resnet50", 400), 16, 65.40),
        (TSMConfig("resnet101", 174), 8, 62.40),
        (TSMConfig("mobilenet_v2", 400), 8, 2.400),
        (TSMConfig("resnet50", 400, non_local=True), 8, 61.10),
    ],
)
def test_costs(config, frames, giga):
    assert macs(on_meta(config), frames) / 1e9 == pytest.approx(giga, abs=0.01)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "mobilenet_v2", "resnet_tiny"])
def test_the_shift_costs_no_parameter_and_no_multiplication(backbone):
    tsm, tsn = on_meta(TSMConfig(backbone)), on_meta(TSMConfig(backbone, shift_div=0))
    assert {k: v.shape for k, v in tsm.state_dict().items()} == {
        k: v.shape for k, v in tsn.state_dict().items()
    }
    assert macs(tsm, 8, 64) == macs(tsn, 8, 64)


def test_which_blocks_are_shifted():
    def count(backbone, **options):
        return len(on_meta(TSMConfig(backbone, **options)).shifted)

    assert count("resnet18") == 8
    assert count("resnet34") == count("resnet50") == 16
    assert (count("resnet101"), count("resnet152")) == (18, 26)
    assert count("resnet101", placement="block") == 33
    deep = on_meta(TSMConfig("resnet101")).shifted
    assert {"layer1.0", "layer1.2", "layer3.22", "layer4.2"} <= deep
    assert not {"layer1.1", "layer3.21"} & deep
    mobile = on_meta(TSMConfig("mobilenet_v2")).shifted
    assert mobile == {f"features.{k}" for k in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)}
    assert count("resnet50", shift_div=0) == 0


def test_the_state_dict_is_the_backbone_and_a_head():
    names = set(on_meta(TSMConfig()).state_dict())
    with torch.device("meta"):
        backbone = ResNet(RESNETS["resnet50"]).state_dict()
    assert names == {f"backbone.{k}" for k in backbone} | {"head.weight", "head.bias"}


@pytest.mark.parametrize("placement", ["residual", "block"])
@pytest.mark.parametrize("direction", ["both", "past"])
@pytest.mark.parametrize("backbone", ["resnet_tiny", "mobilenet_v2"])
def test_the_paths_with_and_without_gradients_agree(backbone, placement, direction):
    config = replace(TINY, backbone=backbone, placement=placement, direction=direction)
    network = lively(config)
    x = torch.randn(2, 4, 3, 32, 32)
    with_gradients = network(x)
    with torch.no_grad():
        without = network(x)
    assert torch.allclose(with_gradients, without, atol=1e-5)


def test_zero_branches_make_residual_placement_blind_and_block_placement_not():
    x = torch.randn(1, 4, 3, 32, 32)
    logits = {}
    for placement in ("residual", "block"):
        for div in (8, 0):
            network = lively(replace(TINY, placement=placement, shift_div=div))
            for _, block in network.backbone.blocks():
                torch.nn.init.zeros_(block.bn2.weight)
            with torch.no_grad():
                logits[placement, div] = network(x)
    assert torch.equal(logits["residual", 8], logits["residual", 0])
    assert not torch.allclose(logits["block", 8], logits["block", 0])


def test_without_shift_time_reversal_changes_nothing_and_with_it_does():
    x = torch.randn(2, 8, 3, 32, 32)
    with torch.no_grad():
        tsn, tsm = lively(replace(TINY, shift_div=0)), lively(TINY)
        assert torch.allclose(tsn(x), tsn(x.flip(1)), atol=1e-5)
        assert (tsm(x) - tsm(x.flip(1))).abs().max() > 1e-2


def test_the_number_of_frames_is_read_from_the_input():
    network = lively(TINY)
    for frames in (1, 3, 8, 16):
        x = torch.randn(2, frames, 3, 40, 24)
        assert network.frame_logits(x).shape == (2, frames, 5)
        assert network.features(x).shape == (2, frames, 128)
        assert torch.allclose(network(x), network.frame_logits(x).mean(1))


def test_fold_order_is_time_reversal():
    x = torch.randn(1, 6, 3, 32, 32)
    with torch.no_grad():
        a = lively(TINY)(x)
        b = lively(replace(TINY, fold_order="past-first"))(x.flip(1))
    assert torch.allclose(a, b, atol=1e-5)


def test_temporal_pooling_halves_the_frames():
    network = lively(replace(TINY, temporal_pool=True))
    assert network.frame_logits(torch.randn(2, 8, 3, 32, 32)).shape == (2, 4, 5)
    assert network.frame_logits(torch.randn(2, 7, 3, 32, 32)).shape == (2, 4, 5)
    assert network.frame_logits(torch.randn(2, 1, 3, 32, 32)).shape == (2, 1, 5)


def test_new_non_local_blocks_change_nothing():
    x = torch.randn(1, 4, 3, 32, 32)
    with torch.no_grad():
        plain, wide = lively(TINY), lively(replace(TINY, non_local=True))
        assert set(wide.non_local) == {"layer2_0", "layer3_0"}
        wide.load_state_dict(plain.state_dict(), strict=False)
        assert torch.equal(plain(x), wide(x))


def test_partial_bn_survives_train_and_leaves_the_groups():
    network = TSM(replace(TINY, partial_bn=True))
    network.eval()
    assert network.train() is network
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert [n.training for n in norms] == [True] + [False] * (len(norms) - 1)
    groups = {g["name"]: g for g in network.parameter_groups()}
    assert len(groups["norms"]["params"]) == 2


def test_parameter_groups():
    network = on_meta(TSMConfig("resnet50", in_channels=10))
    new = {g["name"]: g for g in network.parameter_groups()}
    every = [p for g in new.values() for p in g["params"]]
    assert len(every) == len({id(p) for p in every}) == len(list(network.parameters()))
    factors = {k: (g["lr_factor"], g["weight_decay_factor"]) for k, g in new.items()}
    assert factors == {
        "flow weight": (5, 1),
        "weights": (1, 1),
        "norms": (1, 0),
        "head weight": (5, 1),
        "head bias": (10, 0),
    }
    assert new["flow weight"]["params"] == [network.backbone.conv1.weight]
    old = {g["name"]: g for g in on_meta(TSMConfig()).parameter_groups(new_head=False)}
    assert set(old) == {"first weight", "weights", "biases", "norms"}
    assert (old["biases"]["lr_factor"], old["biases"]["weight_decay_factor"]) == (2, 0)


def test_image_weights_start_an_rgb_and_a_flow_network():
    source = TSM(TINY).backbone.state_dict()
    network, flow = TSM(TINY), TSM(replace(TINY, in_channels=10))
    network.load_backbone({**source, "fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)})
    flow.load_backbone(source)
    kernel = source["conv1.weight"]
    assert torch.equal(network.backbone.conv1.weight, kernel)
    assert torch.equal(flow.backbone.conv1.weight[:, 7], kernel.mean(1))
    block = "layer2.0.conv1.weight"  # not a stem, though its name ends like one
    assert torch.equal(flow.backbone.state_dict()[block], source[block])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "vgg16"}, "backbone must be one of"),
        ({"classes": 0}, "classes must be at least 1"),
        ({"shift_div": 1}, "shift_div must be 0"),
        ({"backbone": "mobilenet_v2", "non_local": True}, "need a ResNet"),
    ],
)
def test_config_errors(options, message):
    with pytest.raises(ValueError, match=message):
        TSMConfig(**options)


@pytest.mark.parametrize("shape", [(8, 3, 32, 32), (1, 3, 8, 32, 32)])
def test_input_errors(shape):
    with pytest.raises(ValueError, match=r"expected frames \[B, T, 3, H, W\]"):
        TSM(TINY)(torch.zeros(shape))


def test_bytes_are_refused():
    with pytest.raises(ValueError, match="normalised"):
        TSM(TINY)(torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8))
