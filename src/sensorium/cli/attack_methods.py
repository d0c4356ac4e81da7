"""The attacks by the names that commands call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    from sensorium.robustness.attacks import Attack

Method = Literal[
    "fgsm", "rfgsm", "bim", "pgd", "apgd", "cw", "ead", "strattack", "square", "transfer",
    "ensemble",
]  # fmt: skip
Norm = Literal["linf", "l2"]

LEAST = ("cw", "ead", "strattack")
"""Methods that look for the least change and take no budget."""

_IN_L2 = ("fgsm", "pgd", "apgd", "cw", "transfer", "ensemble")
_WITH_SURROGATE = ("fgsm", "rfgsm", "bim", "pgd", "apgd", "ensemble")
_WITHOUT_STEPS = ("fgsm", "rfgsm")
_RESTARTED = ("pgd", "apgd", "ensemble")


@dataclass(frozen=True)
class Wish:
    """An attack as the options describe it.

    Attributes:
        method: which.
        eps: budget in units of pixel values (0..1); ``None``: 8/255, in L2 0.5.
        norm: ``None``: the method's own.
        steps: ``None``: the method's own; of ``square`` the queries.
        restarts: ``None``: the method's own.
        surrogate: a network whose backward pass is used.
        source: a network that ``transfer`` makes its examples on.
    """

    method: Method = "pgd"
    eps: float | None = None
    norm: Norm | None = None
    steps: int | None = None
    restarts: int | None = None
    surrogate: Any = None
    source: Any = None

    @property
    def budget(self) -> float | None:
        """The budget it will have; ``None`` for methods that take none."""
        if self.method in LEAST:
            return None
        return self.eps if self.eps is not None else (0.5 if self.norm == "l2" else 8 / 255)

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: naming them.
        """
        m = self.method
        refused = [
            (m in LEAST and self.eps is not None, "--eps", "finds the least change by itself"),
            (m not in _IN_L2 and self.norm == "l2", "--norm l2", f"only {', '.join(_IN_L2)} do it"),
            (m not in _WITH_SURROGATE and self.surrogate is not None, "--surrogate", "takes none"),
            (m != "transfer" and self.source is not None, "--source", "only transfer takes one"),
            (m in _WITHOUT_STEPS and self.steps is not None, "--steps", "has a single one"),
            (m not in _RESTARTED and self.restarts is not None, "--restarts", "has none"),
        ]
        for wrong, option, reason in refused:
            if wrong:
                raise UsageError(f"{option}: {m}: {reason}; leave it out")
        if m == "transfer" and self.source is None:
            raise UsageError("transfer: say with --source NAME on which network to make examples")
        for name, value in (("--steps", self.steps), ("--restarts", self.restarts)):
            if value is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more, got {value}")

    def attack(self) -> Attack:
        """The attack.

        Raises:
            UsageError: for options that do not go together.
        """
        from sensorium.robustness import attacks as a

        self.check()
        eps, norm = self.budget or 0.0, self.norm or "linf"
        steps, surrogate, again = self.steps, self.surrogate, self.restarts or 1
        borrowed = () if surrogate is None else (surrogate,)
        kinds: dict[str, Callable[[], Attack]] = {
            "fgsm": lambda: a.FGSM(eps, norm, surrogate=surrogate),
            "rfgsm": lambda: a.RFGSM(eps, surrogate=surrogate),
            "bim": lambda: a.BIM(eps, steps, surrogate=surrogate),
            "pgd": lambda: a.PGD(eps, norm, steps or 20, restarts=again, surrogate=surrogate),
            "apgd": lambda: a.APGD(eps, norm, steps or 50, again, "margin", surrogate),
            "cw": lambda: a.CW(self.norm or "l2", steps or 200),
            "ead": lambda: a.EAD(steps=steps or 200),
            "strattack": lambda: a.StrAttack(steps=steps or 200),
            "square": lambda: a.Square(eps, steps or 1000),
            "transfer": lambda: a.Transfer(self.source, a.PGD(eps, norm, steps or 20, stop=False)),
            "ensemble": lambda: a.standard(
                eps, norm, steps=steps or 50, restarts=self.restarts or 3, surrogates=borrowed
            ),
        }
        return kinds[self.method]()

    def __str__(self) -> str:
        """In words: ``pgd, linf, 8/255``."""
        norm = self.norm or ("l2" if self.method == "cw" else "linf")
        if self.method in LEAST:
            return f"{self.method}, {norm}" if self.method == "cw" else self.method
        eps = self.budget or 0.0
        return f"{self.method}, {norm}, {fraction(eps) if norm == 'linf' else f'{eps:g}'}"


def read_norm(text: str) -> Norm:
    """``linf`` or ``l2``.

    Raises:
        UsageError: for anything else.
    """
    if text == "linf":
        return "linf"
    if text == "l2":
        return "l2"
    raise UsageError(f"--norm: got {text!r}, expected linf or l2")


def fraction(eps: float) -> str:
    """``0.1``, or ``8/255`` where that is shorter."""
    tenths, plain = round(2550 * eps), f"{eps:g}"
    whole = abs(2550 * eps - tenths) < 1e-6
    return f"{tenths / 10:g}/255" if whole and len(plain) > 5 else plain
