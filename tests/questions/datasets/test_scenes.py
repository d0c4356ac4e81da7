import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.questions.attributes import AttributesConfig
from sensorium.questions.crops import CropView
from sensorium.questions.datasets import rendered
from sensorium.questions.datasets.outlines import draw_outlines, match
from sensorium.questions.datasets.rendered import RenderedScenes
from sensorium.questions.datasets.scenes import (
    Roughness,
    SceneData,
    mirrored,
    outline_of,
    roughened,
    shrunk,
)
from sensorium.questions.finder import Finder, FinderConfig, Found
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.placing import COGENT_A, COGENT_B, place
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

SIZE = {"height": 80, "width": 120}


@pytest.fixture(scope="module")
def scenes() -> RenderedScenes:
    return RenderedScenes("val", 4, **SIZE)


def test_truth_agrees_with_the_scene(scenes: RenderedScenes) -> None:
    for index in range(len(scenes)):
        scene, one = scenes.scene(index), scenes[index]
        assert scene == place(split_seed("val", index), **SIZE)
        assert one.count == len(scene.blocks)
        assert one.pixels.shape == (80, 120, 3)
        assert set(np.unique(one.ids)) <= set(range(one.count + 1))
        for k, item in enumerate(scene.items):
            said = [VALUES[a][v] for a, v in zip(ATTRIBUTES, one.values[k], strict=True)]
            assert said == [item.value(a) for a in ATTRIBUTES]
            np.testing.assert_allclose(one.positions[k], item.position, rtol=1e-5)
            x0, y0, x1, y1 = (int(v) for v in one.boxes[k])
            mask = one.ids == k + 1
            assert mask.sum() == mask[y0:y1, x0:x1].sum() > 0
            assert mask[y0].any()
            assert mask[:, x1 - 1].any()
        assert (one.values[one.count :] == -1).all()
        assert (one.positions[one.count :] == 0).all()


