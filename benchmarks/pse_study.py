"""Promotion and suppression, measured: what attacks do to which cells, places and units.

    python benchmarks/pse_study.py [--network dq-full] [--pictures 64] [--parts cells units video]

Writes ``results/pse_study.json`` and the figures ``docs/figures/pse_*.png``. Each part is kept
below ``runs/robustness/pse`` as soon as it is done, and not done again for the same network and
the same options. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import pse_attacks
import pse_plots
import pse_units
import pse_video
import sensorium
from report import RESULTS, write_results
from sensorium.robustness.attacks import BIM, in_batches
from sensorium.robustness.pse import Looking, Names, explain
from sensorium.robustness.quantiser import ActivationQuantiser
from sensorium.seeds import torch_generator
from sensorium.worlds.objects import SHAPES, draw, split_seeds

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "runs" / "robustness" / "pse"
FIGURES = ROOT / "docs" / "figures"
PARTS = ("cells", "refinement", "units", "silencing", "video")


def load(name: str) -> nn.Module:
    """A bundled name, a folder, or ``module:attribute`` (called if it is no network)."""
    if ":" in name:
        sys.path.insert(0, os.getcwd())
        module, _, attribute = name.partition(":")
        made = getattr(importlib.import_module(module), attribute)
        network = made if isinstance(made, nn.Module) else made()
    else:
        network = sensorium.load(name)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()


def layers_of(network: Any) -> dict[str, nn.Module]:
    """The rectified maps that are the output of a module of their own."""
    kinds = (nn.ReLU, nn.ReLU6, ActivationQuantiser)
    named = {n: m for n, m in network.named_modules() if isinstance(m, kinds)}
    with torch.no_grad():
        good = {}
        for name, module in named.items():
            kept: list[Tensor] = []
            hook = module.register_forward_hook(lambda _m, _i, out, kept=kept: kept.append(out))
            network(torch.zeros(1, 3, 32, 32))
            hook.remove()
            if len(kept) == 1 and kept[0].ndim == 4:
                good[name] = module
    return good


def pictures(network: Any, split: str, count: int, first: int = 0) -> dict[str, Tensor]:
    """Objects that the network answers rightly, with a random target each."""
    found: dict[str, list[Tensor]] = {"x": [], "true": [], "areas": []}
    while sum(map(len, found["x"])) < count:
        drawn = draw(split_seeds(split, 2 * count, first))
        first += 2 * count
        x, y = torch.from_numpy(drawn.pixels).float() / 255, torch.from_numpy(drawn.label)
        with torch.no_grad():
            right = network(x).argmax(1) == y
        areas = torch.from_numpy(drawn.mask).long()
        areas[torch.from_numpy(drawn.edges())] = 2
        for name, value in (("x", x), ("true", y), ("areas", areas)):
            found[name].append(value[right])
    whole = {name: torch.cat(value)[:count] for name, value in found.items()}
    shift = torch.randint(1, len(SHAPES), (count,), generator=torch_generator(0, "targets", split))
    whole["target"] = (whole["true"] + shift) % len(SHAPES)
    return whole


class Study:
    """One network, its pictures, and the parts that are done."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.network = load(options.network)
        self.layers = layers_of(self.network)
        self.data = pictures(self.network, "test", options.pictures)
        self.batch = pse_attacks.Batch(network=self.network, **self.data)
        self.attacks = pse_attacks.attacks(options.fast)

    def key(self) -> str:
        """Of the network's weights and the options."""
        digest = hashlib.sha256()
        for name, value in self.network.state_dict().items():
            if not name.startswith("gauge."):  # says what is familiar, not what it is
                digest.update(value.cpu().contiguous().numpy().tobytes())
        digest.update(f"{self.options.pictures} {self.options.fast}".encode())
        return digest.hexdigest()[:12]

    def say(self, text: str) -> None:
        """With the CPU seconds so far."""
        print(f"{time.process_time():6.0f} s  {text}", flush=True)

    def cells(self) -> dict[str, Any]:
        """Kinds, places, what is kept, regions and units, for each attack."""
        last = list(self.layers.items())[-2:]
        found = {}
        for name, attack in self.attacks.items():
            done, seconds = pse_attacks.run_attack(name, attack, self.batch)
            self.say(f"{name}: {done.success.double().mean():.2f}")
            found[name] = pse_attacks.measure(self.batch, done, last)
            found[name]["seconds"] = round(seconds, 1)
            kinds = {k: round(v["mean"], 2) for k, v in found[name].get("kinds", {}).items()}
            self.say(f"  {kinds}")
        return found

    def refinement(self) -> dict[str, Any]:
        """IFGSM and C&W (with half the steps: there are eleven of each) under masks."""
        count = max(8, self.options.pictures // 2)
        half = {name: value[:count] for name, value in self.data.items()}
        batch = pse_attacks.Batch(network=self.network, **half)
        found: dict[str, Any] = {"pictures": count}
        for name in ("IFGSM 8/255, until it works", "C&W"):
            self.say(f"refining {name}")
            attack = pse_attacks.attacks(self.options.fast / 2)[name]
            assert attack is not None
            found[name] = pse_attacks.refinement(batch, attack, self.say)
        return found

    def many(self, count: int, split: str = "test") -> dict[str, Tensor]:
        """More pictures."""
        return pictures(self.network, split, count, 20_000)

    def units(self) -> dict[str, Any]:
        """Dissection and sensitivity."""
        more = self.many(4 * self.options.pictures)
        attack = BIM(eps=8 / 255, stop=False)
        done = in_batches(attack, self.network, more["x"], more["true"], target=more["target"])
        self.say(f"units: attacked {len(more['x'])} pictures")
        layers = pse_units.study(
            self.network, self.layers, more["x"], done.x, 16 * self.options.pictures
        )
        return {"pictures": len(more["x"]), "probes": 16 * self.options.pictures, "layers": layers}

    def silencing(self) -> dict[str, Any]:
        """Units of the last layer and of one in the middle."""
        val = self.many(2 * self.options.pictures, "val")
        eps = pse_units.middling_eps(self.network, val["x"], val["true"])
        more = self.many(2 * self.options.pictures)
        attacked = BIM(eps=eps, steps=10, step=eps / 4, stop=False)(
            self.network, val["x"], val["true"]
        )
        moved = pse_units.sensitivities(self.network, self.layers, val["x"], attacked.x)
        names = list(self.layers)
        found = {}
        for name in dict.fromkeys((names[len(names) // 2], names[-1])):
            self.say(f"silencing units of {name}")
            data = (more["x"], more["true"])
            sensitive = moved["max"][name].jsd
            found[name] = pse_units.silencing(
                self.network, self.layers[name], sensitive, data, eps, self.say
            )
        return found

    def video(self) -> dict[str, Any]:
        """TSM."""
        found, drawn = pse_video.study(
            max(2, self.options.pictures // 16), self.options.fast, self.say
        )
        if drawn is not None:
            pse_plots.save(drawn.figure(), self.options.figures / "pse_clip.png")
        return found

    def example(self) -> None:
        """One picture, explained under two attacks."""
        for name, file in (("C&W", "pse_cw"), ("IFGSM 8/255", "pse_ifgsm")):
            attack = self.attacks[name]
            assert attack is not None
            few = {k: v[:8] for k, v in self.data.items()}
            done = attack(self.network, few["x"], few["true"], target=few["target"])
            k = int(done.success.long().argmax())
            names = Names(SHAPES, f"object {k}", self.options.call or self.options.network, name)
            pair = (few["x"][k], done.x[k], int(few["true"][k]), int(few["target"][k]))
            found = explain(self.network, *pair, names=names, looking=Looking(side=2))
            pse_plots.save(found.figure(), self.options.figures / f"{file}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="dq-full")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--fast", type=float, default=1.0, help="share of the attacks' steps")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--call", default="", help="name of the network in the results")
    parser.add_argument("--note", default="", help="what else is to be said of it")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(options)
    folder = KEPT / study.key()
    folder.mkdir(parents=True, exist_ok=True)
    study.say(f"{options.network}: {len(study.layers)} layers; parts in {folder}")
    files = {part: folder / f"{part}.json" for part in PARTS}
    files["video"] = KEPT / f"video-{options.pictures}-{options.fast:g}.json"  # TSM's, not its
    for part in options.parts:
        if not files[part].exists():
            files[part].write_text(json.dumps(getattr(study, part)()))
            study.say(f"{part}: done")
    done = {part: json.loads(file.read_text()) for part, file in files.items() if file.exists()}
    about = {"network": options.call or options.network, "note": options.note}
    about["pictures"] = options.pictures
    about["parameters"] = sum(p.numel() for p in study.network.parameters())
    results = {**about, "side": pse_attacks.SIDE, "percentile": pse_attacks.PERCENTILE, **done}
    write_results("pse_study", results, options.out)
    study.example()
    pse_plots.draw(results, options.figures)
    study.say("done")


if __name__ == "__main__":
    main()
