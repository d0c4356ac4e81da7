import json
import logging
import re

import pytest
import torch

from sensorium import media
from sensorium.cli.attack_methods import fraction
from sensorium.media.stills import read_picture, write_still

NETWORK = """
import torch
from torch import nn

class Bright(nn.Module):
    classes = ("dark", "bright")
    def __init__(self):
        super().__init__()
        self.times = nn.Parameter(torch.tensor(9.0))
    def forward(self, x):
        mean = self.times * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([-mean, mean], 1)

class Digit(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Linear(64, 10)
    def forward(self, x):
        return self.line(x.flatten(1))

bright = Bright()
hollow = Bright()
with torch.no_grad():
    hollow.times.fill_(float("nan"))

class Rounded(Bright):
    def forward(self, x):
        return super().forward(torch.tensor(x.detach().numpy()))

def broken():
    return 3
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with networks of one's own and two pictures."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "own_networks.py").write_text(NETWORK)
    write_still(folder / "grey.png", torch.full((3, 8, 8), 124, dtype=torch.uint8))
    write_still(folder / "wide.png", torch.zeros(3, 8, 12, dtype=torch.uint8))
    write_still(folder / "black.png", torch.zeros(3, 8, 8, dtype=torch.uint8))
    return folder


@pytest.fixture
def attack(run, here, monkeypatch):
    monkeypatch.chdir(here)
    return lambda *arguments: run("attack", *arguments)


def test_a_picture_and_a_network_of_ones_own(attack, here, tmp_path):
    ran = attack("own_networks:bright", "grey.png", "--eps", "8/255", "--out", tmp_path, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["label_before"], record["label_after"]) == ("dark", "bright")
    assert record["success"] is record["success_as_written"] is True
    assert record["norms"]["linf"] <= 8 / 255 + 1e-6
    written = read_picture(tmp_path / "grey" / "adversarial.png")
    clean = read_picture(here / "grey.png")
    assert 0 < int((written.int() - clean.int()).abs().max()) <= 8
    assert float(written.float().mean()) > 127.5  # what is on disk is bright
    assert record["paths"] == [
        str(tmp_path / "grey" / n) for n in ("adversarial.png", "robustness.png", "robustness.json")
    ]
    assert json.loads((tmp_path / "grey" / "robustness.json").read_text())["success"] is True


def test_for_people_and_what_withstands(attack, tmp_path):
    ran = attack("own_networks:Bright", "grey.png", "black.png", "--out", tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "grey.png  (own_networks:Bright, pgd, linf, 8/255)" in ran.out
    assert re.search(r"broken: largest change [\d.]+/255", ran.out)
    assert "it withstood this attack; --method ensemble tries harder" in ran.out


@pytest.mark.parametrize(
    "method",
    ["fgsm", "rfgsm", "bim", "apgd", "cw", "ead", "strattack", "square", "transfer", "ensemble"],
)
def test_every_method(attack, tmp_path, method):
    more = ["--source", "own_networks:Bright"] if method == "transfer" else []
    more += [] if method in ("fgsm", "rfgsm") else ["--steps", 300 if method == "square" else 40]
    ran = attack(
        "own_networks:bright", "grey.png", "--method", method, *more, "--out", tmp_path, "--json"
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.records[0]["success"] is True, ran.records
    assert ran.records[0]["attack"].startswith(method)


def test_a_program_of_torch_export(attack, here, tmp_path):
    import sys

    sys.path.insert(0, str(here))
    try:
        from own_networks import Bright
    finally:
        sys.path.pop(0)
    program = torch.export.export(Bright().eval(), (torch.rand(1, 3, 8, 8),))
    torch.export.save(program, here / "bright.pt2")
    ran = attack("bright.pt2", "grey.png", "--out", tmp_path, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.records[0]["label_after"] == "1"
    assert ran.records[0]["success"] is True


def test_a_program_in_integers_is_refused(attack, here):
    program = torch.export.export(torch.nn.Flatten(), (torch.rand(1, 3, 8, 8),))
    said = {"sensorium.json": json.dumps({"form": "picture", "precision": "int8"})}
    torch.export.save(program, here / "small.pt2", extra_files=said)
    ran = attack("small.pt2", "grey.png")
    assert ran.code == 2
    assert "small.pt2: is in integers, which have no gradients; attack the program" in ran.complaint


def test_a_file_unlike_the_training_is_said_to_be(attack, tmp_path):
    ran = attack("dq", "grey.png", "--steps", 1, "--out", tmp_path)
    assert ran.code == 0
    assert "NOT TO BE TRUSTED: the file is unlike anything dq was trained on" in ran.out
    ran = attack("dq", "grey.png", "--steps", 1, "--out", tmp_path, "--json")
    assert ran.records[0]["out_of_domain"] is True


def test_a_bundled_system_on_a_video(attack, system, video, tmp_path):
    ran = attack(system, video, "--method", "pgd", "--steps", 3, "--out", tmp_path, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert {record["label_before"], record["label_after"]} <= {"left", "right"}
    frames = media.read(tmp_path / "0" / "adversarial").need_video()
    assert len(frames.times()) == 8


def test_a_data_set(attack, tmp_path):
    ran = attack(
        "own_networks:Digit", "digits", "--limit", 30, "--steps", 3, "--out", tmp_path, "--json"
    )
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert (record["data"], record["samples"]) == ("digits", 30)
    assert record["metrics"]["robust"] <= record["metrics"]["top1"]
    assert (tmp_path / "digits" / "robustness.png").is_file()
    ran = attack(
        "own_networks:Digit", "digits", "--limit", 30, "--steps", 3, "--out", tmp_path,
        "--method", "ensemble", "--batch", 20,
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert "accuracy under attack" in ran.out
    assert "broken by 1 PGD ce" in ran.out


def test_a_target_and_a_label(attack, tmp_path):
    ran = attack(
        "own_networks:bright", "grey.png", "--target", "bright", "--label", "dark", "--json",
        "--out", tmp_path,
    )  # fmt: skip
    assert (ran.records[0]["target"], ran.records[0]["label_after"]) == ("bright", "bright")
    ran = attack("own_networks:bright", "grey.png", "--target", "dark")
    assert "it is 'dark' already" in ran.complaint
    ran = attack("own_networks:bright", "grey.png", "--target", "brigth")
    assert "--target: no label 'brigth'; did you mean 'bright'?" in ran.complaint


def test_no_program_of_torch_export(attack, here, caplog):
    (here / "words.pt2").write_text("no program")
    torch_log = logging.getLogger("torch.export")
    torch_log.addHandler(caplog.handler)
    try:
        ran = attack("words.pt2", "grey.png")
    finally:
        torch_log.removeHandler(caplog.handler)
    assert ran.code == 2
    assert "words.pt2: is no program of torch.export" in ran.complaint
    assert not caplog.records  # torch would log a traceback


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("own_networks:bright", "grey.png", "--eps", "8"), 1, "did you mean 8/255?"),
        (("own_networks:bright", "grey.png", "--eps", "eight"), 2, "got 'eight', expected"),
        (("own_networks:hollow", "grey.png"), 1, "times holds NaN or infinity"),
        (("own_networks:Rounded", "grey.png"), 1, "not differentiable"),
        (("own_networks:broken", "grey.png"), 2, "expected an nn.Module"),
        (("own_networks:nothing", "grey.png"), 2, "expected module:attribute"),
        (("own_networks:bright",), 2, "got nothing to attack"),
        (("own_networks:bright", "missing.png"), 1, "missing.png"),
        (("own_networks:bright", "cifar10"), 2, "say with --root DIR"),
        (("own_networks:bright", "own"), 2, "does not say what it was trained for"),
        (("own_networks:bright", "grey.png", "--method", "cw", "--eps", "0.1"), 2, "--eps: cw"),
        (("own_networks:bright", "grey.png", "--method", "bim", "--norm", "l2"), 2, "--norm l2"),
        (("own_networks:bright", "grey.png", "--method", "transfer"), 2, "say with --source"),
        (("own_networks:bright", "grey.png", "--norm", "l1"), 2, "expected linf or l2"),
        (("own_networks:bright", "grey.png", "--steps", "0"), 2, "--steps must be 1 or more"),
        (("own_networks:Digit", "wide.png"), 1, "or their size with --size"),
        (("gone.pt2", "grey.png"), 2, "there is no such file"),
        (("own_networks:bright", "grey.png", "--size", "0"), 2, "--size must be 1 or more"),
    ],
)
def test_one_clear_line(attack, arguments, code, message):
    ran = attack(*arguments)
    assert ran.code == code, ran.err
    assert message in ran.complaint


def test_sizes_in_words():
    words = [fraction(eps) for eps in (8 / 255, 0.5 / 255, 0.1, 0.03)]
    assert words == ["8/255", "0.5/255", "0.1", "0.03"]


def test_a_huge_picture(attack, here):
    write_still(here / "huge.png", torch.zeros(3, 1100, 1100, dtype=torch.uint8))
    ran = attack("own_networks:bright", "huge.png")
    assert ran.code == 1
    assert "--size" in ran.complaint


def test_the_curve(run, here, monkeypatch, tmp_path):
    monkeypatch.chdir(here)
    short = ["--limit", 20, "--steps", 3, "--restarts", 1, "--queries", 5, "--out", tmp_path]
    network = "own_networks:Digit"
    ran = run(
        "evaluate", network, "--robust", "--data", "digits", "--eps", "0,8/255,0.1", *short,
        "--json",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    robust = list(record["metrics"]["robust"].values())
    assert robust == sorted(robust, reverse=True)
    assert len(robust) == 3
    assert (tmp_path / "own_networks-Digit" / "curve.png").is_file()
    ran = run("evaluate", network, "--robust", "--data", "digits", "--eps", "8/255", *short)
    assert (ran.code, ran.err) == (0, "")
    assert "accuracy, worst case" in ran.out
    ran = run("evaluate", network, "--robust", "--data", "digits", "--eps", "8", *short)
    assert ran.code == 1
    assert "did you mean 8/255?" in ran.complaint
    assert run("evaluate", network, "--robust", *short).code == 2
    ran = run("evaluate", network, "--robust", "--data", "digit", *short)
    assert "expected one of objects, digits" in ran.complaint


def test_the_curve_of_a_system_on_its_own_data(run, system, tmp_path):
    ran = run(
        "evaluate", system, "--robust", "--limit", 4, "--steps", 2, "--restarts", 1, "--queries", 2,
        "--eps", "4/255", "--out", tmp_path,
    )  # fmt: skip
    assert ran.code == 1  # the fixture's card names no data
    assert "--data" in ran.complaint
