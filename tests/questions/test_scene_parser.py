import numpy as np
import pytest
import torch

from sensorium.layers.resnet import ResNetConfig
from sensorium.questions.attributes import AttributesConfig
from sensorium.questions.crops import CropView
from sensorium.questions.finder import FinderConfig
from sensorium.questions.scene_parser import SceneParser
from sensorium.seeds import torch_generator
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

FINDER = FinderConfig(
    height=80, width=120, stem=8, channels=16, dilations=(1,), fine=8, threshold=0.0, least=1
)
ATTRIBUTES_TINY = AttributesConfig(
    trunk=ResNetConfig((1, 1, 1, 1), "basic", 8, "small", 6), view=CropView(32, 32), hidden=16
)


@pytest.fixture(scope="module")
def parser() -> SceneParser:
    torch.manual_seed(3)
    made = SceneParser(FINDER, ATTRIBUTES_TINY)
    torch.nn.init.constant_(made.finder.inside.bias, 2.0)  # everything is part of some block
    return made.eval()


def _pictures(count: int, size: tuple[int, int]) -> torch.Tensor:
    generator = torch_generator(0, "pictures")
    return torch.randint(0, 256, (count, 3, *size), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("size", [(160, 240), (97, 61), (40, 200), (8, 8)])
def test_scenes_of_any_size(parser: SceneParser, size: tuple[int, int]) -> None:
    for scene in parser.parse(_pictures(2, size)):
        assert (scene.height, scene.width) == size
        assert 0 < len(scene.items) <= FINDER.most
        assert scene.masks.shape == (len(scene.items), *size)
        assert scene.masks.dtype == bool
        assert scene.masks.sum(0).max() == 1
        assert list(scene.scores) == sorted(scene.scores, reverse=True)
        assert all(0 <= s <= 1 for s in scene.scores)
        for item, mask, (x0, y0, x1, y1) in zip(scene.items, scene.masks, scene.boxes, strict=True):
            assert all(item.value(a) in VALUES[a] for a in ATTRIBUTES)
            assert len(item.position) == 3
            rows, columns = np.nonzero(mask)
            assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (
                x0,
                y0,
                x1,
                y1,
            )


def test_a_picture_is_seen_alike_alone_and_among_others(parser: SceneParser) -> None:
    pictures = _pictures(18, (40, 60))
    together = parser.parse(pictures)
    for k in (0, 9, 17):
        alone = parser.parse(pictures[k : k + 1])[0]
        assert [i.value("color") for i in alone.items] == [
            i.value("color") for i in together[k].items
        ]
        np.testing.assert_allclose(alone.scores, together[k].scores, atol=1e-4)
        assert (alone.masks == together[k].masks).mean() > 0.999


def test_no_blocks_no_items() -> None:
    parser = SceneParser(FinderConfig(threshold=1.0), ATTRIBUTES_TINY).eval()
    (scene,) = parser.parse(_pictures(1, (30, 50)))
    assert scene.items == scene.scores == scene.boxes == ()
    assert scene.masks.shape == (0, 30, 50)


def test_refuses_what_is_no_picture(parser: SceneParser) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[B, 3, H, W\], got torch.float32 \[3, 8, 8\]"):
        parser.parse(torch.zeros(3, 8, 8))
