"""Train the judges of generated faces, on people whom no system and no test has seen.

Single portraits of the portrait world's ``judges`` split: all expressions and their mixtures at all
degrees, at several sizes, with blinking and poses. The identity judge sees every person before
other people's backgrounds and in other light, so that it must look at the face. Augmented by
shifts, blur, noise and brightness, since what is to be judged is not drawn but generated. Measured
on people of the same split who were not trained on.

    python benchmarks/portrait_judges.py      # writes weights/portrait-judges.safetensors
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from report import write_results
from sensorium import seeds
from sensorium.expressions import metrics
from sensorium.expressions.judges import SIZE, Judges
from sensorium.worlds.portraits import EXPRESSIONS, Face, Pose, draw, identity, split_seed

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src/sensorium/weights/portrait-judges.safetensors"
SHOWN = 0.15
"""From this degree on an expression is to be named."""

LARGEST = 74
"""Pixels a side of the largest portraits of which a window is seen; systems train on such crops."""

MARGIN, SCALE = 0.15, 20.0  # of the cosine soft-max over people
SHIFT = 3  # pixels


@dataclass(frozen=True)
class Portraits:
    """Pictures with their truth.

    Attributes:
        pictures: ``uint8 [N, 3, 64, 64]``.
        degrees: ``float32 [N, E]``.
        landmarks: ``float32 [N, 68, 2]``, shares of width and height.
        person: ``int64 [N]``.
    """

    pictures: Tensor
    degrees: Tensor
    landmarks: Tensor
    person: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


def commanded(rng: np.random.Generator) -> tuple[float, ...]:
    """Degrees of one picture: nothing, one expression, or a mixture of two."""
    degrees = np.zeros(len(EXPRESSIONS))
    kind = rng.choice(3, p=(0.12, 0.68, 0.2))
    for which in rng.choice(len(EXPRESSIONS), kind, replace=False):
        degrees[which] = rng.uniform(0.0, 1.0 if kind == 1 else 0.75)
    return tuple(float(d) for d in degrees)


def posed(rng: np.random.Generator) -> Pose:
    """A head held a little otherwise."""
    dx, dy = rng.normal(0.0, 0.008, 2)
    return Pose(
        dx=float(dx),
        dy=float(dy),
        roll=float(rng.normal(0.0, 0.03)),
        scale=float(rng.normal(1.0, 0.015)),
    )


def drawn(people: range, each: int) -> Portraits:
    """Portraits of people of the split, each before the backgrounds of others."""
    pictures, degrees, landmarks, person = [], [], [], []
    for number, index in enumerate(people):
        seed = split_seed("judges", index)
        rng = seeds.generator(seed, "judged")
        who = identity(seed)
        for _ in range(each):
            other = identity(split_seed("judges", int(rng.integers(0, 1_000_000))))
            here = replace(who, **{name: getattr(other, name) for name in SURROUNDINGS})
            wanted = commanded(rng)
            blink = float(rng.uniform(0, 1)) if rng.uniform() < 0.1 else 0.0
            side = int(rng.integers(SIZE, LARGEST + 1))
            made = draw(Face(here, wanted, blink, posed(rng)), side)
            left, top = (int(v) for v in rng.integers(0, side - SIZE + 1, 2))
            pictures.append(made.frame[:, top : top + SIZE, left : left + SIZE])
            degrees.append(wanted)
            landmarks.append((made.landmarks - torch.tensor([left, top])) / SIZE)
            person.append(number)
    return Portraits(
        torch.stack(pictures),
        torch.tensor(degrees, dtype=torch.float32),
        torch.stack(landmarks).float(),
        torch.tensor(person),
    )


SURROUNDINGS = ("setting",)
"""Of an identity, what is not the person."""


def seen(data: Portraits, chosen: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures as generated ones may be, and their landmarks."""
    looked = data.pictures[chosen].float() / 255
    places = data.landmarks[chosen].clone()
    by = torch.randint(-SHIFT, SHIFT + 1, (len(chosen), 2), generator=rng)
    padded = F.pad(looked, (SHIFT,) * 4, mode="replicate")
    moved = []
    for row, (dx, dy) in enumerate(by.tolist()):
        y, x = SHIFT - dy, SHIFT - dx
        moved.append(padded[row, :, y : y + SIZE, x : x + SIZE])
    looked, places = torch.stack(moved), places + by[:, None] / SIZE
    soft = F.avg_pool2d(F.pad(looked, (1,) * 4, mode="replicate"), 3, 1)
    share = torch.rand(len(chosen), 1, 1, 1, generator=rng)
    share = share * (torch.rand(share.shape, generator=rng) < 0.5)
    looked = looked + share * (soft - looked)
    gain = 1 + 0.08 * torch.randn(len(chosen), 3, 1, 1, generator=rng) * 0.5
    noise = torch.randn(looked.shape, generator=rng)
    strength = 0.03 * torch.rand(len(chosen), 1, 1, 1, generator=rng)
    return (looked * gain + strength * noise).clamp(0, 1), places


