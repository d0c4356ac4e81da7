"""Whether a film looks like those of the training."""

from __future__ import annotations

import pytest
import torch

from sensorium import seeds
from sensorium.events.datasets.stage import StageStories
from sensorium.events.looks import Looks, statistics
from sensorium.types import Clip, FrameVideo


@pytest.fixture(scope="module")
def looks() -> Looks:
    made = Looks()
    made.fit(StageStories(seconds=4.0, held_out=32, cache=None).clips("val"))
    return made


def noise(frames: int) -> Clip:
    generator = seeds.torch_generator(0, "noise")
    pixels = torch.randint(0, 256, (frames, 3, 48, 64), dtype=torch.uint8, generator=generator)
    return Clip(FrameVideo(pixels, 8.0), None, "noise")


def test_other_episodes_are_familiar_and_noise_is_not(looks: Looks) -> None:
    for clip in StageStories(seconds=4.0, held_out=3, cache=None).clips("test"):
        assert looks.unfamiliarity(clip) < 0.5
    assert looks.unfamiliarity(noise(40)) > 0.5


def test_one_picture_is_enough(looks: Looks) -> None:
    assert statistics(noise(1)).shape == (6, 12)
    assert looks.unfamiliarity(noise(1)) > 0.5


def test_places_are_spread_over_the_video() -> None:
    pixels = torch.zeros(80, 3, 16, 16, dtype=torch.uint8)
    pixels[40:] = 255
    rows = statistics(Clip(FrameVideo(pixels, 8.0), None, "black, then white"))
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[4], rows[5])
    assert not torch.equal(rows[0], rows[5])


def test_without_films_or_pictures_nothing_is_said(looks: Looks) -> None:
    few = Looks()
    few.fit([noise(8)])
    assert few.unfamiliarity(noise(8)) is None
    heard = next(iter(StageStories(seconds=4.0, held_out=1, cache=None).clips("test"))).audio
    assert looks.unfamiliarity(Clip(None, heard, "heard only")) is None
