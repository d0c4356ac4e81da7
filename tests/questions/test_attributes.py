from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.layers.resnet import ResNetConfig
from sensorium.questions.attributes import (
    GROUPS,
    OUTPUTS,
    AttributeNet,
    AttributesConfig,
    in_mirror,
    published_attributes,
)
from sensorium.questions.crops import CropView, Outline, cut, stacked
from sensorium.questions.datasets.scenes import SceneData
from sensorium.seeds import torch_generator
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

TINY = AttributesConfig(
    trunk=ResNetConfig((1, 1, 1, 1), "basic", 8, "small", 6), view=CropView(32, 32), hidden=16
)


def _seen(count: int = 3, size: tuple[int, int] = (32, 32)) -> tuple[torch.Tensor, ...]:
    generator = torch_generator(0, "seen")
    crop = torch.randint(0, 256, (count, 3, *size), generator=generator, dtype=torch.uint8)
    mask = torch.randint(0, 2, (count, *size), generator=generator, dtype=torch.uint8) * 255
    return crop, mask, torch.rand(count, 8, generator=generator)


def test_published_network_has_the_released_parameters() -> None:
    # ResNet-34 without its classifier, three more channels in the first convolution, 512 -> 18
    expected = 21_284_672 + 64 * 3 * 7 * 7 + 512 * 18 + 18
    assert sum(p.numel() for p in AttributeNet(published_attributes()).parameters()) == expected
    assert OUTPUTS == 18
    assert sum(GROUPS) == 15


def test_published_canvas_is_zero_around_rows_38_to_186() -> None:
    net = AttributeNet(published_attributes())
    crop, mask, _ = _seen(1, (149, 224))
    x = net._framed(*net._seen(crop, mask))[0]
    assert x.shape == (6, 224, 224)
    assert (x[:, :38] == 0).all()
    assert (x[:, 187:] == 0).all()
    # the first three channels: normalised after the block was cut out; the last three: all of it
    blue = crop[0, 2].float() / 255  # the first channel, as OpenCV reads
    torch.testing.assert_close(x[3, 38:187], (blue - 0.485) / 0.229)
    torch.testing.assert_close(x[0, 38:187], (blue * (mask[0] > 0) - 0.485) / 0.229)


def test_bgr_is_rgb_backwards() -> None:
    rgb = AttributeNet(TINY).eval()
    bgr = AttributeNet(replace(TINY, bgr=True)).eval()
    bgr.load_state_dict(rgb.state_dict())
    crop, mask, place = _seen()
    torch.testing.assert_close(bgr(crop.flip(1), mask, place), rgb(crop, mask, place))


def test_gray_shape_sees_no_colour() -> None:
    torch.manual_seed(0)
    net = AttributeNet(replace(TINY, gray_shape=True)).eval()
    crop, mask, place = _seen()
    a, b = net(crop, mask, place), net(crop[:, [1, 2, 0]], mask, place)
    torch.testing.assert_close(a[:, 12:15], b[:, 12:15], atol=1e-5, rtol=1e-4)
    assert (a[:, 2:10] - b[:, 2:10]).abs().max() > 1e-3
    plain = AttributeNet(TINY).eval()
    c, d = plain(crop, mask, place), plain(crop[:, [1, 2, 0]], mask, place)
    assert (c[:, 12:15] - d[:, 12:15]).abs().max() > 1e-3


def test_losses_are_the_mean_over_blocks() -> None:
    net = AttributeNet(TINY).eval()
    crop, mask, place = _seen(6)
    value = torch.tensor([[0, 3, 1, 2]] * 3 + [[1, 7, 0, 0]] * 3)
    position = torch.randn(6, 3, generator=torch_generator(2, "position"))
    keys = {"crop": crop, "mask": mask, "place": place, "value": value, "position": position}
    losses = net.losses({k: v.unflatten(0, (2, 3)) for k, v in keys.items()})
    out = net(crop, mask, place).detach()
    first = 0
    expected = 0.0
    for k, name in enumerate(ATTRIBUTES):
        part = out[:, first : first + len(VALUES[name])].softmax(1)
        first += len(VALUES[name])
        nll = -np.mean([float(part[n, value[n, k]].log()) for n in range(6)])
        assert losses[name].item() == pytest.approx(nll, rel=1e-4)
        expected += nll
    l1 = float((out[:, 15:] - position).abs().mean())
    assert losses["position"].item() == pytest.approx(l1, rel=1e-5)
    assert losses["loss"].item() == pytest.approx(expected + TINY.position * l1, rel=1e-4)


def test_published_loss_is_one_mean_squared_error() -> None:
    net = AttributeNet(replace(TINY, loss="mse", hidden=0)).eval()
    crop, mask, place = _seen(2)
    value, position = torch.tensor([[0, 3, 1, 2], [1, 7, 0, 0]]), torch.zeros(2, 3)
    batch = {"crop": crop, "mask": mask, "place": place, "value": value, "position": position}
    target = torch.zeros(2, 18)
    for row, ones in enumerate([(0, 5, 11, 14), (1, 9, 10, 12)]):
        target[row, list(ones)] = 1
    expected = (net(crop, mask, place).detach() - target).square().mean()
    losses = net.losses({k: v[None] for k, v in batch.items()})
    assert losses["loss"].item() == pytest.approx(float(expected), rel=1e-5)
    told = net.tell(crop, mask, place)
    assert (told.sure >= 0).all()
    assert (told.sure <= 1).all()