def losses(
    judges: Judges, people: Tensor, data: Portraits, chosen: Tensor, rng: torch.Generator
) -> dict[str, Tensor]:
    """Of one batch."""
    looked, places = seen(data, chosen, rng)
    looked = looked.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits, degrees, found, _ = judges.expression(looked)
        vectors = judges.identity(looked)
    wanted = data.degrees[chosen]
    alone = ((wanted > 0).sum(1) == 1) & (wanted.amax(1) > SHOWN)
    cosine = vectors.float() @ F.normalize(people, dim=1).T
    who = data.person[chosen]
    cosine = SCALE * (cosine - MARGIN * F.one_hot(who, len(people)))
    return {
        "expression": F.cross_entropy(logits.float()[alone], wanted[alone].argmax(1)),
        "degrees": 8 * F.smooth_l1_loss(degrees.float(), wanted, beta=0.1),
        "landmarks": 40 * (found.float() - places).abs().mean(),
        "identity": F.cross_entropy(cosine, who),
    }


def train(
    data: Portraits, options: argparse.Namespace, held: Portraits
) -> Iterator[tuple[Judges, str]]:
    """The judges after every part of the training, with what is to be said of it."""
    torch.manual_seed(options.seed)
    rng = torch.Generator().manual_seed(options.seed)
    judges = Judges().to(memory_format=torch.channels_last).train()
    people = torch.nn.Parameter(torch.randn(int(data.person.max()) + 1, 64) * 0.1)
    optimiser = torch.optim.AdamW([*judges.parameters(), people], options.rate, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, options.steps, pct_start=0.1
    )
    began = time.time()
    for step in range(1, options.steps + 1):
        chosen = torch.randint(len(data), (options.batch,), generator=rng)
        found = losses(judges, people, data, chosen, rng)
        optimiser.zero_grad()
        torch.stack(list(found.values())).sum().backward()
        optimiser.step()
        plan.step()
        if step % 100 == 0 or step == options.steps:
            parts = " ".join(f"{name} {value.item():.3f}" for name, value in found.items())
            print(f"step {step} {parts} {time.time() - began:.0f} s", flush=True)
        if step % options.every == 0 or step == options.steps:
            yield judges, json.dumps({k: round(v, 4) for k, v in measured(judges, held).items()})


def measured(judges: Judges, held: Portraits) -> dict[str, float]:
    """How well they judge true faces of people whom they have not seen."""
    judged = judges.judge(held.pictures)
    alone = ((held.degrees > 0).sum(1) == 1) & (held.degrees.amax(1) > SHOWN)
    said, meant = metrics.named(judged, held.degrees)
    strength = metrics.intensity(judged[alone], held.degrees[alone])
    wanted = held.degrees[alone].amax(1)
    mixed = (held.degrees > 0).sum(1) == 2
    firsts = torch.tensor([int((held.person == p).nonzero()[0]) for p in held.person.unique()])
    others = torch.ones(len(held), dtype=torch.bool)
    others[firsts] = False
    again = metrics.reidentified(
        judged.identity[others], held.person[others], judged.identity[firsts]
    )
    same = (judged.identity @ judged.identity.T)[others][:, firsts]
    right = held.person[others][:, None] == held.person[firsts][None]
    return {
        "people": float(len(firsts)),
        "faces": float(len(held)),
        "accuracy": float((said == meant).float().mean()),
        "accuracy_above_0.15": float(
            (judged.logits[alone].argmax(1) == held.degrees[alone].argmax(1)).float().mean()
        ),
        "intensity_spearman": float(metrics.spearman(wanted[None], strength[None])),
        "intensity_mae": float((strength - wanted).abs().mean()),
        "degrees_mae_of_mixtures": float(
            (judged.degrees - held.degrees)[mixed][held.degrees[mixed] > 0].abs().mean()
        ),
        "landmark_nme": float(metrics.nme(judged.landmarks, held.landmarks).mean()),
        "mouth_nme": float(metrics.nme(judged.landmarks, held.landmarks, metrics.MOUTH).mean()),
        "reidentified": float(again.mean()),
        "cosine_same": float(same[right].mean()),
        "cosine_others": float(same[~right].mean()),
    }


def save(judges: Judges, path: Path) -> None:
    """The weights at half precision."""
    state = judges.state_dict()
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in halves.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=800)
    parser.add_argument("--held-out", type=int, default=100, help="people to measure on")
    parser.add_argument("--each", type=int, default=24, help="portraits of a person")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--every", type=int, default=600, help="steps between measurements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.time()
    held = drawn(range(options.people, options.people + options.held_out), options.each)
    data = drawn(range(options.people), options.each)
    print(f"{len(data)} portraits in {time.time() - began:.0f} s", flush=True)
    for judges, said in train(data, options, held):
        save(judges, options.out)
        print(said, flush=True)
    megabytes = options.out.stat().st_size / 1e6
    told = {"steps": options.steps, "trained_on": len(data), "megabytes": round(megabytes, 3)}
    parameters = sum(p.numel() for p in judges.parameters())
    write_results(
        "portrait_judges",
        {**told, "parameters": parameters, "held_out": measured(judges, held)},
        options.results,
    )


if __name__ == "__main__":
    main()
