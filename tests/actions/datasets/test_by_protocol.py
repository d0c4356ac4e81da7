"""Data seen by a test protocol: all views of a video, scored together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.actions.datasets import ActionData
from sensorium.actions.datasets.by_protocol import score
from sensorium.actions.protocols import PROTOCOLS
from sensorium.actions.sampling import Sampling
from sensorium.actions.systems import TSMSystem
from sensorium.training import evaluate, recipe


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Four folders of 20 noisy pictures in each of two classes."""
    import cv2

    root = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        for k in range(4):
            folder = root / name / str(k)
            folder.mkdir(parents=True)
            for t in range(20):
                picture = rng.integers(level - 60, level + 60, (24, 40, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / f"{t:03d}.png"), picture)
    return root


@pytest.fixture
def data(folders):
    return ActionData("folder", folders, size=14, sampling=Sampling("uniform", 4))


@pytest.fixture
def system(data):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = data.adapt(recipe("tsm-tiny").system)
        return TSMSystem(replace(config, network=replace(config.network, width=0.25))).eval()


def test_an_example_is_all_views_of_a_video(data, system):
    test = data.protocol("accurate", system)
    examples = test.open("train")
    example = examples.example(1, seed=0)
    assert test.views == 6
    assert example["frames"].shape == (6, 4, 3, 16, 16)
    video, label = data.open("train").video(1)
    views = PROTOCOLS["accurate"].views(video, data.sampling, 14)
    assert torch.equal(example["frames"], torch.stack(list(views)))
    assert example["label"] == label
    assert len(examples) == len(data.open("train"))


def test_a_window_is_the_middle_of_the_video(data, system):
    part = replace(data, window_seconds=0.5, fps=8.0)
    views = part.protocol("efficient", system).open("test").example(0, 0)["frames"]
    assert torch.equal(views[0], part.open("test").example(0, 0)["frames"])
    whole = data.protocol("efficient", system).open("test").example(0, 0)["frames"]
    assert not torch.equal(views, whole)


def test_score_averages_the_logits_of_each_video_alone():
    views = torch.arange(3 * 6, dtype=torch.uint8).view(3, 6, 1, 1, 1, 1).expand(3, 6, 2, 3, 4, 4)
    sizes = []

    def network(frames):
        sizes.append(len(frames))
        return frames.float().mean((1, 2, 3, 4))[:, None] * torch.tensor([0.0, 0.1])

    got = score(PROTOCOLS["accurate"], views, network)
    means = views.float().mean((1, 2, 3, 4, 5))
    assert sizes == [8, 8, 2]
    assert torch.allclose(got, (means[:, None] * torch.tensor([0.0, 0.1])).softmax(1))


def test_efficient_is_what_training_tests_on(data, system):
    plain = evaluate(system, data, split="test")
    assert evaluate(system, data, split="test", protocol="efficient") == pytest.approx(plain)


@pytest.mark.parametrize("batch", [1, 100])
def test_figures_are_those_of_a_plain_loop(data, system, batch):
    got = evaluate(system, data, split="train", protocol="accurate", batch=batch)
    examples, right = data.open("train"), 0
    for index in range(len(examples)):
        video, label = examples.video(index)
        views = torch.stack(list(PROTOCOLS["accurate"].views(video, data.sampling, 14)))
        with torch.no_grad():
            right += int(system(views).mean(0).argmax()) == label
    assert got["top1"] == pytest.approx(right / len(examples))
    assert set(got) == {"top1", "mean_class", "top1/dark", "top1/light"}


def test_the_stage_has_protocols_too(system):
    stage = replace(recipe("tsm-tiny").data, held_out=1)
    frames = stage.protocol("accurate", system).open("test").example(1, 0)["frames"]
    assert frames.shape == (6, 8, 3, 36, 36)


def test_a_protocol_of_another_sampling(data, system):
    with pytest.raises(ValueError, match="'dense' needs dense sampling, the data have uniform"):
        evaluate(system, data, protocol="dense")
