"""`convert`: a published checkpoint becomes a saved system, once; no pickle is run.

The file is read with ``weights_only=True`` by the ability that knows its parameter names; here its
facts become a config and a card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sensorium.store.card import Card
from sensorium.store.saving import save
from sensorium.suggest import did_you_mean
from sensorium.system import System

Classes = Sequence[str] | None


@dataclass(frozen=True)
class Said:
    """What a person says about a published checkpoint.

    Attributes:
        system: that it is a checkpoint of.
        classes: class names in the order of training, where the file does not tell them.
        published_name: the model's, where its file or folder has been renamed.
        vocabulary: file of a question parser's words.
        base: system whose other parts are kept, where the checkpoint is a part of one.
    """

    system: str
    classes: Classes = None
    published_name: str | None = None
    vocabulary: str | Path | None = None
    base: str | Path | None = None


def convert(
    path: str | Path,
    as_name: str,
    folder: str | Path | None = None,
    *,
    classes: Classes = None,
    published_name: str | None = None,
    vocabulary: str | Path | None = None,
    base: str | Path | None = None,
) -> Path:
    """Read a published checkpoint and save it as a system; returns the folder.

    Args:
        path: the file, or for ``pixels`` and ``nsvqa`` the folder of its files, under the name that
            it was published with (the name says what it holds).
        as_name: the system that it is a checkpoint of.
        folder: where to save; default: the file's name without its endings, beside it; of a
            folder, its name and ``-system``.
        classes: class names in the order of training, where the file does not tell them.
        published_name: of a ``pixels`` model whose folder has been renamed.
        vocabulary: of an ``nsvqa`` question parser: ``vocab.json`` of the released preprocessing,
            or the questions that it was made of.
        base: of ``nsvqa``, whose release has no detector that can be converted: the system that
            gives the parts which the checkpoint does not (a name or a folder; default: ``nsvqa``).

    Raises:
        ValueError: when the file is something else (naming what was found), or is one of a system
            that has no published checkpoints here.
    """
    path = Path(path)
    if as_name not in CONVERTERS:
        hint = did_you_mean(as_name, CONVERTERS)
        raise ValueError(f"no published checkpoint can be converted to {as_name!r}{hint}")
    if not path.exists():
        raise ValueError(f"{path}: no such file; give a published checkpoint")
    for given, what in ((vocabulary, "a vocabulary"), (base, "a base")):
        if given is not None and as_name != "nsvqa":
            raise ValueError(f"{path}: got {what}, which only nsvqa takes; leave it out")
    said = Said(as_name, classes, published_name, vocabulary, base)
    system, card = CONVERTERS[as_name](path, said)
    if folder is not None:
        target = Path(folder)
    elif as_name == "pixels" or path.is_dir():
        held = (path if path.is_dir() else path.parent).resolve()
        target = held.with_name(f"{held.name}-system")
    else:
        target = path.parent / path.name.split(".")[0]
    system.weights = target.name
    return save(system, target, card)


def _actions(path: Path, said: Said) -> tuple[System, Card]:
    """TSM and TSN of the TSM release and of MMAction2."""
    from sensorium.actions.official import read_published
    from sensorium.actions.sampling import Sampling
    from sensorium.actions.systems import (
        TSMSystem,
        TSMSystemConfig,
        TSNSystem,
        TSNSystemConfig,
    )
    from sensorium.actions.tsm import TSMConfig
    from sensorium.actions.view import View

    as_name = said.system
    if said.published_name is not None:
        raise ValueError(
            f"{path}: got the published name {said.published_name}, expected none; rename the file"
        )
    published = read_published(path, said.classes)
    source = published.source
    if published.system != as_name:
        raise ValueError(
            f"{path}: found a {published.system.upper()} checkpoint, expected {as_name.upper()}; "
            f"convert it with --as {published.system}"
        )
    if source.modality != "RGB":
        raise ValueError(
            f"{path}: found a network for optical flow, expected one for RGB frames; "
            "take the RGB checkpoint (in Python, actions.official reads both)"
        )
    names = published.classes or tuple(f"class {k}" for k in range(published.config.classes))
    view = View(sampling=Sampling(source.sampling, source.segments or 8))
    network = published.config
    system: TSMSystem | TSNSystem
    if isinstance(network, TSMConfig):
        system = TSMSystem(TSMSystemConfig(network, view, names))
    else:
        system = TSNSystem(TSNSystemConfig(network, view, names))
    system.network.load_state_dict(published.state)
    notes = list(source.notes)
    if published.classes is None:
        notes.append("class names are not known: classes are numbered in the order of training")
    card = Card(
        description=f"{as_name.upper()} on {network.backbone}, converted from {source.project}",
        trained_on=source.dataset or "unknown (the file's name does not tell)",
        limits=f"{system.limits} No out-of-domain score: a published checkpoint is not calibrated.",
        licence="Apache-2.0" if source.project == "MMAction2" else "MIT",
        paper=system.paper,
        notes=(
            f"converted from {source.file}",
            f"test protocol of the published figures: {source.protocol}, mean of {source.average}",
            *notes,
        ),
    )
    return system, card


def _pixels(path: Path, said: Said) -> tuple[System, Card]:
    """The three files of The Sound of Pixels."""
    from sensorium.sounds.official import read_published_pixels
    from sensorium.sounds.systems import PixelsSystem

    if said.classes is not None:
        raise ValueError(
            f"{path}: got class names, expected none; a model of The Sound of Pixels knows no "
            "classes, leave --classes out"
        )
    published = read_published_pixels(path, said.published_name)
    system = PixelsSystem(published.config)
    system.network.load_state_dict(published.state)
    card = Card(
        description="The Sound of Pixels, converted from the released code's files",
        trained_on=published.data or "unknown (the folder's name does not tell)",
        limits=f"{system.limits} No out-of-domain score and no names of what sounds: a published "
        "checkpoint is not calibrated. Whole pictures are squashed to a square, where the released "
        "code cuts out the middle.",
        licence="MIT",
        paper=system.paper,
        notes=published.notes,
    )
    return system, card


def _questions(path: Path, said: Said) -> tuple[System, Card]:
    """The question parser and the attribute network of NS-VQA, in a system that has the rest."""
    from sensorium.questions.official import read_published
    from sensorium.questions.systems import NSVQASystem
    from sensorium.store.loading import load

    if said.classes is not None or said.published_name is not None:
        raise ValueError(
            f"{path}: got class names or a published name, expected neither; leave --classes and "
            "--published-name out"
        )
    published = read_published(path, said.vocabulary)
    wanted = "nsvqa" if said.base is None else said.base
    try:
        base = load(wanted)
    except ValueError as error:
        raise ValueError(
            f"{path}: what is not in the release is taken from {wanted} (--base): {error}"
        ) from None
    if not isinstance(base, NSVQASystem):
        raise ValueError(f"{wanted}: found {base.name}, expected weights of nsvqa as the base")
    config, state, kept = base.config, dict(base.state_dict()), ["finder"]
    for part, prefix, found in (
        ("attributes", "scenes.attributes.", published.attributes),
        ("parser", "parser.", published.parser),
    ):
        if found is None:
            kept.append(part)
            continue
        config = replace(config, **{part: found.config})
        state = {name: t for name, t in state.items() if not name.startswith(prefix)}
        state |= {prefix + name: tensor for name, tensor in found.state.items()}
    system = NSVQASystem(config)
    system.load_state_dict(state)
    notes = [f"converted from {', '.join(published.files)}"]
    notes.append(f"from {wanted}: {', '.join(kept)}")
    if published.parser is not None:
        notes.append("as published, attention looks at padding and programs may be ill-typed")
    card = Card(
        description=f"NS-VQA with {' and '.join(published.files)} of the release",
        trained_on="CLEVR, as far as the release goes",
        limits=system.limits,
        licence="unknown (the release names none)",
        paper=system.paper,
        notes=tuple(notes),
    )
    return system, card


CONVERTERS: dict[str, Callable[[Path, Said], tuple[System, Card]]] = {
    "tsm": _actions,
    "tsn": _actions,
    "pixels": _pixels,
    "nsvqa": _questions,
}
