"""``sensorium explain``: attacks pictures and clips, and says how the attack works and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from sensorium.cli.classifiers import Subject, class_number, load_subject, read_eps
from sensorium.cli.folders import free_folder
from sensorium.cli.options import (
    SPEECH,
    Count,
    Device,
    Files,
    Folder,
    OptionalName,
    Speaking,
    UsageError,
    need_files,
)

if TYPE_CHECKING:
    from torch import Tensor

    from sensorium.cli.console import Console
    from sensorium.robustness.attacks import Attack
    from sensorium.robustness.pse import Explanation

_PICTURE, _VIDEO = "dq-full", "tsm"
BUDGETED = ("pgd", "bim", "fgsm")
METHODS = (*BUDGETED, "cw", "ead", "strattack")
Eps = Annotated[str | None, tyro.conf.arg(metavar="SIZE", help_behavior_hint="(default: 8/255)")]


@dataclass(frozen=True)
class Explain:
    """Attack pictures or clips and explain the attack: what promotes, what suppresses, where."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium explain disc.png --method cw --target ring",
        "sensorium explain concert.mp4 --system tsm --eps 4/255",
        "sensorium explain cat.jpg --system my_networks:resnet --size 224 --cell 13",
        "sensorium explain digit.png --system exported.pt2 --json",
    )

    files: Files = ()
    """Pictures or videos."""

    system: OptionalName = None
    """Weights, module:attribute or *.pt2; default dq-full for pictures and tsm for videos."""

    method: Annotated[str, tyro.conf.arg(metavar="|".join(METHODS))] = "pgd"
    """The attack; fgsm, bim and pgd within --eps, the others as small as they can."""

    target: OptionalName = None
    """The label to reach; default the second likeliest."""

    label: OptionalName = None
    """The true label; default what the system says."""

    eps: Eps = None
    """How far a pixel value may change, such as 8/255 or 0.03."""

    steps: Count = None
    """Of the attack (fgsm has one)."""

    cell: Count = None
    """Side of a cell in pixels; default by the size of the input."""

    percentile: Annotated[float, tyro.conf.arg(metavar="0..100")] = 70.0
    """Of an activation map, above which a place counts."""

    layer: OptionalName = None
    """Whose maps to look at (Grad-CAM); default the last ones."""

    at: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.0
    """Moment of a video at which to look."""

    size: Count = None
    """Height and width of the input, for networks of one's own that do not say."""

    out: Folder = "explained"
    """A folder per file, with explanation.png and explanation.json."""

    seed: int = 0
    """Of the attack's start and of the random controls."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Explains file after file."""
        need_files(self.files, "explain")
        attack = self._attack()
        if not 0 <= self.percentile <= 100:
            raise UsageError(f"--percentile must be within 0..100, got {self.percentile:g}")
        if any(given is not None and given < 1 for given in (self.cell, self.size)):
            raise UsageError("--cell and --size must be 1 or more")
        subjects: dict[str, Subject] = {}
        if self.system is not None:
            subjects[self.system] = load_subject(self.system, self.device)
        taken: set[Path] = set()

        def work(file: str) -> None:
            with console.working(f"explaining {file}"):
                found = self._explained(file, attack, subjects, console)
                written = found.save(free_folder(Path(self.out) / Path(file).stem, taken))
            console.record({**found.to_dict(), "paths": [str(path) for path in written]})
            show(found, console)
            for path in written:
                console.show(f"wrote {path}")
            console.show("")

        return console.each(self.files, work)

    def _attack(self) -> Attack:
        """The attack that the options describe.

        Raises:
            UsageError: when they do not fit together.
        """
        if self.method not in METHODS:
            raise UsageError(f"--method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.eps is not None and self.method not in BUDGETED:
            raise UsageError(f"--eps: {self.method} finds the least change by itself; leave it out")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"--steps must be 1 or more, got {self.steps}")
        from sensorium.robustness import attacks

        eps, steps = read_eps(self.eps), self.steps
        kinds: dict[str, Callable[[], Attack]] = {
            "pgd": lambda: attacks.PGD(eps=eps, steps=steps or 20, stop=False),
            "bim": lambda: attacks.BIM(eps=eps, steps=steps, stop=False),
            "fgsm": lambda: attacks.FGSM(eps=eps),
            "cw": lambda: attacks.CW(steps=steps or 100, searches=6, constant=0.1),
            "ead": lambda: attacks.EAD(steps=steps or 100, searches=6, constant=0.1),
            "strattack": lambda: attacks.StrAttack(
                window=self.cell or 2, steps=steps or 100, searches=5, tau=1.5, gamma=1.0
            ),
        }
        return kinds[self.method]()

    def _explained(
        self, file: str, attack: Attack, subjects: dict[str, Subject], console: Console
    ) -> Explanation:
        """One file."""
        import torch

        from sensorium.robustness.classifier import class_names
        from sensorium.robustness.pse import Looking, Names, explain

        subject = self._subject(file, subjects)
        network, name = subject.network, subject.name
        logits, x = subject.logits(subject.read(file, self.at, self.size))
        classes = class_names(network, logits.shape[1])
        true, target = self._labels(classes, logits[0].cpu(), file)
        said = classes[int(logits.argmax())]
        if said == classes[target]:
            raise ValueError(f"{name} says {said!r} even without an attack; give another --target")
        if said != classes[true]:
            console.note(f"note: {file}: {name} says {said!r} even without an attack")
        labels = torch.tensor([true]), torch.tensor([target])
        y, wanted = (k.to(x.device) for k in labels)
        done = attack(network, x, y, target=wanted, seed=self.seed)
        if torch.equal(done.x, x):
            raise ValueError(
                f"{self.method} found nothing that brings {classes[target]!r} nearer; try more "
                "--steps, another --method or another --target"
            )
        layer = None if self.layer is None else subject.layer(self.layer)
        how = Looking(
            self.cell,
            percentile=self.percentile,
            layer=layer,
            batch=subject.batch,
            seed=self.seed,
        )
        far = subject.unfamiliarity(x)
        names = Names(classes, file, name, _named(attack, self.eps), far)
        return explain(network, x[0], done.x[0], true, target, names=names, looking=how)

    def _labels(self, classes: tuple[str, ...], logits: Tensor, file: str) -> tuple[int, int]:
        """Numbers of the true label and of the target.

        Raises:
            ValueError: for labels that the system does not know, or the same twice.
        """
        true = int(logits.argmax())
        if self.label is not None:
            true = class_number(self.label, classes, "label")
        if self.target is None:
            rest = logits.clone()
            rest[true] = -float("inf")
            return true, int(rest.argmax())
        target = class_number(self.target, classes, "target")
        if target == true:
            raise ValueError(f"{file}: it is {classes[true]!r} already; give another --target")
        return true, target

    def _subject(self, file: str, subjects: dict[str, Subject]) -> Subject:
        """The classifier for a file, loaded once."""
        name = self.system or (_VIDEO if _moves(file) else _PICTURE)
        if name not in subjects:
            subjects[name] = load_subject(name, self.device)
        return subjects[name]


