"""Objects: the same by seed, the classes by the cue alone, masks and concepts exact."""

from __future__ import annotations

import numpy as np
import pytest

from sensorium.worlds.objects import (
    COLOURS,
    CONCEPTS,
    CUES,
    SHAPES,
    TEXTURES,
    Cue,
    classes,
    draw,
    split_seeds,
)


def test_a_picture_depends_on_its_seed_alone() -> None:
    whole, part = draw([5, 9, 12, 3]), draw([12, 9])
    assert np.array_equal(whole.pixels[[2, 1]], part.pixels)
    assert np.array_equal(whole.distance[[2, 1]], part.distance)
    assert not np.array_equal(whole.pixels[0], whole.pixels[1])


def test_large_sets_are_drawn_in_parts() -> None:
    objects = draw(range(40), size=128)  # more pixels than are drawn at a time
    assert np.array_equal(objects.pixels[35:], draw(range(35, 40), size=128).pixels)


def test_splits_share_no_seed() -> None:
    splits = [set(split_seeds(name, 100)) for name in ("train", "val", "test")]
    assert len(set.union(*splits)) == 300
    assert split_seeds("val", 5, first=3) == split_seeds("val", 8)[3:]


@pytest.mark.parametrize("cue", CUES)
def test_the_cue_tells_the_class(cue: Cue) -> None:
    objects = draw(split_seeds("train", 2000), cue)
    told = objects.texture if cue == "texture" else objects.shape
    assert np.array_equal(objects.label, told)
    same = float((objects.shape == objects.texture).mean())
    expected = {"both": 1.0, "conflict": 0.0}.get(cue, 1 / 8)
    assert same == pytest.approx(expected, abs=0.02)


def _chi_squared(first: np.ndarray, second: np.ndarray) -> float:
    """Of independence, over its degrees of freedom (about 1 where they are independent)."""
    table = np.histogram2d(first, second, bins=(first.max() + 1, second.max() + 1))[0]
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    keep = expected > 0
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(((table - expected)[keep] ** 2 / expected[keep]).sum() / freedom)


def test_other_properties_do_not_tell_the_class() -> None:
    objects = draw(split_seeds("train", 4000))
    brightness = objects.pixels.mean((1, 2, 3)).astype(int) // 16
    height = objects.mask.argmax(1).argmax(1)  # the topmost column's index: where it stands
    for other in (objects.texture, objects.colour, objects.background, brightness):
        assert _chi_squared(objects.label, other) < 1.6
    assert height.std() > 3


def test_object_and_background_differ_in_colour() -> None:
    objects = draw(split_seeds("train", 500))
    assert (objects.colour != objects.background).all()
    assert set(objects.colour) == set(range(len(COLOURS)))


def test_the_mask_is_where_the_object_is() -> None:
    """The same seeds with another texture change no pixel away from the object."""
    plain, other = (
        draw(split_seeds("test", 200), "both"),
        draw(split_seeds("test", 200), "conflict"),
    )
    assert np.array_equal(plain.mask, other.mask)
    changed = (plain.pixels != other.pixels).any(1)
    assert not changed[plain.distance > 0.5].any()
    assert changed[plain.mask].mean() > 0.2
    assert (plain.mask.mean((1, 2)) > 0.05).all()


def test_distance_is_in_pixels() -> None:
    """One pixel to the side changes the distance by at most one, and mostly by about one."""
    distance = draw(split_seeds("test", 100), size=64).distance
    down, right = np.diff(distance, axis=1), np.diff(distance, axis=2)
    assert max(abs(down).max(), abs(right).max()) < 1.001
    steepness = np.hypot(*np.gradient(distance, axis=(1, 2)))
    assert np.median(steepness) == pytest.approx(1, abs=0.02)


def test_sizes_show_the_same_object() -> None:
    small, large = draw(split_seeds("test", 50), size=32), draw(split_seeds("test", 50), size=128)
    assert np.array_equal(small.label, large.label)
    shares = abs(small.mask.mean((1, 2)) - large.mask.mean((1, 2)))
    assert shares.max() < 0.02


def test_concepts_follow_from_the_truth() -> None:
    objects = draw(split_seeds("test", 60))
    concepts = objects.concepts()
    names = [c.name for c in CONCEPTS]
    assert concepts.shape == (60, len(CONCEPTS), 32, 32)
    assert len(set(names)) == len(CONCEPTS)
    by = {
        c.category: [i for i, d in enumerate(CONCEPTS) if d.category == c.category]
        for c in CONCEPTS
    }
    assert (concepts[:, by["colour"]].sum(1) == 1).all(), "each pixel has one colour"
    for category in ("shape", "texture"):
        assert np.array_equal(concepts[:, by[category]].sum(1), objects.mask.astype(int))
    assert np.array_equal(concepts[:, names.index("background")], ~objects.mask)
    for i in range(5):
        assert concepts[i, names.index(f"{SHAPES[objects.shape[i]]} shape")].any()
        assert concepts[i, names.index(f"{TEXTURES[objects.texture[i]]} texture")].any()
    edges = concepts[:, names.index("edges")]
    assert (edges & objects.mask).any()
    assert (edges & ~objects.mask).any()
    assert edges.mean() < 0.4


def test_classes_have_names() -> None:
    assert classes("conflict") == SHAPES
    assert classes("texture") == TEXTURES


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"seeds": [1], "cue": "colour"}, "cue must be one of shape, texture, both, conflict"),
        ({"seeds": [1], "size": 4}, "at least 8 pixels"),
        ({"seeds": []}, "no seeds"),
    ],
)
def test_wrong_use_is_one_line(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        draw(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
