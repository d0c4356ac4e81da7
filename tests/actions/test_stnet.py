"""StNet: sizes and costs of the paper, both temporal blocks, time beyond training's."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from sensorium.actions.stnet import StNet, StNetConfig, TemporalModelling, TemporalXception

TINY = StNetConfig("resnet_tiny", classes=5, snippet=2)


def on_meta(config: StNetConfig) -> StNet:
    with torch.device("meta"):
        return StNet(config).eval()


@pytest.mark.parametrize(
    ("backbone", "parameters", "giga_7_224", "giga_25_256"),
    [("resnet50", 33.159e6, 40.58, 189.27), ("resnet101", 52.151e6, 66.57, 310.48)],
)
def test_sizes_and_costs(backbone, parameters, giga_7_224, giga_25_256):
    network = on_meta(StNetConfig(backbone))
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, abs=600)
    for snippets, size, giga in ((7, 224, giga_7_224), (25, 256, giga_25_256)):
        x = torch.zeros(1, 5 * snippets, 3, size, size, device="meta")
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(x).shape == (1, 400)
        assert counter.get_total_flops() / 2e9 == pytest.approx(giga, abs=0.01)


def test_sizes_of_the_parts():
    network = on_meta(StNetConfig())
    sizes = [sum(p.numel() for p in part.parameters()) for part in (network.tmb1, network.tmb2)]
    assert sizes == [787_968, 3_148_800]
    assert sum(p.numel() for p in network.txb.parameters()) == 5_266_432
    paper = on_meta(StNetConfig(tmb="paper"))
    assert {k: v.shape for k, v in paper.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


@pytest.mark.parametrize("tmb", ["released", "paper"])
def test_any_number_of_snippets(tmb):
    network = StNet(StNetConfig("resnet_tiny", classes=5, snippet=5, tmb=tmb)).eval()
    for snippets in (1, 7, 25):
        x = torch.randn(1, 5 * snippets, 3, 32, 32)
        assert network(x).shape == (1, 5)
        assert network.features(x).shape == (1, snippets, 64)


@pytest.mark.parametrize("tmb", ["released", "paper"])
def test_temporal_modelling_against_a_loop_over_time(tmb):
    torch.manual_seed(0)
    block = TemporalModelling(3, tmb).eval()
    torch.nn.init.normal_(block.conv.weight)
    block.bn.running_mean.uniform_()
    x = torch.randn(2 * 4, 3, 2, 2)
    clips = x.view(2, 4, 3, 2, 2)
    out = block(x, 4).view(2, 4, 3, 2, 2)
    for t in range(4):
        h = block.conv.bias.view(1, -1, 1, 1)
        for tap, source in enumerate((t - 1, t, t + 1)):
            if 0 <= source < 4:
                h = h + F.conv2d(clips[:, source], block.conv.weight[:, :, tap : tap + 1])
        norm = block.bn(F.relu(h) if tmb == "released" else h)
        expected = clips[:, t] + norm if tmb == "released" else F.relu(norm)
        assert torch.allclose(out[:, t], expected, atol=1e-5)


def test_first_weights_of_the_temporal_block():
    released, paper = TemporalModelling(16, "released"), TemporalModelling(16, "paper")
    bound = (6 / 48) ** 0.5
    assert 0.9 * bound < released.conv.weight.abs().max() <= bound
    assert torch.equal(paper.conv.weight, torch.full((16, 16, 3, 1), 1 / 48))
    assert released.conv.bias.abs().max() == paper.conv.bias.abs().max() == 0


def test_xception_block_is_depthwise_and_ends_in_relu():
    block = TemporalXception(6, 4)
    assert block.depthwise1.groups == 6
    assert block.depthwise2.groups == 4
    out = block(torch.randn(3, 6, 7))
    assert out.shape == (3, 4, 7)
    assert out.min() == 0


def test_super_images_are_frame_major():
    network = StNet(TINY).eval()
    frames = torch.randn(1, 4, 3, 32, 32)
    seen = []
    network.backbone.conv1.register_forward_hook(lambda _m, args, _o: seen.append(args[0]))
    network(frames)
    assert torch.equal(
        seen[0], torch.stack([frames[0, :2].flatten(0, 1), frames[0, 2:].flatten(0, 1)])
    )


def test_the_order_of_snippets_and_of_frames_matters():
    torch.manual_seed(0)
    network = StNet(TINY).eval()
    x = torch.randn(1, 8, 3, 32, 32)
    swapped = x.view(1, 4, 2, 3, 32, 32).flip(1).reshape(x.shape)
    with torch.no_grad():
        assert (network(x) - network(x.flip(1))).abs().max() > 1e-3
        assert (network(x) - network(swapped)).abs().max() > 1e-3


@pytest.mark.parametrize("how", ["mean", "tile"])
def test_image_weights_answer_equal_grey_frames_as_before(how):
    config = StNetConfig("resnet_tiny", classes=5, snippet=3, stem_init=how)
    picture_network = StNet(StNetConfig("resnet_tiny", classes=5, snippet=1)).eval()
    network = StNet(config).eval()
    network.load_backbone({**picture_network.backbone.state_dict(), "fc.bias": torch.zeros(1)})
    grey = torch.randn(2, 1, 32, 32).repeat(1, 3, 1, 1)
    with torch.no_grad():
        one, three = picture_network.backbone(grey), network.backbone(grey.repeat(1, 3, 1, 1))
    assert torch.allclose(one, three, atol=1e-4)


def test_channels_last_frames_and_weights_give_the_same_and_stay_so():
    torch.manual_seed(0)
    network = StNet(TINY).eval()
    frames = torch.randn(2, 4, 3, 32, 32)
    last = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last).view(frames.shape)
    seen = []
    network.backbone.layer4.register_forward_hook(lambda _m, _a, out: seen.append(out))
    with torch.no_grad():
        plain = network(frames)
        network.to(memory_format=torch.channels_last)
        assert torch.allclose(network(last), plain, atol=1e-5)
    assert seen[1].is_contiguous(memory_format=torch.channels_last)


def test_one_group_with_everything():
    network = StNet(TINY)
    (group,) = network.parameter_groups()
    assert len(group["params"]) == len(list(network.parameters()))
    assert (group["lr_factor"], group["weight_decay_factor"]) == (1, 1)


def test_errors():
    with pytest.raises(ValueError, match="multiple of 2 frames"):
        StNet(TINY)(torch.zeros(1, 7, 3, 32, 32))
    with pytest.raises(ValueError, match=r"\[B, T, 3, H, W\]"):
        StNet(TINY)(torch.zeros(7, 3, 32, 32))
    with pytest.raises(ValueError, match="backbone must be one of"):
        StNetConfig("mobilenet_v2")
    with pytest.raises(ValueError, match="'released' or 'paper'"):
        StNetConfig(tmb="figure")
    with pytest.raises(ValueError, match="at least 1"):
        StNetConfig(snippet=0)
