"""Programs of `torch.export`: integers by torchao and torch.compile against their rivals.

    python benchmarks/export_pt2.py [--quick] [--out FOLDER]

Answers: the bundled ``dq``, simulated and as an exported program in integers, on clean pictures and
on PGD examples made on the simulation (white box there, transfer to the integers), in bytes.

Time: milliseconds of processor time, one thread, median of rounds in which all forms take turns:
eager PyTorch as simulated and with float activations, float activations by torch.compile with
frozen weights (for each batch size by itself, the fastest floats that it made here), the integers
by torch.compile, and those of the ONNX graph by ONNX Runtime. The ResNet has random weights, on
which time does not depend. Needs ``sensorium[torchao]``, ``sensorium[export]`` and a C++ compiler.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._inductor import config

from report import RESULTS, versions, write_results
from sensorium import store
from sensorium.actions.systems import ActionSystem
from sensorium.export import OnnxActions, OnnxPictures, Pt2Actions, Pt2Pictures, export
from sensorium.export.pictures import write_graph
from sensorium.export.programs import load
from sensorium.robustness.attacks import PGD
from sensorium.robustness.integers import integer_network
from sensorium.robustness.quantiser import set_bits
from sensorium.robustness.recipes import objects
from sensorium.robustness.systems import DQConfig, DQSystem

EPS = (1 / 255, 2 / 255, 4 / 255)
OBJECTS = objects(4, "vanilla", name="dq-vanilla").data
Network = Callable[[Tensor], Tensor]


@torch.no_grad()
def answers(network: Network, x: Tensor) -> Tensor:
    return torch.cat([network(part) for part in torch.split(x, 50)])


def accuracy(logits: Tensor, y: Tensor) -> float:
    return float((logits.argmax(1) == y).float().mean())


def compare(system: DQSystem, integers: Network, data: Any, count: int, attacked: int) -> Any:
    """Clean and robust accuracy of both forms."""
    x, y = (data.x[:count] * 255).round() / 255, data.y[:count]
    ours, theirs = answers(integers, x), answers(system, x)
    robust = []
    for eps in EPS:
        attack = PGD(eps=eps, steps=20, restarts=2, loss="margin", step=eps / 6, stop=False)
        found = (attack(system, x[:attacked], y[:attacked]).x * 255).round() / 255
        both = [accuracy(answers(f, found), y[:attacked]) for f in (system, integers)]
        robust.append({"eps": eps, "simulated": both[0], "integers": both[1]})
        print(robust[-1], flush=True)
    return {
        "pictures": len(x),
        "attacked": min(attacked, len(x)),
        "accuracy_simulated": accuracy(theirs, y),
        "accuracy_integers": accuracy(ours, y),
        "same_answer": float((ours.argmax(1) == theirs.argmax(1)).float().mean()),
        "largest_change_of_a_logit": float((ours - theirs).abs().max()),
        "largest_logit": float(theirs.abs().max()),
        "robust": robust,
    }


def by_turns(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median processor milliseconds of each; every other round goes backwards."""
    times: dict[str, list[float]] = {name: [] for name in works}
    with config.patch(freezing=True):  # for what is compiled now
        for work in works.values():
            work()
            work()
    for r in range(rounds):
        for name in list(works)[:: -1 if r % 2 else 1]:
            start = time.process_time()
            works[name]()
            times[name].append(1e3 * (time.process_time() - start))
    return {name: round(statistics.median(values), 3) for name, values in times.items()}


@torch.no_grad()
def row(
    name: str, forms: dict[str, Network], inputs: Tensor, rounds: int, done: Any
) -> dict[str, Any]:
    """Times at batch 1 and 32, and how many times faster the integers are."""
    found: dict[str, Any] = {"name": name, "megabytes": done.megabytes}
    found |= {"int8_convolutions": done.int8, "float_convolutions": done.floats}
    for batch in (1, 32):
        x = inputs[:batch]
        works = {form: (lambda f=f, x=x: f(x)) for form, f in forms.items()}
        times = by_turns(works, rounds if batch == 1 else max(3, rounds // 4))
        ours = times["compiled integers"]
        ratios = {k: round(v / ours, 2) for k, v in times.items() if k != "compiled integers"}
        found[f"batch_{batch}_ms"], found[f"batch_{batch}_times_faster_than"] = times, ratios
    print(found, flush=True)
    return found


def pictures(name: str, system: DQSystem, folder: Path, rounds: int) -> tuple[Any, Network]:
    """A classifier of pictures."""
    options: dict[str, Any] = {"int8": True, "max_drop": 1.0, "calibration": OBJECTS}
    done = export(system, folder / f"{name}.pt2", to="pt2", **options)
    seen = (OBJECTS.all("val").x[:64] * 255).round().to(torch.uint8)
    write_graph(integer_network(system.network, [seen]), system, folder / f"{name}.onnx", "int8")
    floats = copy.deepcopy(system).requires_grad_(False)
    set_bits(floats, 0)
    shape = (32, system.config.in_channels, system.config.size, system.config.size)
    x = torch.rand(shape)
    integers = Pt2Pictures(folder / f"{name}.pt2")
    forms: dict[str, Network] = {
        "eager simulated": system,
        "eager floats": floats,
        "compiled floats": torch.compile(floats.network, dynamic=False),
        "compiled integers": integers,
        "ONNX Runtime integers": OnnxPictures(folder / f"{name}.onnx", 1),
    }
    return row(name, forms, x, rounds, done), integers


def clips(folder: Path, rounds: int) -> Any:
    """The bundled TSM."""
    system = store.load("tsm").eval()
    assert isinstance(system, ActionSystem)
    done = export(system, folder / "tsm.pt2", to="pt2", int8=True)
    export(system, folder / "tsm.onnx", int8=True)
    export(system, folder / "floats.pt2", to="pt2")
    view = system.config.view
    shape = (32, view.sampling.count, 3, view.size, view.size)
    x = torch.randint(0, 256, shape, dtype=torch.uint8)
    forms: dict[str, Network] = {
        "eager floats": system,
        "compiled floats": torch.compile(load(folder / "floats.pt2", "clip")[0], dynamic=False),
        "compiled integers": Pt2Actions(folder / "tsm.pt2"),
        "ONNX Runtime integers": OnnxActions(folder / "tsm.onnx", 1),
    }
    return row("tsm", forms, x, rounds, done)


def main() -> None:
    """Measures all and writes ``export_pt2.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="little of everything")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    count, attacked, rounds = (60, 20, 4) if given.quick else (500, 200, 60)
    dq, wide = store.load("dq").eval(), DQSystem(OBJECTS.adapt(DQConfig("resnet", 20, 64))).eval()
    assert isinstance(dq, DQSystem)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times, integers = pictures("dq", dq, folder, rounds)
        compared = compare(dq, integers, OBJECTS.all("test"), count, attacked)
        wide.weights = "ResNet-20, 64 channels"
        latency = [times, pictures("resnet-20", wide, folder, rounds)[0], clips(folder, rounds)]
    payload = {
        "answers": compared,
        "latency": latency,
        "attack": "PGD on the margin of the simulated network, 20 steps, 2 restarts",
        "time": "processor time, one thread, median, by turns",
        "versions": versions("torch", "torchao", "onnxruntime"),
    }
    print(write_results("export_pt2", payload, given.out))


if __name__ == "__main__":
    main()