def _moves(file: str) -> bool:
    """Whether a file is more than one picture."""
    from sensorium import media

    if Path(file).is_dir():
        return True
    clip = media.read(file)
    return clip.video is not None and len(clip.video.times()) > 1


def _named(attack: Attack, eps: str | None) -> str:
    """The attack in a sentence."""
    kind = type(attack).__name__
    plain = {"CW": "C&W"}.get(kind, kind)
    return f"{plain} {eps or '8/255'}" if kind.lower() in BUDGETED else plain


def show(found: Explanation, console: Console) -> None:
    """The verdict, and the figures that it rests on."""
    from sensorium.cli.tables import bar, plain_table

    names = found.names
    console.show(f"{names.file}  ({names.system}, {names.attack}, target '{found.target_label}')")
    for sentence in found.verdict().split(". "):
        console.show(f"  {sentence.rstrip('.')}.")
    if found.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: this is unlike anything {names.system} was trained on "
            f"(unfamiliarity {names.unfamiliarity:.2f} of 1)."
        )
    rows = [[kind, f"{bar(share)} {share:.2f}"] for kind, share in found.shares.items()]
    console.show(plain_table(["cells", "share"], rows))
    look = found.look
    places = [
        [name, f"{look.scores[name]:.2f}", f"{look.chances[name]:.2f}"] for name in look.scores
    ]
    console.show(plain_table([f"in the top of {look.method}", "score", "by chance"], places, "12"))
