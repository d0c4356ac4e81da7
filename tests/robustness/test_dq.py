"""The system: what it trains, what it answers, that defences do what they say."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sensorium.recipe import Recipe, Stage
from sensorium.robustness.classifier import Classifier
from sensorium.robustness.datasets.folders import PictureFolders
from sensorium.robustness.datasets.mnist import Mnist
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.recipes import DEFENCES, RECIPES, defended, digits, dq_tiny
from sensorium.robustness.systems import DQConfig, DQSystem
from sensorium.seeds import torch_generator
from sensorium.store import Card, load, save
from sensorium.training import evaluate, fit
from sensorium.training.building import build
from sensorium.training.stage import anneal
from sensorium.types import Clip, FrameVideo


def batch(config: DQConfig, count: int = 4) -> dict[str, torch.Tensor]:
    shape = (count, config.in_channels, config.size, config.size)
    image = torch.rand(shape, generator=torch_generator(0, "image"))
    return {"image": image, "label": torch.arange(count) % len(config.classes)}


def small(**changes: object) -> DQConfig:
    base = DQConfig("small", 4, 4, ("a", "b"), size=16)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_is_a_classifier() -> None:
    system = build(dq_tiny())
    assert isinstance(system, DQSystem)
    assert isinstance(system, Classifier)
    assert system.classes[0] == "disc"


@pytest.mark.parametrize("kind", ["rfgsm", "pgd"])
def test_adversarial_training_leaves_statistics_to_the_training_pass(kind: str) -> None:
    config = small(adversarial=kind, delta=0.1)
    torch.manual_seed(0)
    system = DQSystem(config).train()
    norm = next(m for m in system.modules() if isinstance(m, torch.nn.BatchNorm2d))
    losses = system.losses(batch(config))
    losses["loss"].backward()
    assert int(norm.num_batches_tracked or 0) == 1
    assert system.training
    assert norm.training


def test_penalty_is_in_the_loss_with_half_of_beta() -> None:
    config = small(beta=0.5)
    system = DQSystem(config).eval()
    losses = system.losses(batch(config))
    expected = float(losses["entropy"]) + 0.25 * float(losses["penalty"])
    assert float(losses["loss"].detach()) == pytest.approx(expected, rel=1e-6)
    assert "penalty" not in DQSystem(small()).eval().losses(batch(config))


def test_beta_can_be_annealed() -> None:
    config = small(beta=0.5)
    system = DQSystem(config).eval()
    anneal(system, Stage(steps=11, anneal=(("beta", 0.01, 1.0),)), 5)
    losses = {k: float(v.detach()) for k, v in system.losses(batch(config)).items()}
    assert losses["loss"] == pytest.approx(losses["entropy"] + 0.05 * losses["penalty"], rel=1e-5)
    assert "beta" not in system.state_dict()


def test_decay_is_left_out_where_the_penalty_holds_the_weights() -> None:
    for beta, factor in ((0.0, 1.0), (0.1, 0.0)):
        weights, others = DQSystem(small(beta=beta)).parameter_groups()
        assert weights["weight_decay_factor"] == factor
        assert others["weight_decay_factor"] == 0
        assert all(p.ndim > 1 for p in weights["params"])


def test_bytes_and_floats_are_the_same_pictures() -> None:
    system = DQSystem(small()).eval()
    bytes_ = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(system(system.pixels(bytes_)), system(system.pixels(bytes_.float() / 255)))


def test_quantised_weights_are_saved_and_loaded(tmp_path: Path) -> None:
    system = DQSystem(small(weight_bits=3)).eval()
    back = load(save(system, tmp_path / "saved", Card()))
    x = batch(system.config)["image"]
    assert torch.equal(system(x), back(x))
    assert len(system.network.layers[3].weight[0].unique()) <= 7  # type: ignore[index,union-attr]


def test_grey_systems_see_colour_pictures_in_grey() -> None:
    system = DQSystem(small(in_channels=1)).eval()
    frames = torch.full((1, 3, 40, 30), 100, dtype=torch.uint8)
    frames[:, 0] = 200
    picture = system.fitted(frames[0])
    assert picture.shape == (1, 16, 16)
    assert int(picture[0, 5, 5]) == round(0.299 * 200 + 0.701 * 100)
    said = system.predict(Clip(FrameVideo(frames, 1.0), None, "grey")).to_dict()
    assert said["label"] in ("a", "b")


def test_every_recipe_builds_its_defence() -> None:
    for name in RECIPES:
        made = RECIPES[name]()
        assert isinstance(made, Recipe)
        assert made.name == name
    assert RECIPES["dq-cifar10"]().system.depth == 28
    with pytest.raises(ValueError, match="vanilla, penalty, dq"):
        defended(DQConfig(), "none")  # type: ignore[arg-type]
    vanilla, ours = (digits(4, d).system for d in (DEFENCES[0], "dq"))
    assert (vanilla.depth, vanilla.width) == (ours.depth, ours.width)
    assert not vanilla.beta < 0 < ours.beta or vanilla.beta == 0


def test_recipes_of_own_data_train_on_it(tmp_path: Path) -> None:
    shades = np.linspace(20, 230, 12).astype(np.uint8)
    for label, colour in enumerate("ab"):
        (tmp_path / "pictures" / colour).mkdir(parents=True)
        for k, shade in enumerate(shades):
            picture = np.full((40, 50, 3), shade, np.uint8)
            picture[..., label] = 0
            cv2.imwrite(str(tmp_path / "pictures" / colour / f"{k}.png"), picture)
    grey = np.stack([np.full((28, 28), shade, np.uint8) for shade in shades])
    for stem in ("train", "t10k"):
        for what, numbers in (("images", grey), ("labels", (shades > 99).astype(np.uint8))):
            head = bytes([0, 0, 8, numbers.ndim]) + struct.pack(f">{numbers.ndim}I", *numbers.shape)
            path = tmp_path / f"{stem}-{what}-idx{numbers.ndim}-ubyte"
            path.write_bytes(head + numbers.tobytes())
    pictures = PictureFolders(tmp_path / "pictures", resize=36, size=32)
    own = {"dq-pictures": pictures, "dq-mnist": Mnist(tmp_path, held_out=2)}
    for name, data in own.items():
        recipe = RECIPES[name]()
        assert isinstance(recipe.data, type(data))
        stages = tuple(replace(stage, steps=2) for stage in recipe.stages)
        recipe = replace(recipe, data=data, stages=stages, batch=4, workers=0)
        losses = [step.losses["loss"] for step in fit(recipe, tmp_path / name, device="cpu")]
        assert len(losses) == 2
        assert all(0 < loss < 100 for loss in losses)
        system = load(tmp_path / name)
        assert system.config.classes == (("a", "b") if name == "dq-pictures" else data.classes)


@pytest.mark.parametrize("cue", ["shape", "texture", "conflict"])
def test_objects_as_data(cue: str) -> None:
    data = ObjectsData(cue=cue, length=20, held_out=5)  # type: ignore[arg-type]
    train, test = data.open("train"), data.all("test")
    assert (len(train), len(test)) == (20, 5)
    example = train.example(3, 1)
    assert example["image"].dtype == torch.uint8
    assert example["image"].shape == (3, 32, 32)
    assert 0 <= float(test.x.min()) <= float(test.x.max()) <= 1
    drawn = data.objects("test")
    assert torch.equal(test.y, torch.from_numpy(drawn.label))
    assert data.adapt(DQConfig()).classes == test.classes


def test_digits_are_learnt_in_seconds(tmp_path: Path) -> None:
    """Few steps are enough to be far above chance (0.1), quantised or not."""
    recipe = digits(3, "dq", epochs=8)
    for _ in fit(recipe, tmp_path / "run", device="cpu"):
        pass
    top1 = evaluate(load(tmp_path / "run"), recipe.data, batch=250)["top1"]
    assert top1 > 0.8


@pytest.mark.parametrize("channels", [1, 3])
def test_the_domain_gauge_knows_noise_from_objects(channels: int, tmp_path: Path) -> None:
    """And can be stored in half precision: no statistic is constant."""
    data = ObjectsData(held_out=200, size=16)
    torch.manual_seed(0)
    system = DQSystem(replace(data.adapt(DQConfig("small", 4, 8)), in_channels=channels)).eval()
    x = data.all("val").x[:, :channels]
    system.calibrate([{"image": x}])
    back = load(save(system, tmp_path / "saved", Card(), dtype=torch.float16))
    assert isinstance(back, DQSystem)

    def far(frames: torch.Tensor) -> bool | None:
        return back.predict(Clip(FrameVideo(frames, 1.0), None, "x")).out_of_domain

    objects = (data.all("test").x * 255).to(torch.uint8)
    if channels == 3:
        assert sum(bool(far(p[None])) for p in objects[:40]) <= 4
    assert far(torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)) is True
