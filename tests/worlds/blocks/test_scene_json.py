import json
from dataclasses import replace

import numpy as np
import pytest

from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.run_lengths import encode
from sensorium.worlds.blocks.scene_json import read_masks, read_scenes, write_scenes


def whole(scene):
    """With pixels as CLEVR writes them."""
    blocks = [
        replace(b, pixel=(float(round(b.pixel[0])), float(round(b.pixel[1])), b.pixel[2]))
        for b in scene.blocks
    ]
    return replace(scene, blocks=tuple(blocks))


def scenes(count=4):
    return [
        replace(place(k), index=k, split="val", filename=f"CLEVR_val_{k:06d}.png")
        for k in range(count)
    ]


def test_scenes_survive(tmp_path):
    path = tmp_path / "scenes.json"
    write_scenes(path, scenes())
    assert read_scenes(path) == [whole(s) for s in scenes()]
    assert [p.name for p in tmp_path.iterdir()] == ["scenes.json"]


def test_the_file_has_clevrs_keys_and_no_others_but_the_seed(tmp_path):
    path = tmp_path / "scenes.json"
    write_scenes(path, scenes())
    written = json.loads(path.read_text())
    assert written.keys() == {"info", "scenes"}
    assert written["info"].keys() == {"date", "version", "split", "license"}
    assert written["info"]["split"] == "val"
    for number, scene in enumerate(written["scenes"]):
        assert scene.keys() == {
            "split", "image_index", "image_filename", "directions", "objects", "relationships",
            "seed",
        }  # fmt: skip
        assert scene["image_index"] == number
        assert set(scene["directions"]) == {"left", "right", "front", "behind", "above", "below"}
        assert scene["directions"]["above"] == [0, 0, 1]
        for item in scene["objects"]:
            assert item.keys() == {
                "size", "color", "material", "shape", "3d_coords", "rotation", "pixel_coords",
            }  # fmt: skip
            assert [type(v) for v in item["pixel_coords"]] == [int, int, float]


def test_relationships_list_who_stands_in_that_direction_of_each(tmp_path):
    path = tmp_path / "scenes.json"
    write_scenes(path, scenes(10))
    pairs = 0
    for scene in json.loads(path.read_text())["scenes"]:
        objects = scene["objects"]
        for name in ("left", "right", "front", "behind"):
            lists = scene["relationships"][name]
            assert len(lists) == len(objects)
            for i, others in enumerate(lists):
                for j, other in enumerate(objects):
                    gap = np.subtract(other["3d_coords"], objects[i]["3d_coords"])
                    expected = j != i and gap @ scene["directions"][name] > 0.2
                    assert (j in others) == expected
                    pairs += expected
                    if expected and name == "left" and abs(gap[2]) < 0.1:
                        apart = other["pixel_coords"][0] - objects[i]["pixel_coords"][0]
                        assert apart < 60  # seen on the left, but for perspective
        assert all(len(set(lists)) == len(lists) for lists in scene["relationships"]["left"])
    assert pairs > 500


def test_masks_survive(tmp_path):
    path = tmp_path / "scenes.json"
    masks = [render(s, 64, 96).masks() for s in scenes()]
    write_scenes(path, scenes(), masks=masks)
    for found, true in zip(read_masks(path), masks, strict=True):
        assert (found == true).all()
    again = tmp_path / "again.json"
    write_scenes(again, scenes(), masks=[[encode(m) for m in of_one] for of_one in masks])
    assert again.read_text() == path.read_text()
    assert read_scenes(path) == [whole(s) for s in scenes()]


def test_masks_must_fit_the_scenes(tmp_path):
    path = tmp_path / "scenes.json"
    with pytest.raises(ValueError, match="got 0 masks for a scene of"):
        write_scenes(path, scenes(1), masks=[[]])
    with pytest.raises(ValueError, match="zip"):
        write_scenes(path, scenes(2), masks=[])
    assert list(tmp_path.iterdir()) == []


