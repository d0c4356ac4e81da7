"""Train the network that sees who stands where: kind and colour of instruments, place by place.

What object detectors are to captioning of real videos, for the stage: single pictures of the
training split's episodes, with masks, kinds and colours of those who stand there. Neither sentences
nor times of events are used. Starts from the trunk of `stage_trunk.py`.

    python benchmarks/stage_performers.py        # writes weights/stage-performers.safetensors
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from sensorium import images
from sensorium.events.performers import COLOUR_NAMES, Performers
from sensorium.recipe import Split
from sensorium.seeds import generator, split_seed
from sensorium.worlds.stage import INSTRUMENTS, Renderer, compose

WEIGHTS = Path(__file__).parents[1] / "src/sensorium/weights"
SIZE, PER_EPISODE, LEAST = 112, 6, 0.3
FIRST = 100_000  # episodes far from those of which stories are told
NOBODY = -100


def pictures(split: Split, episodes: int, first: int = FIRST) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures ``uint8 [N, 3, H, W]``, and kind and colour at each place ``int64 [N, h, w]``."""
    shown, kinds, colours = [], [], []
    for index in range(first, first + episodes):
        seed = split_seed(split, index)
        episode = compose(seed, 30.0, order_words=False)
        times = generator(seed, "pictures").uniform(0.0, 30.0, PER_EPISODE).tolist()
        renderer = Renderer(episode, SIZE, SIZE)
        shown.append(torch.from_numpy(renderer.frames(times)).permute(0, 3, 1, 2))
        owner = torch.from_numpy(renderer.owners(times).astype(np.int64))
        people = len(episode.performers)
        # [T, H, W] -> [T, P, h, w]
        share = F.avg_pool2d(F.one_hot(owner, people + 1).permute(0, 3, 1, 2).float(), 8)[:, 1:]
        most, who = share.max(1)
        kind = torch.tensor([INSTRUMENTS.index(p.kind) for p in episode.performers])
        colour = torch.tensor([COLOUR_NAMES.index(p.colour) for p in episode.performers])
        there = most > LEAST
        kinds.append(torch.where(there, kind[who] + 1, 0))
        colours.append(torch.where(there, colour[who], NOBODY))
    return torch.cat(shown), torch.cat(kinds), torch.cat(colours)


def judged(network: Performers, data: tuple[Tensor, Tensor, Tensor]) -> dict[str, float]:
    """Shares of places that are named rightly."""
    network.eval()
    found = []
    with torch.no_grad():
        for part in data[0].split(64):
            kind, colour = network.logits(images.normalise(part))
            found.append((kind.argmax(1), colour.argmax(1)))
    kind, colour = (torch.cat(x) for x in zip(*found, strict=True))
    network.train()
    there = data[1] > 0
    return {
        "somebody": float(((kind > 0) == there).float().mean()),
        "kind": float((kind == data[1])[there].float().mean()),
        "colour": float((colour == data[2])[there].float().mean()),
    }


def save(network: Performers, path: Path) -> None:
    state = network.state_dict()
    halves = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    save_file({k: v.contiguous() for k, v in halves.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=700)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--out", type=Path, default=WEIGHTS / "stage-performers.safetensors")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="weights to go on from, with other episodes")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = Performers().to(memory_format=torch.channels_last).train()
    if options.start:
        network.load_state_dict(load_file(options.start))
    else:
        network.trunk.load_state_dict(load_file(WEIGHTS / "stage-trunk.safetensors"))
    first = 2 * FIRST if options.start else FIRST
    train, held = pictures("train", options.episodes, first), pictures("val", 60)
    print(f"{len(train[0])} pictures", flush=True)
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, options.steps, pct_start=0.1
    )
    rng, began = np.random.default_rng(0), time.time()
    for step in range(options.steps):
        chosen = rng.integers(0, len(train[0]), options.batch)
        looked, kind, colour = (x[chosen] for x in train)
        if rng.uniform() < 0.5:
            looked, kind, colour = looked.flip(-1), kind.flip(-1), colour.flip(-1)
        with torch.autocast("cpu", torch.bfloat16):
            seen = images.normalise(looked).contiguous(memory_format=torch.channels_last)
            told = network.logits(seen)
        loss = F.cross_entropy(told[0].float(), kind) + F.cross_entropy(told[1].float(), colour)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
        if (step + 1) % 100 == 0:
            said = f"step {step + 1} loss {loss.item():.3f} {time.time() - began:.0f} s"
            print(said, judged(network, held) if (step + 1) % 300 == 0 else "", flush=True)
        if (step + 1) % 300 == 0:
            save(network, options.out)


if __name__ == "__main__":
    main()
