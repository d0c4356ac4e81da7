import json
from dataclasses import replace

import pytest
import torch

from sensorium import media
from sensorium.media.stills import read_picture
from sensorium.robustness.attacked_set import AttackedSet
from sensorium.robustness.attacks import PGD, Attacked
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.results import Robustness, as_bytes


def made(shape=(3, 6, 8), **changes) -> Robustness:
    clean = torch.full(shape, 0.5)
    clean[..., :3] = 100 / 255
    given = {
        "file": "cat.png",
        "system": "dq",
        "attack": "pgd, linf, 8/255",
        "eps": 8 / 255,
        "classes": ("cat", "dog", "hen"),
        "label": "cat",
        "target": None,
        "clean": clean,
        "adversarial": (clean + 8 / 255 * torch.linspace(-1, 1, shape[-1])).clamp(0, 1),
        "before": torch.tensor([0.7, 0.2, 0.1]),
        "after": torch.tensor([0.3, 0.6, 0.1]),
        "written": torch.tensor([0.5, 0.4, 0.1]),
        "success": True,
        "norms": {"l0": 144.0, "l1": 2.0, "l2": 0.2, "linf": 8 / 255},
        "passes": (12, 11),
    }
    return Robustness(**{**given, **changes})


def test_what_it_says():
    said = made().to_dict()
    assert (said["label_before"], said["label_after"]) == ("cat", "dog")
    assert (said["score_before"], said["score_after"]) == (0.7, 0.6)
    assert said["success"] is True
    assert said["success_as_written"] is False  # 8 bits are too coarse
    assert made(written=torch.tensor([0.1, 0.8, 0.1])).success_as_written
    towards = made(target="hen", written=torch.tensor([0.1, 0.8, 0.1]))
    assert not towards.success_as_written
    assert json.loads(json.dumps(said)) == said


def test_a_picture_is_written_as_it_is(tmp_path):
    result = made()
    paths = result.save(tmp_path / "out")
    assert [p.name for p in paths] == ["adversarial.png", "robustness.png", "robustness.json"]
    assert torch.equal(read_picture(paths[0]), as_bytes(result.adversarial))
    assert json.loads(paths[2].read_text()) == result.to_dict()


def test_a_grey_clip_is_written_frame_by_frame(tmp_path):
    result = made((5, 1, 6, 8))
    made((9, 1, 6, 8)).save(tmp_path)
    folder = result.save(tmp_path)[0]
    video = media.read(folder).need_video()
    frames = video.frames(video.times())
    assert torch.equal(frames, as_bytes(result.adversarial).expand(5, 3, 6, 8))


@pytest.mark.parametrize(("shape", "rows"), [((3, 6, 8), 1), ((1, 6, 8), 1), ((9, 3, 6, 8), 4)])
def test_the_figure_has_a_row_per_frame(shape, rows):
    figure = made(shape).figure()
    assert len(figure.axes) == 3 * rows
    assert "at most 8.0/255" in figure.axes[1].get_title()
    assert figure.axes[2].get_title() == "dog  0.60"


def test_nothing_changed_can_be_drawn():
    still = made()
    assert replace(still, adversarial=still.clean, success=False).figure().axes


class Bright(torch.nn.Module):
    classes = ("dark", "bright")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).mean(1) - 0.5
        return torch.stack([-mean, mean], 1)


def bright_set(attack: Attacked | None = None) -> AttackedSet:
    x = torch.linspace(0.3, 0.7, 20)[:, None, None, None].expand(20, 3, 4, 4).contiguous()
    y = (x.flatten(1).mean(1) > 0.5).long()
    data = LabelledData(x, y, Bright.classes)
    done = attack or PGD(0.1)(Bright(), x, y)
    after = Bright()(done.x).argmax(1)
    return AttackedSet("bright", "greys", "pgd", 0.1, data, done, y, after)


def test_a_set_in_figures(tmp_path):
    found = bright_set()
    said = found.to_dict()
    assert said["metrics"]["top1"] == 1.0
    assert said["metrics"]["robust"] == 0.5  # half lie within 0.1 of the border
    assert said["metrics"]["success_rate"] == 0.5
    low, high = said["metrics"]["robust_interval"]
    assert low < 0.5 < high
    assert said["median_norms"]["linf"] <= 0.1 + 1e-6
    record, drawn = found.save(tmp_path)
    assert json.loads(record.read_text()) == said
    assert drawn.stat().st_size > 1000


def test_a_set_that_withstands_has_no_norms():
    x = torch.zeros(3, 3, 4, 4)
    data = LabelledData(x, torch.zeros(3, dtype=torch.int64), Bright.classes)
    done = PGD(0.1, steps=2)(Bright(), x, data.y)
    found = AttackedSet("bright", "black", "pgd", 0.1, data, done, data.y, data.y)
    assert found.to_dict()["median_norms"]["l2"] is None
    assert found.figure().axes
