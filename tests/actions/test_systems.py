from dataclasses import replace

import pytest
import torch

from sensorium import training
from sensorium.actions.systems import ActionSystem
from sensorium.store import system_of
from sensorium.types import Audio, Clip, FrameVideo
from sensorium.worlds import stage

NAMES = ("tsm-tiny", "stnet-tiny", "tsn-tiny", "i3d-tiny")


def build(name, **network) -> ActionSystem:
    recipe = training.recipe(name)
    config = recipe.data.adapt(recipe.system)
    config = replace(config, network=replace(config.network, **network))
    torch.manual_seed(0)
    return system_of(config)(config).eval()


def film(seconds=5.0, height=40, width=60, seed=8):
    return stage.clip(stage.compose(seed, seconds), height=height, width=width, fps=12.0)


class Sound(Audio):
    def __init__(self):
        self.span, self.rate, self.channels = film().span, 8000, 1

    def samples(self, span=None, rate=None):
        return torch.zeros(1, 8)


@pytest.mark.parametrize("name", NAMES)
def test_predict_covers_the_film(name):
    result = build(name).predict(film())
    assert result.scores.shape == (len(result.windows), 15)
    assert torch.allclose(result.scores.sum(1), torch.ones(len(result.windows)), atol=1e-5)
    assert result.windows[0].start == 0.0
    assert result.windows[-1].end == pytest.approx(5.0)
    assert all(0 <= a.score <= 1 and a.label != "rest" for a in result.actions)
    assert result.unfamiliarity is None
    assert result.out_of_domain is None


@pytest.mark.parametrize("name", NAMES)
def test_windows_are_answered_alone(name):
    """A window's scores do not depend on how many there are."""
    system, clip = build(name), film(10.0)
    whole = system.predict(clip)
    window = whole.windows[3]
    view = system.config.view
    frames = next(view.batches(clip.need_video(), [window]))
    with torch.no_grad():
        alone = system(frames).softmax(1)[0]
    assert torch.allclose(whole.scores[3], alone, atol=1e-5)


def test_sound_alone_is_refused_in_one_line():
    with pytest.raises(ValueError, match="got sound only, expected pictures") as error:
        build("tsm-tiny").predict(Clip(None, Sound(), "song.wav"))
    assert "song.wav" in str(error.value)
    assert "\n" not in str(error.value)


def test_one_frame():
    clip = Clip(FrameVideo(torch.zeros(1, 3, 30, 20, dtype=torch.uint8), 25.0), None)
    assert len(build("stnet-tiny").predict(clip).windows) == 1


def test_calibrated_weights_flag_what_they_do_not_know():
    system = build("tsm-tiny")
    examples = training.recipe("tsm-tiny").data.open("val")
    frames = torch.stack([examples.example(i, 0)["frames"] for i in range(48)])
    system.calibrate(iter([{"frames": frames[:30]}, {"frames": frames[30:]}]))
    assert system.predict(film()).out_of_domain is False
    black = torch.zeros(48, 3, 40, 60, dtype=torch.uint8)
    unlike = Clip(FrameVideo(black, 12.0), None)
    assert system.predict(unlike).out_of_domain is True


def test_losses_fall_and_gradients_reach_every_weight():
    system = build("tsm-tiny").train()
    examples = training.recipe("tsm-tiny").data.open("train")
    batch = torch.utils.data.default_collate([examples.example(i, 1) for i in range(8)])
    optimiser = torch.optim.SGD(system.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(12):
        loss = system.losses(batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in system.parameters())


def test_parameter_groups_hold_every_parameter_once():
    for name in NAMES:
        system = build(name)
        held = [id(p) for group in system.parameter_groups() for p in group["params"]]
        assert sorted(held) == sorted(id(p) for p in system.parameters())


def test_start_from_an_image_network():
    system, other = build("tsm-tiny"), build("tsn-tiny")
    state = {f"{k}": v + 1 for k, v in other.network.backbone.state_dict().items()}
    taken = system.start_from(state)
    assert "network.backbone.conv1.weight" in taken
    assert not any(name.startswith("network.head") for name in taken)
    assert torch.equal(system.network.backbone.conv1.weight, state["conv1.weight"])


def test_start_from_another_system_leaves_its_gauge():
    system, other = build("tsm-tiny"), build("tsm-tiny")
    other.gauge.fit([torch.randn(40, g.mean.shape[0]) for g in other.gauge.groups])
    assert other.gauge.calibrated
    system.start_from({k: v + 1 for k, v in other.state_dict().items()})
    assert not system.gauge.calibrated
    assert torch.equal(system.network.head.bias, other.network.head.bias + 1)


def test_too_few_clips_to_calibrate_are_said(caplog):
    system = build("tsm-tiny")
    frames = torch.zeros(4, 8, 3, 32, 32, dtype=torch.uint8)
    system.calibrate([{"frames": frames}])
    assert not system.gauge.calibrated
    assert "4 validation clips are too few" in caplog.text


def test_only_a_past_looking_network_streams():
    with pytest.raises(ValueError, match="direction='past'"):
        build("tsm-tiny").stream()
    with pytest.raises(ValueError, match="looks at whole clips and cannot be streamed"):
        build("stnet-tiny").stream()
