import json

import cv2
import numpy as np
import pytest
import torch

from sensorium import store
from sensorium.robustness.recipes import dq_tiny
from sensorium.robustness.systems import DQSystem
from sensorium.worlds.objects import SHAPES, draw, split_seeds

MODULE = """
import torch
from torch import nn

torch.manual_seed(0)
pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
colour = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *pool, nn.Linear(4, 3))
grey = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), *pool, nn.Linear(4, 3))
flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3))
broken = nn.Sequential(nn.Conv2d(3, 4, 3), *pool, nn.Linear(4, 3))
broken[0].weight.data[0, 0, 0, 0] = float("nan")
number = 3


class Still(nn.Module):
    def forward(self, x):
        with torch.no_grad():
            return colour(x)


still = Still()


def made():
    return colour
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    drawn = draw(split_seeds("test", 1))
    path = tmp_path_factory.mktemp("pictures") / "object.png"
    cv2.imwrite(str(path), np.ascontiguousarray(drawn.pixels[0].transpose(1, 2, 0)[..., ::-1]))
    return path


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """An untrained classifier of shapes."""
    recipe = dq_tiny()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = DQSystem(recipe.data.adapt(recipe.system))
    folder = tmp_path_factory.mktemp("systems") / "shapes"
    system.weights = folder.name
    return store.save(system, folder, store.Card(trained_on="nothing", description="untrained"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a module of one's own."""
    (tmp_path / "explained_nets.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


FAST = ("--method", "fgsm", "--eps", "0.5", "--cell", "8")


def test_words_and_files(run, picture, shapes, tmp_path):
    ran = run("explain", picture, "--system", shapes, *FAST, "--out", tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{picture}  ({shapes}, FGSM 0.5, target '")
    assert "the target's logit changes by" in ran.out
    assert "by chance" in ran.out
    assert sorted(p.name for p in (tmp_path / "object").iterdir()) == [
        *("explanation.json", "explanation.png")
    ]


def test_json_and_labels(run, picture, shapes, tmp_path):
    options = ("--target", "square", "--label", "disc", "--json", "--out", tmp_path)
    ran = run("explain", picture, picture, "--system", shapes, *FAST, *options)
    assert ran.code == 0, ran.err
    first, second = ran.records
    assert (first["label"], first["target"]) == ("disc", "square")
    assert first["cells"]["all"] == 16
    assert first["interpretability"].keys() == first["chance"].keys()
    assert json.loads((tmp_path / "object" / "explanation.json").read_text())["target"] == "square"
    assert first["paths"] != second["paths"], "files of one stem do not share a folder"


def test_a_clip_through_tsm(run, video, system, tmp_path):
    ran = run("explain", video, "--system", system, *FAST, "--json", "--out", tmp_path)
    assert ran.code == 0, ran.err
    (record,) = ran.records
    assert record["label"] in ("left", "right")
    assert {record["label"], record["target"]} == {"left", "right"}
    kept = json.loads((tmp_path / "0" / "explanation.json").read_text())
    assert len(kept["each_cell"]["grid"]) == 3


@pytest.mark.parametrize(
    "name", ["explained_nets:colour", "explained_nets:made", "explained_nets:grey"]
)
def test_networks_of_ones_own(run, picture, here, name):
    ran = run("explain", picture, "--system", name, *FAST, "--json")
    assert ran.code == 0, ran.err
    assert ran.records[0]["target"] in "012"
    assert ran.records[0]["maps"] == "cam"


@pytest.mark.parametrize("batch", [None, 1])
def test_exported_programs(run, picture, here, batch):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, 3),
    ).eval()  # fmt: skip
    shape = {} if batch else {0: torch.export.Dim("batch", min=1, max=512)}
    x = torch.zeros(batch or 2, 3, 32, 32)
    torch.export.save(torch.export.export(network, (x,), dynamic_shapes=(shape,)), "net.pt2")
    ran = run("explain", picture, "--system", "net.pt2", *FAST, "--json")
    assert ran.code == 0, ran.err
    assert ran.records[0]["maps"] == "cam"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--system", "explained_nets:flat"), "found no feature maps"),
        (("--system", "explained_nets:flat", "--size", "8"), "does not take a picture of 8 x 8"),
        (("--system", "explained_nets:broken"), "0.weight holds NaN"),
        (("--system", "explained_nets:colour", "--target", "7"), "no label '7'"),
        (("--system", "explained_nets:colour", "--layer", "9"), "has none '9'"),
        (("--system", "explained_nets:colour", "--eps", "8"), "did you mean 8/255?"),
        (("--system", "explained_nets:colour", "--at", "3"), "has no moment 3 s"),
        (("--system", "explained_nets:still"), "is not differentiable"),
    ],
)
def test_what_fails_says_so_in_one_line(run, picture, here, options, message):
    ran = run("explain", picture, *options)
    assert ran.code == 1
    assert message in ran.complaint
    assert "bug" not in ran.complaint


def test_a_huge_picture_asks_for_its_size(run, here):
    cv2.imwrite("huge.png", np.zeros((1100, 1200, 3), np.uint8))
    ran = run("explain", "huge.png", "--system", "explained_nets:colour")
    assert ran.code == 1
    assert "1200 x 1100 pixels are too many; give the height and width" in ran.complaint
    ran = run("explain", "huge.png", "--system", "explained_nets:colour", "--size", "32", *FAST)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "expected at least one"),
        (("a.png", "--method", "pdg"), "--method"),
        (("a.png", "--method", "cw", "--eps", "8/255"), "finds the least change"),
        (("a.png", "--eps", "much"), "expected a size such as 8/255"),
        (("a.png", "--percentile", "170"), "within 0..100"),
        (("a.png", "--cell", "0"), "--cell and --size must be 1 or more"),
        (("a.png", "--system", "explained_nets:missing"), "no attribute 'missing'"),
        (("a.png", "--system", "explained_nets:number"), "expected an nn.Module"),
        (("a.png", "--system", "nowhere:at_all"), "No module named 'nowhere'"),
        (("a.png", "--system", "missing.pt2"), "no such file"),
        (("a.png", "--system", "pixels"), "expected a classifier"),
    ],
)
def test_wrong_usage(run, here, options, message):
    ran = run("explain", *options)
    assert ran.code == 2
    assert message in ran.complaint


def test_a_missing_file_does_not_stop_the_others(run, picture, shapes, tmp_path):
    ran = run("explain", "missing.png", picture, "--system", shapes, *FAST, "--out", tmp_path)
    assert ran.code == 1
    assert "missing.png" in ran.err
    assert "1 of 2 failed" in ran.err
    assert (tmp_path / "object").exists()


def test_the_target_must_be_another_label(run, picture, shapes, tmp_path):
    options = ("--target", SHAPES[0], "--label", SHAPES[0], "--out", tmp_path)
    ran = run("explain", picture, "--system", shapes, *FAST, *options)
    assert ran.code == 1
    assert "already" in ran.err
    said = run("explain", picture, "--system", shapes, *FAST, "--json", "--out", tmp_path)
    options = ("--target", said.records[0]["label"], "--label", said.records[0]["target"])
    ran = run("explain", picture, "--system", shapes, *FAST, *options, "--out", tmp_path)
    assert "even without an attack; give another --target" in ran.complaint
