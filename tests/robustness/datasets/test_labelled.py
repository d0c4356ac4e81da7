"""What all labelled sets share: held-out pictures, mirror and shift, pictures to attack."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from sensorium.robustness.datasets.digits import Digits
from sensorium.robustness.datasets.labelled import (
    PictureExamples,
    Pictures,
    checked,
    held_apart,
    shifted,
)

NAMES = ("a", "b")


def some(count: int) -> Pictures:
    images = torch.arange(count * 3 * 5 * 5, dtype=torch.float32).view(count, 3, 5, 5)
    return Pictures(images, torch.arange(count) % 2, NAMES)


def test_digits_are_divided_once_and_for_all() -> None:
    data = Digits()
    parts = {split: data.pictures(split) for split in ("train", "val", "test")}
    assert {k: len(v) for k, v in parts.items()} == {"train": 1200, "val": 97, "test": 500}
    again = Digits().pictures("test")
    assert torch.equal(again.images, parts["test"].images)
    joined = torch.cat([p.images for p in parts.values()]).flatten(1)
    reference = load_digits().data / 16
    ours, theirs = ({tuple(row) for row in rows.tolist()} for rows in (joined, reference))
    assert ours == theirs
    assert len(Digits(held_out=0).pictures("train")) == 1297
    for part in parts.values():
        assert set(part.labels.tolist()) == set(range(10))


def test_digits_as_examples_and_to_attack() -> None:
    data = Digits(shift=1)
    example = data.open("train").example(3, 7)
    assert example["image"].shape == (1, 8, 8)
    assert example["image"].dtype == torch.float32
    assert example["label"].shape == ()
    whole = data.all("test")
    assert len(whole) == 500
    assert whole.x.max() == 1.0
    assert whole.classes == tuple("0123456789")
    assert "1,297" in str(data)


def test_held_out_pictures_are_not_trained_on() -> None:
    whole = some(20)
    train, val = (held_apart(whole, split, 4, "x") for split in ("train", "val"))
    rows = [{tuple(p.flatten().tolist()) for p in part.images} for part in (train, val)]
    assert [len(r) for r in rows] == [16, 4]
    assert not rows[0] & rows[1]
    assert torch.equal(held_apart(whole, "val", 4, "x").images, val.images)
    assert len(held_apart(whole, "val", 0, "x")) == 20
    with pytest.raises(ValueError, match="x: 20 training pictures, of which 20 are to be held out"):
        held_apart(whole, "train", 20, "x")


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -1), (-4, 3), (1, 4)])
def test_a_shift_is_a_crop_of_the_mirrored_border(down: int, right: int) -> None:
    image = some(1).images[0]
    padded = F.pad(image[None], (4, 4, 4, 4), mode="reflect")[0]
    expected = padded[:, 4 - down : 9 - down, 4 - right : 9 - right]
    assert torch.equal(shifted(image, down, right), expected)


def test_augmentation_depends_on_the_seed_alone() -> None:
    examples = PictureExamples(some(2), flip=0.5, shift=2)
    first = examples.example(1, 3)["image"]
    assert torch.equal(examples.example(1, 3)["image"], first)
    views = [examples.example(1, seed)["image"] for seed in range(30)]
    assert len({tuple(v.flatten().tolist()) for v in views}) > 15
    flipped = PictureExamples(some(2), flip=1.0).example(0, 0)["image"]
    assert torch.equal(flipped, some(2).images[0].flip(-1))


def test_validation_and_test_are_not_augmented() -> None:
    data = Digits(flip=1.0, shift=3)
    assert torch.equal(data.open("val").example(5, 1)["image"], data.pictures("val").images[5])
    assert not torch.equal(
        data.open("train").example(5, 1)["image"], data.pictures("train").images[5]
    )


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ValueError, match=r"flip is a chance from 0 to 1, got 1\.5"):
        Digits(flip=1.5)
    with pytest.raises(ValueError, match="shift must be 0 or more, got -1"):
        Digits(shift=-1)
    with pytest.raises(ValueError, match="a shift by 8 pixels leaves nothing of pictures of 8"):
        Digits(shift=8).open("train")
    with pytest.raises(ValueError, match="labels from 0 to 1, expected 0 to 0"):
        checked(torch.zeros(2, 1, 2, 2), torch.tensor([0, 1]), ("a",), "x")
    with pytest.raises(ValueError, match="2 pictures and 1 labels"):
        checked(torch.zeros(2, 1, 2, 2), torch.tensor([0]), ("a",), "x")
