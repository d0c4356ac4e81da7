"""PixelPlayer's networks: sizes, pooling, the synthesizer, padding."""

from dataclasses import replace

import pytest
import torch

from sensorium.layers.unet import AudioUNet, UNetConfig
from sensorium.sounds.pixels import (
    PixelPlayer,
    PixelsConfig,
    Synthesizer,
    VideoNet,
    padded,
    trunk_of,
)

TINY = PixelsConfig("resnet_tiny", width=0.25, sound=UNetConfig(levels=3, width=2, channels=4))


def test_published_parameter_counts():
    with torch.device("meta"):
        network = PixelPlayer(PixelsConfig())
    parts = (network.video, network.sound, network.synthesizer)
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [11_324_000, 30_274_210, 33]


def test_maps_are_a_sixteenth_of_the_picture():
    with torch.device("meta"):
        network = VideoNet(trunk_of("resnet18", undone=1), 32)
        assert network(torch.zeros(2, 3, 224, 224)).shape == (2, 32, 14, 14)


def test_an_unknown_trunk_is_one_line():
    with pytest.raises(ValueError, match="unknown trunk 'resnet19'; expected one of resnet18"):
        trunk_of("resnet19")


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_a_clip_s_maps_are_pooled_over_its_pictures(pooling):
    network = PixelPlayer(replace(TINY, pooling=pooling)).eval()
    pictures = torch.randn(2, 3, 3, 32, 32)
    with torch.no_grad():
        single = torch.stack([network.video(pictures[:, t]) for t in range(3)])
        expected = single.amax(0) if pooling == "max" else single.mean(0)
        torch.testing.assert_close(network.see(pictures), expected, atol=1e-5, rtol=1e-5)


def test_the_synthesizer_is_a_loop():
    network = Synthesizer(3)
    with torch.no_grad():
        network.scale.copy_(torch.tensor([0.5, -1.0, 2.0]))
        network.bias.fill_(0.25)
        visual, sound = torch.rand(2, 4, 3), torch.randn(2, 3, 5, 6)
        logits = network(visual, sound)
        for b in range(2):
            for s in range(4):
                expected = torch.full((5, 6), 0.25)
                for k in range(3):
                    expected += network.scale[k] * visual[b, s, k] * sound[b, k]
                torch.testing.assert_close(logits[b, s], expected)
        terms = network.terms(visual[:, 0], sound)
        torch.testing.assert_close(terms.sum(1) - 2 * 0.25, logits[:, 0])


@pytest.mark.parametrize("frames", [8, 9, 15, 3])
def test_any_number_of_frames_is_heard(frames):
    unet = AudioUNet(UNetConfig(levels=3, width=2, channels=4)).eval()
    x = torch.randn(1, 1, 16, frames)
    with torch.no_grad():
        maps = padded(unet, x)
        assert maps.shape == (1, 4, 16, frames)
        missing = -frames % 8
        longer = torch.cat([x, x[..., -1:].expand(-1, -1, -1, missing)], -1)
        torch.testing.assert_close(maps, unet(longer)[..., :frames])


def test_a_network_begins_as_published_when_asked():
    torch.manual_seed(0)
    published = PixelPlayer(TINY).sound.down[1].weight.detach()
    ours = PixelPlayer(replace(TINY, published_init=False)).sound.down[1].weight.detach()
    assert float(published.std()) < 0.002 < 0.05 < float(ours.std())
