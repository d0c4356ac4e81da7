"""Portraits as training data: what belongs together stays together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.expressions.animating import fitted
from sensorium.expressions.datasets.portraits import PortraitClips, Portraits
from sensorium.expressions.datasets.sittings import FACE, Sittings
from sensorium.expressions.systems import ExpressionsConfig
from sensorium.worlds.portraits import EXPRESSIONS, identity

DATA = Portraits(length=14, held_out=7, tested=7, size=48, frames=5)


def test_an_example_has_what_the_system_lists() -> None:
    example = DATA.open("train").example(9, 3)
    said = {key: (tuple(v.shape), v.dtype) for key, v in example.items()}
    assert said == {
        "neutral": ((3, 48, 48), torch.uint8),
        "target": ((3, 48, 48), torch.uint8),
        "degrees": ((7,), torch.float32),
        "expression": ((), torch.int64),
        "landmarks": ((68, 2), torch.float32),
        "mouth": ((48, 48), torch.bool),
        "face": ((48, 48), torch.bool),
    }
    assert int(example["expression"]) == 9 % 7
    assert (example["degrees"] > 0).sum() <= 1


def test_degree_zero_is_the_picture_itself_and_the_peak_is_degree_one() -> None:
    seen = {}
    for seed in range(40):
        example = DATA.open("train").example(0, seed)
        seen[float(example["degrees"][0])] = example
    assert sorted(seen) == [0.0, *sorted(set(seen) - {0.0, 1.0}), 1.0]
    assert torch.equal(seen[0.0]["neutral"], seen[0.0]["target"])
    assert not torch.equal(seen[1.0]["neutral"], seen[1.0]["target"])


def test_crop_and_mirror_are_the_same_for_all_of_a_sample() -> None:
    """Wherever the window lies, lips are inside the mouth's mask and eyes inside the face's."""
    shown = set()
    for seed in range(12):
        example = DATA.open("train").example(2, seed)
        points = (example["landmarks"] * 48).long().clamp(0, 47)
        mouth, face = example["mouth"], example["face"]
        lips = points[48:68]
        assert mouth[lips[:, 1], lips[:, 0]].float().mean() > 0.9
        eyes = points[36:48]
        assert face[eyes[:, 1], eyes[:, 0]].all()
        assert points[36, 0] < points[45, 0]  # the left eye is on the left of every picture
        ys, xs = torch.nonzero(mouth, as_tuple=True)
        shown.add((int(xs.float().mean()), int(ys.float().mean())))
    assert len(shown) > 3


def test_mirrored_pictures_are_mirrored() -> None:
    plain, turned = (replace(DATA, mirror=m).open("train") for m in (0.0, 1.0))
    a, b = plain.example(1, 5), turned.example(1, 5)
    assert torch.equal(a["target"].flip(2), b["target"])
    assert torch.equal(a["mouth"].flip(1), b["mouth"])
    assert torch.allclose(a["landmarks"][48, 0], 1 - b["landmarks"][54, 0], atol=1e-5)
    assert torch.allclose(a["landmarks"][48, 1], b["landmarks"][54, 1], atol=1e-5)


def test_contempt_always_shows_on_the_same_side() -> None:
    data = Portraits(8, 0, 0, ("contemptuous",), frames=2, mirror=1.0)
    examples, sides = data.open("train"), []
    for index in range(8):
        sittings = examples.sittings
        points = sittings.drawn(index, (0, 1)).landmarks
        rise = points[0, :, 1] - points[1, :, 1]
        sides.append(rise[54] - rise[48])  # the right corner of the mouth over the left one
    assert {identity(sittings.person(k)).smirk_left for k in range(8)} == {True, False}
    assert min(sides) > 0
    assert torch.equal(
        examples.example(3, 1)["neutral"],
        replace(data, mirror=0.0).open("train").example(3, 1)["neutral"],
    )


def test_nobody_is_in_two_splits() -> None:
    people = [
        {Sittings(split, 40, EXPRESSIONS, 4, 32).person(k) for k in range(40)}
        for split in ("train", "val", "test")
    ]
    assert not people[0] & people[1]
    assert not people[0] & people[2]
    assert not people[1] & people[2]


def test_labels_follow_time_or_the_truth() -> None:
    time = DATA.open("test").sittings.drawn(3, range(5)).labels
    np.testing.assert_allclose(time[:, 0], np.linspace(0, 1, 5), atol=0.06)
    assert time[0].tolist() == [0, 0]
    assert time[-1, 0] == 1 > time[-1, 1] > 0.85
    example = replace(DATA, labels="true").open("test").example(3, 1)
    assert float(example["degrees"][3]) in time[:, 1].tolist()


def test_whole_examples_are_what_the_system_sees_of_a_picture() -> None:
    """All of the drawing, shrunk; with none whole nothing changes."""
    data = replace(DATA, whole=1.0, mirror=0.0)
    examples, cropped = data.open("train"), replace(data, whole=0.0).open("train")
    drawn = examples.sittings.drawn(2, (0, 4))
    assert drawn.pixels.shape == (2, 54, 54, 3)
    neutral = torch.from_numpy(drawn.pixels[0]).permute(2, 0, 1)
    seen = {}
    for seed in range(20):
        example = examples.example(2, seed)
        assert torch.equal(example["neutral"], fitted(neutral, 48))
        other = cropped.example(2, seed)
        assert torch.equal(example["degrees"], other["degrees"])
        seen[float(example["degrees"][2])] = example
        points = (example["landmarks"] * 48).long()
        assert example["mouth"][points[48:68, 1], points[48:68, 0]].float().mean() > 0.9
        assert example["mouth"].sum() < other["mouth"].sum()
    np.testing.assert_allclose(seen[1.0]["landmarks"], drawn.landmarks[1], atol=1e-6)


def test_a_share_is_whole_and_the_held_out_are_not() -> None:
    data = replace(DATA, whole=0.5, mirror=0.5)
    views = [data.open("train").view(0, np.random.default_rng(k)) for k in range(200)]
    assert 70 < sum(view.size == 54 for view in views) < 130
    assert {view.size for view in views} == {48, 54}
    for split in ("val", "test"):
        one, other = data.open(split).example(3, 1), DATA.open(split).example(3, 1)
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert "50 % whole" in str(data)
    with pytest.raises(ValueError, match="whole is a share from 0 to 1, got 2"):
        replace(DATA, whole=2)


def test_clips_are_whole_or_cropped_as_one() -> None:
    clips = PortraitClips(replace(DATA, whole=1.0, mirror=0.0), steps=2).open("train")
    example = clips.example(2, 5)
    assert example["targets"].shape == (2, 3, 48, 48)
    assert example["mouth"].shape == (2, 48, 48)
    drawn = torch.from_numpy(clips.pairs.sittings.drawn(2, (4,)).pixels[0]).permute(2, 0, 1)
    assert torch.equal(example["targets"][1], fitted(drawn, 48))


def test_who_holds_still_changes_in_the_face_alone(tmp_path) -> None:
    """Hair and background of all frames are the first one's; filmed heads drift."""
    for still in (True, False):
        data = replace(DATA, still=still, whole=1.0, mirror=0.0)
        pairs = data.open("train")
        moved = []
        for index in range(7):
            drawn = pairs.sittings.drawn(index, range(5))
            off = ~(drawn.masks & FACE).any(0)
            moved.append((drawn.pixels[:, off] != drawn.pixels[:1, off]).mean())
        assert max(moved) < 0.05 if still else min(moved) > 0.08  # jaws reach beyond the mask
        assert (drawn.pixels[-1] != drawn.pixels[0]).any()
    kept = replace(DATA, length=3, cache=tmp_path, processes=1)
    folders = [replace(kept, still=s).open("train").sittings.folder for s in (True, False)]
    assert folders[0] != folders[1]
    assert not replace(kept, still=True).open("val").sittings.still
    assert "heads held still" in str(replace(kept, still=True))


