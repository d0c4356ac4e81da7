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


def test_a_scene_of_clevrs_files_tells_its_camera():
    for seed in range(20):
        scene = place(seed)
        true = camera_that_saw(scene, 320, 480)
        found = camera_that_saw(replace(scene, seed=None), 320, 480)
        assert found.position == pytest.approx(true.position, abs=1e-6)


def test_a_scene_that_says_too_little_is_seen_from_the_nominal_place():
    scene = place(1)
    alone = replace(
        scene, seed=None, blocks=scene.blocks[:2], directions=look(CAMERA, 9, 9).directions
    )
    assert camera_that_saw(alone, 320, 480).position == pytest.approx(CAMERA)


def test_a_picture_needs_pixels():
    with pytest.raises(ValueError, match="got 0x480"):
        camera_of(0, 0, 480)
