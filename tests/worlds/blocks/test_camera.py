from dataclasses import replace

import numpy as np
import pytest

from sensorium.worlds.blocks.camera import (
    CAMERA,
    LAMPS,
    camera_of,
    camera_that_saw,
    lamps_of,
    look,
)
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.scenes import Block, Scene


def test_the_nominal_directions_are_those_of_clevrs_base_scene():
    directions = look(CAMERA, 320, 480).directions
    assert directions["right"] == pytest.approx((0.6563, 0.7545, 0.0), abs=1e-4)
    assert directions["behind"] == pytest.approx((-0.7545, 0.6563, 0.0), abs=1e-4)
    for name, opposite in (("left", "right"), ("front", "behind")):
        assert np.add(directions[name], directions[opposite]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("height", "width", "focal"), [(320, 480, 525), (240, 320, 350)])
def test_the_lens_has_clevrs_focal_length(height, width, focal):
    assert look(CAMERA, height, width).focal == focal
    assert look(CAMERA, width, height).focal == focal  # the longer side counts


def test_the_origin_is_the_middle_of_the_picture_for_every_jitter():
    positions = set()
    for seed in range(50):
        camera = camera_of(seed, 97, 131)
        x, y, depth = camera.project((0.0, 0.0, 0.0))
        assert (x, y) == pytest.approx((131 / 2, 97 / 2), abs=1e-9)
        assert depth == pytest.approx(np.linalg.norm(camera.position))
        assert np.abs(np.subtract(camera.position, CAMERA)).max() <= 0.5
        positions.add(camera.position)
    assert len(positions) == 50


def test_projecting_undoes_rays():
    camera = camera_of(3, 320, 480)
    x, y = np.array([0.5, 100.25, 479.0]), np.array([319.0, 17.5, 0.0])
    for k, ray in enumerate(camera.rays(x, y)):
        point = np.asarray(camera.position) + 7.5 * ray
        assert camera.project(tuple(point)) == pytest.approx((x[k], y[k], 7.5))


def test_higher_is_higher_in_the_picture_and_right_is_right():
    camera = camera_of(4, 320, 480)
    x, y, depth = camera.project((0.5, -0.5, 0.0))
    assert camera.project((0.5, -0.5, 0.5))[1] < y
    right = camera.directions["right"]
    assert camera.project((0.5 + right[0], -0.5 + right[1], 0.0))[0] > x
    behind = camera.directions["behind"]
    further = camera.project((0.5 + behind[0], -0.5 + behind[1], 0.0))
    assert further[2] > depth
    assert further[1] < y


def test_lamps_move_by_at_most_one_along_each_axis():
    assert lamps_of(None) == LAMPS
    moved = [
        np.subtract(lamp.position, nominal.position)
        for seed in range(30)
        for lamp, nominal in zip(lamps_of(seed), LAMPS, strict=True)
    ]
    assert 0.9 < np.abs(moved).max() <= 1.0
    assert np.abs(np.mean(moved, 0)).max() < 0.3


def test_depths_tell_the_camera():
    for seed in range(30):
        scene = place(seed)
        true = camera_that_saw(scene, 320, 480)
        found = camera_that_saw(replace(scene, seed=None), 320, 480)
        assert found.position == pytest.approx(true.position, abs=1e-4)


PUBLISHED = [
    ((0.1783720701932907, 0.7540301084518433, 0.3499999940395355), (180, 106, 11.943315505981445)),
    ((-0.35769981145858765, 2.281416893005371, 0.3499999940395355), (201, 89, 13.15228271484375)),
    ((1.5105977058410645, 1.4147624969482422, 0.3499999940395355), (223, 115, 11.41500473022461)),
    ((1.8301969766616821, -1.8868159055709839, 0.699999988079071), (149, 145, 9.194456100463867)),
    ((1.3658498525619507, 2.9907994270324707, 0.699999988079071), (251, 91, 12.216690063476562)),
    ((-0.3781699240207672, -2.485077381134033, 0.3499999940395355), (88, 131, 10.517651557922363)),
    ((-2.3470849990844727, 1.1043587923049927, 0.3499999940395355), (144, 81, 13.835407257080078)),
]
"""Places and pixels of a scene that CLEVR's own generator made at 320x240."""

LEFT_OF = [[3, 5, 6], [0, 3, 5, 6], [0, 1, 3, 5, 6], [5, 6], [0, 1, 2, 3, 5, 6], [], [5]]
FRONT_OF = [[2, 3, 5], [0, 2, 3, 4, 5], [3, 5], [], [0, 2, 3, 5], [3], [0, 1, 2, 3, 4, 5]]
"""What it says of them."""


def published():
    directions = {
        "left": (-0.6563112735748291, -0.7544902563095093, 0.0),
        "right": (0.6563112735748291, 0.7544902563095093, 0.0),
        "front": (0.754490315914154, -0.6563112735748291, 0.0),
        "behind": (-0.754490315914154, 0.6563112735748291, 0.0),
    }
    blocks = [Block("small", "red", "metal", "cube", at, 0.0, seen) for at, seen in PUBLISHED]
    return Scene(tuple(blocks), directions)


def test_a_scene_of_clevrs_generator_is_seen_where_it_says():
    """Lens, aim and depth are CLEVR's; its pixels are whole, of a camera that was moved."""
    camera = camera_that_saw(published(), 240, 320)
    for at, (x, y, depth) in PUBLISHED:
        found = camera.project(at)
        assert abs(found[0] - x) < 0.52
        assert abs(found[1] - y) < 0.52
        assert abs(found[2] - depth) < 1e-3
    assert np.abs(np.subtract(camera.position, CAMERA)).max() <= 0.5
    assert np.abs(np.subtract(camera.position, CAMERA)).max() > 0.3


def test_a_scene_of_clevrs_generator_has_the_relations_it_says():
    related = published().related()
    for name, lists in (("left", LEFT_OF), ("front", FRONT_OF)):
        assert [np.flatnonzero(row).tolist() for row in related[name]] == lists


def test_a_scene_that_says_too_little_is_seen_from_the_nominal_place():
    scene = replace(place(1), seed=None)
    for blocks in (
        scene.blocks[:2],
        tuple(replace(b, pixel=(0.0, 0.0, 0.0)) for b in scene.blocks),
        tuple(replace(b, pixel=(1.0, 1.0, 3.0**k)) for k, b in enumerate(scene.blocks)),
    ):
        seen = camera_that_saw(replace(scene, blocks=blocks), 320, 480)
        assert seen.position == pytest.approx(CAMERA)


def test_a_picture_needs_pixels():
    with pytest.raises(ValueError, match="got 0x480"):
        camera_of(0, 0, 480)
