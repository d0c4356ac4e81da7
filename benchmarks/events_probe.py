"""Whether the features carry what sentences say: linear probes for kind, colour and what is done.

The mean of the features over an event's true span goes into one linear layer (logistic regression),
which shall tell the performer's kind, its colour, and the event's label. An event that overlaps
another by less than 30 % counts as alone: where several happen at once the mean tells of all of
them, so that no reader of means can know which is asked for.

    python benchmarks/events_probe.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from report import write_results
from sensorium.events.datasets.stage import StageStories, StoryExamples

ALONE = 0.3
WEIGHT_DECAY = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True)
class Asked:
    """Rows of means, and the truth about each."""

    means: Tensor
    truth: dict[str, list[str]]
    alone: Tensor


def events(examples: StoryExamples, numbers: range) -> Asked:
    means, alone = [], []
    truth: dict[str, list[str]] = {"kind": [], "colour": [], "label": []}
    for index in numbers:
        episode, features = examples.episode(index), examples.features(index)
        for event in episode.events:
            step = 0.5 / features.rate
            rows = features.between(event.start, max(event.end, event.start + 2 * step))
            means.append(rows.values.float().mean(0))
            others = [e.span for e in episode.events if e is not event]
            shared = max((event.span.overlap(other) for other in others), default=0.0)
            alone.append(shared < ALONE * event.duration)
            person = episode.performers[event.performer]
            for name, value in zip(truth, (person.kind, person.colour, event.label), strict=True):
                truth[name].append(value)
    return Asked(torch.stack(means), truth, torch.tensor(alone))


def probed(train: Asked, test: Asked, name: str, decay: float) -> Tensor:
    """Which of the test's events are named rightly."""
    classes = sorted(set(train.truth[name]))
    given = torch.tensor([classes.index(x) for x in train.truth[name]])
    asked = torch.tensor([classes.index(x) if x in classes else -1 for x in test.truth[name]])
    mean, spread = train.means.mean(0), train.means.std(0).clamp_min(1e-3)
    scale = spread * train.means.shape[1] ** 0.5
    rows, held = (train.means - mean) / scale, (test.means - mean) / scale
    layer = nn.Linear(rows.shape[1], len(classes))
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=150)

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = F.cross_entropy(layer(rows), given) + 0.5 * decay * layer.weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)
    with torch.no_grad():
        return layer(held).argmax(1) == asked


def figures(train: Asked, tune: Asked, test: Asked) -> Iterator[tuple[str, float]]:
    """The decay that does best on ``tune`` is used on ``test``."""
    for name in train.truth:
        best = max(WEIGHT_DECAY, key=lambda d: float(probed(train, tune, name, d).float().mean()))
        right = probed(train, test, name, best)
        yield name, float(right.float().mean())
        yield f"{name}_alone", float(right[test.alone].float().mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15.0, help="length of an episode")
    parser.add_argument("--train", type=int, default=1200, help="training episodes")
    parser.add_argument("--tune", type=int, default=150, help="validation episodes")
    parser.add_argument("--test", type=int, default=150, help="test episodes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began, data = time.process_time(), StageStories(seconds=options.seconds)
    train, tune, test = (
        events(StoryExamples(data, split), range(count))
        for split, count in (
            ("train", options.train),
            ("val", options.tune),
            ("test", options.test),
        )
    )
    found = {k: round(100 * v, 1) for k, v in figures(train, tune, test)}
    found |= {
        "events": len(test.means),
        "alone": int(test.alone.sum()),
        "dim": train.means.shape[1],
    }
    print(found, f"{time.process_time() - began:.0f} s")
    write_results("events_probe", {"probe": found, "episodes": vars(options)})


if __name__ == "__main__":
    main()
