"""Simulated quantisation against real integers: answers, robust answers, latency.

    python benchmarks/robustness_int8.py [--quick] [--threads N] [--out FOLDER]

Three systems: the bundled ``dq`` (a plain network, 4 bits), a ResNet-8 of 4 bits that is trained
here on the procedural objects (its residual sums are bytes with ranges from data), and the bundled
``tsm`` (8 bits after training: ranges from data throughout). Each is exported by
`sensorium.export` with ``int8``, and each form answers the same clean and the same adversarial
inputs, rounded to bytes: PGD on the margin with restarts, made on the simulation (white box there),
and PGD whose success is tested on the integers with the simulation's gradient (white box on the
integers). The integer network is as robust as the simulated one if both, each attacked for itself,
keep equally many; inputs made for one are always somewhat weaker against the other.

Latency: the integer graph, the graph with float activations and eager PyTorch, by turns in one
process with the same number of threads; also for networks wide enough that arithmetic counts, with
random weights (speed does not depend on them).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from report import RESULTS, versions, write_results
from sensorium import images, store
from sensorium.actions.systems import ActionSystem
from sensorium.export import OnnxActions, OnnxPictures, export
from sensorium.export.calibration import CALIBRATION_CLIPS, DataClips
from sensorium.export.quantising import convolutions
from sensorium.recipe import Recipe
from sensorium.robustness.attacks import PGD
from sensorium.robustness.quantised import quantise_activations
from sensorium.robustness.quantiser import round_through, set_bits
from sensorium.robustness.recipes import objects
from sensorium.robustness.systems import DQConfig, DQSystem
from sensorium.seeds import torch_generator
from sensorium.store import Card
from sensorium.training import fit

RUNS = Path(__file__).parent.parent / "runs" / "robustness" / "int8"
Classifier = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    pictures: int = 500
    attacked: int = 200
    clips: int = 96
    attacked_clips: int = 48
    steps: int = 20
    restarts: int = 2
    training: int = 1600
    rounds: int = 40


QUICK = Size(64, 16, 8, 4, 3, 1, 60, 3)


# --- answers --------------------------------------------------------------------------------------


def rounded(x: Tensor) -> Tensor:
    """Values that bytes can hold."""
    return (x * 255).round() / 255


@torch.no_grad()
def answers(classifier: Any, x: Tensor, batch: int = 50) -> Tensor:
    """Logits of all of them."""
    return torch.cat([classifier(part).detach() for part in torch.split(x, batch)])


class OnBytes(torch.nn.Module):
    """A network that sees its input rounded to bytes; the gradient passes the rounding.

    Shape:
        as the network's.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.classes = network, network.classes

    def forward(self, x: Tensor) -> Tensor:
        """Its logits."""
        logits: Tensor = self.network(round_through(x * 255) / 255)
        return logits


@dataclass(frozen=True)
class Pair:
    """A simulated network, its integers, and what to ask both.

    Attributes:
        name: shown in the table.
        simulated: with gradients, takes values in 0..1.
        integers: without.
        x: inputs in 0..1.
        y: their labels.
        attacked: how many of the first are attacked.
        eps: radii of the Linf balls.
    """

    name: str
    simulated: Any
    integers: Any
    x: Tensor
    y: Tensor
    attacked: int
    eps: tuple[float, ...]


def compare(pair: Pair, size: Size) -> dict[str, Any]:
    """Clean and robust accuracy of both forms."""
    x, y = rounded(pair.x), pair.y
    ours, theirs = answers(pair.integers, x), answers(pair.simulated, x)
    row: dict[str, Any] = {
        "name": pair.name,
        "inputs": len(x),
        "accuracy_simulated": accuracy(theirs, y),
        "accuracy_integers": accuracy(ours, y),
        "same_answer": float((ours.argmax(1) == theirs.argmax(1)).float().mean()),
        "largest_change_of_a_logit": float((ours - theirs).abs().max()),
        "largest_logit": float(theirs.abs().max()),
        "attacked": pair.attacked,
        "robust": [robust(pair, eps, size) for eps in pair.eps],
    }
    gaps = [abs(r["simulated"] - r["integers_white_box"]) for r in row["robust"]]
    row["largest_gap_robust"] = max(gaps)
    row["gap_clean"] = abs(row["accuracy_simulated"] - row["accuracy_integers"])
    print({k: v for k, v in row.items() if k != "robust"}, flush=True)
    return row


