from dataclasses import replace

import pytest
import torch

from sensorium import training
from sensorium.store import system_of


@pytest.fixture(scope="module")
def system():
    recipe = training.recipe("tsm-tiny")
    config = recipe.data.adapt(recipe.system)
    config = replace(config, network=replace(config.network, direction="past"))
    torch.manual_seed(0)
    return system_of(config)(config).eval()


def frames(count, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 40, 50), generator=g).to(torch.uint8)


@torch.no_grad()
def test_eight_frames_give_the_clip_s_answer(system):
    clip = frames(8)
    stream = system.stream()
    for frame in clip:
        answer = stream(frame)
    offline = system(system.config.view.fitted(clip)[None]).softmax(1)
    assert torch.allclose(answer.scores, offline, atol=1e-5)
    assert answer.actions[0].label == system.config.classes[int(offline.argmax())]
    assert answer.windows[0].end == pytest.approx(2.0)


def test_the_frame_rate_is_the_trained_one(system):
    assert system.stream().fps == pytest.approx(4.0)


def test_streams_side_by_side_do_not_mix(system):
    a, b = frames(5, 1), frames(5, 2)
    both, alone = system.stream(2), system.stream()
    for x, y in zip(a, b, strict=True):
        scores = both.step(torch.stack([x, y]))
        single = alone(x).scores
    assert torch.allclose(scores[:1], single, atol=1e-5)


def test_reset_forgets(system):
    stream = system.stream()
    first = stream(frames(1)[0])
    stream(frames(1, 3)[0])
    stream.reset()
    again = stream(frames(1)[0])
    assert torch.equal(first.scores, again.scores)
    assert again.windows == first.windows


def test_a_batch_is_for_step(system):
    with pytest.raises(ValueError, match=r"for several streams call step"):
        system.stream(2)(frames(2))
