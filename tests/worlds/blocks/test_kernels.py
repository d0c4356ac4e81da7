"""The compiled ray caster against an independent slow one, which walks along distance fields."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from sensorium.worlds.blocks import kernels, shapes, vectors
from sensorium.worlds.blocks.camera import camera_of, lamps_of
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import outline, render, world_of
from sensorium.worlds.blocks.vocabulary import RADIUS

HEIGHT, WIDTH = 80, 120


def distance(block, points):
    """How far points are from a block's surface, negative inside."""
    local = points - np.asarray(block.coords)
    c, s = np.cos(block.rotation), np.sin(block.rotation)
    local = np.stack(
        [c * local[:, 0] + s * local[:, 1], c * local[:, 1] - s * local[:, 0], local[:, 2]], 1
    )
    radius = RADIUS[block.size]
    if block.shape == "sphere":
        return np.linalg.norm(local, axis=1) - radius
    if block.shape == "cube":
        out = np.abs(local) - radius
    else:
        out = np.stack(
            [np.hypot(local[:, 0], local[:, 1]) - radius, np.abs(local[:, 2]) - radius], 1
        )
    return np.linalg.norm(np.maximum(out, 0), axis=1) + np.minimum(out.max(1), 0)


def walk(scene, camera, x, y):
    """Which block each ray meets (number + 1), and whether it passes none too closely to tell."""
    rays = camera.rays(x, y)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    points = np.tile(np.asarray(camera.position), (len(x), 1))
    hit, closest = np.zeros(len(x), int), np.full((len(scene.blocks), len(x)), np.inf)
    for _ in range(400):
        gaps = np.stack([distance(b, points) for b in scene.blocks])
        closest = np.where(hit == 0, np.minimum(closest, gaps), closest)
        hit = np.where((hit == 0) & (gaps.min(0) < 1e-5), gaps.argmin(0) + 1, hit)
        step = np.minimum(gaps.min(0), np.where(rays[:, 2] < 0, points[:, 2] + 1e-3, np.inf))
        points = points + rays * np.where(hit == 0, np.maximum(step, 0), 0)[:, None]
    rest = np.where(np.arange(1, len(scene.blocks) + 1)[:, None] == hit, np.inf, closest)
    return hit, rest.min(0) > 2e-3


@pytest.mark.parametrize("seed", range(6))
def test_ids_agree_with_a_slow_ray_caster(seed):
    scene = place(seed)
    camera = camera_of(seed, HEIGHT, WIDTH)
    ids = outline(scene.blocks, camera)
    rows, columns = np.random.default_rng(seed).integers((HEIGHT, WIDTH), size=(800, 2)).T
    slow, clear = walk(scene, camera, columns + 0.5, rows + 0.5)
    assert clear.mean() > 0.9
    assert (ids[rows, columns] == slow)[clear].all()
    assert len(np.unique(slow)) > 2


def test_rays_of_blocks_meet_them_where_they_are():
    scene = place(11)
    world = world_of(scene.blocks, camera_of(11, HEIGHT, WIDTH), lamps_of(11))
    random = np.random.default_rng(0)
    for i, block in enumerate(scene.blocks):
        start = np.float32(np.add(block.coords, (4, -3, 6)))
        for _ in range(40):
            aim = np.float32(block.coords + random.normal(0, 0.4, 3) - start)
            t = shapes.reach(world, shapes.BLOCKS + i, tuple(start), tuple(aim))
            if t < shapes.FAR:
                point = np.float64(start) + np.float64(t) * aim
                assert abs(distance(block, point[None])[0]) < 1e-4
                normal = np.array(shapes.normal(world, shapes.BLOCKS + i, tuple(np.float32(point))))
                assert np.linalg.norm(normal) == pytest.approx(1, abs=1e-5)
                assert normal @ aim < 0 or abs(normal @ aim) < 0.5 * np.linalg.norm(aim)


