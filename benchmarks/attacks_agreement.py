"""Attacks against Foolbox and torchattacks: as many broken, within the same bound, and how fast.

``python benchmarks/attacks_agreement.py`` trains two small networks (handwritten digits, and
procedural objects of 32 x 32 pixels; some minutes), attacks their known test pictures by each
library with the same budget and the same steps, and times them in one run on one thread, in
processor time; rounds alternate, medians count. What is random is repeated with other seeds, and
means are compared. ``same rule`` is ours by the libraries' rule (the last iterate, no sample leaves
the batch), ``every step`` with no early end on either side; without them ours is as it is by
default. Where a library differs by its rule, not by its luck, it is also run with ours: Foolbox's
L2 PGD starts evenly in the ball, so nearly at its surface, and torchattacks' Square never reaches
the last row and column of a picture.

torchattacks 3.5.1 pins versions that do not go with this package, so it is no dependency: ``pip
install --no-deps torchattacks==3.5.1``. Without it its rows are left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import eagerpy as ep
import foolbox
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from report import RESULTS, versions, write_results
from sensorium.robustness.attacks import (
    APGD,
    BIM,
    CW,
    EAD,
    FGSM,
    PGD,
    Attack,
    Square,
)
from sensorium.robustness.classifier import LabelledData
from sensorium.robustness.datasets.digits import Digits
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.recipes import defended
from sensorium.robustness.systems import DQConfig, DQSystem

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torchattacks
except ImportError:
    torchattacks = None
    print("torchattacks is not here: pip install --no-deps torchattacks==3.5.1")

fa = foolbox.attacks
Theirs = Callable[[nn.Module, Tensor, Tensor, int], Tensor]
"""Network, pictures, labels and a seed to pictures under attack."""


@dataclass(frozen=True)
class Case:
    """One attack, by us and by others with the same settings."""

    name: str
    norm: str
    eps: float | None
    ours: Attack
    theirs: dict[str, Theirs] = field(default_factory=dict)
    random: bool = False


def by_foolbox(attack: Any, eps: float | None) -> Theirs:
    def run(network: nn.Module, x: Tensor, y: Tensor, seed: int) -> Tensor:
        torch.manual_seed(seed)
        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        _, made, _ = attack(model, x, y, epsilons=eps)
        if eps is not None:
            return made
        failed = made.flatten(1).amax(1) == 0  # a black picture, which may even count as broken
        return torch.where(failed.view(-1, *[1] * (x.ndim - 1)), x, made)

    return run


class NearStart(fa.L2PGD):
    """Foolbox's with our start: in any direction, at an even distance."""

    def get_random_start(self, x0: Any, epsilon: float) -> Any:
        noise = torch.randn_like(x0.raw)
        radius = epsilon * torch.rand(len(noise)) / noise.flatten(1).norm(dim=1)
        return x0 + ep.astensor(noise * radius.view(-1, *[1] * (noise.ndim - 1)))


def by_torchattacks(
    name: str, title: str = "torchattacks", *, seeded: bool = False, **settings: Any
) -> dict[str, Theirs]:
    """``seeded``: the attack sets the global generator itself."""
    if torchattacks is None:
        return {}
    kind = WholeSquare if name == "WholeSquare" else getattr(torchattacks, name)

    def run(network: nn.Module, x: Tensor, y: Tensor, seed: int) -> Tensor:
        torch.manual_seed(seed)
        given = settings | ({"seed": seed} if seeded else {})
        made: Tensor = kind(network, **given)(x, y)
        with torch.no_grad():
            network(made)  # the others say what they broke
        return made.detach()

    return {title: run}


if torchattacks is not None:

    class WholeSquare(torchattacks.Square):  # type: ignore[misc]
        """torchattacks' with squares that reach the last row and column."""

        def random_int(self, low: int = 0, high: int = 1, shape: Any = (1,)) -> Tensor:
            return torch.randint(low, high + 1, tuple(shape))


def cases(eps: float, l2: float, steps: int) -> Iterator[Case]:
    """The attacks; the least change in six searches of twice the steps."""
    yield from single_steps(eps, l2)
    yield from many_steps(eps, l2, steps)
    for loss in ("ce", "dlr"):
        given = {"norm": "Linf", "eps": eps, "steps": steps, "loss": loss}
        others = by_torchattacks("APGD", seeded=True, **given)
        ours = APGD(eps, "linf", steps, loss=loss)
        yield Case(f"APGD, {loss}", "linf", eps, ours, others, random=True)
    queries = 8 * steps
    given = {"seeded": True, "norm": "Linf", "eps": eps, "n_queries": queries, "n_restarts": 1}
    others = by_torchattacks("Square", **given)
    others |= by_torchattacks("WholeSquare", "torchattacks, whole picture", **given)
    ours = Square(eps, queries + 1)  # theirs do not count the first query
    yield Case(f"Square, {queries} queries", "linf", eps, ours, others, random=True)
    yield from least_changes(2 * steps)


