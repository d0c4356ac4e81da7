from itertools import combinations

import numpy as np
import pytest

from sensorium.seeds import split_seed
from sensorium.worlds.blocks.camera import camera_of
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.rendering import outline, render
from sensorium.worlds.blocks.vocabulary import COLORS, MATERIALS, RADIUS, SHAPES, SIZES

SCENES = [place(seed) for seed in range(200)]


def test_blocks_keep_clevrs_distances():
    for scene in SCENES:
        for a, b in combinations(scene.blocks, 2):
            gap = np.subtract(a.coords, b.coords)[:2]
            assert np.hypot(*gap) - RADIUS[a.size] - RADIUS[b.size] >= 0.25
            for name in ("left", "right", "front", "behind"):
                assert not 0 < gap @ scene.directions[name][:2] < 0.4


def test_blocks_stand_on_the_ground_in_clevrs_square():
    for block in (b for scene in SCENES for b in scene.blocks):
        assert block.coords[2] == RADIUS[block.size]
        assert np.abs(block.coords[:2]).max() <= 3
        assert 0 <= block.rotation < 360


def test_pixels_are_where_the_camera_sees_the_centres():
    for scene in SCENES[:20]:
        camera = camera_of(scene.seed, 320, 480)
        assert scene.directions == camera.directions
        for block in scene.blocks:
            assert block.pixel == camera.project(block.coords)


def test_everything_occurs_about_equally_often():
    counts = np.bincount([len(s.blocks) for s in SCENES], minlength=11)
    assert counts[:3].sum() == 0
    assert (counts[3:] > 0).all()
    blocks = [b for scene in SCENES for b in scene.blocks]
    for name, values in (("color", COLORS), ("shape", SHAPES), ("material", MATERIALS)):
        shares = [np.mean([getattr(b, name) == v for b in blocks]) * len(values) for v in values]
        assert min(shares) > 0.75, (name, shares)
    small = np.mean([b.size == SIZES[1] for b in blocks])
    assert 0.5 < small < 0.75  # crowded scenes have room for small ones only, as in CLEVR


@pytest.mark.parametrize(("height", "width"), [(240, 320), (320, 480), (160, 320), (480, 320)])
def test_every_block_shows_200_pixels_of_a_picture_320_wide(height, width):
    scale = 320 / max(height, width)
    for seed in range(25):
        scene = place(seed, height=height, width=width)
        small = camera_of(seed, round(height * scale), round(width * scale))
        seen = np.bincount(outline(scene.blocks, small).ravel(), minlength=len(scene.blocks) + 1)
        assert seen[1:].min() >= 200


def test_visibility_scales_with_the_picture():
    for seed in range(5):
        scene = place(seed, height=120, width=160)
        fewest = render(scene, 120, 160).masks().sum((1, 2)).min()
        assert fewest >= 45  # 50, but for whole pixels


def test_a_seed_is_a_scene_at_every_size():
    assert place(7) == place(7)
    assert place(7).blocks != place(8).blocks
    big, small = place(7), place(7, height=160, width=240)
    assert [b.coords for b in big.blocks] == [b.coords for b in small.blocks]
    assert big.blocks[0].pixel[0] == pytest.approx(2 * small.blocks[0].pixel[0])


def test_the_scene_of_a_seed_is_the_same_on_every_machine():
    first = place(split_seed("train", 0)).blocks[0]
    assert (first.size, first.color, first.material, first.shape) == FIRST[:4]
    assert first.coords == FIRST[4]


FIRST = ("large", "cyan", "rubber", "cylinder", (0.46663983584229074, -0.9410022665219255, 0.7))


@pytest.mark.parametrize(("condition", "other"), [(COGENT_A, COGENT_B), (COGENT_B, COGENT_A)])
def test_cogents_conditions_hold(condition, other):
    blocks = [b for seed in range(60) for b in place(seed, colors=condition).blocks]
    for shape in SHAPES:
        seen = {b.color for b in blocks if b.shape == shape}
        assert seen == set(condition[shape])
    assert set(condition["cube"]) | set(other["cube"]) == set(COLORS)
    assert condition["cube"] == other["cylinder"]
    assert set(COGENT_A["cube"]) == {"gray", "blue", "brown", "yellow"}


@pytest.mark.parametrize("colors", [{}, {"cube": ()}, {"pyramid": ("red",)}])
def test_colors_must_name_shapes(colors):
    with pytest.raises(ValueError, match=r"colors must name.*got"):
        place(0, colors=colors)


def test_a_picture_in_which_nothing_fits_is_refused():
    with pytest.raises(ValueError, match="10x1000.*less narrow"):
        place(1, height=10, width=1000)
