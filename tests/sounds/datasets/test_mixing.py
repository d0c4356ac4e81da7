"""Mixtures: policies, determinism, no clipping, stretches that sound and do not coincide."""

import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from sensorium.sounds.datasets.mixing import Mixing, Mixtures
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView

SPECTRA = SpectraConfig(rate=1000, window=62, hop=16, bins=16, frames=32)
VIEW = SoundView(size=8, fps=8.0, frames=2, stride=2)


@dataclass
class Tone:
    """A recording that tells its number and time: pictures are of its colour, sound is a ramp."""

    number: int
    label: int
    seconds: float = 4.0
    loud_from: float = 0.0

    def samples(self, start: float, count: int) -> torch.Tensor:
        if self.number < 0:
            return torch.zeros(count)
        time = start + torch.arange(count) / 1000
        heard = (time >= self.loud_from) & (time < self.seconds)
        return torch.where(heard, 0.9 - 0.1 * time / self.seconds, torch.zeros(())).float()

    def frames(self, times: list[float]) -> torch.Tensor:
        picture = torch.full((len(times), 10, 12, 3), max(self.number, 0), dtype=torch.uint8)
        picture[:, :, :6, 0] = 200  # the left half is red
        return picture.permute(0, 3, 1, 2)  # [T, H, W, 3] -> [T, 3, H, W]


@dataclass
class Tones:
    count: int = 12
    classes: int = 4
    twins: bool = False
    seconds: float = 4.0
    loud_from: float = 0.0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tone:
        label = -1 if index < 0 else self.label(index)
        return Tone(index, label, self.seconds, self.loud_from)

    def label(self, index: int) -> int:
        return index % self.classes

    def twin(self, index: int) -> int:
        return (index + self.classes) % self.count if self.twins else index


def mixtures(split="train", recordings=None, **changes) -> Mixtures:
    return Mixtures(recordings or Tones(), 12, split, Mixing(**changes), SPECTRA, VIEW)


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def draws(made: Mixtures, number: int = 40) -> list[list[int]]:
    return [made.choose(k % 12, np.random.default_rng(k)) for k in range(number)]


@pytest.mark.parametrize("sources", [2, 3, 4])
def test_what_an_example_is(sources):
    example = mixtures(sources=sources).example(5, 1)
    assert example["waves"].shape == (sources, SPECTRA.samples)
    assert example["waves"].dtype == torch.float32
    assert example["frames"].shape == (sources, 2, 3, 8, 8)
    assert example["frames"].dtype == torch.uint8
    assert example["label"].shape == (sources,)
    assert int(example["label"][0]) == 5 % 4


@pytest.mark.parametrize("sources", [1, 5])
def test_numbers_of_sources_that_cannot_be_are_one_line(sources):
    with pytest.raises(ValueError, match=f"mixtures are of 2 to 4 sources, got {sources}"):
        mixtures(sources=sources)


@pytest.mark.parametrize("policy", ["any", "different", "same-class", "same-video"])
def test_an_example_depends_on_its_numbers_alone(policy):
    made, again = mixtures(policy=policy), mixtures(policy=policy)
    made.example(3, 5)
    assert same(made.example(1, 9), again.example(1, 9))
    assert not same(made.example(1, 9), made.example(1, 10))


@pytest.mark.parametrize("split", ["val", "test"])
def test_held_out_mixtures_know_no_seed(split):
    made = mixtures(split, silent=0.9)
    assert same(made.example(4, 1), made.example(4, 2))
    assert not same(made.example(4, 1), made.example(5, 1))
    assert all(min(chosen) >= 0 for chosen in draws(made))  # and no silence


def test_validation_is_not_test():
    one, other = (mixtures(split).example(4, 0) for split in ("val", "test"))
    assert not torch.equal(one["waves"], other["waves"])


def test_any_two_recordings_but_never_the_same():
    chosen = draws(mixtures(sources=3))
    assert all(len(set(c)) == 3 for c in chosen)
    assert any(a % 4 == b % 4 for a, b, _ in chosen)
    assert len({b for _, b, _ in chosen}) > 8


def test_different_classes():
    for chosen in draws(mixtures(sources=4, policy="different")):
        assert len({c % 4 for c in chosen}) == 4