def single_steps(eps: float, l2: float) -> Iterator[Case]:
    """One step."""
    yield Case(
        "FGSM", "linf", eps, FGSM(eps),
        {"foolbox": by_foolbox(fa.FGSM(), eps)} | by_torchattacks("FGSM", eps=eps),
    )  # fmt: skip
    yield Case(
        "FGSM, L2", "l2", l2, FGSM(l2, "l2"),
        {"foolbox": by_foolbox(fa.L2FastGradientAttack(), l2)},
    )  # fmt: skip


def many_steps(eps: float, l2: float, steps: int) -> Iterator[Case]:
    """BIM and PGD."""
    step, step2 = 2.5 * eps / steps, 2.5 * l2 / steps
    last = {"best": False, "stop": False}
    bim = fa.LinfBasicIterativeAttack(abs_stepsize=step, steps=steps, random_start=False)
    theirs = {"foolbox": by_foolbox(bim, eps)}
    theirs |= by_torchattacks("BIM", eps=eps, alpha=step, steps=steps)
    yield Case("BIM, same rule", "linf", eps, BIM(eps, steps, step, **last), theirs)
    yield Case("BIM", "linf", eps, BIM(eps, steps, step), theirs)
    pgd = fa.LinfPGD(abs_stepsize=step, steps=steps, random_start=True)
    theirs = {"foolbox": by_foolbox(pgd, eps)}
    theirs |= by_torchattacks("PGD", eps=eps, alpha=step, steps=steps, random_start=True)
    ours = PGD(eps, "linf", steps, step)
    yield Case("PGD, same rule", "linf", eps, replace(ours, **last), theirs, random=True)
    yield Case("PGD", "linf", eps, ours, theirs, random=True)
    for started in (False, True):
        given = {"steps": steps, "random_start": started}
        theirs = {"foolbox": by_foolbox(fa.L2PGD(abs_stepsize=step2, **given), l2)}
        if started:
            theirs["foolbox, our start"] = by_foolbox(NearStart(abs_stepsize=step2, **given), l2)
        theirs |= by_torchattacks("PGDL2", eps=l2, alpha=step2, **given)
        name = "PGD, L2" if started else "PGD, L2, clean start"
        ours = PGD(l2, "l2", steps, step2, random_start=started)
        same = replace(ours, **last)
        yield Case(f"{name}, same rule", "l2", l2, same, theirs, random=started)
        yield Case(name, "l2", l2, ours, theirs, random=started)


def least_changes(steps: int, searches: int = 6) -> Iterator[Case]:
    """C&W and EAD, each step by step and as they are."""
    for whole in (True, False):
        rule = ", every step" if whole else ""
        early = {"abort_early": not whole}
        cw = fa.L2CarliniWagnerAttack(searches, steps, stepsize=0.05, initial_const=0.01, **early)
        yield Case(
            f"C&W, L2{rule}", "l2", None, CW("l2", steps, searches, 0.05, 0.01, **early),
            {"foolbox": by_foolbox(cw, None)},
        )  # fmt: skip
        ead = fa.EADAttack(searches, steps, initial_const=0.01, regularization=0.01, **early)
        yield Case(
            f"EAD{rule}", "l1", None, EAD(0.01, steps, searches, constant=0.01, **early),
            {"foolbox": by_foolbox(ead, None)},
        )  # fmt: skip
    yield Case(
        "C&W, L2, constant 1", "l2", None, CW("l2", steps, 1, 0.05, 1.0),
        by_torchattacks("CW", c=1.0, steps=steps, lr=0.05),
    )  # fmt: skip


