"""What is measured of a network: robust accuracy, the naive figures beside it, growing errors.

All figures are shares of the pictures that are answered rightly, clean ones over the whole test
split and attacked ones over its first pictures, per radius ``eps`` of the Linf ball:

``fgsm@eps``: one step along the gradient; naive. ``pgd_last@eps``: the last iterate of plain PGD
through the quantisers; naive. ``transfer@eps``: black box, examples of an undefended network that
was trained apart. ``robust@eps``: the worst case for each picture of all of these and of PGD on the
margin with restarts and the best iterate, APGD on the cross entropy and on the margin, PGD with the
gradient of the network's copy in full precision, and random search. What is broken within a ball is
broken within every larger one, so each radius goes on with what is left. ``square@eps``: random
search alone, black box.

``l1@k`` and ``l2@k``: relative change of the input of layer k by the same transferred pictures for
every network; ``norm_*@k``: by how much it can enlarge a change.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robustness_runs import WORLDS, Budget
from sensorium.robustness.adversarial_training import gradient
from sensorium.robustness.amplification import changes, layer_norms
from sensorium.robustness.attacks import APGD, FGSM, PGD, Attack, Ensemble, Square
from sensorium.robustness.classifier import Classifier, LabelledData, right
from sensorium.robustness.quantiser import quantisers, set_bits
from sensorium.robustness.squeezing import Squeezed
from sensorium.robustness.systems import DQSystem

Row = dict[str, float]
STUDIED = 128
"""Pictures by which the growth of errors is measured, as in the paper."""
QUANTISED = (4, 3, 2)


@dataclass(frozen=True)
class HeldOut:
    """What networks are measured on.

    Attributes:
        data: the whole test split.
        budget: of attacks.
        transferred: the first pictures, attacked on the undefended network, by radius.
        stepped: likewise, by FGSM of the budget's main radius.
    """

    data: LabelledData
    budget: Budget
    transferred: dict[float, Tensor]
    stepped: Tensor

    @property
    def x(self) -> Tensor:
        """The pictures to attack."""
        return self.data.x[: self.budget.pictures]

    @property
    def y(self) -> Tensor:
        """Their classes."""
        return self.data.y[: self.budget.pictures]


def attacked_source(world: str, source: DQSystem, path: Path) -> None:
    """Attack the undefended network, once for all others."""
    budget = WORLDS[world].budget
    data = WORLDS[world].data.all("test")
    x, y = data.x[: budget.pictures], data.y[: budget.pictures]
    found = {"stepped": one_step(source, x, y, budget.main)}
    for k, eps in enumerate(budget.eps):
        attack = PGD(eps, steps=budget.steps, step=eps / 8, loss="margin", stop=False)
        found[str(k)] = attack(source, x, y, seed=k).x
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(found, unfinished)
    unfinished.replace(path)


def one_step(network: DQSystem, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """FGSM of every picture, those that are answered wrongly too."""
    return (x + eps * gradient(network, x, y).sign()).clamp(0, 1)


def held_out(world: str, path: Path) -> HeldOut:
    """The pictures of a world and what `attacked_source` made of them."""
    chosen = WORLDS[world]
    made = torch.load(path, weights_only=True)
    transferred = {eps: made[str(k)] for k, eps in enumerate(chosen.budget.eps)}
    return HeldOut(chosen.data.all("test"), chosen.budget, transferred, made["stepped"])


# --- attacks --------------------------------------------------------------------------------------


class Subject(NamedTuple):
    """A network, and others whose gradients stand in for its own."""

    classifier: Classifier
    surrogates: tuple[Classifier, ...] = ()


def subject_of(system: DQSystem, squeezed: bool = False) -> Subject:
    """A network, behind feature squeezing if asked for, with its copy in full precision."""
    floats: DQSystem = copy.deepcopy(system)
    set_bits(floats, 0)
    copies = (floats,) if system.config.bits else ()
    if not squeezed:
        return Subject(system, copies)
    return Subject(Squeezed(system), (*map(Squeezed, copies), system))


def key(kind: str, eps: float) -> str:
    """Of a figure."""
    return f"{kind}@{eps:.4g}"


def naive(eps: float, budget: Budget) -> dict[str, Attack]:
    """Attacks that are not to be trusted."""
    plain = PGD(eps, steps=budget.naive, best=False, stop=False)
    return {"fgsm": FGSM(eps), "pgd_last": plain}


def strong(eps: float, budget: Budget, surrogates: Iterable[Classifier]) -> Ensemble:
    """Attacks whose worst case is robust accuracy."""
    steps, step = budget.steps, eps / 8
    attacks: list[Attack] = [
        PGD(eps, steps=steps, step=step, restarts=budget.restarts, loss="margin"),
        APGD(eps, steps=steps, loss="ce"),
        APGD(eps, steps=steps, loss="margin"),
    ]
    attacks += [PGD(eps, steps=steps, step=step, loss="margin", surrogate=s) for s in surrogates]
    attacks.append(Square(eps, budget.queries))
    return Ensemble(tuple(attacks))


def accuracies(subject: Subject, held: HeldOut) -> Row:
    """Clean, naive, black box, and the worst case over everything."""
    x, y, budget = held.x, held.y, held.budget
    with torch.no_grad():
        whole = right(subject.classifier(held.data.x), held.data.y)
    broken = ~whole[: len(y)]
    row = {"clean": _share(whole), "clean_of_attacked": _share(~broken)}
    for eps in budget.eps:
        for name, attack in naive(eps, budget).items():
            success = attack(subject.classifier, x, y).success
            row[key(name, eps)] = _share(~success)
            broken = broken | success
        with torch.no_grad():
            seen = right(subject.classifier(held.transferred[eps]), y)
        row[key("transfer", eps)] = _share(seen)
        broken = broken | ~seen
        left = (~broken).nonzero().flatten()
        if len(left):
            worst = strong(eps, budget, subject.surrogates)(subject.classifier, x[left], y[left])
            broken[left[worst.success]] = True
        row[key("robust", eps)] = _share(~broken)
    searched = Square(budget.main, budget.queries)(subject.classifier, x, y, seed=1)
    row[key("square", budget.main)] = _share(~searched.success)
    grey = PGD(0.5, steps=budget.steps, loss="margin")(subject.classifier, x, y)
    row["whole_range"] = _share(~grey.success)
    return row


def alone(subject: Subject, held: HeldOut) -> Row:
    """Each attack by itself, at the main radius."""
    budget, eps = held.budget, held.budget.main
    steps, step = budget.steps, eps / 8
    tried: dict[str, Attack] = {
        "FGSM": FGSM(eps),
        f"PGD, {budget.naive} steps, last iterate": naive(eps, budget)["pgd_last"],
        f"PGD, {budget.naive} steps, best iterate": PGD(eps, steps=budget.naive),
        f"PGD on the margin, {steps} steps": PGD(eps, steps=steps, step=step, loss="margin"),
        f"the same, {2 * budget.restarts} restarts": PGD(
            eps, steps=steps, step=step, restarts=2 * budget.restarts, loss="margin"
        ),
        f"APGD on the cross entropy, {steps} steps": APGD(eps, steps=steps, loss="ce"),
        f"APGD on the logit ratio, {steps} steps": APGD(eps, steps=steps, loss="dlr"),
        f"random search, {2 * budget.queries} queries": Square(eps, 2 * budget.queries),
    }
    if subject.surrogates:
        tried[f"PGD, gradient of the copy in full precision, {steps} steps"] = PGD(
            eps, steps=steps, step=step, loss="margin", surrogate=subject.surrogates[0]
        )
    row, broken = {}, torch.zeros(len(held.y), dtype=torch.bool)
    for name, attack in tried.items():
        success = attack(subject.classifier, held.x, held.y, seed=2).success
        broken |= success
        row[f"alone: {name}"] = _share(~success)
    row["alone: worst of these"] = _share(~broken)
    return row


def _share(which: Tensor) -> float:
    return round(float(which.float().mean()), 6)


# --- growth of errors -----------------------------------------------------------------------------


def growth(system: DQSystem, held: HeldOut) -> Row:
    """Relative change of each layer's input, and each layer's norms."""
    x, stepped = held.x[:STUDIED], held.stepped[:STUDIED]
    row: Row = {}
    for k, change in enumerate(changes(system, x, stepped)):
        row |= {f"l1@{k}": change.l1, f"l2@{k}": change.l2, f"same@{k}": change.same}
    for k, norm in enumerate(layer_norms(system, x[:1])):
        row |= {f"norm_{name}@{k}": getattr(norm, name) for name in ("raw", "folded", "operator")}
    return row


def one_quantiser(system: DQSystem, held: HeldOut) -> Row:
    """Relative change before and after the first quantiser, by FGSM on this network in floats."""
    floats: DQSystem = copy.deepcopy(system)
    set_bits(floats, 0)
    _, first = next(iter(quantisers(floats)))
    x, y = held.x[:STUDIED], held.y[:STUDIED]
    row: Row = {}
    for eps in held.budget.small:
        first.bits = 0
        stepped = one_step(floats, x, y, eps)
        for bits in (0, *QUANTISED):
            first.bits = bits
            (change,) = changes(floats, x, stepped, {"first": first}, "output")
            place = f"after {bits}" if bits else "before"
            row |= {key(f"{place} l1", eps): change.l1, key(f"{place} l2", eps): change.l2}
    return row


def rows_of(
    name: str, system: DQSystem, held: HeldOut, squeezed: bool = False, closely: bool = False
) -> dict[str, Any]:
    """Everything about one network, and about it behind feature squeezing."""
    for parameter in system.parameters():
        parameter.requires_grad_(False)
    subject = subject_of(system)
    row = accuracies(subject, held) | growth(system, held)
    if not system.config.bits:
        row |= one_quantiser(system, held)
    if closely:
        row |= alone(subject, held)
    rows = {name: row}
    if squeezed:
        rows[f"{name}, squeezed"] = accuracies(subject_of(system, squeezed=True), held)
    return rows