def test_the_folder_gives_what_is_drawn(tmp_path) -> None:
    kept = replace(DATA, length=3, cache=tmp_path, processes=1)
    for index in range(3):
        one, other = kept.open("train").example(index, 7), DATA.open("train").example(index, 7)
        assert all(torch.equal(one[key], other[key]) for key in one)
    with pytest.raises(IndexError):
        kept.open("train").example(3, 0)


def test_the_system_takes_over_size_and_expressions() -> None:
    config = Portraits(size=32, expressions=("sad", "happy")).adapt(ExpressionsConfig(size=64))
    assert (config.size, config.expressions) == (32, ("sad", "happy"))
    assert "2 expressions" in str(Portraits(expressions=("sad", "happy")))
    with pytest.raises(ValueError, match="got the expression 'bored'"):
        Portraits(expressions=("bored",))


def test_calibration_meets_other_people() -> None:
    data = replace(DATA, held_out=14)
    clips = list(data.clips("val"))
    seen = {data.open("val").sittings.person(k) for k in range(14)}
    new = {int(clip.name.split()[1]) for clip in clips}
    assert len(new) == len(clips) > 200
    assert not new & seen
    assert {person % 4 for person in new} == {person % 4 for person in seen}  # of the same split
    frames = [clip.need_video().frames([0.0]) for clip in clips[:8]]
    assert {tuple(frame.shape) for frame in frames} == {(1, 3, 48, 48)}