def accuracy(logits: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    return float((logits.argmax(1) == y).float().mean())


def robust(pair: Pair, eps: float, size: Size) -> dict[str, float]:
    """Accuracy under attack: the same inputs to both, then an attack on the integers themselves.

    Success is tested on what bytes can hold, and each sample keeps the iterate of the highest loss,
    not the first that is beyond the border of a class.
    """
    x, y = pair.x[: pair.attacked], pair.y[: pair.attacked]
    options: dict[str, Any] = {"eps": eps, "steps": size.steps, "restarts": size.restarts}
    attack = PGD(loss="margin", step=eps / 6, stop=False, **options)
    bytewise = OnBytes(pair.simulated)
    found = rounded(attack(bytewise, x, y).x)
    own = replace(attack, surrogate=bytewise)(pair.integers, x, y)
    row = {
        "eps": eps,
        "simulated": accuracy(answers(pair.simulated, found), y),
        "integers": accuracy(answers(pair.integers, found), y),
        "integers_white_box": accuracy(answers(pair.integers, rounded(own.x)), y),
    }
    print(f"  {pair.name}: {row}", flush=True)
    return row


# --- the systems ----------------------------------------------------------------------------------


def trained_resnet(size: Size) -> DQSystem:
    """A ResNet-8 of 4 bits on the objects; kept between runs."""
    recipe = objects(4, "vanilla", name="dq-vanilla", steps=size.training)
    system = replace(recipe.system, network="resnet", depth=8)
    recipe = replace(recipe, system=system)
    folder = RUNS / f"resnet-{size.training}"
    if not (folder / "system").is_dir():
        for step in fit(recipe, folder, device="cpu", resume=folder.is_dir()):
            if step.number % 100 == 0:
                print(f"  ResNet-8: step {step.number} of {step.total}", flush=True)
    made = store.load(folder)
    assert isinstance(made, DQSystem)
    made.weights, made.card = "resnet-8", Card(recipe="dq-vanilla")
    return made.eval()


def pictures_pair(
    name: str, system: DQSystem, recipe: Recipe, folder: Path, size: Size
) -> tuple[Pair, dict[str, Any]]:
    """A classifier of pictures and its exported integers."""
    done = export(system, folder / f"{name}.onnx", int8=True, calibration=recipe.data, max_drop=1.0)
    data = recipe.data.all("test")
    integers = OnnxPictures(done.path, torch.get_num_threads())
    x, y = data.x[: size.pictures], data.y[: size.pictures]
    eps = (1 / 255, 2 / 255, 4 / 255)
    return Pair(name, system, integers, x, y, size.attacked, eps), done.to_dict()


class Clips(torch.nn.Module):
    """An action system that takes clips in 0..1."""

    def __init__(self, system: ActionSystem) -> None:
        super().__init__()
        self.system, self.classes = system, system.config.classes

    def forward(self, x: Tensor) -> Tensor:
        """Logits of ``[B, T, 3, H, W]``."""
        view = self.system.config.view
        pixels = images.normalise(x.flatten(0, 1), view.mean, view.std)
        logits: Tensor = self.system.network(pixels.view_as(x))  # [B*T, ...] -> [B, T, ...]
        return logits


class ByteClips:
    """An exported action system that takes clips in 0..1."""

    def __init__(self, path: Path) -> None:
        self.network = OnnxActions(path, torch.get_num_threads())
        self.classes = self.network.about.classes

    def __call__(self, x: Tensor) -> Tensor:
        """Logits; values are rounded to bytes."""
        return self.network((x.detach().clamp(0, 1) * 255).round().to(torch.uint8))


def tsm_pair(folder: Path, size: Size) -> tuple[Pair, dict[str, Any]]:
    """The bundled TSM: simulated with 8 bits at every rectifier, and its exported integers."""
    system = store.load("tsm").eval()
    assert isinstance(system, ActionSystem)
    done = export(system, folder / "tsm.onnx", int8=True)
    assert system.card is not None
    from sensorium.training import recipe

    clips = DataClips(recipe(system.card.recipe).data)
    seen = [frames.float() / 255 for frames, _ in clips.calibration()][: CALIBRATION_CLIPS // 8]
    simulated = quantise_activations(Clips(system), 8, seen, share=1.0)
    parts = list(clips.held_out())
    x = torch.cat([frames for frames, _ in parts])[: size.clips].float() / 255
    y = torch.cat([label for _, label in parts])[: size.clips]
    pair = Pair(
        "tsm", simulated, ByteClips(done.path), x, y, size.attacked_clips, (1 / 255, 4 / 255)
    )
    return pair, done.to_dict()


# --- latency --------------------------------------------------------------------------------------

WIDE = {
    "ResNet-20, 64 channels": DQConfig("resnet", 20, 64, tuple("0123456789")),
    "WRN-16-4": DQConfig("wide_resnet", 16, 4, tuple("0123456789")),
    "VGG-16": DQConfig("vgg", 16, 64, tuple("0123456789")),
}


def sessions(system: DQSystem, folder: Path) -> dict[str, Any]:
    """ONNX Runtime sessions with float and with integer activations, and the count of integers."""
    from sensorium.export.pictures import TakesBytes, write_graph
    from sensorium.export.running import open_session
    from sensorium.robustness.integers import integer_network

    config = system.config
    shape = (8, config.in_channels, config.size, config.size)
    image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch_generator(0, "ranges"))
    integers = write_graph(
        integer_network(system.network, [image]), system, folder / "i.onnx", "int8"
    )
    counts = convolutions(integers)
    set_bits(system, 0)
    floats = write_graph(TakesBytes(system).eval(), system, folder / "f.onnx", "fp32")
    threads = torch.get_num_threads()
    return {
        "integers": open_session(integers, threads),
        "floats": open_session(floats, threads),
        "counts": counts,
    }


def eager(system: DQSystem, x: Tensor, bits: int) -> Tensor:
    """PyTorch, with that many bits."""
    set_bits(system, bits)
    logits: Tensor = system(x)
    return logits


@torch.no_grad()
def latency(name: str, system: DQSystem, folder: Path, size: Size) -> dict[str, Any]:
    """Milliseconds of each form at batch 1 and 32, by turns."""
    bits = system.config.bits
    made = sessions(system, folder)
    row: dict[str, Any] = {"name": name, "bits": bits}
    row["int8_convolutions"], row["float_convolutions"] = made["counts"]
    for batch in (1, 32):
        config = system.config
        array = np.zeros((batch, config.in_channels, config.size, config.size), np.uint8)
        x = torch.zeros(array.shape)

        feed = {"image": array}
        works: dict[str, Callable[[], Any]] = {
            "eager simulated": partial(eager, system, x, bits),
            "eager floats": partial(eager, system, x, 0),
            "floats": partial(made["floats"].run, ["logits"], feed),
            "integers": partial(made["integers"].run, ["logits"], feed),
        }
        times = by_turns(works, size.rounds if batch == 1 else max(3, size.rounds // 4))
        row[f"batch_{batch}_ms"] = {k: round(v, 3) for k, v in times.items()}
        row[f"batch_{batch}_ratio"] = round(times["floats"] / times["integers"], 2)
    print(row, flush=True)
    return row


def tsm_latency(folder: Path, size: Size) -> dict[str, Any]:
    """One clip by the bundled TSM's two exported forms."""
    system = store.load("tsm").eval()
    assert isinstance(system, ActionSystem)
    threads = torch.get_num_threads()
    forms = {
        "integers": OnnxActions(folder / "tsm.onnx", threads),
        "floats": OnnxActions(export(system, folder / "tsm-floats.onnx").path, threads),
    }
    view = system.config.view
    row: dict[str, Any] = {"name": "tsm", "bits": 8}
    row["int8_convolutions"], row["float_convolutions"] = convolutions(folder / "tsm.onnx")
    for batch in (1, 32):
        clip = torch.zeros(batch, view.sampling.count, 3, view.size, view.size, dtype=torch.uint8)
        works: dict[str, Callable[[], Any]] = {k: partial(f, clip) for k, f in forms.items()}
        times = by_turns(works, size.rounds if batch == 1 else max(3, size.rounds // 4))
        row[f"batch_{batch}_ms"] = {k: round(v, 3) for k, v in times.items()}
        row[f"batch_{batch}_ratio"] = round(times["floats"] / times["integers"], 2)
    print(row, flush=True)
    return row


def by_turns(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The median of each in milliseconds; every other round goes backwards."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for r in range(rounds):
        for name in list(works)[:: -1 if r % 2 else 1]:
            start = time.perf_counter()
            works[name]()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measures all and writes ``robustness_int8.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="little of everything")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size = QUICK if given.quick else Size()
    from sensorium.training import recipe

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dq = store.load("dq").eval()
        resnet = trained_resnet(size)
        assert isinstance(dq, DQSystem)
        made = [
            pictures_pair("dq", dq, recipe("dq"), folder, size),
            pictures_pair("resnet-8", resnet, recipe("dq-vanilla"), folder, size),
            tsm_pair(folder, size),
        ]
        rows = [compare(pair, size) for pair, _ in made]
        times = [latency("dq", dq, folder, size), latency("resnet-8", resnet, folder, size)]
        times += [latency(n, DQSystem(c).eval(), folder, size) for n, c in WIDE.items()]
        times.append(tsm_latency(folder, size))
    payload = {
        "answers": rows,
        "exports": {pair.name: done for pair, done in made},
        "latency": times,
        "threads": given.threads,
        "attack": f"PGD on the margin, {size.steps} steps, {size.restarts} restarts, highest loss",
        "versions": versions("torch", "onnx", "onnxruntime"),
    }
    for done in payload["exports"].values():
        done.pop("path")
        done.pop("card")
    print(write_results("robustness_int8", payload, given.out))


if __name__ == "__main__":
    main()
