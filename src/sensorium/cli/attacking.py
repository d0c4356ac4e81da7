"""``sensorium attack``: changes pictures, clips or a data set so that a classifier errs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.attack_methods import Method, Wish, read_norm
from sensorium.cli.classifiers import Subject, class_number, load_subject, read_eps
from sensorium.cli.folders import free_folder
from sensorium.cli.labelled_data import NAMES, OWN, named_data, samples
from sensorium.cli.options import (
    SPEECH,
    Count,
    Device,
    Folder,
    OptionalFolder,
    OptionalName,
    Speaking,
    UsageError,
)

if TYPE_CHECKING:
    from torch import Tensor

    from sensorium.cli.console import Console
    from sensorium.robustness.attacked_set import AttackedSet
    from sensorium.robustness.results import Robustness

Eps = Annotated[str | None, tyro.conf.arg(metavar="SIZE", help_behavior_hint="(default: 8/255)")]
OneNorm = Annotated[
    str | None, tyro.conf.arg(metavar="linf|l2", help_behavior_hint="(default: linf, of cw l2)")
]


@dataclass(frozen=True)
class Attack:
    """Change pictures or clips as little as possible so that a classifier gives a wrong answer."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium attack dq disc.png --method pgd --eps 8/255",
        "sensorium attack tsm concert.mp4 --method cw",
        "sensorium attack dq objects --method ensemble --limit 200",
        "sensorium attack my_networks:resnet cat.jpg --size 224 --target dog",
        "sensorium attack exported.pt2 cifar10 --root data/cifar10",
    )

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Weights, module:attribute, or a file *.pt2 of torch.export."""

    inputs: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="FILE…|DATA", help_behavior_hint=""),
    ] = ()
    """Pictures or videos; or a data set: objects, digits, cifar10, cifar100, svhn, mnist, folder,
    or own, the data that NAME was trained for."""

    method: Method = "pgd"
    """The attack; cw, ead and strattack find the least change, ensemble is the worst of many."""

    eps: Eps = None
    """The budget: how far a pixel value may change, such as 8/255 or 0.03 (l2: the length)."""

    norm: OneNorm = None
    """How the change is measured."""

    target: OptionalName = None
    """The label to reach; default any wrong one."""

    label: OptionalName = None
    """The true label of the files; default what the classifier says."""

    steps: Count = None
    """Of the attack (of square: tries)."""

    restarts: Count = None
    """Random starts of pgd, apgd and ensemble."""

    surrogate: OptionalName = None
    """A network whose backward pass is used, such as the float copy of a quantised one."""

    source: OptionalName = None
    """With transfer: the network that the examples are made on."""

    at: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.0
    """Moment of a video at which to look."""

    size: Count = None
    """Height and width of the input, for networks of one's own that do not say."""

    root: OptionalFolder = None
    """Where the files of a data set are."""

    limit: int = 200
    """Samples of a data set, spread evenly over its test split."""

    batch: int = 100
    """Samples at once."""

    out: Folder = "attacked"
    """A folder per file or data set."""

    seed: int = 0
    """Of everything random."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Attacks file after file, or a data set."""
        if not self.inputs:
            raise UsageError(
                "attack: got nothing to attack, expected sensorium attack NAME FILE… or one of "
                f"{', '.join(NAMES)}"
            )
        if min(self.limit, self.batch, 1 if self.size is None else self.size) < 1:
            raise UsageError("--limit, --batch and --size must be 1 or more")
        eps = None if self.eps is None else read_eps(self.eps)
        norm = None if self.norm is None else read_norm(self.norm)
        wish = Wish(self.method, eps, norm, self.steps, self.restarts)
        replace(wish, surrogate=self.surrogate, source=self.source).check()
        subject = load_subject(self.name, self.device)
        others = {
            role: load_subject(name, self.device).network
            for role, name in (("surrogate", self.surrogate), ("source", self.source))
            if name is not None
        }
        wish = replace(wish, **others)
        if len(self.inputs) == 1 and self.inputs[0] in NAMES and not Path(self.inputs[0]).exists():
            return self._data(subject, wish, console)
        taken: set[Path] = set()

        def work(file: str) -> None:
            with console.working(f"attacking {file}"):
                found = self._file(subject, wish, file)
                written = found.save(free_folder(Path(self.out) / Path(file).stem, taken))
            console.record({**found.to_dict(), "paths": [str(path) for path in written]})
            show(found, console)
            for path in written:
                console.show(f"wrote {path}")
            console.show("")

        return console.each(self.inputs, work)

    def _file(self, subject: Subject, wish: Wish, file: str) -> Robustness:
        """One picture or clip."""
        import torch

        from sensorium.robustness.classifier import class_names, evaluating
        from sensorium.robustness.results import Robustness, as_bytes

        logits, x = subject.logits(subject.read(file, self.at, self.size))
        names = class_names(subject.network, logits.shape[1])
        true = int(logits.argmax())
        if self.label is not None:
            true = class_number(self.label, names, "label")
        y, target = torch.tensor([true], device=x.device), self._target(names, x, 1)
        if target is not None and int(target[0]) == int(logits.argmax()):
            raise ValueError(f"{file}: it is {names[int(target[0])]!r} already; name another one")
        made = wish.attack()(subject.network, x, y, target=target, seed=self.seed)
        with torch.no_grad(), evaluating(subject.network):
            after = subject.network(made.x)[0]
            written = subject.network(as_bytes(made.x).float() / 255)[0]
        return Robustness(
            file=file,
            system=subject.name,
            attack=str(wish),
            eps=wish.budget,
            classes=names,
            label=names[true],
            target=None if target is None else names[int(target[0])],
            clean=x[0].cpu(),
            adversarial=made.x[0].cpu(),
            before=logits[0].softmax(0).float().cpu(),
            after=after.softmax(0).float().cpu(),
            written=written.softmax(0).float().cpu(),
            success=bool(made.success[0]),
            norms={k: float(v[0]) for k, v in made.norms.items()},
            passes=(int(made.queries[0]), int(made.gradients[0])),
            unfamiliarity=subject.unfamiliarity(x),
        )

    def _target(self, names: tuple[str, ...], x: Tensor, count: int) -> Tensor | None:
        """The label to reach, for each sample."""
        import torch

        if self.target is None:
            return None
        return torch.full((count,), class_number(self.target, names, "target"), device=x.device)

    def _data(self, subject: Subject, wish: Wish, console: Console) -> int:
        """A data set."""
        from sensorium.robustness.attacked_set import AttackedSet, answers
        from sensorium.robustness.attacks import PGD, Ensemble, in_batches
        from sensorium.robustness.attacks.ensemble import MaskingRun
        from sensorium.robustness.classifier import evaluating

        data = named_data(self.inputs[0], self.name, self.root)
        on = str(data) if self.inputs[0] == OWN else self.inputs[0]
        with console.working(f"attacking {subject.name} on {self.inputs[0]}"):
            clean = samples(subject, data, self.limit, seed=self.seed, size=self.size)
            attack, network = wish.attack(), subject.network
            target = self._target(clean.classes, clean.x, len(clean))
            made = in_batches(
                attack, network, clean.x, clean.y, target=target, seed=self.seed, batch=self.batch
            )
            masking = None
            if isinstance(attack, Ensemble) and target is None:
                x, y = clean.x[: self.batch], clean.y[: self.batch]
                run = MaskingRun(network, x, y, len(clean.classes), self.seed)
                worst = attack(network, x, y, seed=self.seed)
                plain = PGD(wish.budget or 0.0, wish.norm or "linf")
                masking = attack.masking(worst, plain, run)
            with evaluating(network):
                before, after = (answers(network, x, self.batch) for x in (clean.x, made.x))
            found = AttackedSet(
                subject.name, on, str(wish), wish.budget, clean, made, before, after,
                self.target, masking,
            )  # fmt: skip
            written = found.save(Path(self.out) / self.inputs[0])
        console.record({**found.to_dict(), "paths": [str(path) for path in written]})
        show_set(found, console)
        for path in written:
            console.show(f"wrote {path}")
        return 0


