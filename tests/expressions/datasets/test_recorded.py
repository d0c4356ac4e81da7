"""Recordings as training examples, compared with the drawn faces that they were made of."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.expressions.datasets.framing import Look
from sensorium.expressions.datasets.portraits import Portraits
from sensorium.expressions.datasets.recorded import RecordedExpressions
from sensorium.expressions.datasets.recordings import of_split
from sensorium.expressions.faces import EYES
from sensorium.expressions.systems import ExpressionsConfig, ExpressionsSystem
from sensorium.training import fit, recipe
from sensorium.worlds.portraits import draw, sit
from sensorium.worlds.portraits.portray import portray

_spec = importlib.util.spec_from_file_location(
    "recorded_faces", Path(__file__).with_name("recorded_faces.py")
)
assert _spec is not None
assert _spec.loader is not None
faces = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(faces)

THREE = ("happy", "angry", "surprised")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faces.ck_plus(tmp_path_factory.mktemp("ck"), 6)


def data(root: Path, **fields: object) -> RecordedExpressions:
    return RecordedExpressions("ck-plus", root, size=32, frames=6, **fields)


def test_examples_have_the_keys_and_shapes_of_portraits(root: Path) -> None:
    drawn = Portraits(4, 2, 2, THREE, size=32, frames=4).open("train").example(0, 1)
    for split in ("train", "val", "test"):
        example = data(root).open(split).example(0, 1)
        assert set(example) == set(drawn)
        for name, value in drawn.items():
            assert example[name].shape == value.shape, name
            assert example[name].dtype == value.dtype, name


def test_subjects_and_expressions(root: Path) -> None:
    rows = {s: data(root).recordings(s) for s in ("train", "val", "test")}
    people = [{r.subject for r in part} for part in rows.values()]
    assert all(people)
    assert sum(map(len, people)) == len(set.union(*people)) == 6
    assert {r.expression for part in rows.values() for r in part} == set(THREE)
    with pytest.raises(
        ValueError, match="no clips of sad in .*; it has angry, contemptuous, happy"
    ):
        data(root, expressions=("sad",)).open("train")


def test_degrees_rise_with_time_from_nothing_to_all(root: Path) -> None:
    pairs = data(root).open("val")
    seen = {}
    for seed in range(60):
        example = pairs.example(0, seed)
        degree = example["degrees"][example["expression"]]
        assert example["degrees"].sum() == degree
        seen[round(float(degree), 4)] = example
    assert sorted(seen) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert torch.equal(seen[0.0]["target"], seen[0.0]["neutral"])
    away = [
        (e["target"].float() - e["neutral"].float()).abs().mean() for _, e in sorted(seen.items())
    ]
    assert away[5] > away[2] > away[0]


def test_eyes_lie_where_portraits_have_them(root: Path) -> None:
    pairs = data(root).open("val")
    drawn = pairs.takes.drawn(0, [0])
    for part, place in ((slice(36, 42), EYES[0]), (slice(42, 48), EYES[1])):
        np.testing.assert_allclose(drawn.landmarks[0, part].mean(0), place, atol=1e-3)
    example = pairs.example(0, 0)
    inside = example["landmarks"][48:60] * 32
    assert example["mouth"][inside[:, 1].long(), inside[:, 0].long()].float().mean() > 0.9
    assert (example["mouth"] & ~example["face"]).sum() <= 0.2 * example["mouth"].sum()


def test_the_picture_follows_its_landmarks(root: Path) -> None:
    """Lips and skin differ by as much in the square as in the frame that it was cut from."""
    takes = data(root, framing="middle").open("val").takes
    drawn, plan = takes.drawn(0, [0]), takes.plan(0)
    stored = takes.look.picture(takes.recordings[0].pictures([0])[0]).float()
    assert plan.points is not None
    for point in (51, 57, 30, 8):
        x, y = plan.points[0, point].tolist()
        u, v = (drawn.landmarks[0, point] * takes.side).tolist()
        there = stored[:, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean()
        here = drawn.pixels[0, round(v - 0.5), round(u - 0.5)].astype(float).mean()
        assert abs(float(there) - here) < 35


def test_the_time_code_is_painted_over_and_colours_are_gone(root: Path) -> None:
    takes = data(root, framing="middle").open("val").takes
    first, last = takes.drawn(0, [0, 5]).pixels
    corner = (slice(32, 36), slice(0, 6))
    assert np.array_equal(first[corner], last[corner])
    shown = data(root, framing="middle", blank=(0.9, 0.0, 1.0, 0.1)).open("val").takes
    assert not np.array_equal(*shown.drawn(0, [0, 5]).pixels[:, 30:36, 0:8])
    assert np.array_equal(first[..., 0], first[..., 2])
    frame = torch.zeros(3, 4, 4, dtype=torch.uint8)
    frame[0] = 200
    assert Look(4, grey=True).picture(frame).unique().tolist() == [60]
    assert torch.equal(Look(4).picture(frame), frame)


def test_flips_move_landmarks_and_contempt_is_never_flipped(root: Path) -> None:
    flipped = data(root, mirror=1.0).open("train")
    plain = data(root, mirror=0.0).open("train")
    one, other = flipped.example(0, 3), plain.example(0, 3)
    assert torch.equal(one["target"], other["target"].flip(-1))
    assert torch.equal(one["mouth"], other["mouth"].flip(-1))
    torch.testing.assert_close(one["landmarks"][0, 0], 1 - other["landmarks"][16, 0])
    lopsided = data(root, expressions=("contemptuous",))
    both = [replace(lopsided, mirror=m).open("train").example(0, 3) for m in (0.0, 1.0)]
    assert torch.equal(both[0]["target"], both[1]["target"])


def test_the_folder_keeps_what_is_seen(root: Path, tmp_path: Path) -> None:
    kept = data(root, cache=tmp_path)
    expected = data(root).open("train")
    pairs = kept.open("train")
    for index in range(3):
        one, other = pairs.example(index, 5), expected.example(index, 5)
        assert all(torch.equal(one[name], other[name]) for name in other)
    files = sorted(tmp_path.rglob("*.npy"))
    assert len(files) == 12
    stamps = [f.stat().st_mtime_ns for f in files]
    kept.open("train").example(1, 9)
    assert [f.stat().st_mtime_ns for f in sorted(tmp_path.rglob("*.npy"))] == stamps
    replace(kept, grey=False).open("train").example(0, 0)
    assert len(list(tmp_path.iterdir())) == 2  # seen otherwise, kept elsewhere


def test_degrees_along_the_landmarks_path(root: Path) -> None:
    labels = data(root, degrees="path").open("val").takes.plan(0).labels
    assert labels[0] == 0
    assert labels[-1] == 1
    assert (np.diff(labels) > 0).all()
    even = data(root).open("val").takes.plan(0).labels
    assert np.abs(labels - even).max() > 0.02


@pytest.mark.parametrize("landmarks", ["none", "cached"])
def test_the_peak_of_a_take_is_found(tmp_path: Path, landmarks: str) -> None:
    root = faces.mug(tmp_path / "mug")
    fields = {"landmarks": landmarks, "framing": "middle" if landmarks == "none" else "eyes"}
    if landmarks == "cached":
        order = [0, 0, 1, 2, 3, 4, 5, 5, 5, 3, 2, 0]
        for person in range(4):
            subject = f"{person + 1:03d}"
            inner = f"{subject}/{subject}" if person % 2 else subject
            for word, name in (
                ("anger", "angry"),
                ("happiness", "happy"),
                ("surprise", "surprised"),
            ):
                shown = faces.sitting(person, name)
                points = np.stack([faces.landmarks(shown, k).numpy() for k in order])
                path = tmp_path / "marks" / inner / word / "take000.npz"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, points=points)
        fields["landmark_folder"] = tmp_path / "marks"
    mug = RecordedExpressions("mug", root, size=32, frames=4, **fields)
    takes = mug.open("train").takes
    for index in range(len(takes)):
        assert takes.plan(index).times[-1] in (6, 7, 8)


def test_without_landmarks_there_are_no_masks_to_train_on(tmp_path: Path) -> None:
    root = faces.oulu_casia(tmp_path)
    plain = RecordedExpressions(
        "oulu-casia", root, size=32, frames=3, landmarks="none", framing="middle"
    )
    assert set(plain.open("train").example(0, 0)) == {"neutral", "target", "degrees", "expression"}
    measured = plain.open("val").example(0, 0)
    assert measured["landmarks"].isnan().all()
    assert not measured["mouth"].any()
    config = plain.adapt(ExpressionsConfig(channels=(4, 8), size=64, d_width=4))
    assert (config.expressions, config.size) == (THREE, 32)
    batch = {k: v[None] for k, v in plain.open("train").example(0, 0).items()}
    with pytest.raises(ValueError, match=r"expected also 'landmarks'; .* set landmark_weight = 0"):
        ExpressionsSystem(config).losses(batch)
    bare = replace(config, landmark_weight=0.0, local_discriminator=False)
    losses = ExpressionsSystem(bare).losses(
        {k: v.repeat(2, *[1] * (v.ndim - 1)) for k, v in batch.items()}
    )
    assert torch.isfinite(losses["loss"])
    with pytest.raises(ValueError, match=r"8 of 8|6 of 6|clips came without landmarks"):
        RecordedExpressions("oulu-casia", root, size=32).open("train")


def test_masks_of_affinegan_are_seen(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for person in range(3):
            shown = faces.sitting(person, "happy")
            for k in range(len(shown)):
                name = f"{person}/{k + 1:04d}.png"
                faces.save(tmp_path / "happy" / split / "img" / name, faces.frame(shown, k))
                mask = np.zeros((96, 128), np.uint8)
                mask[60:70, 50:80] = 255
                faces.save(tmp_path / "happy" / split / "patch" / name, mask)
    clips = RecordedExpressions(
        "clips", tmp_path, expressions=("happy",), size=32, landmarks="none", framing="middle"
    )
    example = clips.open("train").example(0, 2)
    assert "mouth" in example
    assert "landmarks" not in example
    share = example["mouth"].float().mean()
    assert abs(share - 10 * 30 / 96**2 * (36 / 32) ** 2) < 0.01


def test_drawn_portraits_on_disk_have_exact_landmarks(tmp_path: Path) -> None:
    for seed in range(4):
        portray(seed, tmp_path / f"p{seed}", expression="surprised", frames=12, size=96)
    data = RecordedExpressions("clips", tmp_path, expressions=("surprised",), size=32, frames=4)
    pairs = data.open("train")
    plan = pairs.takes.plan(0)
    seed = int(pairs.takes.recordings[0].clip[1:])
    sitting = sit(seed, "surprised", 12, False)
    peak = int(plan.times[-1])
    assert peak == int(sitting.degrees.argmax())
    exact = draw(sitting.face(0), 96).landmarks
    assert plan.points is not None
    torch.testing.assert_close(plan.points[0], exact, atol=1e-2, rtol=0)
    assert {"landmarks", "mouth", "face"} <= set(pairs.example(0, 0))
    truth = tmp_path / f"p{seed}" / "truth.json"
    whole = truth.read_text()
    for text in ("", "[]", whole[:500], whole.replace('"landmarks"', '"marks"')):
        truth.write_text(text)
        with pytest.raises(ValueError, match=r"truth.json: not the truth of a portrait") as caught:
            data.open("train").example(0, 0)
        assert "\n" not in str(caught.value)


def test_a_face_finder_is_asked_for_before_anything_starts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENSORIUM_FACE_MODEL", raising=False)
    with pytest.raises(
        ValueError, match="framing found needs YuNet's model file in SENSORIUM_FACE"
    ):
        data(root, framing="found").open("train")


def test_settings_that_contradict_each_other() -> None:
    for fields, said in (
        ({"landmarks": "none"}, "framing eyes needs landmarks; set --data.framing middle"),
        ({"landmarks": "none", "framing": "middle", "degrees": "path"}, "degrees path needs"),
        ({"landmarks": "cached"}, "cached landmarks need --data.landmark-folder"),
        ({"size": 4}, "size must be at least 8, got 4"),
        ({"frames": 1}, "frames must be at least 2, got 1"),
        ({"mirror": 2}, "mirror is a share from 0 to 1"),
        ({"blank": (0.5, 0.0, 0.4, 1.0)}, "blank is left, top, right, bottom"),
        ({"expressions": ("happy", "happy")}, "expressions must differ"),
    ):
        with pytest.raises(ValueError, match=said):
            RecordedExpressions(**fields)
    with pytest.raises(ValueError, match=r"no data folder; set --data.root"):
        RecordedExpressions().open("train")


def test_a_clip_in_which_nothing_changes(tmp_path: Path) -> None:
    still = faces.frame(faces.sitting(1, "happy"), 0)
    for person in range(3):
        for k in range(5):
            take = tmp_path / f"{person + 1:03d}" / "happiness" / "take000"
            faces.save(take / f"img_{k:04d}.png", still)
    mug = RecordedExpressions(
        "mug", tmp_path, expressions=("happy",), size=32, landmarks="none", framing="middle"
    )
    assert len(of_split(mug.recordings("train"), "train")) == 1
    with pytest.raises(ValueError, match=r"mug .*take000: nothing changes in its 5 frames"):
        mug.open("train").example(0, 0)


def test_the_recipe_trains_on_recordings(root: Path, tmp_path: Path) -> None:
    whole = recipe("expressions-recordings")
    assert whole.data == RecordedExpressions(cache=whole.data.cache)
    small = replace(
        whole,
        data=data(root, cache=tmp_path / "cache"),
        system=ExpressionsConfig(THREE, 32, (4, 8), d_width=4, local_crop=8),
        stages=tuple(replace(stage, steps=2) for stage in whole.stages),
        batch=2,
        precision="no",
    )
    steps = list(fit(small, tmp_path / "run", device="cpu"))
    assert len(steps) == 2 * len(whole.stages)
    assert all(torch.isfinite(torch.tensor(step.losses["loss"])) for step in steps)
    assert {"landmarks", "discriminator_mouth"} <= set(steps[-1].losses)


def test_in_words(root: Path) -> None:
    assert "ck-plus" in str(data(root))
    assert "happy, angry, surprised, 32 x 32" in str(data(root))
