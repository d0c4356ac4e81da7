"""Class activation maps."""

from __future__ import annotations

import pytest
import torch

from sensorium.sounds.cam import CamConfig, CamSystem
from sensorium.sounds.view import SoundView
from sensorium.system import Batch
from sensorium.types import Clip, FrameVideo

COLOURS = torch.tensor([[220, 30, 30], [30, 30, 220]], dtype=torch.uint8)


def system() -> CamSystem:
    torch.manual_seed(0)
    return CamSystem(
        CamConfig("resnet_tiny", 0.5, view=SoundView(size=32), classes=("red", "blue"))
    )


def square(label: int, top: int, left: int) -> torch.Tensor:
    picture = torch.full((3, 32, 32), 110, dtype=torch.uint8)
    picture[:, top : top + 10, left : left + 10] = COLOURS[label][:, None, None]
    return picture


def squares(count: int, seed: int) -> Batch:
    """Mixtures of two classes with two pictures each; one source has no label."""
    rng = torch.Generator().manual_seed(seed)
    label = torch.arange(2 * count).reshape(count, 2) % 2
    rows = []
    for k in label.flatten().tolist():
        places = torch.randint(0, 22, (2, 2), generator=rng).tolist()
        rows.append(torch.stack([square(k, *place) for place in places]))
    frames = torch.stack(rows).unflatten(0, (count, 2))
    label = label.clone()
    label[0, 0] = -1
    return {"frames": frames, "label": label}


def test_maps_average_to_the_logits_less_the_bias() -> None:
    cam = system().eval()
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        logits = cam(pictures)
    assert cam.maps(pictures).shape == (3, 2, 4, 4)
    assert torch.allclose(cam.maps(pictures).mean((2, 3)) + cam.head.bias, logits, atol=1e-5)


def test_learns_from_labels_where_things_are() -> None:
    cam = system().train()
    optimiser = torch.optim.AdamW(cam.parameters(), lr=3e-3)
    for step in range(40):
        optimiser.zero_grad()
        cam.losses(squares(8, step))["loss"].backward()
        optimiser.step()
    cam.eval()
    meters = cam.metrics()
    cam.measure(squares(16, 1000), meters)
    assert float(meters["top1"].compute()) > 0.95
    both = square(0, 2, 2)
    both[:, 20:30, 20:30] = COLOURS[1][:, None, None]
    red, blue = cam.maps(both[None])[0]
    assert divmod(int(red.argmax()), 4) < (2, 2)
    assert divmod(int(blue.argmax()), 4) >= (2, 2)


def test_unlabelled_pictures_do_not_count() -> None:
    cam = system().eval()
    batch = squares(3, 0)
    other = {**batch, "frames": batch["frames"].clone()}
    other["frames"][0, 0] = 0
    with torch.no_grad():
        assert torch.equal(cam.losses(batch)["loss"], cam.losses(other)["loss"])
        changed = {**batch, "label": batch["label"].clamp_min(0)}
        assert not torch.equal(cam.losses(batch)["loss"], cam.losses(changed)["loss"])


def test_predict_says_what_to_do() -> None:
    clip = Clip(FrameVideo(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 8.0), None, "odd")
    with pytest.raises(ValueError, match="odd: .* call maps"):
        system().predict(clip)
