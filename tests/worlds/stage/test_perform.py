import json

import cv2
import numpy as np
import pytest
import torch

import sensorium.media as media
from sensorium.worlds.stage import compose, masks, perform, truth


@pytest.fixture(scope="module")
def performed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("perform")
    shares = []
    paths = perform(7, 4.0, folder, height=48, width=65, fps=8.0, progress=shares.append)
    return folder, paths, shares


def test_the_files(performed):
    folder, paths, shares = performed
    assert paths[0] == folder / "stage.mp4"
    assert all(path.exists() for path in paths)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    clip = media.read(paths[0])
    assert clip.duration == pytest.approx(4.0, abs=0.1)
    assert clip.need_video().frames([1.0]).shape == (1, 3, 48, 66)  # H.264 needs even sizes


def test_truth_in_json(performed):
    folder, _, _ = performed
    told = json.loads((folder / "truth.json").read_text())
    episode = compose(7, 4.0)
    assert told["fps"] == 8.0
    assert told.items() >= json.loads(json.dumps(truth(episode))).items()
    assert [e["sentence"] for e in told["events"]] == [e.sentence for e in episode.events]
    assert all((folder / stem).exists() for stem in told["files"]["stems"])


def test_stems_sum_to_the_mix(performed):
    folder, _, _ = performed
    heard = [media.read(p).need_audio().samples() for p in sorted((folder / "stems").iterdir())]
    mixed = media.read(folder / "mix.wav").need_audio().samples()
    assert len(heard) == len(compose(7, 4.0).performers) + 1
    torch.testing.assert_close(torch.stack(heard).sum(0), mixed, atol=1e-6, rtol=0.0)


def test_masks_in_pictures(performed):
    folder, _, _ = performed
    pictures = sorted((folder / "masks").iterdir())
    assert len(pictures) == 32
    seen = cv2.imread(str(pictures[16]), cv2.IMREAD_GRAYSCALE)
    expected = masks(compose(7, 4.0), [16.5 / 8], 48, 65)[0]
    for i, mask in enumerate(expected):
        assert np.array_equal(seen == i + 1, mask)


def test_same_seed_same_bytes(performed, tmp_path):
    _, paths, _ = performed
    again = perform(7, 4.0, tmp_path, height=48, width=65, fps=8.0)
    for one, other in zip(paths[:-1], again[:-1], strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_an_impossible_rate(tmp_path):
    with pytest.raises(ValueError, match="fps"):
        perform(7, 4.0, tmp_path, fps=0.0)
