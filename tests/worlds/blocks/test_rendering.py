import hashlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from sensorium.worlds.blocks.camera import CAMERA, camera_of, look
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.scenes import Block, Scene
from sensorium.worlds.blocks.vocabulary import COLORS, MATERIALS, RADIUS, SHAPES, SIZES

DIGEST = "d174b4ed30ee3079897e4703b2484b9107f2df67dc22ff025edf2f44b2cbf6e2"


def alone(block, seed=None):
    return Scene((block,), look(CAMERA, 1, 1).directions, seed=seed)


def block(size="large", color="red", material="rubber", shape="cube", at=(0.0, 0.0), turn=0.4):
    return Block(size, color, material, shape, (*at, RADIUS[size]), turn)


@pytest.mark.parametrize(("height", "width"), [(320, 480), (64, 96), (90, 60), (37, 53), (1, 1)])
def test_any_size(height, width):
    picture = render(place(3, height=100, width=100), height, width)
    assert picture.pixels.shape == (height, width, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.ids.shape == (height, width)


def test_masks_are_the_ids_apart():
    scene = place(2)
    picture = render(scene, 80, 120)
    masks = picture.masks()
    assert masks.shape == (len(scene.blocks), 80, 120)
    assert masks.sum(0).max() == 1
    assert (masks.sum(0) == (picture.ids > 0)).all()
    assert all(masks.any((1, 2)))


def test_what_stands_in_front_hides_what_is_behind():
    front = block(at=(2.0, -1.74))
    camera = look(CAMERA, 80, 120)
    behind = block(shape="sphere", at=(0.4, -0.35))
    both = render(Scene((behind, front), camera.directions), 80, 120).masks()
    single = render(alone(behind), 80, 120).masks()[0]
    assert 0 < both[0].sum() < single.sum()
    assert not (both[0] & ~single).any()
    assert (both[1] == render(alone(front), 80, 120).masks()[0]).all()


def test_the_same_seed_gives_the_same_bytes():
    once, again = (render(place(4), 64, 96).pixels for _ in range(2))
    assert (once == again).all()
    assert (once != render(replace(place(4), seed=5), 64, 96).pixels).any()


def test_the_bytes_are_those_of_every_machine():
    total = hashlib.sha256()
    for seed in (0, 5):
        picture = render(place(seed, height=64, width=96), 64, 96)
        total.update(picture.pixels.tobytes() + picture.ids.tobytes())
    assert total.hexdigest() == DIGEST


def test_colors_can_be_told_apart_on_every_shape_and_material():
    def hue(scene):
        picture = render(scene, 80, 120)
        mean = picture.pixels[picture.masks()[0]].astype(float).mean(0)
        return mean / mean.sum() * 3, mean

    for shape in SHAPES:
        for material in MATERIALS:
            seen = {c: hue(alone(block("small", c, material, shape))) for c in COLORS}
            for a in COLORS:
                for b in COLORS[: COLORS.index(a)]:
                    tint = np.abs(seen[a][0] - seen[b][0]).max()
                    assert tint > 0.15, (shape, material, a, b, tint)
            gray = seen["gray"][0]
            assert np.abs(gray - 1).max() < 0.08


def roughness(picture):
    """How much neighbours differ within the block, off its border, relative to its brightness."""
    mask = cv2.erode(picture.masks()[0].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    gray = picture.pixels.astype(np.float64).mean(2)
    down = np.abs(np.diff(gray, axis=0))[:, :-1]
    across = np.abs(np.diff(gray, axis=1))[:-1]
    inner = mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:]
    return (down + across)[inner].mean() / gray[:-1, :-1][inner].mean()


def test_metal_shows_more_structure_than_rubber_for_every_shape_color_and_size():
    random = np.random.default_rng(1)
    for shape in SHAPES:
        for color in COLORS:
            for size in SIZES:
                at, turn = tuple(random.uniform(-2, 2, 2)), random.uniform(0, 6)
                metal, rubber = (
                    roughness(
                        render(alone(block(size, color, m, shape, at, turn), seed=3), 240, 360)
                    )
                    for m in ("metal", "rubber")
                )
                assert metal > 1.25 * rubber, (shape, color, size, metal, rubber)


def test_metal_mirrors_its_neighbours():
    directions = look(CAMERA, 1, 1).directions
    metal = block("large", "gray", "metal", "sphere")
    near = block("large", "red", "rubber", "cube", (1.0, 1.6))
    both = render(Scene((metal, near), directions), 160, 240)
    mask = both.masks()[0]
    reds = []
    for picture in (both, render(alone(metal), 160, 240)):
        r, g, b = picture.pixels[mask].astype(float).T
        reds.append((r > 0.75 * (g + b)).sum())
    assert reds[0] > 40
    assert reds[1] == 0


def test_blocks_throw_shadows():
    empty = render(Scene((), look(CAMERA, 1, 1).directions), 160, 240).pixels.astype(int)
    thrown = render(alone(block("large", "red", "rubber", "sphere")), 160, 240)
    ground = thrown.ids == 0
    darker = (empty - thrown.pixels).mean(2)[ground]
    assert (darker > 15).mean() > 0.01
    assert (darker < 3).mean() > 0.5


def test_edges_are_smooth():
    picture = render(alone(block("large", "yellow", "rubber", "cube")), 160, 240)
    mask = picture.masks()[0].astype(np.uint8)
    border = (cv2.dilate(mask, np.ones((3, 3))) - cv2.erode(mask, np.ones((3, 3)))) > 0
    blue = picture.pixels[..., 2].astype(int)
    inside, outside = np.median(blue[mask > 0]), np.median(blue[mask == 0])
    between = (blue > inside + 25) & (blue < outside - 25)
    assert between[border].mean() > 0.2


def test_more_than_ten_blocks_are_refused():
    blocks = tuple(block("small", at=(0.5 * k - 3, 0.0)) for k in range(11))
    with pytest.raises(ValueError, match="10 blocks, got 11"):
        render(Scene(blocks, look(CAMERA, 1, 1).directions))


def test_an_empty_scene_is_ground_without_colour():
    picture = render(Scene((), camera_of(1, 1, 1).directions, seed=1), 80, 120)
    assert picture.masks().shape == (0, 80, 120)
    assert not picture.ids.any()
    assert 60 < picture.pixels.mean() < 230
    assert np.ptp(picture.pixels.reshape(-1, 3).mean(0)) < 15
