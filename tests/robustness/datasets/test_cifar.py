"""CIFAR by its pickled and binary files, and files that are not whole."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from sensorium.robustness.datasets.cifar import Cifar

RNG = np.random.default_rng(5)
BATCHES = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
ROWS = {name: RNG.integers(0, 256, (4, 3072), dtype=np.uint8) for name in BATCHES}
LABELS = {name: [k % 10, 9, 0, 3] for k, name in enumerate(BATCHES)}
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def pickled10(root: Path) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for name in BATCHES:
        content = {b"data": ROWS[name], b"labels": LABELS[name], b"batch_label": b"x"}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    meta = {b"label_names": [n.encode() for n in NAMES], b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


def binary10(root: Path) -> Path:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    for name in BATCHES:
        labels = np.array(LABELS[name], np.uint8)[:, None]
        np.concatenate([labels, ROWS[name]], 1).tofile(folder / f"{name}.bin")
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return folder


def hundred(root: Path, kind: Literal["python", "binary"]) -> Path:
    folder = root / f"cifar-100-{kind}"
    folder.mkdir()
    fine, coarse = [f"fine{k}" for k in range(100)], [f"coarse{k}" for k in range(20)]
    for name in ("train", "test"):
        rows, labels, over = ROWS["test_batch"], [99, 0, 50, 7], [19, 0, 10, 1]
        if kind == "binary":
            columns = [np.array(n, np.uint8)[:, None] for n in (over, labels)]
            np.concatenate([*columns, rows], 1).tofile(folder / f"{name}.bin")
        else:
            content = {b"data": rows, b"fine_labels": labels, b"coarse_labels": over}
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    if kind == "binary":
        (folder / "fine_label_names.txt").write_text("\n".join(fine))
        (folder / "coarse_label_names.txt").write_text("\n".join(coarse))
    else:
        meta = {b"fine_label_names": fine, b"coarse_label_names": coarse}
        (folder / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


def test_both_forms_hold_the_same(tmp_path: Path) -> None:
    made = [pickled10(tmp_path), binary10(tmp_path)]
    for folder in made:
        data = Cifar(folder, held_out=5)
        test = data.pictures("test")
        assert test.classes == tuple(NAMES)
        assert test.labels.tolist() == LABELS["test_batch"]
        # the 1024 red bytes come first, row by row
        expected = ROWS["test_batch"][2, 1024 + 5 * 32 + 7]
        assert test.images[2, 1, 5, 7] == expected
        assert [len(data.pictures(s)) for s in ("train", "val")] == [15, 5]
        sums = [data.pictures(s).images.long().sum() for s in ("train", "val")]
        assert sum(sums) == sum(int(ROWS[n].sum()) for n in BATCHES[:5])


def test_the_folder_above_will_do(tmp_path: Path) -> None:
    pickled10(tmp_path)
    assert len(Cifar(tmp_path, held_out=0).pictures("train")) == 20


@pytest.mark.parametrize("kind", ["python", "binary"])
def test_a_hundred_classes_or_twenty(tmp_path: Path, kind: Literal["python", "binary"]) -> None:
    folder = hundred(tmp_path, kind)
    fine = Cifar(folder, "cifar100", held_out=1).pictures("test")
    coarse = Cifar(folder, "cifar100", coarse=True, held_out=1).pictures("test")
    assert fine.labels.tolist() == [99, 0, 50, 7]
    assert coarse.labels.tolist() == [19, 0, 10, 1]
    assert (len(fine.classes), len(coarse.classes)) == (100, 20)
    assert torch.equal(fine.images, torch.from_numpy(ROWS["test_batch"]).view(-1, 3, 32, 32))


def test_examples_are_augmented_and_the_rest_is_not(tmp_path: Path) -> None:
    data = Cifar(pickled10(tmp_path), held_out=5)
    example = data.open("train").example(0, 1)
    assert example["image"].shape == (3, 32, 32)
    assert example["image"].dtype == torch.uint8
    test = data.open("test")
    assert torch.equal(test.example(1, 9)["image"], data.pictures("test").images[1])
    whole = data.all("test")
    assert whole.x.dtype == torch.float32
    assert 0 <= whole.x.min() < whole.x.max() <= 1


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_a_batch_that_asks_to_run_something_is_refused(tmp_path: Path) -> None:
    folder = pickled10(tmp_path)
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": Runs()}, protocol=2))
    with pytest.raises(ValueError, match="test_batch: refused, loading it would run"):
        Cifar(folder).pictures("test")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({b"labels": [1]}, "has no table 'data'"),
        ({b"data": ROWS["test_batch"].astype(np.float32), b"labels": [1] * 4}, "no table 'data'"),
        ({b"data": ROWS["test_batch"][:, :9], b"labels": [1] * 4}, "pictures of 9 bytes"),
        ({b"data": ROWS["test_batch"]}, "has no list 'labels'"),
        ({b"data": ROWS["test_batch"], b"labels": ["a"] * 4}, "has no list 'labels'"),
        ({b"data": ROWS["test_batch"], b"labels": [1] * 3}, "4 pictures and 3 labels"),
        ({b"data": ROWS["test_batch"], b"labels": [1, 2, 3, 10]}, "labels from 1 to 10, expected"),
    ],
)
def test_batches_of_another_kind(tmp_path: Path, content: object, said: str) -> None:
    folder = pickled10(tmp_path)
    (folder / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=said):
        Cifar(folder).pictures("test")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = binary10(tmp_path)
    with (folder / "test_batch.bin").open("ab") as file:
        file.truncate(1000)
    with pytest.raises(
        ValueError, match=r"test_batch.bin: 1000 bytes, expected a multiple of 3073"
    ):
        Cifar(folder).pictures("test")
    (folder / "test_batch.bin").unlink()
    with pytest.raises(ValueError, match=r"test_batch.bin: no such file"):
        Cifar(folder).pictures("test")
    with pytest.raises(ValueError, match="no data folder given"):
        Cifar().open("train")
    empty = tmp_path / "empty"
    with pytest.raises(ValueError, match="empty: no such folder"):
        Cifar(empty).open("train")
    empty.mkdir()
    with pytest.raises(ValueError, match="neither cifar-10-batches-py nor cifar-10-batches-bin"):
        Cifar(empty).open("train")
    (empty / "cifar-10-python.tar.gz").touch()
    with pytest.raises(ValueError, match=r"unpack cifar-10-python.tar.gz first"):
        Cifar(empty).open("train")
    with pytest.raises(ValueError, match="CIFAR-10 has no coarse classes"):
        Cifar(coarse=True)
