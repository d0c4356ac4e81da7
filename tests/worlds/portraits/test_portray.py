import json

import cv2
import pytest
import torch

from sensorium import media
from sensorium.media.marks import read_marks
from sensorium.worlds.portraits import Face, draw, sit
from sensorium.worlds.portraits.portray import EYES, FACE, MOUTH, portray


def test_files_hold_the_sitting_and_its_truth(tmp_path):
    shares: list[float] = []
    made = portray(7, tmp_path, expression="sad", frames=6, size=64, progress=shares.append)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert all(path.exists() for path in made.paths)
    sitting = sit(7, "sad", 6, onset_only=False)
    truth = json.loads(made.truth.read_text())
    assert (truth["expression"], truth["size"], truth["rate"]) == ("sad", 64, 24.0)
    assert truth["groups"] == sitting.identity.groups()
    assert len(truth["frames"]) == made.frames == 6
    for i, frame in enumerate(truth["frames"]):
        portrait = draw(sitting.face(i), 64)
        assert torch.allclose(torch.tensor(frame["landmarks"]), portrait.landmarks, atol=1e-3)
        assert frame["degree"] == pytest.approx(float(sitting.degrees[i]), abs=1e-6)
        mask = torch.from_numpy(cv2.imread(str(tmp_path / frame["mask"]), cv2.IMREAD_UNCHANGED))
        assert set(mask.unique().tolist()) == {0, FACE, EYES, MOUTH}
        assert torch.equal(mask == MOUTH, portrait.mouth_mask(0.0))
    video = media.read(made.film).need_video()
    frames = video.frames(video.times())
    assert tuple(frames.shape) == (6, 3, 64, 64)
    drawn = torch.stack([draw(sitting.face(i), 64).frame for i in range(6)])
    assert (frames.float() - drawn.float()).abs().mean() < 6.0
    rest = torch.from_numpy(cv2.imread(str(made.rest))[..., ::-1].copy()).permute(2, 0, 1)
    assert torch.equal(rest, draw(Face(sitting.identity, (0.0,) * 7), 64).frame)
    assert cv2.imread(str(made.sheet)).shape[1] > 8 * 64


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        portray(3, tmp_path / name, frames=4, size=33)
    written = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(written) == 9
    for path in written:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_nothing_is_written_when_refused(tmp_path):
    for wrong in ({"expression": "bored"}, {"frames": 1}, {"size": 8}):
        with pytest.raises(ValueError, match="must be|at least|no expression"):
            portray(0, tmp_path / "x", **wrong)
    assert not (tmp_path / "x").exists()


def test_pictures_say_that_they_show_nobody(tmp_path):
    made = portray(3, tmp_path, frames=2, size=64)
    for path in (made.rest, made.height, made.sheet):
        marks = read_marks(path)
        assert marks.metadata["consent"] == "synthetic"
        assert "made" not in marks.metadata
