from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.recipe import Optimiser, Schedule, Stage
from sensorium.training import HasParameterGroups
from sensorium.training.optimisation import freeze, lr_factor, optimisation


def factors(schedule: Schedule, steps: int = 10) -> list[float]:
    return [round(lr_factor(schedule, step, steps), 6) for step in range(steps)]


def test_schedules() -> None:
    assert factors(Schedule("constant")) == [1.0] * 10
    steps = Schedule("steps", milestones=(0.4, 0.8), gamma=0.1)
    assert factors(steps) == [1.0] * 4 + [0.1] * 4 + [0.01] * 2
    assert factors(Schedule("constant", warmup=0.4))[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_cosine_is_torchs_after_the_warm_up() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=8)
    expected = []
    for _ in range(8):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        torchs.step()
    ours = factors(Schedule("cosine", warmup=0.2))
    assert ours[:2] == [0.5, 1.0]
    assert ours[2:] == pytest.approx(expected, abs=1e-6)


def grouped(tiny: ModuleType, names: dict[str, tuple[float, float]]) -> Any:
    class Grouped(tiny.Tiny):
        def parameter_groups(self) -> list[dict[str, Any]]:
            own = dict(self.named_parameters())
            return [
                {"params": [own[name]], "lr_factor": lr, "weight_decay_factor": decay}
                for name, (lr, decay) in names.items()
            ]

    return Grouped(tiny.TinyConfig(classes=("a", "b")))


def test_groups_of_the_system_scale_rate_and_decay(tiny: ModuleType) -> None:
    system = grouped(
        tiny,
        {
            "body.weight": (1, 1),
            "body.bias": (2, 0),
            "head.weight": (5, 1),
            "head.bias": (10, 0),
        },
    )
    assert isinstance(system, HasParameterGroups)
    settings = Optimiser("sgd", lr=0.1, momentum=0.8, weight_decay=0.01)
    stage = Stage("s", 10, settings, Schedule("constant", warmup=0.2))
    made = optimisation(system, stage)
    assert made.set_rate(0) == pytest.approx(0.05)
    groups = made.optimiser.param_groups
    assert [g["lr"] for g in groups] == pytest.approx([0.05, 0.1, 0.25, 0.5])
    assert [g["weight_decay"] for g in groups] == pytest.approx([0.01, 0, 0.01, 0])
    assert {g["momentum"] for g in groups} == {0.8}


def test_frozen_parameters_are_in_no_group(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))
    assert not isinstance(system, HasParameterGroups)
    stage = Stage("s", 10, freeze=("body",))
    everything = frozenset(name for name, _ in system.named_parameters())
    freeze(system, stage, everything)
    (group,) = optimisation(system, stage).optimiser.param_groups
    assert {id(p) for p in group["params"]} == {id(p) for p in system.head.parameters()}
    freeze(system, Stage("t", 10), everything)
    assert all(p.requires_grad for p in system.parameters())


def test_what_the_system_froze_itself_stays_frozen(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))
    freeze(system, Stage("s", 10), frozenset({"head.weight"}))
    assert [n for n, p in system.named_parameters() if p.requires_grad] == ["head.weight"]


def test_frozen_normalisation_keeps_its_statistics(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(width=tiny.Width(norm=True), classes=("a",)))
    everything = frozenset(name for name, _ in system.named_parameters())
    freeze(system, Stage("s", 10, freeze=("norm",)), everything)
    assert system.training
    assert not system.norm.training
    freeze(system, Stage("t", 10), everything)
    assert system.norm.training


def test_forgotten_parameter_is_named(tiny: ModuleType) -> None:
    system = grouped(tiny, {"body.weight": (1, 1), "head.weight": (1, 1), "head.bias": (1, 1)})
    with pytest.raises(ValueError, match="'body.bias' is in 0 parameter groups"):
        optimisation(system, Stage("s", 10))


def test_adamw(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))
    stage = Stage("s", 10, Optimiser("adamw", lr=0.2, weight_decay=0.3))
    made = optimisation(system, stage)
    assert isinstance(made.optimiser, torch.optim.AdamW)
    assert made.optimiser.param_groups[0]["weight_decay"] == 0.3


def test_momentum_is_the_first_beta_of_adam(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))
    adam = optimisation(system, Stage(optimiser=Optimiser("adam", lr=2e-4, momentum=0.5)))
    assert isinstance(adam.optimiser, torch.optim.Adam)
    assert adam.optimiser.param_groups[0]["betas"] == (0.5, 0.999)


def test_nesterov(tiny: ModuleType) -> None:
    system = tiny.Tiny(tiny.TinyConfig(classes=("a", "b")))
    for kind in ("sgd", "nesterov"):
        made = optimisation(system, Stage(optimiser=Optimiser(kind)))
        assert made.optimiser.param_groups[0]["nesterov"] is (kind == "nesterov")
