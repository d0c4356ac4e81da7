"""Broden's index, labels and masks, and files that do not fit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sensorium.robustness.datasets.broden import Broden

LABELS = """number,name,category,frequency,coverage,syns
1,red-c,color(2),2,0.5,
2,fabric,material(2);object(1),3,0.4,cloth
3,leg,part(1),1,0.1,
300,sky,object(2),2,0.4,
314,striped,texture(1),1,1.0,
315,dotted,texture(1),1,1.0,
"""
CATEGORIES = """name,first,last,count,frequency
color,1,1,1,2
material,2,2,1,2
object,2,300,2,3
part,3,3,1,1
texture,314,315,2,2
"""
INDEX = """image,split,ih,iw,sh,sw,color,object,part,material,texture
ade/a.jpg,train,8,8,4,4,ade/a_color.png,ade/a_object.png,ade/a_part1.png;ade/a_part2.png,,
dtd/g.jpg,val,8,8,4,4,dtd/g_color.png,,,,314;315
ade/none.jpg,val,8,8,4,4,,,,,
"""


def mask(path: Path, numbers: np.ndarray) -> None:
    """A label is R + 256 G; OpenCV writes blue first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = np.stack([np.zeros_like(numbers), numbers // 256, numbers % 256], -1).astype(np.uint8)
    cv2.imwrite(str(path), bgr)


def written(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "label.csv").write_text(LABELS)
    (root / "category.csv").write_text(CATEGORIES)
    (root / "index.csv").write_text(INDEX)
    images = root / "images"
    (images / "ade").mkdir(parents=True)
    (images / "dtd").mkdir()
    for name in ("ade/a.jpg", "dtd/g.jpg"):
        cv2.imwrite(str(images / name), np.full((8, 8, 3), 100, np.uint8))
    half = np.zeros((4, 4), np.int64)
    half[:2] = 1
    mask(images / "ade/a_color.png", half)
    mask(images / "ade/a_object.png", np.where(half, 300, 2))
    mask(images / "ade/a_part1.png", np.where(half, 3, 0))
    mask(images / "ade/a_part2.png", np.where(half, 0, 3))
    mask(images / "dtd/g_color.png", np.ones((4, 4), np.int64))
    return root


def test_pixels_and_pictures_have_concepts(tmp_path: Path) -> None:
    examples = Broden(written(tmp_path / "broden1_224")).open()
    names = [c.name for c in examples.concepts]
    assert names == ["red-c", "fabric", "leg", "sky", "striped", "dotted"]
    assert [c.category for c in examples.concepts][1:3] == ["material", "part"]
    assert len(examples) == 2  # what has no label at all is left out
    found = examples.example(0)
    assert found["image"].shape == (3, 8, 8)
    assert found["concepts"].shape == (6, 4, 4)
    masks = dict(zip(names, found["concepts"], strict=True))
    top = torch.zeros(4, 4, dtype=torch.bool)
    top[:2] = True
    assert torch.equal(masks["red-c"], top)
    assert torch.equal(masks["sky"], top)
    assert torch.equal(masks["fabric"], ~top)
    assert masks["leg"].all()  # two layers
    assert not masks["striped"].any()
    whole = dict(zip(names, examples.masks(1), strict=True))
    assert whole["striped"].all()
    assert whole["dotted"].all()
    assert examples.layers(0)[:, 0, 0].tolist() == [1, 300, 3, 0]


def test_the_folder_above_splits_and_categories(tmp_path: Path) -> None:
    written(tmp_path / "broden1_224")
    assert [len(Broden(tmp_path).open(s)) for s in ("train", "val", "test")] == [1, 1, 1]
    few = Broden(tmp_path, ("object", "part")).open()
    assert [c.name for c in few.concepts] == ["leg", "sky"]
    assert len(few) == 1
    assert [c.name for c in Broden(tmp_path, least=2).open().concepts] == ["red-c", "fabric", "sky"]
    assert len(Broden(tmp_path, most=1).open()) == 1


def test_files_of_another_kind(tmp_path: Path) -> None:
    root = written(tmp_path)
    mask(root / "images/ade/a_color.png", np.ones((5, 4), np.int64))
    with pytest.raises(ValueError, match=r"a_color.png: a mask of 5 x 4 pixels, index.csv says 4"):
        Broden(root).open("train").example(0)
    (root / "images/ade/a_color.png").unlink()
    with pytest.raises(ValueError, match=r"a_color.png: no such file"):
        Broden(root).open("train").example(0)
    with pytest.raises(ValueError, match="no category 'tiles'; there are color, material"):
        Broden(root, ("tiles",)).open()
    with pytest.raises(ValueError, match="no data folder"):
        Broden().open()
    with pytest.raises(ValueError, match=r"has no index.csv"):
        Broden(root / "images").open()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("index.csv", INDEX[:-12], "line 4: not as many cells as the header has"),
        ("index.csv", INDEX.replace("part", "party"), "has no column 'part'"),
        ("index.csv", INDEX.replace(",4,4,", ",four,4,"), "got 'four', expected a whole number"),
        ("index.csv", INDEX.replace(",4,4,", ",4,99999,"), "masks of 4 x 99999 pixels"),
        ("index.csv", INDEX.replace("314;", "99999;"), "label 99999, expected 0 to 65535"),
        ("label.csv", LABELS.replace("300,sky", "-3,sky"), "number -3, expected 1 to 65535"),
        ("label.csv", LABELS.replace("frequency", "often"), "has no column 'frequency'"),
        ("label.csv", LABELS + "9" * 200_000, "not a table"),
        ("category.csv", "", "has no column 'name'"),
    ],
)
def test_tables_of_another_kind(tmp_path: Path, name: str, text: str, said: str) -> None:
    root = written(tmp_path)
    (root / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}.*{said}") as caught:
        Broden(root).open()
    assert "\n" not in str(caught.value)


def test_nothing_outside_of_the_folder_is_opened(tmp_path: Path) -> None:
    root = written(tmp_path / "data")
    for path in ("../../etc/passwd", "/etc/passwd"):
        (root / "index.csv").write_text(INDEX.replace("ade/a_color.png", path))
        with pytest.raises(ValueError, match="leads out of the data folder"):
            Broden(root).open("train").example(0)