def show(found: Robustness, console: Console) -> None:
    """What was said, what is said now, and how little it took."""
    from sensorium.cli.tables import bar, plain_table

    said = found.to_dict()
    console.show(f"{found.file}  ({found.system}, {found.attack})")
    rows = [
        [when, said[f"label_{when}"], f"{bar(said[f'score_{when}'])} {said[f'score_{when}']:.2f}"]
        for when in ("before", "after")
    ]
    console.show(plain_table(["", "label", "score"], rows))
    if found.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: the file is unlike anything {found.system} was trained on "
            f"(unfamiliarity {found.unfamiliarity:.2f} of 1)."
        )
    if found.success:
        size = f"largest change {255 * found.norms['linf']:.2f}/255, length {found.norms['l2']:.3f}"
        console.show(f"broken: {size}, {found.norms['l0']:.0f} values changed")
        if not found.success_as_written:
            console.show("the written file no longer breaks it: 8 bits are too coarse for it")
    else:
        console.show("it withstood this attack; --method ensemble tries harder")


def show_set(found: AttackedSet, console: Console) -> None:
    """The accuracies, who broke what, and whether to believe them."""
    from sensorium.cli.tables import plain_table

    said = found.to_dict()
    console.show(f"{found.data}  ({found.system}, {found.attack}, {said['samples']} samples)")
    low, high = said["metrics"]["robust_interval"]
    rows = [
        ["accuracy", f"{said['metrics']['top1']:.3f}"],
        ["accuracy under attack", f"{said['metrics']['robust']:.3f}  ({low:.3f} to {high:.3f})"],
    ]
    rows += [[f"broken by {k}", f"{v:.3f}"] for k, v in said.get("broken_by", {}).items()]
    console.show(plain_table(["", ""], rows))
    for sign in said["masking"]["signs"] if said["masking"] else ():
        console.show(f"sign of masked gradients: {sign}")
