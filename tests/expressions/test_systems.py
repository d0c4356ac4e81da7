"""The system: what it promises beyond the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sensorium.expressions.recipes import RECIPES, expressions_tiny
from sensorium.expressions.systems import ExpressionsConfig, ExpressionsSystem
from sensorium.training.building import build

NAMES = ("happy", "sad", "surprised")
CONFIG = ExpressionsConfig(NAMES, 32, (4, 8, 8), d_width=4, local_crop=16)


def system(**changes) -> ExpressionsSystem:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ExpressionsSystem(replace(CONFIG, **changes)).eval()


def batch(size: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    expression = torch.arange(size) % 2  # nobody is surprised
    pictures = torch.randint(0, 256, (2, size, 3, 32, 32), generator=generator)
    degrees = torch.rand(size, generator=generator)
    mouth = torch.zeros(size, 32, 32, dtype=torch.bool)
    mouth[:, 20:26, 10:22] = True
    return {
        "neutral": pictures[0].to(torch.uint8),
        "target": pictures[1].to(torch.uint8),
        "degrees": torch.nn.functional.one_hot(expression, 3) * degrees[:, None],
        "expression": expression,
        "landmarks": torch.rand(size, 68, 2, generator=generator),
        "mouth": mouth,
        "face": torch.ones_like(mouth),
    }


def test_frames_are_independent_of_each_other() -> None:
    """Any degree without its predecessors, in any order, alone or in a batch."""
    made, faces = system(), batch()["neutral"]
    degrees = torch.rand(6, 40, 3)
    whole = made.generate(faces, degrees)
    assert whole.shape == (6, 40, 3, 32, 32)
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 1
    for row, frame in ((0, 0), (3, 39), (5, 17)):
        alone = made.generate(faces[row : row + 1], degrees[row : row + 1, frame])
        torch.testing.assert_close(alone[0], whole[row, frame], atol=2e-5, rtol=1e-4)


def test_pictures_may_be_bytes_or_floats_of_any_size() -> None:
    made, faces, degrees = system(), batch()["neutral"], torch.rand(6, 3)
    torch.testing.assert_close(
        made.generate(faces, degrees), made.generate(faces.float() / 255, degrees)
    )
    assert made.generate(torch.zeros(1, 3, 50, 50), degrees[:1]).shape == (1, 3, 32, 32)
    with pytest.raises(ValueError, match=r"E = 3 \(happy, sad, surprised\), got \[6, 2\]"):
        made.generate(faces, degrees[:, :2])


def test_animation_has_a_frame_for_each_degree() -> None:
    made = system()
    picture = torch.randint(0, 256, (3, 40, 60), dtype=torch.uint8)
    for length in (1, 8, 100):
        animation = made.animate(picture, torch.rand(length, 3), rate=12.0, name="me.png")
        assert animation.frames.shape == (length, 3, 32, 32)
        assert (animation.file, animation.rate) == ("me.png", 12.0)
        assert animation.out_of_domain is None  # not calibrated
    middle = made.animate(picture[:, :, 10:50], made.degrees("sad")).frames
    assert torch.equal(made.animate(picture, made.degrees("sad")).frames, middle)
    for wrong in (torch.zeros(0, 3), torch.zeros(4, 2), torch.zeros(3)):
        with pytest.raises(ValueError, match="degrees must be"):
            made.animate(picture, wrong)


def test_degrees_by_name() -> None:
    made = system()
    assert made.degrees("sad").shape == (24, 3)
    assert made.degrees("sad")[-1].tolist() == [0, 1, 0]
    mixed = made.degrees({"happy": 0.6, "sad": 0.3}, torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(mixed, torch.tensor([[0, 0, 0], [0.3, 0.15, 0]]))
    with pytest.raises(ValueError, match="surprised"):
        made.degrees("suprised")


def test_losses_weigh_their_parts() -> None:
    made, told = system().train(), batch()
    losses = {k: float(v.detach()) for k, v in made.losses(told).items()}
    parts = ("adversarial", "mouth", "discriminator", "discriminator_mouth")
    wanted = 100 * losses["reconstruction"] + 10 * losses["landmarks"] + 10 * losses["continuity"]
    assert losses["loss"] == pytest.approx(wanted + sum(losses[p] for p in parts), rel=1e-4)


def test_warm_up_leaves_the_discriminators_alone() -> None:
    made, told = system().train(), batch()
    made.adversarial.fill_(0.0)
    losses = made.losses(told)
    assert set(losses) == {"loss", "reconstruction", "landmarks"}  # no neighbours either
    losses["loss"].backward()
    assert all(float(p.grad.abs().sum()) == 0 for p in made.critics.parameters())


def test_idle_experts_get_a_gradient_of_nothing() -> None:
    made = system().train()
    made.losses(batch())["loss"].backward()
    surprised, happy = made.generators[0].residuals[2], made.generators[0].residuals[0]
    assert all(float(p.grad.abs().sum()) == 0 for p in surprised.parameters())
    assert all(float(p.grad.abs().sum()) > 0 for p in happy.convs.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {"share": False},
        {"residual_in": "pixels"},
        {"residual_in": "pixels", "landmark_weight": 0.0},
        {"residual_in": "input"},
        {"continuity_weight": 0.0, "local_discriminator": False},
        {"discriminator": "patch", "d_norm": "instance", "local_crop": 0, "norm": "group"},
    ],
)
def test_every_variant_learns_and_paints(changes) -> None:
    made, told = system(**changes).train(), batch()
    optimiser = torch.optim.Adam(made.generators.parameters(), 2e-3)
    values = []
    for _ in range(12):
        optimiser.zero_grad()
        losses = made.losses(told)
        losses["loss"].backward()
        optimiser.step()
        values.append(float(losses["reconstruction"].detach()))
    assert values[-1] < values[0]
    assert all(p.grad is not None for p in made.parameters() if p.requires_grad)
    assert made.eval().generate(told["neutral"], torch.rand(6, 2, 3)).shape == (6, 2, 3, 32, 32)


def test_separate_models_answer_for_their_own_expression() -> None:
    made, told = system(share=False), batch(2)
    degrees = torch.zeros(2, 2, 3)
    degrees[0, 1, 2] = degrees[1, 1, 0] = 1.0
    frames = made.generate(told["neutral"], degrees)
    for row, part in ((0, 2), (1, 0)):
        x = told["neutral"][row : row + 1].float() / 127.5 - 1
        wanted, _ = made.generators[part](x, degrees[row : row + 1, :, part : part + 1])
        torch.testing.assert_close(frames[row], (wanted + 1) / 2, atol=1e-5, rtol=1e-4)


def test_missing_truth_is_one_line() -> None:
    made, told = system(), batch()
    del told["landmarks"]
    with pytest.raises(ValueError, match="set landmark_weight = 0") as caught:
        made.losses(told)
    assert "\n" not in str(caught.value)
    assert "loss" in system(landmark_weight=0.0).losses(told)


def test_refuses_what_fits_no_network() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        system(size=20)
    with pytest.raises(ValueError, match="different names"):
        system(expressions=("sad", "sad"))


def test_noise_is_out_of_domain_and_portraits_are_not() -> None:
    tiny = expressions_tiny()
    made = build(tiny).eval()
    examples = replace(tiny.data, held_out=64).open("val")
    rows = [examples.example(k, k) for k in range(0, 64, 2)]
    told = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    assert isinstance(made, ExpressionsSystem)
    made.calibrate([told])
    degrees = torch.zeros(1, 2)
    others = replace(tiny.data, tested=24).open("test")
    familiar = [made.animate(others.example(k, 0)["neutral"], degrees) for k in range(0, 24, 2)]
    assert sum(bool(a.out_of_domain) for a in familiar) <= 1
    noise = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    assert made.animate(noise, degrees).out_of_domain
    assert made.animate(torch.full((3, 64, 64), 255, dtype=torch.uint8), degrees).out_of_domain


def test_ablations_differ_in_what_they_say() -> None:
    base = RECIPES["expressions"]()
    told = {
        "without-local": {"local_discriminator": False},
        "without-landmarks": {"landmark_weight": 0.0},
        "without-continuity": {"continuity_weight": 0.0},
        "pixel-residual": {"residual_in": "pixels"},
        "separate": {"share": False},
    }
    for name, fields in told.items():
        recipe = RECIPES[f"expressions-{name}"]()
        assert recipe.system == replace(base.system, **fields)
        assert (recipe.stages, recipe.data, recipe.batch) == (base.stages, base.data, base.batch)
