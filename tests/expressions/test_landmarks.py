"""Landmarks from files, folders and finders; masks made of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from sensorium.expressions.datasets.recordings import Recording
from sensorium.expressions.finders import finder
from sensorium.expressions.landmarks import (
    CachedLandmarks,
    FileLandmarks,
    FoundLandmarks,
    Tracked,
    bridged,
    face_mask,
    hull_mask,
    mouth_mask,
    read_points,
    write_tracked,
)
from sensorium.worlds.portraits import draw, sit

SITTING = sit(5, "surprised", 4)
PORTRAITS = [draw(SITTING.face(k), 128) for k in range(4)]
POINTS = torch.stack([p.landmarks for p in PORTRAITS])


def recording(folder: Path, marks: bool = False) -> Recording:
    frames, files = [], []
    for k, portrait in enumerate(PORTRAITS):
        frames.append(folder / f"{k}.png")
        cv2.imwrite(str(frames[-1]), portrait.frame.permute(1, 2, 0).numpy()[..., ::-1])
        files.append(folder / f"{k}_landmarks.txt")
        lines = (f"   {x:.7e}   {y:.7e}\n" for x, y in portrait.landmarks.tolist())
        files[-1].write_text("".join(lines))
    return Recording("x", "a/b", "s", "happy", tuple(frames), marks=tuple(files) if marks else ())


class Exact:
    """Finds a portrait's own landmarks by its pixels; some frames it does not know."""

    def __init__(self, unknown: tuple[int, ...] = ()) -> None:
        self.known = [k for k in range(4) if k not in unknown]

    def find(self, picture: Tensor) -> Tensor | None:
        same = [k for k in self.known if torch.equal(PORTRAITS[k].frame, picture)]
        return POINTS[same[0]] if same else None


def test_files_that_came_with_the_set(tmp_path: Path) -> None:
    tracked = FileLandmarks().of(recording(tmp_path, marks=True))
    torch.testing.assert_close(tracked.points, POINTS, atol=1e-4, rtol=0)
    assert tracked.found.all()
    with pytest.raises(ValueError, match="x a/b: no landmark files; unpack Landmarks.zip"):
        FileLandmarks().of(recording(tmp_path))


@pytest.mark.parametrize("text", ["", "1 2\n", "1 2\n" * 67 + "1\n", "x y\n" * 68, "nan 1\n" * 68])
def test_files_of_another_kind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x_landmarks.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match="x_landmarks.txt: not 68 lines with x and y"):
        read_points(path)
    with pytest.raises(ValueError, match="no such landmark file"):
        read_points(tmp_path / "nothing.txt")


def test_a_finder_looks_once_and_the_folder_keeps_it(tmp_path: Path) -> None:
    row = recording(tmp_path)
    cached = CachedLandmarks(tmp_path / "marks", FoundLandmarks(Exact(unknown=(2,))))
    tracked = cached.of(row)
    assert tracked.found.tolist() == [True, True, False, True]
    assert (tmp_path / "marks" / "a" / "b.npz").is_file()
    again = CachedLandmarks(tmp_path / "marks").of(row)
    assert torch.equal(again.points, tracked.points)
    assert torch.equal(again.found, tracked.found)
    with pytest.raises(ValueError, match="no face is found in any of 4 frames"):
        FoundLandmarks(Exact(unknown=(0, 1, 2, 3))).of(row)