def test_a_scene_of_the_released_files_is_read(tmp_path):
    """Their own kind of numbers, no seed, and keys that we do not know."""
    item = {
        "color": "brown", "size": "large", "rotation": 178.92387258999463, "shape": "cylinder",
        "3d_coords": [-1.4937210083007812, -1.9936031103134155, 0.699999988079071],
        "material": "rubber", "pixel_coords": [119, 131, 10.801968574523926],
    }  # fmt: skip
    directions = {
        "right": [0.6563, 0.7545, -0.0], "behind": [-0.7545, 0.6563, 0.0], "above": [0, 0, 1.0],
        "below": [-0.0, -0.0, -1.0], "left": [-0.6563, -0.7545, 0.0], "front": [0.7545, -0.6563, 0],
    }  # fmt: skip
    scene = {
        "image_index": 3, "objects": [item], "split": "train", "directions": directions,
        "relationships": {}, "image_filename": "CLEVR_train_000003.png", "more": 1,
    }  # fmt: skip
    path = tmp_path / "CLEVR_train_scenes.json"
    path.write_text(json.dumps({"scenes": [scene], "info": {}}))
    (found,) = read_scenes(path)
    assert (found.index, found.split, found.filename) == (3, "train", "CLEVR_train_000003.png")
    assert found.seed is None
    assert found.blocks[0].coords[2] == 0.699999988079071
    assert found.items[0].position[0] < 0
    assert render(found, 32, 48).ids.max() == 1


def test_a_scene_without_its_seed_is_drawn_from_the_same_side(tmp_path):
    path = tmp_path / "scenes.json"
    for true in scenes(6):
        write_scenes(path, [replace(true, seed=None)])
        (found,) = read_scenes(path)
        a, b = render(true, 160, 240).ids, render(found, 160, 240).ids
        assert (a != b).mean() < 0.001


def broken(change):
    def made(path):
        write_scenes(path, scenes(2))
        content = json.loads(path.read_text())
        change(content["scenes"][1])
        path.write_text(json.dumps(content))

    return made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "cannot be read"),
        (lambda p: p.write_text("{"), "is not JSON"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "is not JSON"),
        (lambda p: p.write_text("[]"), "has no list 'scenes'"),
        (lambda p: p.write_text('{"questions": []}'), "has no list 'scenes'"),
        (lambda p: p.write_text('{"scenes": [7]}'), "scene 0: expected an object, got 7"),
        (broken(lambda s: s.pop("objects")), "scene 1: has no 'objects'"),
        (broken(lambda s: s["objects"].append(3)), "expected an object, got 3"),
        (broken(lambda s: s["objects"][0].pop("color")), "scene 1, object 0: has no 'color'"),
        (
            broken(lambda s: s["objects"][0].update(color="grey")),
            "color must be one of gray.*got 'grey'.*gray",
        ),
        (broken(lambda s: s["objects"][0].update({"3d_coords": [1, 2]})), "three numbers"),
        (broken(lambda s: s["objects"][0].update({"3d_coords": [1, 2, "x"]})), "three numbers"),
        (broken(lambda s: s["objects"][0].update({"3d_coords": 4})), "3d_coords must be list"),
        (broken(lambda s: s["objects"][0].update(rotation=None)), "rotation must be a number"),
        (broken(lambda s: s["directions"].pop("left")), "directions: has no 'left'"),
        (broken(lambda s: s.update(image_index="x")), "image_index must be int"),
    ],
)
def test_a_malformed_file_is_one_line_that_names_the_place(tmp_path, make, message):
    path = tmp_path / "scenes.json"
    make(path)
    with pytest.raises(ValueError, match=message) as error:
        read_scenes(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_without_masks_says_so(tmp_path):
    path = tmp_path / "scenes.json"
    write_scenes(path, scenes(1))
    with pytest.raises(ValueError, match="scene 0, object 0: has no 'mask'"):
        read_masks(path)