def slow_share(scene, lamp, point, side=12):
    """The share of a square lamp that a point sees, by many walked rays."""
    z = -np.asarray(lamp.position) / np.linalg.norm(lamp.position)
    u = np.cross([0, 0, 1.0], z) / np.linalg.norm(np.cross([0, 0, 1.0], z))
    v = np.cross(z, u)
    steps = ((np.arange(side) + 0.5) / side - 0.5) * lamp.side
    spots = np.asarray(lamp.position) + (
        steps[:, None, None] * u + steps[None, :, None] * v
    ).reshape(-1, 3)
    shares = np.linspace(0, 1, 250)[:, None, None]
    on_way = (np.asarray(point) + shares * (spots - point)).reshape(-1, 3)
    inside = np.min([distance(b, on_way) for b in scene.blocks], 0).reshape(250, -1) < 0
    return 1 - inside.any(0).mean()


def test_soft_shadows_agree_with_many_slow_rays():
    scene = place(5)
    lamps = lamps_of(5)
    world = world_of(scene.blocks, camera_of(5, HEIGHT, WIDTH), lamps)
    random = np.random.default_rng(2)
    shares = []
    for _ in range(60):
        point = (*random.uniform(-3.5, 3.5, 2), 0.0)
        if min(distance(b, np.asarray([point]))[0] for b in scene.blocks) < 0.02:
            continue
        at = tuple(np.float32(point))
        bits = kernels.relevant(world, at, np.float32(0), kernels.EVERY)
        for k, lamp in enumerate(lamps):
            fast = kernels.passing(world, k, bits >> 10 * k & 1023, at)
            shares.append((float(fast), slow_share(scene, lamp, np.asarray(point))))
    fast, slow = np.transpose(shares)
    assert np.abs(fast - slow).max() < 0.15
    assert np.abs(fast - slow).mean() < 0.01
    assert (slow < 0.05).sum() > 5
    assert (slow > 0.95).sum() > 50


def test_tiles_change_nothing_that_can_be_seen():
    for seed in range(4):
        scene = place(seed)
        world = world_of(scene.blocks, camera_of(seed, HEIGHT, WIDTH), lamps_of(seed))
        ids = outline(scene.blocks, camera_of(seed, HEIGHT, WIDTH))
        light = np.empty((HEIGHT, WIDTH, 3), np.float32)
        keys = np.empty((HEIGHT, WIDTH), np.int32)
        kernels.paint(world, ids, light, keys, 3)
        worst = 0.0
        for row, column in np.argwhere(ids == 0)[::7]:
            at = np.float32(column + 0.5), np.float32(row + 0.5)
            exact = np.minimum(kernels.backdrop(world, *at, kernels.EVERY), 2)
            worst = max(worst, (np.abs(light[row, column] - exact) / (exact + 0.01)).max())
        assert worst < 0.015


def test_compiled_functions_work_where_no_cache_can_be_written():
    made: dict = {"F": np.float32}
    exec("def twice(x):\n    return x + x\n", made)  # of no file: nowhere to cache
    assert vectors.compiled(made["twice"])(np.float32(2.5)) == 5.0


def test_the_table_of_parts_leaves_things_out():
    scene = place(6)
    world = world_of(scene.blocks, camera_of(6, HEIGHT, WIDTH), lamps_of(6))
    ids = render(scene, HEIGHT, WIDTH).ids
    drawn = {}
    for parts in (kernels.SHADOWS | kernels.MIRRORS, kernels.MIRRORS, kernels.SHADOWS):
        light = np.empty((HEIGHT, WIDTH, 3), np.float32)
        kernels.paint(world, ids, light, np.empty((HEIGHT, WIDTH), np.int32), parts)
        drawn[parts] = light.mean()
    assert drawn[3] < drawn[2]  # shadows darken
    assert drawn[1] < drawn[3]  # mirrors add light


def test_a_change_of_what_the_kernels_call_renews_their_cache():
    text = b"".join(Path(module.__file__).read_bytes() for module in (shapes, vectors))
    assert hashlib.sha256(text).hexdigest()[:8] == kernels.BUILT_ON
