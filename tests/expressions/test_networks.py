"""Encoders, decoder, landmark head, generator: counts, shapes, and the sums written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sensorium.expressions.decoder import Decoder
from sensorium.expressions.encoders import Encoder
from sensorium.expressions.generator import Generator
from sensorium.expressions.landmark_head import LandmarkHead
from sensorium.expressions.recipes import expressions_paper

PAPER = (64, 128, 256, 512, 512, 512, 512, 512)
SMALL = (4, 6, 8)


def kernels(module: nn.Module) -> int:
    """Weights of convolutions, without norms and biases."""
    convs = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    return sum(m.weight.numel() for m in convs)


def small(count: int = 3, **options) -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(count, SMALL, **options)
        for module in generator.modules():  # larger than at the start, so that all shows
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0, 0.3)
    return generator.eval()


def some(batch: int = 4, side: int = 16) -> torch.Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_papers_size_has_the_published_conventions_counts() -> None:
    with torch.device("meta"):
        assert kernels(Encoder(PAPER)) == 19_532_800
        assert kernels(Decoder(PAPER)) == 34_871_296
        one = Generator(1, PAPER, landmarks=False)
        three = Generator(3, PAPER, landmarks=False)
    assert round(kernels(one) / 1e6) == 74
    assert round(kernels(three) / 1e6) == 113
    assert expressions_paper().system.channels == PAPER


def test_levels_halve_to_one_pixel_and_back() -> None:
    encoder, decoder = Encoder(PAPER[:4]), Decoder(PAPER[:4])
    features = encoder(torch.zeros(2, 3, 16, 16))
    assert [f.shape[-1] for f in features] == [8, 4, 2, 1]
    assert [f.shape[1] for f in features] == [64, 128, 256, 512]
    picture, maps = decoder(features)
    assert picture.shape == (2, 3, 16, 16)
    assert maps.shape == (2, 128, 8, 8)
    assert decoder.penultimate == 128
    normed = [isinstance(n, nn.BatchNorm2d) for n in encoder.norms]
    assert normed == [False, True, True, False]  # none at the first and at the innermost level
    assert [isinstance(n, nn.BatchNorm2d) for n in decoder.norms] == [False, True, True, True]


@pytest.mark.parametrize("norm", ["batch", "instance", "group", "none"])
def test_features_are_those_before_the_next_activation(norm) -> None:
    encoder = Encoder(SMALL, norm).eval()
    x = some()
    features = encoder(x)
    first = encoder.convs[0](x)
    second = encoder.norms[1](encoder.convs[1](nn.functional.leaky_relu(first, 0.2)))
    torch.testing.assert_close(features[0], first)
    torch.testing.assert_close(features[1], second)
    assert (features[0] < 0).any()  # no activation has changed it in place


def test_batch_norm_is_the_same_in_training_once_its_statistics_are() -> None:
    generator = Generator(2, SMALL)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    x, degrees = some(8), torch.zeros(8, 1, 2)
    degrees[:, 0, 1] = 1
    first, _ = generator.train()(x, degrees)
    again, _ = generator.eval()(x, degrees)
    assert (first - again).abs().max() < 0.05  # the unbiased variance differs a little


def test_landmarks_follow_the_features() -> None:
    head = LandmarkHead(1)
    with torch.no_grad():
        head.conv.weight.fill_(50.0)
        head.conv.bias.zero_()
    maps = torch.zeros(2, 1, 8, 16)
    maps[0, 0, 2, 3] = maps[1, 0, 5, 3] = 1.0
    points = head(maps)
    assert points.shape == (2, 68, 2)
    torch.testing.assert_close(points[0, 0], torch.tensor([3.5 / 16, 2.5 / 8]))
    torch.testing.assert_close(points[1, 7], torch.tensor([3.5 / 16, 5.5 / 8]))


def test_features_are_summed_level_by_level() -> None:
    """Against the sum written out frame by frame and expert by expert."""
    generator, x = small(), some()
    degrees = torch.zeros(4, 2, 3)
    degrees[0, :, 1] = torch.tensor([0.3, 1.0])  # one expression
    degrees[1, 1] = torch.tensor([0.5, 0.0, 0.2])  # two
    degrees[3, :, 2] = torch.tensor([0.1, 0.2])  # the third face stays neutral
    got, points = generator(x, degrees)
    assert points is not None
    for row in range(4):
        for frame in range(2):
            features = generator.base(x[row : row + 1])
            for expert, degree in enumerate(degrees[row, frame]):
                extra = generator.residuals[expert](x[row : row + 1])
                features = [f + degree * e for f, e in zip(features, extra, strict=True)]
            wanted, maps = generator.decoder(features)
            torch.testing.assert_close(got[2 * row + frame], wanted[0], atol=1e-5, rtol=1e-4)
            place = points[2 * row + frame]
            torch.testing.assert_close(place, generator.head(maps)[0], atol=1e-5, rtol=1e-4)


def test_only_active_experts_are_computed() -> None:
    generator, x = small(), some()
    seen: dict[int, int] = {}
    for number, encoder in enumerate(generator.residuals):
        encoder.register_forward_hook(
            lambda _m, given, _o, n=number: seen.update({n: len(given[0])})
        )
    degrees = torch.zeros(4, 2, 3)
    degrees[0, 1, 0] = degrees[2, 0, 2] = degrees[3, 0, 2] = 0.5
    active = (degrees != 0).any(1)
    generator(x, degrees)
    assert seen == {0: 1, 2: 2}
    idle = {id(p) for p in generator.idle(active)}
    assert idle == {id(p) for p in generator.residuals[1].parameters()}


def test_residual_pictures_are_added_in_pixels() -> None:
    generator, x = small(residual_in="pixels"), some()
    degrees = torch.zeros(4, 3, 3)
    degrees[:, 1, 0], degrees[:, 2, 0] = 0.5, 1.0
    frames = generator(x, degrees)[0].unflatten(0, (4, 3))
    torch.testing.assert_close(frames[:, 0], x)
    torch.testing.assert_close(frames[:, 1] - x, (frames[:, 2] - x) / 2, atol=1e-5, rtol=1e-4)
    assert (frames[:, 2] - x).abs().max() > 0.1


def test_changes_are_added_to_the_picture() -> None:
    anew, x = small(), some()
    added = small(input_skip=True)
    added.load_state_dict(anew.state_dict())
    degrees = torch.rand(4, 2, 3)
    painted, changed = (g(x, degrees)[0].unflatten(0, (4, 2)) for g in (anew, added))
    torch.testing.assert_close(changed, x[:, None] + 2 * painted)


def test_degrees_as_planes_reach_the_picture() -> None:
    generator, x = small(residual_in="input"), some()
    assert len(generator.residuals) == 0
    degrees = torch.zeros(4, 2, 3)
    degrees[:, 1, 2] = 1.0
    frames = generator(x, degrees)[0].unflatten(0, (4, 2))
    assert (frames[:, 0] - frames[:, 1]).abs().max() > 0.01
    neutral = generator.look(x)
    assert neutral[0].shape == (4, 4, 8, 8)