def fit(system: DQSystem, data: LabelledData, steps: int) -> None:
    """Adam on random batches: enough for a network that knows its test pictures."""
    optimiser = torch.optim.Adam(system.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    system.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        index = torch.randint(len(data), (64,), generator=generator)
        loss = F.cross_entropy(system(data.x[index]), data.y[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    system.eval()


def networks(
    names: list[str], steps: int
) -> Iterator[tuple[str, DQSystem, LabelledData, float, float]]:
    """Name, network, test pictures that it knows, and the budgets in Linf and in L2."""
    small = DQConfig(network="small", bits=0)
    for name, data, config, eps, l2 in (
        ("digits", Digits(), replace(small, depth=6, in_channels=1, size=8), 0.1, 0.6),
        ("objects", ObjectsData(length=4000), replace(small, depth=8), 4 / 255, 0.3),
    ):
        if name not in names:
            continue
        torch.manual_seed(0)
        system = DQSystem(defended(data.adapt(config), "vanilla"))
        fit(system, data.all("train"), steps)
        test = data.all("test")
        with torch.no_grad():
            right = system(test.x).argmax(1) == test.y
        print(f"{name}: accuracy {float(right.float().mean()):.3f}", flush=True)
        known = right.nonzero().flatten()
        yield name, system, LabelledData(test.x[known], test.y[known], test.classes), eps, l2


def size_of(d: Tensor, norm: str) -> Tensor:
    order = {"linf": float("inf"), "l2": 2, "l1": 1}[norm]
    return torch.linalg.vector_norm(d.double().flatten(1), order, dim=1)


def seconds(runs: list[Callable[[], Any]], rounds: int, least: float = 1.0) -> list[float]:
    """Median processor time of each; rounds alternate until ``least`` seconds of the first."""
    taken: list[list[float]] = [[] for _ in runs]
    while len(taken[0]) < rounds or (rounds > 1 and sum(taken[0]) < least):
        for k, run in enumerate(runs):
            begun = time.process_time()
            run()
            taken[k].append(time.process_time() - begun)
    return [statistics.median(t) for t in taken]


def compare(
    case: Case, network: DQSystem, data: LabelledData, options: argparse.Namespace
) -> dict[str, Any]:
    """One case on one network."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)  # as careful users do; libraries leave gradients otherwise
    makers: dict[str, Theirs] = {
        "sensorium": lambda network, x, y, seed: case.ours(network, x, y, seed=seed).x
    }
    makers |= case.theirs
    if case.eps is None:  # hundreds of steps for every sample
        few = options.searched
        data = LabelledData(data.x[:few], data.y[:few], data.classes)
    row: dict[str, Any] = {"attack": case.name, "norm": case.norm, "eps": case.eps}
    row |= {"samples": len(data), "seeds": options.seeds if case.random else 1}
    x, y = data.x[: options.timed], data.y[: options.timed]
    runs = [lambda make=make: make(network, x, y, 0) for make in makers.values()]
    times = seconds(runs, options.rounds)
    for (name, make), took in zip(makers.items(), times, strict=True):
        made = [attacked(make, network, data, seed) for seed in range(row["seeds"])]
        row[name] = outcome(network, data, made, case.norm) | {"ms": round(1000 * took, 2)}
    ours = row["sensorium"]
    for name in case.theirs:
        row[name]["times_ours"] = round(row[name]["ms"] / ours["ms"], 2)
        row[name]["gap_points"] = round(100 * (ours["broken"] - row[name]["broken"]), 2)
    print(row, flush=True)
    return row


def attacked(make: Theirs, network: DQSystem, data: LabelledData, seed: int) -> Tensor:
    """All samples, in batches of 250 with seeds of their own."""
    batches = zip(data.x.split(250), data.y.split(250), strict=True)
    return torch.cat([make(network, x, y, 1000 * seed + k) for k, (x, y) in enumerate(batches)])


@torch.no_grad()
def outcome(network: DQSystem, data: LabelledData, made: list[Tensor], norm: str) -> dict[str, Any]:
    """The share that is broken, over seeds, and the perturbations' norms."""
    broken = torch.stack([network(x).argmax(1) != data.y for x in made])
    sizes = torch.stack([size_of(x - data.x, norm) for x in made])
    shares = broken.double().mean(1)
    return {
        "broken": round(float(shares.mean()), 5),
        "broken_sd": round(float(shares.std()), 5) if len(made) > 1 else None,
        "largest_norm": float(sizes.max()),
        "median_norm": float(sizes[broken].median()) if bool(broken.any()) else None,
        "outside": round(max(0.0, *(max(float(-x.min()), float(x.max()) - 1) for x in made)), 9),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["digits", "objects"])
    parser.add_argument("--attacks", default="", help="only those whose names begin so")
    parser.add_argument("--steps", type=int, default=1200, help="of training")
    parser.add_argument("--samples", type=int, default=500, help="this and the next: objects half")
    parser.add_argument("--searched", type=int, default=250, help="of them by C&W and EAD")
    parser.add_argument("--seeds", type=int, default=10, help="of what is random")
    parser.add_argument("--timed", type=int, default=250, help="samples in the race")
    parser.add_argument("--attack-steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--add", action="store_true", help="keep other rows of the results")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    kept = args.out / "attacks_agreement.json"
    found: dict[str, Any] = {}
    if args.add and kept.exists():
        found = json.loads(kept.read_text())["networks"]
    for name, network, data, eps, l2 in networks(args.networks, args.steps):
        size = {k: getattr(args, k) for k in ("samples", "searched", "seeds", "timed")}
        size["steps"] = args.attack_steps
        if name == "objects":  # sixteen times the pixels
            size = {k: max(1, v // 2) for k, v in size.items()}
        some = LabelledData(*(part[: size["samples"]] for part in (data.x, data.y)), data.classes)
        options = argparse.Namespace(**size, rounds=args.rounds)
        before = found.get(name, {})
        rows = {row["attack"]: row for row in before.get("rows", [])}
        for case in cases(eps, l2, size["steps"]):
            if case.name.startswith(args.attacks):
                rows[case.name] = compare(case, network, some, options)
        size["samples"] = len(some)
        found[name] = {**size, "eps": eps, "eps_l2": l2, **before, "rows": list(rows.values())}
    installed = versions("torch", "foolbox")
    try:
        installed["torchattacks"] = version("torchattacks")
    except PackageNotFoundError:
        installed["torchattacks"] = "not installed"
    print(write_results("attacks_agreement", {"networks": found, "versions": installed}, args.out))


if __name__ == "__main__":
    main()
