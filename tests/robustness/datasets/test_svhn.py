"""SVHN's MATLAB files, whole and not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from sensorium.robustness.datasets.svhn import Svhn, read_svhn

PIXELS = np.random.default_rng(1).integers(0, 256, (32, 32, 3, 5), dtype=np.uint8)


def written(path: Path, labels: list[int], pixels: np.ndarray = PIXELS) -> Path:
    savemat(path, {"X": pixels, "y": np.array(labels, np.uint8)[:, None]}, do_compression=True)
    return path


def test_ten_means_zero_and_axes_are_turned(tmp_path: Path) -> None:
    found = read_svhn(written(tmp_path / "test_32x32.mat", [1, 10, 9, 10, 5]))
    assert found.labels.tolist() == [1, 0, 9, 0, 5]
    assert found.images.shape == (5, 3, 32, 32)
    assert found.images[3, 2, 4, 7] == PIXELS[4, 7, 2, 3]
    assert found.images.dtype == torch.uint8


def test_splits_with_and_without_the_extra_pictures(tmp_path: Path) -> None:
    for name in ("train", "test", "extra"):
        written(tmp_path / f"{name}_32x32.mat", [1, 10, 9, 2, 5])
    sizes = {s: len(Svhn(tmp_path, held_out=2).open(s)) for s in ("train", "val", "test")}
    assert sizes == {"train": 3, "val": 2, "test": 5}
    assert len(Svhn(tmp_path, extra=True, held_out=2).open("train")) == 8
    assert Svhn(tmp_path).all("test").x.max() <= 1


def test_a_single_picture(tmp_path: Path) -> None:
    found = read_svhn(written(tmp_path / "x.mat", [10], PIXELS[..., :1]))
    assert found.images.shape == (1, 3, 32, 32)
    assert found.labels.tolist() == [0]


def test_files_of_another_kind(tmp_path: Path) -> None:
    path = written(tmp_path / "x.mat", [1, 10, 9, 2, 5])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"x.mat: not a whole MATLAB file of version 5") as caught:
        read_svhn(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(whole[:124] + b"\0\2IM" + whole[128:])  # HDF5 inside, by its version
    with pytest.raises(ValueError, match=r"x.mat: not a MATLAB file of version 5"):
        read_svhn(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(200))
    with pytest.raises(ValueError, match=r"x.mat: not a MATLAB file of version 5"):
        read_svhn(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"x.mat: not a MATLAB file of version 5"):
        read_svhn(path)
    for data in (b"", whole[:127], whole[:128], whole[:130]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"x.mat: "):
            read_svhn(path)
    with pytest.raises(ValueError, match=r"y.mat: no such file"):
        read_svhn(tmp_path / "y.mat")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"y": [[1]]}, "X is missing, expected uint8 32 x 32 x 3 x N"),
        ({"X": PIXELS.astype(float), "y": [[1]] * 5}, "X is float64 32 x 32 x 3 x 5"),
        ({"X": PIXELS.transpose(3, 0, 1, 2), "y": [[1]] * 5}, "X is uint8 5 x 32 x 32 x 3"),
        ({"X": PIXELS}, "y is missing"),
        ({"X": PIXELS, "y": "text"}, "y is missing"),
        ({"X": PIXELS, "y": [[1]] * 4}, "5 pictures and 4 labels"),
        ({"X": PIXELS, "y": [[1], [2], [3], [4], [11]]}, "labels outside of 1 to 10"),
    ],
)
def test_variables_of_another_kind(tmp_path: Path, content: dict[str, object], said: str) -> None:
    path = tmp_path / "x.mat"
    savemat(path, content)
    with pytest.raises(ValueError, match=said):
        read_svhn(path)
