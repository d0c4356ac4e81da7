"""Pictures by class, as ImageNet has them or as people put them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sensorium.media import MediaError
from sensorium.robustness.datasets.folders import PictureFolders, listed


def picture(path: Path, height: int = 30, width: int = 40, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = cv2.imencode(".png" if path.suffix == ".png" else ".jpg", pixels)[1]
    path.write_bytes(data.tobytes())
    return path


def imagenet(root: Path, splits: tuple[str, ...] = ("train", "val")) -> Path:
    for split in splits:
        for synset in ("n02", "n01", "n03"):
            for k in range(8):
                picture(root / split / synset / f"{split}_{synset}_{k}.JPEG", seed=k)
    (root / "train" / ".DS_Store").write_bytes(b"x")
    (root / "train" / "n01" / ".DS_Store").write_bytes(b"x")
    return root


def test_synsets_are_sorted_and_val_is_the_test(tmp_path: Path) -> None:
    root = imagenet(tmp_path)
    classes, test = listed(root, "test", 50)
    assert classes == ("n01", "n02", "n03")
    assert len(test) == 24
    assert {(p.parent.name, label) for p, label in test} == {("n01", 0), ("n02", 1), ("n03", 2)}
    assert all(p.parent.parent.name == "val" for p, _ in test)
    train, val = (listed(root, s, 50)[1] for s in ("train", "val"))
    assert (len(train), len(val)) == (21, 3)
    assert not {p for p, _ in train} & {p for p, _ in val}
    assert all(p.parent.parent.name == "train" for p, _ in train + val)


def test_three_published_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    root = imagenet(tmp_path, ("train", "val", "test"))
    for split in ("train", "val", "test"):
        rows = listed(root, split, 50)[1]
        assert len(rows) == 24
        assert {p.parent.parent.name for p, _ in rows} == {split}


def test_without_split_folders_each_class_is_divided_by_names(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for k in range(20):
            picture(tmp_path / name / f"{k}.png", 9, 9)
    parts = {s: {p for p, _ in listed(tmp_path, s, 50)[1]} for s in ("train", "val", "test")}
    assert {k: len(v) for k, v in parts.items()} == {"train": 28, "val": 6, "test": 6}
    assert not parts["train"] & parts["val"] | parts["val"] & parts["test"]
    kept = parts["val"] & {tmp_path / "cat" / f"{k}.png" for k in range(20)}
    (tmp_path / "dog" / "0.png").unlink()  # another class does not move them
    again = {p for p, _ in listed(tmp_path, "val", 50)[1]}
    assert kept <= again


def test_the_middle_of_the_resized_picture(tmp_path: Path) -> None:
    root = imagenet(tmp_path)
    data = PictureFolders(root, resize=16, size=12)
    test = data.open("test")
    example = test.example(0, 5)
    assert example["image"].shape == (3, 12, 12)
    assert example["image"].dtype == torch.uint8
    assert torch.equal(example["image"], test.example(0, 6)["image"])
    train = data.open("train")
    views = {tuple(train.example(0, seed)["image"].flatten().tolist()) for seed in range(12)}
    assert len(views) > 6
    assert example["label"].item() == 0


def test_a_few_of_each_class_to_attack(tmp_path: Path) -> None:
    data = PictureFolders(imagenet(tmp_path), resize=16, size=12, most=6)
    whole = data.all("test")
    assert whole.x.shape == (6, 3, 12, 12)
    assert whole.y.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(PictureFolders(tmp_path, resize=16, size=12).all("test")) == 24


def test_classes_are_named_where_a_list_names_them(tmp_path: Path) -> None:
    root = imagenet(tmp_path)
    (root / "synset_words.txt").write_text("n01 crane, bird\nn02 tench, Tinca tinca\nn03 crane\n")
    assert listed(root, "train", 50)[0] == ("crane (n01)", "tench", "crane (n03)")


def test_pictures_of_odd_kinds(tmp_path: Path) -> None:
    root = imagenet(tmp_path)
    folder = root / "val" / "n01"
    for old in folder.iterdir():
        old.unlink()
    grey = np.full((20, 30), 77, np.uint8)
    (folder / "a.JPEG").write_bytes(cv2.imencode(".png", grey)[1].tobytes())  # a PNG in disguise
    deep = np.full((20, 30, 3), 30_000, np.uint16)
    (folder / "b.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    found = PictureFolders(root, resize=16, size=12).open("test")
    assert found.example(0, 0)["image"].unique().tolist() == [77]
    assert found.example(1, 0)["image"].unique().tolist() == [117]


def test_damaged_pictures_are_named(tmp_path: Path) -> None:
    root = imagenet(tmp_path)
    first = root / "val" / "n01" / "val_n01_0.JPEG"
    test = PictureFolders(root, resize=16, size=12).open("test")
    for data, why in ((b"", "empty"), (first.read_bytes()[:300], "cut off"), (b"text", "damaged")):
        first.write_bytes(data)
        with pytest.raises(MediaError, match=f"val_n01_0.JPEG: not a picture .*{why}"):
            test.example(0, 0)
    first.unlink()
    with pytest.raises(MediaError, match=r"val_n01_0.JPEG: no such file"):
        test.example(0, 0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no data folder"):
        PictureFolders().open("train")
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        PictureFolders(tmp_path / "nowhere").open("train")
    picture(tmp_path / "cat" / "a.png")
    with pytest.raises(ValueError, match="1 folders, expected at least 2 named like the classes"):
        PictureFolders(tmp_path).open("train")
    (tmp_path / "dog").mkdir()
    with pytest.raises(ValueError, match="no pictures for test; each class needs at least 3"):
        PictureFolders(tmp_path).open("test")
    root = imagenet(tmp_path / "net")
    picture(root / "val" / "n09" / "a.png")
    with pytest.raises(ValueError, match=r"n09: no such class among the 3 to train on"):
        PictureFolders(root).open("test")
    with pytest.raises(ValueError, match="size must be from 1 to resize"):
        PictureFolders(size=300)
    with pytest.raises(ValueError, match="held_out must be at least 1"):
        PictureFolders(held_out=0)
