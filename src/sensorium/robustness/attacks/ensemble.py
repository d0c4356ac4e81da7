"""The worst of several attacks for each sample: the only figure to call robust accuracy.

In the manner of AutoAttack (arXiv:2003.01690): each attack is tried on what the ones before it
left. `standard` puts together gradients with several losses, restarts and stand-ins for the
backward pass, and random search. One plain attack on a quantised network shows a robustness that
is not there (`Masking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.apgd import APGD
from sensorium.robustness.attacks.attacked import Attack, Attacked, Attempt
from sensorium.robustness.attacks.ball import Norm, norms
from sensorium.robustness.attacks.masking import Masking
from sensorium.robustness.attacks.pgd import PGD
from sensorium.robustness.attacks.square import Square
from sensorium.robustness.attacks.transfer import Transfer
from sensorium.robustness.classifier import Classifier, evaluating


@dataclass(frozen=True)
class Worst(Attacked):
    """The worst case of an ensemble.

    Attributes:
        broken_by: per sample the number of the attack that broke it; -1: none did, -2: it was as
            wanted from the start.
        attacks: their names.
    """

    broken_by: Int64[Tensor, "B"] = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    attacks: tuple[str, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """What share of all samples each attack broke that those before it had not."""
        return {
            f"{number + 1} {name}": float((self.broken_by == number).float().mean())
            for number, name in enumerate(self.attacks)
        }


@dataclass(frozen=True)
class Ensemble:
    """Several attacks, each on what withstood those before it.

    Attributes:
        attacks: in order; the cheap ones first save time.

    Raises:
        ValueError: when there is none.
    """

    attacks: tuple[Attack, ...]

    def __post_init__(self) -> None:
        if not self.attacks:
            raise ValueError("an ensemble needs at least one attack")

    def __call__(
        self,
        classifier: Classifier,
        x: Float[Tensor, "B ..."],
        y: Int64[Tensor, "B"],
        *,
        target: Int64[Tensor, "B"] | None = None,
        support: Tensor | None = None,
        seed: int = 0,
    ) -> Worst:
        """See `Attack`."""
        with evaluating(classifier):
            attempt = Attempt(classifier, x, y, target)
        tally, goal = attempt.goal.tally, attempt.goal
        found = attempt.found
        out, broken_by = x.clone(), torch.where(found, -2, -1)
        each = support is not None and support.ndim == x.ndim and len(support) == len(x)
        for number, attack in enumerate(self.attacks):
            left = (broken_by == -1).nonzero().flatten()
            if not len(left):
                break
            made = attack(
                classifier,
                x[left],
                y[left],
                target=None if target is None else goal.label[left],
                support=support[left] if support is not None and each else support,
                seed=seed + number,
            )
            broken_by[left[made.success]] = number
            changed = left if number == 0 else left[made.success]
            out[changed] = made.x if number == 0 else made.x[made.success]
            tally.queries[left.cpu()] += made.queries
            tally.gradients[left.cpu()] += made.gradients
            tally.zeros[left.cpu()] += made.zero_gradients
        return Worst(
            x=out,
            success=broken_by != -1,
            already=attempt.already,
            norms=norms(out.double() - x.double()),
            queries=tally.queries,
            gradients=tally.gradients,
            zero_gradients=tally.zeros,
            broken_by=broken_by,
            attacks=tuple(map(name_of, self.attacks)),
        )

    def masking(self, worst: Worst, plain: PGD, run: MaskingRun) -> Masking:
        """What the ensemble's outcome and a few more runs say about masked gradients.

        Args:
            worst: what `__call__` gave.
            plain: the attack whose last and best iterates are compared.
            run: what it was given.
        """
        searched = [isinstance(a, Square) for a in self.attacks]
        others = [_borrows(a) for a in self.attacks]
        naive = replace(plain, best=False, stop=False)
        best = replace(plain, best=True, stop=True)
        grey = replace(plain, eps=0.5, norm="linf", step=None, loss="margin")
        classifier, x, y, seed = run.classifier, run.x, run.y, run.seed
        known = ~worst.already
        last = _withstood(naive(classifier, x, y, seed=seed), known)
        passes = max(1, int(worst.gradients.sum()))
        return Masking(
            zero_gradients=float(worst.zero_gradients.sum()) / passes,
            last_iterate=last,
            best_iterate=_withstood(best(classifier, x, y, seed=seed), known),
            search_only=_share(worst, searched),
            transfer_only=_share(worst, others),
            whole_range=_withstood(grey(classifier, x, y, seed=seed), known),
            chance=1 / run.classes,
        )


@dataclass(frozen=True)
class MaskingRun:
    """What an untargeted ensemble was given.

    Attributes:
        classifier: what was attacked.
        x: clean samples.
        y: their classes.
        classes: how many there are.
        seed: of everything random.
    """

    classifier: Classifier
    x: Float[Tensor, "B ..."]
    y: Int64[Tensor, "B"]
    classes: int
    seed: int = 0


def standard(
    eps: float = 8 / 255,
    norm: Norm = "linf",
    *,
    steps: int = 50,
    restarts: int = 3,
    queries: int = 1000,
    surrogates: Sequence[Classifier] = (),
    sources: Sequence[Classifier] = (),
) -> Ensemble:
    """The ensemble to report robust accuracy by.

    Args:
        eps: budget in units of pixel values (0..1).
        norm: of the perturbation; in L2 there is no random search.
        steps: of each gradient attack.
        restarts: of the attack on the margin.
        queries: of random search; 0 leaves it out.
        surrogates: networks whose backward pass stands in for the classifier's, such as the
            floating point copy of a quantised one, or one with more bits.
        sources: networks trained apart, to transfer from.
    """
    attacks: list[Attack] = [
        PGD(eps, norm, steps),
        PGD(eps, norm, steps, loss="margin", restarts=restarts),
        APGD(eps, norm, steps, loss="ce"),
        APGD(eps, norm, steps, loss="margin"),
    ]
    attacks += [PGD(eps, norm, steps, loss="margin", surrogate=s) for s in surrogates]
    attacks += [Transfer(s, PGD(eps, norm, steps, stop=False)) for s in sources]
    if norm == "linf" and queries:
        attacks.append(Square(eps, queries))
    return Ensemble(tuple(attacks))


def name_of(attack: Attack) -> str:
    """What to call an attack: its kind, its loss, and whose gradients it uses."""
    words = [type(attack).__name__]
    loss = getattr(attack, "loss", None)
    words += [loss] if isinstance(loss, str) else []
    words += ["with another network's gradient"] if _borrows(attack) else []
    return " ".join(words)


def _borrows(attack: Attack) -> bool:
    """Whether it uses another network."""
    return isinstance(attack, Transfer) or getattr(attack, "surrogate", None) is not None


def _share(worst: Worst, which: list[bool]) -> float | None:
    """The share of all samples that only the attacks ``which`` broke."""
    if not any(which):
        return None
    picked = torch.tensor([n for n, yes in enumerate(which) if yes]).to(worst.broken_by)
    return float(torch.isin(worst.broken_by, picked).float().mean())


def _withstood(made: Attacked, known: Bool[Tensor, "B"]) -> float:
    """The share of all samples that were known and stayed so."""
    return float((known & ~made.success).float().mean())