def test_learns_a_few_blocks_by_heart() -> None:
    torch.manual_seed(0)
    data = SceneData(kind="blocks", length=4, height=160, width=240, view=TINY.view, mirror=0.0)
    rows = [data.open("train").example(k, 0) for k in range(4)]
    batch = {name: torch.stack([r[name] for r in rows]) for name in rows[0]}
    net = AttributeNet(TINY)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for _ in range(60):
        losses = net.losses(batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
    net.eval()
    told = net.tell(*(batch[k].flatten(0, 1) for k in ("crop", "mask", "place")))
    assert (told.values == batch["value"].flatten(0, 1)).float().mean() > 0.9
    assert (told.positions - batch["position"].flatten(0, 1)).abs().mean() < 0.7


def test_the_mirror_tells_the_same_of_a_block_and_its_image() -> None:
    torch.manual_seed(1)
    net = AttributeNet(TINY).eval()
    crop, mask, place = _seen(5)
    told = net.tell(crop, mask, place)
    image = net.tell(crop.flip(-1), mask.flip(-1), in_mirror(place))
    torch.testing.assert_close(told.sure, image.sure)
    torch.testing.assert_close(told.positions[:, 1:], image.positions[:, 1:])
    torch.testing.assert_close(told.positions[:, 0], -image.positions[:, 0])
    once = AttributeNet(replace(TINY, mirror=False)).eval()
    once.load_state_dict(net.state_dict())
    assert (once.tell(crop, mask, place).sure - told.sure).abs().max() > 1e-4


def test_the_place_in_the_mirror_is_that_of_the_mirrored_outline() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    a = cut(picture, _outline(10, 20, 30, 36, (60, 90)), CropView()).place
    b = cut(picture, _outline(60, 20, 80, 36, (60, 90)), CropView()).place
    torch.testing.assert_close(in_mirror(torch.from_numpy(a)[None])[0], torch.from_numpy(b))


def test_refuses_a_trunk_of_three_channels() -> None:
    with pytest.raises(ValueError, match="trunk.in_channels to 6"):
        AttributeNet(AttributesConfig(trunk=ResNetConfig((1, 1, 1, 1), "basic", 8)))


# --- crops ----------------------------------------------------------------------------------------


def _outline(x0: int, y0: int, x1: int, y1: int, size: tuple[int, int]) -> Outline:
    mask = np.zeros(size, bool)
    mask[max(0, y0) : y1, max(0, x0) : x1] = True
    return Outline(((x0 + x1) / 2, (y0 + y1) / 2), (x0, y0, x1, y1), mask)


def test_a_crop_is_the_square_around_the_box() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    crop = cut(picture, _outline(40, 30, 60, 50, (100, 150)), CropView(40, 40, zoom=2.0, soft=0.0))
    assert (crop.pixels == picture[20:60, 30:70]).all()
    assert (crop.mask[10:30, 10:30] == 255).all()
    assert int((crop.mask > 0).sum()) == 400


def test_a_crop_may_reach_beyond_the_picture() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, 0] = 200
    crop = cut(picture, _outline(-4, 0, 16, 20, (60, 90)), CropView(40, 40, zoom=2.0, soft=0.0))
    assert (crop.pixels[:, :14] == 200).all()  # the edge goes on
    assert (crop.mask[:10] == 0).all()  # the mask does not
    whole = cut(picture, _outline(0, 0, 90, 60, (60, 90)), CropView(20, 30, whole=True))
    assert whole.pixels.shape == (20, 30, 3)
    assert (whole.mask == 255).all()


def test_a_soft_mask_hides_its_own_edge() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    mask = np.zeros((60, 90), bool)
    mask[20:40, 30:50] = True
    rounded = mask.copy()
    for y in (20, 21, 38, 39):
        rounded[y, [30, 31, 48, 49]] = False

    def gap(soft: float) -> int:
        view = CropView(40, 40, soft=soft)
        a, b = (
            cut(picture, Outline((40, 30), (30, 20, 50, 40), m), view).mask for m in (mask, rounded)
        )
        return int(np.abs(a.astype(int) - b).max())

    assert gap(0.0) == 255
    assert gap(0.06) < 80


def test_place_is_the_same_at_any_resolution() -> None:
    view = CropView()
    places = []
    for scale in (1, 2, 3):
        height, width = 60 * scale, 90 * scale
        outline = _outline(*(scale * v for v in (10, 20, 30, 30)), (height, width))
        places.append(cut(np.zeros((height, width, 3), np.uint8), outline, view).place)
    np.testing.assert_allclose(places[0], places[1], atol=1e-6)
    np.testing.assert_allclose(places[0], places[2], atol=1e-6)
    # x: 20 of 90 -> -1 + 40 / 90
    assert places[0][0] == pytest.approx(2 * 20 / 90 - 1)
    # a taller picture of the same width sees less of the width of 3:2
    tall = cut(np.zeros((120, 90, 3), np.uint8), _outline(10, 20, 30, 30, (120, 90)), view).place
    assert tall[0] == pytest.approx((20 - 45) / 90)


def test_stacked_has_planes_first() -> None:
    picture = np.arange(30 * 45 * 3, dtype=np.uint32).astype(np.uint8).reshape(30, 45, 3)
    crops = [cut(picture, _outline(5, 5, 25, 25, (30, 45)), CropView(16, 16)) for _ in range(2)]
    pixels, masks, places = stacked(crops)
    assert pixels.shape == (2, 3, 16, 16)
    assert masks.shape == (2, 16, 16)
    assert places.shape == (2, 8)
    assert (pixels[0].transpose(1, 2, 0) == crops[0].pixels).all()
