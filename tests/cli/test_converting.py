import re
from pathlib import Path

import pytest
import torch

from sensorium.actions.tsm import TSM, TSMConfig

NAME = "TSM_something_RGB_resnet18_shift8_blockres_avg_segment8_e45.pth"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the TSM release names and fills it: ResNet-18, two classes."""
    network = TSM(TSMConfig("resnet18", classes=2))
    state = {}
    for name, tensor in network.state_dict().items():
        name = name.replace("backbone.", "base_model.").replace("head.", "new_fc.")
        shifted = re.sub(r"(layer\d\.\d\.conv1)\.weight", r"\1.net.weight", name)
        state[f"module.{shifted}"] = tensor
    path = tmp_path_factory.mktemp("published") / NAME
    torch.save({"epoch": 45, "state_dict": state}, path)
    return path


def test_a_checkpoint_becomes_a_system_that_recognises(run, checkpoint, video, tmp_path):
    (tmp_path / "classes.txt").write_text("pushing\npulling\n")
    words = ("--as", "tsm", "--classes", tmp_path / "classes.txt", "--out", tmp_path / "mine")
    ran = run("convert", checkpoint, *words, "--json")
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert list(record) == ["file", "system", "weights", "path", "notes"]
    assert (record["system"], record["weights"]) == ("tsm", "mine")

    answer = run("recognize", video, "--system", record["path"], "--json").records[0]
    assert {a["label"] for a in answer["actions"]} == {"pushing", "pulling"}
    assert answer["out_of_domain"] is None


def test_people_read_what_it_is_and_where(run, checkpoint, tmp_path):
    ran = run("convert", checkpoint, "--as", "tsm", "--out", tmp_path / "mine")
    assert ran.code == 0
    assert "resnet18" in ran.out
    assert f"system folder: {tmp_path / 'mine'}" in ran.out


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("none.pth", None, "no such file"),
        (NAME, b"some text", "found a file of another kind"),
        (NAME, {"fc.weight": torch.zeros(2, 2)}, "found"),
    ],
)
def test_a_file_of_another_kind_is_one_line(run, tmp_path, name, content, part):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / name)
    ran = run("convert", tmp_path / name, "--as", "tsm", "--out", tmp_path / "mine")
    assert (ran.code, ran.out) == (1, "")
    assert part in ran.complaint
    assert not (tmp_path / "mine").exists()


def test_a_folder_without_the_three_files_is_one_line(run, tmp_path):
    ran = run("convert", tmp_path, "--as", "pixels", "--out", tmp_path / "mine")
    assert (ran.code, ran.out) == (1, "")
    assert "found none of the three files, without sound_best.pth" in ran.complaint


def test_a_published_name_is_for_pixels(run, checkpoint, tmp_path):
    words = ("--as", "tsm", "--published-name", "MUSIC", "--out", tmp_path / "mine")
    ran = run("convert", checkpoint, *words)
    assert ran.code == 1
    assert "got the published name MUSIC, expected none; rename the file" in ran.complaint