def test_the_same_class():
    for chosen in draws(mixtures(sources=3, policy="same-class")):
        assert len(set(chosen)) == 3
        assert len({c % 4 for c in chosen}) == 1


def test_the_same_class_takes_twins_first():
    made = mixtures(sources=3, policy="same-class", recordings=Tones(twins=True))
    for a, b, c in draws(made):
        assert b == made.recordings.twin(a)
        assert c % 4 == a % 4
        assert len({a, b, c}) == 3


def test_stretches_of_the_same_video_do_not_coincide():
    made = mixtures(policy="same-video", augment=False)
    length = SPECTRA.seconds
    for seed in range(20):
        waves = made.example(2, seed)["waves"]
        assert float(waves[0, 0]) != float(waves[1, 0])
    rng = np.random.default_rng(0)
    taken: list[tuple[int, float]] = []
    for _ in range(3):
        start, _ = made._stretch(2, made.recordings[2], rng, taken)
        assert all(abs(start - other) >= 0.5 * length for _, other in taken)
        taken.append((2, start))


def test_a_video_without_two_stretches_is_one_line():
    made = mixtures(policy="same-video", recordings=Tones(seconds=0.4))
    with pytest.raises(ValueError, match=r"recording 2 is 0.4 s long, too short for 2 different"):
        made.example(2, 0)


@pytest.mark.parametrize(
    ("policy", "recordings", "sources"),
    [
        ("different", Tones(classes=2), 3),
        ("same-class", Tones(count=4), 2),
        ("any", Tones(count=2), 3),
    ],
)
def test_policies_that_cannot_be_met_are_one_line(policy, recordings, sources):
    made = mixtures(policy=policy, recordings=recordings, sources=sources)
    with pytest.raises(ValueError, match=f"policy '{policy}'; take another or give more") as caught:
        made.example(0, 0)
    assert "\n" not in str(caught.value)


def test_silent_draws_sound_like_nothing_and_never_come_first():
    made = mixtures(sources=3, silent=0.5)
    chosen = draws(made, 200)
    assert all(c[0] >= 0 for c in chosen)
    share = np.mean([number < 0 for c in chosen for number in c[1:]])
    assert share == pytest.approx(0.5, abs=0.1)
    seed = next(s for s in range(20) if -1 in made.example(0, s)["label"].tolist())
    example = made.example(0, seed)
    silent = example["label"] == -1
    assert float(example["waves"][silent].abs().max()) == 0.0


def test_no_mixture_clips_and_every_part_is_whole():
    made = mixtures(sources=2)
    for seed in range(10):
        waves = made.example(seed, seed)["waves"]
        assert float(waves.sum(0).abs().max()) <= 1.0 + 1e-6
        assert float(waves.abs().max()) < 1.0


def test_windows_are_chosen_where_something_sounds():
    made = mixtures("val", Tones(loud_from=3.2))
    for index in range(12):
        assert float(made.example(index, 0)["waves"].square().mean(-1).min()) > 0.0


def test_training_mirrors_all_pictures_of_a_source_alike():
    made = mixtures()
    left_is_red = set()
    for seed in range(12):
        frames = made.example(0, seed)["frames"][0]
        assert torch.equal(frames[0], frames[1])
        left_is_red.add(
            bool(frames[0, 0, :, 0].float().mean() > frames[0, 0, :, -1].float().mean())
        )
    assert left_is_red == {True, False}
    held_out = mixtures("val").example(0, 0)["frames"][0, 0, 0].float()
    assert held_out[:, 0].mean() > held_out[:, -1].mean()


def test_without_augmentation_pictures_are_whole():
    made = mixtures(augment=False)
    for seed in range(6):
        red = made.example(0, seed)["frames"][0, 0, 0].float()
        assert red[:, 0].mean() > red[:, -1].mean()


def test_mixtures_go_to_other_processes():
    made = mixtures()
    assert same(pickle.loads(pickle.dumps(made)).example(3, 4), made.example(3, 4))


def test_examples_end():
    made = mixtures()
    assert len(made) == 12
    with pytest.raises(IndexError, match="example 12 of 12"):
        made.example(12, 0)


def test_pictures_stay_inside_the_recording():
    short = replace(VIEW, stride=80)
    made = Mixtures(Tones(), 12, "val", Mixing(), SPECTRA, short)
    assert made.example(0, 0)["frames"].shape == (2, 2, 3, 8, 8)
