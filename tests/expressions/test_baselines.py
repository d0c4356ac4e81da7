"""Baselines: what they answer, and that the recurrent one learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sensorium.expressions.baselines import (
    BASELINES,
    ConvLSTMCell,
    ConvLSTMConfig,
    ConvLSTMSystem,
    CopyInput,
    CrossFade,
)
from sensorium.expressions.datasets.portraits import PortraitClips, Portraits
from sensorium.expressions.recipes import RECIPES
from sensorium.recipe import Optimiser
from sensorium.training import evaluate, fit


def test_copy_is_the_input() -> None:
    faces = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    wanted = faces.float() / 255
    assert torch.equal(CopyInput().generate(faces, torch.rand(2, 3)), wanted)
    frames = CopyInput().generate(wanted, torch.rand(2, 5, 3))
    assert frames.shape == (2, 5, 3, 8, 8)
    assert torch.equal(frames[:, 3], wanted)


def test_cross_fade_goes_from_one_to_the_other() -> None:
    faces, peaks = torch.rand(2, 2, 3, 8, 8)
    fade = CrossFade(peaks)
    degrees = torch.zeros(2, 3, 4)
    degrees[:, 1, 2], degrees[:, 2, 2] = 0.25, 1.0
    frames = fade.generate(faces, degrees)
    torch.testing.assert_close(frames[:, 0], faces)
    torch.testing.assert_close(frames[:, 1], 0.75 * faces + 0.25 * peaks)
    torch.testing.assert_close(frames[:, 2], peaks)
    torch.testing.assert_close(fade.generate(faces, degrees[:, 1]), frames[:, 1])
    with pytest.raises(ValueError, match="1 pictures for 2 peaks"):
        fade.generate(faces[:1], degrees[:1])


def test_cell_keeps_what_it_is_told_to_keep() -> None:
    """Gates held open or shut by their biases."""
    cell = ConvLSTMCell(2)
    with torch.no_grad():
        cell.gates.weight.zero_()
        cell.gates.bias.copy_(torch.tensor([-50.0, -50, 50, 50, 50, 50, 3, 3]))
        x, hidden, kept = torch.rand(3, 1, 2, 4, 4)
        shown, after = cell(x, hidden, kept)
        torch.testing.assert_close(after, kept)  # nothing let in, nothing forgotten
        torch.testing.assert_close(shown, torch.tanh(kept))
        cell.gates.bias.copy_(torch.tensor([50.0, 50, -50, -50, 50, 50, 3, 3]))
        _, after = cell(x, hidden, kept)
        torch.testing.assert_close(
            after, torch.full_like(after, float(torch.tanh(torch.tensor(3.0))))
        )


DATA = Portraits(16, 4, 8, ("happy", "sad"), size=32, frames=6)
CONFIG = ConvLSTMConfig(("happy", "sad"), 32, (4, 8, 8), recurrent=2, steps=5)


def test_clips_hold_every_later_frame() -> None:
    clips = PortraitClips(DATA, steps=5).open("train")
    example = clips.example(3, 1)
    assert example["targets"].shape == (5, 3, 32, 32)
    assert int(example["expression"]) == 1
    seen = {DATA.open("train").sittings.drawn(3, (k,)).pixels.tobytes() for k in range(6)}
    assert len(seen) == 6
    fewer = PortraitClips(DATA, steps=2).open("train").example(3, 1)
    assert torch.equal(fewer["targets"][1], example["targets"][4])


def test_recurrent_frames_lie_at_fixed_degrees() -> None:
    system = ConvLSTMSystem(CONFIG).eval()
    faces = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    degrees = torch.zeros(2, 6, 2)
    degrees[0, :, 1] = degrees[1, :, 0] = torch.linspace(0, 1, 6)
    frames = system.generate(faces, degrees)
    torch.testing.assert_close(frames[:, 0], faces.float() / 255, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        whole = system(faces.float() / 127.5 - 1, torch.tensor([1, 0]))
    torch.testing.assert_close(frames[:, 1:], (whole + 1) / 2, atol=1e-5, rtol=1e-4)
    near = degrees[:, 2] * 1.04  # within half a step of the same frame
    torch.testing.assert_close(system.generate(faces, near), frames[:, 2])


def test_recurrent_baseline_is_trained_by_the_loop(tmp_path) -> None:
    recipe = BASELINES["expressions-conv-lstm"]()
    assert sum(s.steps for s in recipe.stages) == sum(
        s.steps for s in RECIPES["expressions"]().stages
    )
    stage = replace(recipe.stages[0], steps=40, optimiser=Optimiser("adam", lr=5e-3))
    short = replace(
        recipe, data=PortraitClips(DATA, 5), system=CONFIG, stages=(stage,), batch=4, precision="no"
    )
    steps = fit(short, tmp_path, device="cpu", system=ConvLSTMSystem)
    losses = [step.losses["loss"] for step in steps]
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])
    said = evaluate(ConvLSTMSystem(CONFIG), DATA)
    assert 0 < said["ssim"] < 1
