"""The bundled classifiers of objects: accurate, and the defended one is harder to break."""

from __future__ import annotations

import pytest
import torch

import sensorium
from sensorium.robustness.attacks import PGD
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.systems import DQSystem
from sensorium.seeds import torch_generator
from sensorium.types import Clip, FrameVideo

NAMES = {"dq": 4, "dq-vanilla": 4, "dq-full": 0}
DATA = ObjectsData(held_out=120)


def loaded(name: str) -> DQSystem:
    system = sensorium.load(name)
    assert isinstance(system, DQSystem)
    return system.eval()


@pytest.mark.parametrize("name", NAMES)
def test_held_out_objects_are_named(name: str) -> None:
    system, data = loaded(name), DATA.all("test")
    assert system.config.bits == NAMES[name]
    with torch.no_grad():
        right = (system(data.x).argmax(1) == data.y).float().mean()
    assert float(right) > 0.95
    picture = DATA.pictures("test").images[:1]
    said = system.predict(Clip(FrameVideo(picture, 1.0), None, "object"))
    assert said.label == system.classes[int(data.y[0])]
    assert said.out_of_domain is False


def photograph() -> torch.Tensor:
    import cv2
    import matplotlib

    photo = cv2.imread(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg")[..., ::-1]
    return torch.from_numpy(photo.copy()).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", NAMES)
def test_other_pictures_are_out_of_domain(name: str) -> None:
    """Photographs, noise and empty pictures; drawn scenes with one shape or another are not all."""
    noise = torch.randint(0, 256, (1, 3, 64, 64), generator=torch_generator(0, "noise"))
    empty = torch.full((1, 3, 40, 40), 128)
    for frames in (photograph(), noise.to(torch.uint8), empty.to(torch.uint8)):
        said = loaded(name).predict(Clip(FrameVideo(frames, 1.0), None, "other"))
        assert said.out_of_domain is True


def test_the_defended_network_is_harder_to_break() -> None:
    """White box, best iterate, margin loss: a difference that no gradient masking makes."""
    data = DATA.all("test")
    attack = PGD(eps=2 / 255, steps=30, restarts=1, loss="margin")
    kept = {n: 1 - float(attack(loaded(n), data.x, data.y).success.float().mean()) for n in NAMES}
    assert kept["dq"] > kept["dq-vanilla"] + 0.08, kept
