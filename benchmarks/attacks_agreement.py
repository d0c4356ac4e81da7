"""Attacks against Foolbox and torchattacks: as many broken, within the same bound, and how fast.

``python benchmarks/attacks_agreement.py`` trains two small networks (handwritten digits, and
procedural objects of 32 x 32 pixels; some minutes), attacks their known test pictures by each
library with the same budget and the same steps, and times them in one run on one thread, in
processor time; rounds alternate, medians count. ``same_rule`` is ours by the libraries' rule (the
last iterate, no sample leaves the batch); without it ours is as it is by default.

torchattacks 3.5.1 pins versions that do not go with this package, so it is no dependency: ``pip
install --no-deps torchattacks==3.5.1``. Without it its rows are left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
Theirs = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """One attack, by us and by others with the same settings."""

    name: str
    norm: str
    eps: float | None
    ours: Attack
    theirs: dict[str, Theirs] = field(default_factory=dict)


def by_foolbox(attack: Any, eps: float | None) -> Theirs:
    def run(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        _, made, _ = attack(model, x, y, epsilons=eps)
        if eps is not None:
            return made
        failed = made.flatten(1).amax(1) == 0  # a black picture, which may even count as broken
        return torch.where(failed.view(-1, *[1] * (x.ndim - 1)), x, made)

    return run


def by_torchattacks(name: str, **settings: Any) -> dict[str, Theirs]:
    if torchattacks is None:
        return {}

    def run(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        made: Tensor = getattr(torchattacks, name)(network, **settings)(x, y)
        with torch.no_grad():
            network(made)  # the others say what they broke
        return made.detach()

    return {"torchattacks": run}


def cases(eps: float, l2: float, steps: int) -> Iterator[Case]:
    """The attacks; the least change in six searches of twice the steps."""
    searches, each = 6, 2 * steps
    step, step2 = 2.5 * eps / steps, 2.5 * l2 / steps
    last = {"best": False, "stop": False}
    yield Case(
        "FGSM", "linf", eps, FGSM(eps),
        {"foolbox": by_foolbox(fa.FGSM(), eps)} | by_torchattacks("FGSM", eps=eps),
    )  # fmt: skip
    yield Case(
        "FGSM, L2", "l2", l2, FGSM(l2, "l2"),
        {"foolbox": by_foolbox(fa.L2FastGradientAttack(), l2)},
    )  # fmt: skip
    bim = fa.LinfBasicIterativeAttack(abs_stepsize=step, steps=steps, random_start=False)
    bim_theirs = {"foolbox": by_foolbox(bim, eps)}
    bim_theirs |= by_torchattacks("BIM", eps=eps, alpha=step, steps=steps)
    yield Case("BIM, same rule", "linf", eps, BIM(eps, steps, step, **last), bim_theirs)
    yield Case("BIM", "linf", eps, BIM(eps, steps, step), bim_theirs)
    pgd = fa.LinfPGD(abs_stepsize=step, steps=steps, random_start=True)
    pgd_theirs = {"foolbox": by_foolbox(pgd, eps)}
    pgd_theirs |= by_torchattacks("PGD", eps=eps, alpha=step, steps=steps, random_start=True)
    yield Case("PGD, same rule", "linf", eps, PGD(eps, "linf", steps, step, **last), pgd_theirs)
    yield Case("PGD", "linf", eps, PGD(eps, "linf", steps, step), pgd_theirs)
    for started in (False, True):
        given = {"steps": steps, "random_start": started}
        pgd2 = fa.L2PGD(abs_stepsize=step2, **given)
        pgd2_theirs = {"foolbox": by_foolbox(pgd2, l2)}
        pgd2_theirs |= by_torchattacks("PGDL2", eps=l2, alpha=step2, **given)
        ours = PGD(l2, "l2", steps, step2, random_start=started)
        if not started:
            same = replace(ours, **last)
            yield Case("PGD, L2, clean start, same rule", "l2", l2, same, pgd2_theirs)
        name = "PGD, L2" if started else "PGD, L2, clean start"
        yield Case(name, "l2", l2, ours, pgd2_theirs)
    for loss in ("ce", "dlr"):
        others = by_torchattacks("APGD", norm="Linf", eps=eps, steps=steps, loss=loss)
        yield Case(f"APGD, {loss}", "linf", eps, APGD(eps, "linf", steps, loss=loss), others)
    queries = 8 * steps
    others = by_torchattacks("Square", norm="Linf", eps=eps, n_queries=queries, n_restarts=1)
    yield Case(f"Square, {queries} queries", "linf", eps, Square(eps, queries), others)
    cw = fa.L2CarliniWagnerAttack(searches, each, stepsize=0.05, initial_const=0.01)
    yield Case(
        "C&W, L2", "l2", None, CW("l2", each, searches, 0.05, 0.01),
        {"foolbox": by_foolbox(cw, None)},
    )  # fmt: skip
    ead = fa.EADAttack(searches, each, initial_const=0.01, regularization=0.01)
    yield Case(
        "EAD", "l1", None, EAD(0.01, each, searches, constant=0.01),
        {"foolbox": by_foolbox(ead, None)},
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


def seconds(runs: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Median processor time of each; rounds alternate."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for k, run in enumerate(runs):
            begun = time.process_time()
            run()
            taken[k].append(time.process_time() - begun)
    return [statistics.median(t) for t in taken]


def compare(
    case: Case, network: DQSystem, data: LabelledData, rounds: int, timed: int
) -> dict[str, Any]:
    """One case on one network."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)  # as careful users do; libraries leave gradients otherwise
    makers: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "sensorium": lambda x, y: case.ours(network, x, y).x
    }
    for name, theirs in case.theirs.items():
        makers[name] = lambda x, y, theirs=theirs: theirs(network, x, y)
    if case.eps is None:  # hundreds of steps for every sample
        data = LabelledData(data.x[:timed], data.y[:timed], data.classes)
    row: dict[str, Any] = {"attack": case.name, "norm": case.norm, "eps": case.eps}
    row["samples"] = len(data)
    x, y = data.x[:timed], data.y[:timed]
    times = seconds([lambda make=make: make(x, y) for make in makers.values()], rounds)
    for (name, make), took in zip(makers.items(), times, strict=True):
        made = torch.cat(
            [make(a, b) for a, b in zip(data.x.split(250), data.y.split(250), strict=True)]
        )
        with torch.no_grad():
            broken = network(made).argmax(1) != data.y
        size = size_of(made - data.x, case.norm)
        row[name] = {
            "broken": round(float(broken.float().mean()), 5),
            "largest_norm": float(size.max()),
            "median_norm": float(size[broken].median()) if bool(broken.any()) else None,
            "outside": round(max(0.0, float(-made.min()), float(made.max()) - 1), 9),
            "ms": round(1000 * took, 2),
        }
    ours = row["sensorium"]
    for name in case.theirs:
        row[name]["times_ours"] = round(row[name]["ms"] / ours["ms"], 2)
        row[name]["gap_points"] = round(100 * (ours["broken"] - row[name]["broken"]), 2)
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["digits", "objects"])
    parser.add_argument("--steps", type=int, default=1200, help="of training")
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--timed", type=int, default=50, help="samples in the race")
    parser.add_argument("--attack-steps", type=int, default=40, help="of pictures of 32 x 32 half")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for name, network, data, eps, l2 in networks(args.networks, args.steps):
        some = LabelledData(data.x[: args.samples], data.y[: args.samples], data.classes)
        torch.manual_seed(0)  # the libraries draw from the global generator
        steps = args.attack_steps if name == "digits" else args.attack_steps // 2
        rows = [
            compare(case, network, some, args.rounds, args.timed) for case in cases(eps, l2, steps)
        ]
        budgets = {"eps": eps, "eps_l2": l2, "steps": steps}
        found[name] = {"samples": len(some), **budgets, "rows": rows}
    installed = versions("torch", "foolbox")
    try:
        installed["torchattacks"] = version("torchattacks")
    except PackageNotFoundError:
        installed["torchattacks"] = "not installed"
    payload = {"networks": found, "timed": args.timed, "versions": installed}
    print(write_results("attacks_agreement", payload, args.out))


if __name__ == "__main__":
    main()