def test_cached_files_of_another_kind(tmp_path: Path) -> None:
    row = recording(tmp_path)
    cached = CachedLandmarks(tmp_path)
    with pytest.raises(ValueError, match=r"no landmarks at .*b.npz; expected points"):
        cached.of(row)
    path = cached.path(row)
    write_tracked(path, Tracked(POINTS[:3], torch.ones(3, dtype=torch.bool)))
    with pytest.raises(ValueError, match=r"landmarks \[3, 68, 2\] .*expected \[4, 68, 2\]"):
        cached.of(row)
    for data in (b"", b"PK\x03\x04 cut off", b"text"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"b.npz: not a file of landmarks"):
            cached.of(row)
    with path.open("wb") as file:
        np.save(file, POINTS.numpy())  # .npy, not .npz
    with pytest.raises(ValueError, match=r"b.npz: not a file of landmarks"):
        cached.of(row)
    np.savez(path, points=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match=r"b.npz: not a file of landmarks"):
        cached.of(row)
    np.savez(path, points=np.full((4, 68, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        cached.of(row)
    np.savez(path, points=POINTS.numpy())  # what was found everywhere need not say so
    assert cached.of(row).found.all()


def test_short_gaps_are_bridged_and_noise_is_smoothed() -> None:
    straight = torch.arange(9.0)[:, None, None] * torch.ones(1, 68, 2)
    found = torch.ones(9, dtype=torch.bool)
    found[3:6] = False
    gappy = torch.where(found[:, None, None], straight, torch.tensor(-100.0))
    torch.testing.assert_close(bridged(Tracked(gappy, found), "x"), straight)
    spiky = straight.clone()
    spiky[4] += 4
    smooth = bridged(Tracked(spiky, torch.ones(9, dtype=torch.bool)), "x")
    assert smooth[4, 0, 0] == 6
    assert smooth[0, 0, 0] == 0
    assert smooth[8, 0, 0] == 8


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ((2, 3, 4, 5), "in 4 frames in a row, at most 3 are bridged"),
        ((0,), "in its first or last frame"),
        ((8,), "in its first or last frame"),
        (tuple(range(9)), "in its first or last frame"),
    ],
)
def test_longer_gaps_spoil_the_clip(missing: tuple[int, ...], said: str) -> None:
    found = torch.tensor([k not in missing for k in range(9)])
    with pytest.raises(ValueError, match=f"clip 7: no face is found {said}"):
        bridged(Tracked(torch.zeros(9, 68, 2), found), "clip 7")


def overlap(a: Tensor, b: Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_masks_of_landmarks_are_those_that_the_world_draws() -> None:
    for portrait in PORTRAITS:
        mouth = mouth_mask(portrait.landmarks, 128, 128)
        assert overlap(mouth, portrait.mouth_mask()) > 0.9
        assert overlap(face_mask(portrait.landmarks, 128, 128), portrait.face_mask()) > 0.85
    larger = mouth_mask(PORTRAITS[3].landmarks, 128, 128, 1.0)
    assert larger.sum() > 2 * mouth_mask(PORTRAITS[3].landmarks, 128, 128, 0.0).sum()


def test_a_hull_covers_pixels_whose_centres_it_holds() -> None:
    square = torch.tensor([[2.0, 3.0], [6.0, 3.0], [6.0, 8.0], [2.0, 8.0], [4.0, 5.0]])
    expected = torch.zeros(10, 10, dtype=torch.bool)
    expected[3:8, 2:6] = True
    found = hull_mask(square, 10, 10, 0.0)
    assert overlap(found, expected) >= 20 / 30  # OpenCV fills its border, too
    assert (found | ~expected).all()
    assert hull_mask(square + 100, 10, 10, 0.0).sum() == 0
    assert hull_mask(square - 4, 10, 10, 0.0).any()
    with pytest.raises(ValueError, match="dilate must be 0 or more, got -1"):
        hull_mask(square, 10, 10, -1)
    with pytest.raises(ValueError, match="finite points"):
        hull_mask(square * torch.nan, 10, 10, 0.0)


@pytest.mark.parametrize("name", ["dlib", "mediapipe"])
def test_a_finder_without_its_model(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs its model file, none given; get .*terms"):
        finder(name)
    with pytest.raises(ValueError, match=r"x.dat: no such file; get .* --data.landmark-model"):
        finder(name, tmp_path / "x.dat")


@pytest.mark.parametrize(
    ("name", "module"),
    [("dlib", "dlib"), ("mediapipe", "mediapipe"), ("face-alignment", "face_alignment")],
)
def test_a_finder_that_is_not_installed(tmp_path: Path, name: str, module: str) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed here")
    model = tmp_path / "model"
    model.touch()
    with pytest.raises(ValueError, match=f"{name} is not installed .*pip install {name}"):
        finder(name, model)