def test_what_is_kept_is_what_is_drawn(
    tmp_path: Path, scenes: RenderedScenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendered, "_SHARD", 3)
    kept = RenderedScenes("val", 4, **SIZE, cache=tmp_path, processes=1)
    for index in range(4):
        a, b = scenes[index], kept[index]
        for name in ("pixels", "ids", "centres", "boxes", "values", "positions"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert a.count == b.count
    files = {p: p.stat().st_mtime_ns for p in kept.folder.iterdir()}
    assert len(files) == 6  # two shards of three files
    assert f"look{rendered.LOOK}" in str(kept.folder)
    again = RenderedScenes("val", 2, **SIZE, cache=tmp_path, processes=1)
    assert {p: p.stat().st_mtime_ns for p in again.folder.iterdir()} == files
    assert (again[1].pixels == scenes[1].pixels).all()
    assert len(pickle.dumps(again)) < 2000
    with pytest.raises(IndexError, match="scene 2 of 2"):
        again[2]


@pytest.mark.parametrize(("condition", "allowed"), [("a", COGENT_A), ("b", COGENT_B)])
def test_conditions_keep_their_colours(condition: str, allowed: dict[str, tuple[str, ...]]) -> None:
    data = SceneData(condition=condition, length=12, **SIZE)
    for index in range(12):
        for block in data.scenes("train").scene(index).blocks:
            assert block.color in allowed[block.shape]


def test_a_mirror_swaps_left_and_right(scenes: RenderedScenes) -> None:
    one = scenes[0]
    two = mirrored(one)
    assert (mirrored(two).boxes == one.boxes).all()
    np.testing.assert_array_equal(mirrored(two).pixels, one.pixels)
    for k in range(one.count):
        assert two.positions[k, 0] == -one.positions[k, 0]
        assert (two.positions[k, 1:] == one.positions[k, 1:]).all()
        x0, y0, x1, y1 = (int(v) for v in two.boxes[k])
        mask = two.ids == k + 1
        assert mask.sum() == mask[y0:y1, x0:x1].sum()
        assert mask[:, x0].any()
        assert two.centres[k, 0] == pytest.approx(120 - one.centres[k, 0])
    assert (two.centres[one.count :] == 0).all()


def test_shrunk_keeps_places(scenes: RenderedScenes) -> None:
    one = scenes[1]
    small = shrunk(one, (40, 60))
    assert small.pixels.shape == (40, 60, 3)
    np.testing.assert_allclose(small.centres, one.centres / 2)
    big = max(range(one.count), key=lambda k: int((one.ids == k + 1).sum()))
    assert (small.ids == big + 1).sum() * 4 == pytest.approx((one.ids == big + 1).sum(), rel=0.1)


def test_rough_outlines_are_near_the_truth(scenes: RenderedScenes) -> None:
    one, random = scenes[0], np.random.default_rng(0)
    how = Roughness(shift=0.03, edge=2.0, exact=0.0)
    overlaps = []
    for k in range(one.count):
        truth = outline_of(one, k)
        rough = roughened(truth, how, random)
        assert rough.mask.any()
        overlaps.append((rough.mask & truth.mask).sum() / (rough.mask | truth.mask).sum())
        side = max(truth.box[2] - truth.box[0], truth.box[3] - truth.box[1])
        assert np.abs(np.array(rough.box) - truth.box).max() < 0.2 * side + 2
    assert 0.4 < np.mean(overlaps) < 0.98
    exact = roughened(outline_of(one, 0), replace(how, exact=1.0), random)
    assert (exact.mask == outline_of(one, 0).mask).all()


def test_examples_depend_on_index_and_seed_alone() -> None:
    for kind in ("pictures", "blocks"):
        data = SceneData(kind=kind, length=3, working=(40, 60), view=CropView(16, 16), **SIZE)
        a, b = data.open("train"), data.open("train")
        b.example(0, 1)
        first, again = a.example(2, 7), b.example(2, 7)
        others = [a.example(2, seed) for seed in range(8, 14)]
        for name, value in first.items():
            assert torch.equal(value, again[name]), name
        assert any(not torch.equal(v, o[k]) for o in others for k, v in first.items())


def test_pictures_are_whole_where_they_are_measured() -> None:
    data = SceneData(length=1, held_out=1, tested=1, working=(40, 60), mirror=0.0, **SIZE)
    train, val = data.open("train").example(0, 0), data.open("val").example(0, 0)
    assert train["picture"].shape == (3, 40, 60)
    assert val["picture"].shape == (3, 80, 120)
    assert val["ids"].shape == (80, 120)
    assert not torch.equal(val["positions"], data.open("test").example(0, 0)["positions"])
    assert {k: v.shape for k, v in train.items() if v.ndim == 2} == {
        "ids": (40, 60),
        "centres": (10, 2),
        "boxes": (10, 4),
        "values": (10, 4),
        "positions": (10, 3),
    }


def test_blocks_show_what_their_values_say() -> None:
    data = SceneData(kind="blocks", length=1, held_out=3, view=CropView(24, 24), each=4, **SIZE)
    val = data.open("val")
    for index in range(3):
        example, one = val.example(index, 5), data.scenes("val")[index]
        assert example["crop"].shape == (4, 3, 24, 24)
        assert example["mask"].shape == (4, 24, 24)
        for k in range(4):
            gaps = np.abs(one.positions[: one.count] - example["position"][k].numpy()).sum(1)
            block = int(gaps.argmin())
            assert gaps[block] < 1e-6
            assert example["value"][k].tolist() == one.values[block].tolist()
            unit = np.array([60.0, 60.0])
            middle = (one.centres[block] - [60, 40]) / unit
            np.testing.assert_allclose(example["place"][k, :2].numpy(), middle, atol=1e-5)


def test_the_system_takes_over_sizes() -> None:
    @dataclass(frozen=True)
    class Config:
        finder: FinderConfig
        attributes: AttributesConfig

    data = SceneData(working=(40, 60), view=CropView(16, 16))
    config = data.adapt(Config(FinderConfig(), AttributesConfig()))
    assert (config.finder.height, config.finder.width) == (40, 60)
    assert config.attributes.view == CropView(16, 16)
    assert "6,000 scenes" in str(data)


def _found(scenes: RenderedScenes, index: int) -> Found:
    """The true blocks in another order, their masks cut a little, the second not found."""
    one = scenes[index]
    order = [k for k in reversed(range(one.count)) if k != 1]
    masks = np.stack([one.ids == k + 1 for k in order])
    masks[:, ::9] = False
    return Found(
        torch.ones(len(order)),
        torch.from_numpy(one.centres[order]) + 1,
        torch.from_numpy(one.boxes[order]),
        torch.from_numpy(masks),
    )


def test_drawn_outlines_are_those_of_the_true_blocks(scenes: RenderedScenes) -> None:
    one, drawn = scenes[0], match(scenes[0], _found(scenes, 0))
    assert drawn.seen.tolist() == [k < one.count and k != 1 for k in range(10)]
    assert drawn.outline(1) is None
    outline = drawn.outline(0)
    assert outline is not None
    truth = outline_of(one, 0)
    assert outline.centre == pytest.approx([v + 1 for v in truth.centre])
    assert 0 < (truth.mask & ~outline.mask).sum() < 0.3 * truth.mask.sum()
    assert not (outline.mask & ~truth.mask).any()


class _Stub(Finder):
    """A finder that has looked at the truth."""

    def find(self, pictures: torch.Tensor) -> list[Found]:
        scenes = RenderedScenes("train", 3, **SIZE)
        every = [scenes[k].pixels.transpose(2, 0, 1) for k in range(3)]
        return [
            _found(scenes, next(k for k in range(3) if (every[k] == p.numpy()).all()))
            for p in pictures
        ]


def test_blocks_are_cut_by_drawn_outlines(tmp_path: Path) -> None:
    data = SceneData(kind="blocks", length=3, view=CropView(24, 24), each=4, **SIZE)
    draw_outlines(_Stub(FinderConfig()).eval(), data.scenes("train"), tmp_path, batch=2)
    drawn = replace(data, drawn=tmp_path, roughness=Roughness(exact=1.0)).open("train")
    plain = replace(data, roughness=Roughness(exact=1.0)).open("train")
    assert len(pickle.dumps(drawn)) < 3000
    differ = 0
    for seed in range(20):
        a, b = drawn.example(seed % 3, seed), plain.example(seed % 3, seed)
        assert torch.equal(a["value"][0], b["value"][0])
        shifted = ((a["place"][0, :2] - b["place"][0, :2]).abs() * 60 - 1).abs().max() < 1e-3
        same = torch.equal(a["place"][0], b["place"][0])
        assert shifted or same
        differ += not same
    assert 8 <= differ <= 19
    with pytest.raises(ValueError, match="outlines of 3 scenes, expected 4"):
        replace(data, length=4, drawn=tmp_path).open("train")
    with pytest.raises(ValueError, match="no ids.npy; expected a folder of outlines"):
        replace(data, drawn=tmp_path / "nowhere").open("train")
