"""A small real system and data set: which of three directions does a noisy vector point in?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.recipe import Optimiser, Recipe, Schedule, Split, Stage
from sensorium.seeds import derive, torch_generator
from sensorium.system import Batch, Meter, Result, System
from sensorium.types import Clip


@dataclass(frozen=True)
class Width:
    hidden: int = 16
    norm: bool = False


@dataclass(frozen=True)
class TinyConfig:
    width: Width = field(default_factory=Width)
    classes: tuple[str, ...] = ()
    dropout: float = 0.2
    activation: Literal["relu", "tanh"] = "relu"
    note: str | None = None


class Said(Result):
    def __init__(self, label: str) -> None:
        self.label = label

    def to_dict(self) -> dict[str, Any]:
        return {"label": self.label}

    def save(self, folder: str | Path) -> list[Path]:
        path = Path(folder) / "said.json"
        path.write_text(json.dumps(self.to_dict()))
        return [path]

    def figure(self) -> Any:
        from matplotlib.figure import Figure

        return Figure()


class Tiny(System):
    """A batch holds ``x``: ``float [B, 8]`` and ``label``: ``int64 [B]``."""

    name: ClassVar[str] = "tiny"
    Config: ClassVar[type] = TinyConfig
    paper = "Nobody 2026, Small systems"
    limits = "Knows vectors of length 8 only."

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        hidden = config.width.hidden
        self.body = nn.Linear(8, hidden)
        self.norm = nn.BatchNorm1d(hidden) if config.width.norm else nn.Identity()
        self.head = nn.Linear(hidden, max(1, len(config.classes)))
        self.register_buffer("calibrated", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.body(x))
        h = F.relu(h) if self.config.activation == "relu" else h.tanh()
        return self.head(F.dropout(h, self.config.dropout, self.training))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        logits = self(batch["x"])
        loss = F.cross_entropy(logits, batch["label"])
        small = logits.square().mean()
        return {"loss": loss + 0.01 * small, "entropy": loss, "small": small}

    def predict(self, clip: Clip) -> Said:
        return Said(self.config.classes[0])

    def metrics(self) -> dict[str, Meter]:
        from torchmetrics import MeanMetric
        from torchmetrics.classification import MulticlassAccuracy

        count = len(self.config.classes)
        return {"top1": MulticlassAccuracy(count, average="micro"), "sure": MeanMetric()}

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        probabilities = self(batch["x"]).softmax(1)
        meters["top1"].update(probabilities, batch["label"])
        meters["sure"].update(probabilities.amax(1))

    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        assert not self.training
        self.calibrated.fill_(sum(len(b["label"]) for b in batches))


class TinyExamples:
    def __init__(self, data: TinyData, split: Split) -> None:
        self.data, self.split = data, split

    def __len__(self) -> int:
        return self.data.length if self.split == "train" else self.data.held_out

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        if self.split == "train" and index == self.data.broken:
            raise ValueError(f"clip_{index}.mp4: got no frames")
        generator = torch_generator(derive(0, self.split, index))
        label = int(torch.randint(3, (), generator=generator))
        x = torch.randn(8, generator=generator)
        x[label] += 2.0
        x += 0.1 * torch.randn(8, generator=torch_generator(seed, "noise"))
        if self.split == "train" and index == self.data.poisoned:
            x[0] = float("nan")
        return {"x": x, "label": torch.tensor(label)}


@dataclass(frozen=True)
class TinyData:
    length: int = 40
    held_out: int = 21
    broken: int = -1
    poisoned: int = -1
    test: bool = True

    def open(self, split: Split) -> TinyExamples:
        if split == "test" and not self.test:
            raise ValueError("the test split's labels are not published; evaluate on val")
        return TinyExamples(self, split)

    def adapt(self, config: TinyConfig) -> TinyConfig:
        return replace(config, classes=("left", "up", "far"))


def recipe(**changes: Any) -> Recipe:
    """24 steps in two stages of different optimisers."""
    first = Stage(
        "warm", 10, Optimiser("sgd", lr=0.1), Schedule("constant", warmup=0.3), freeze=("head",)
    )
    second = Stage("main", 14, Optimiser("adamw", lr=0.01, clip_norm=1.0), Schedule("cosine"))
    base = Recipe(
        name="tiny-recipe",
        description="Three directions.",
        data=TinyData(),
        system=TinyConfig(),
        stages=(first, second),
        batch=8,
        workers=0,
        validate_every=7,
        save_every=5,
    )
    return replace(base, **changes)
