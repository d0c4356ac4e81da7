"""Labelled pictures and clips by the name of their data set, for commands that attack them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium.cli.options import UsageError

if TYPE_CHECKING:
    from sensorium.cli.classifiers import Subject
    from sensorium.robustness.classifier import LabelledData

OWN = "own"
NAMES = ("objects", "digits", "cifar10", "cifar100", "svhn", "mnist", "folder", OWN)
_WITHOUT_ROOT = ("objects", "digits", OWN)


def named_data(name: str, system: str, root: str | None) -> Any:
    """A data set by its name; ``own`` is what the system was trained for.

    Raises:
        UsageError: when there is none of that name, or it needs a folder.
    """
    from sensorium.cli.origin import data_of

    if name == OWN:
        if (":" in system and not system.startswith("hf://")) or system.endswith(".pt2"):
            raise UsageError(
                f"{system} does not say what it was trained for; name data: one of "
                f"{', '.join(NAMES[:-1])}"
            )
        return data_of(system)
    if name not in _WITHOUT_ROOT and root is None:
        raise UsageError(f"{name}: say with --root DIR where the files are")
    if name in _WITHOUT_ROOT and root is not None:
        raise UsageError(f"{name} needs no files; leave --root out")
    from sensorium.robustness.datasets.cifar import Cifar
    from sensorium.robustness.datasets.digits import Digits
    from sensorium.robustness.datasets.folders import PictureFolders
    from sensorium.robustness.datasets.mnist import Mnist
    from sensorium.robustness.datasets.objects import ObjectsData
    from sensorium.robustness.datasets.svhn import Svhn

    folder = None if root is None else Path(root)
    kinds: dict[str, Callable[[], Any]] = {
        "objects": ObjectsData,
        "digits": Digits,
        "cifar10": lambda: Cifar(root=folder),
        "cifar100": lambda: Cifar(root=folder, kind="cifar100"),
        "svhn": lambda: Svhn(root=folder),
        "mnist": lambda: Mnist(root=folder),
        "folder": lambda: PictureFolders(root=folder),
    }
    return kinds[name]()


def samples(
    subject: Subject, data: Any, limit: int, *, seed: int = 0, size: int | None = None
) -> LabelledData:
    """Test samples, spread evenly over the data, on the subject's device.

    Raises:
        ValueError: when they do not fit the subject: another size, other classes.
    """
    import torch

    from sensorium import images
    from sensorium.robustness.classifier import LabelledData, class_names

    opened = data.open("test")
    count = min(limit, len(opened))
    index = torch.linspace(0, len(opened) - 1, count).round().long().tolist()
    rows = [opened.example(i, seed) for i in index]
    key = next((k for k in ("frames", "image") if rows and k in rows[0]), None)
    if key is None:
        raise ValueError("the data hold no labelled pictures or clips; expected a classifier's")
    x = torch.stack([row[key] for row in rows])
    x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
    if size is not None:
        x = images.resize(x, (size, size)).clamp(0, 1)
    y = torch.stack([row["label"] for row in rows]).long()
    first, grey = subject.logits(x[:1].to(subject.device))
    names = class_names(subject.network, first.shape[1])
    held = getattr(opened, "classes", None) or getattr(
        getattr(opened, "pictures", None), "classes", None
    )
    numbers = tuple(map(str, range(len(names))))
    if held is not None and names not in (numbers, tuple(held)):
        raise ValueError(
            f"{subject.name} knows {_few(names)}, the data hold {_few(held)}; "
            "give data of the same classes"
        )
    if grey.shape[-3] != x.shape[-3]:
        x = x.mean(-3, keepdim=True)
    return LabelledData(x.to(subject.device), y.to(subject.device), names)


def _few(names: tuple[str, ...]) -> str:
    """The first few of many names."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
