"""`export`: a system becomes one file and its card, both checked before they get their names.

All work is done in a temporary folder. Only a file that was found equal to its original (or, in 8
bits, about as accurate) is moved to where it was wanted, in one step; otherwise nothing is there.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from sensorium.actions.stnet import StNet
from sensorium.actions.streaming import check_streamable
from sensorium.actions.systems import ActionSystem
from sensorium.actions.tsm import TSM
from sensorium.export.about import About
from sensorium.export.action_programs import made as program_of_actions
from sensorium.export.calibration import Clips, clips_for
from sensorium.export.card import FIRST_LINE, page
from sensorium.export.checking import check
from sensorium.export.exported import Exported
from sensorium.export.extra import need
from sensorium.export.picture_programs import made as program_of_pictures
from sensorium.export.pictures import made as made_of_pictures
from sensorium.export.quantising import Accuracy, accuracy, convolutions, quantise
from sensorium.export.running import open_session
from sensorium.export.tracing import trace
from sensorium.recipe import Data
from sensorium.robustness.systems import DQSystem
from sensorium.store.atomic import flush
from sensorium.system import System


def export(
    system: System,
    path: str | Path,
    *,
    to: str = "onnx",
    int8: bool = False,
    streaming: bool = False,
    calibration: Data | str | Path | None = None,
    max_drop: float = 0.02,
) -> Exported:
    """Write a system as one file, with a card beside it (``tsm.onnx``, ``tsm.md``).

    An ONNX file takes ``frames`` (``uint8 [B, T, 3, S, S]``, any ``B`` and ``T``) and gives
    ``logits``; that of a classifier of pictures (``dq``) takes ``image`` (``uint8 [B, C, S, S]``);
    the streaming form takes ``frame`` and ``cache_0 ...`` and gives ``logits`` and ``next_cache_0
    ...``. A program of `torch.export` (``pt2``) takes the same frames, but pictures in 0..1, and
    has no streaming form. Metadata hold class names and view. The system itself stays as it is.

    Args:
        system: trained.
        path: of the file; an older export there is replaced.
        to: ``onnx``, or ``pt2``: a program of `torch.export`.
        int8: compute the convolutions in 8-bit integers (``pt2``: by torchao, and by
            `torch.compile` when it is run).
        streaming: one frame at a time (a TSM with ``direction="past"``).
        calibration: clips for ``int8``: data of the system's classes, or a folder of videos (of
            pictures by class).
            Default: the data of the recipe that the system's card names.
        max_drop: largest fall of the top-1 accuracy that is accepted in 8 bits (without labels:
            largest share of clips that may change their best class).

    Raises:
        ValueError: when the system cannot be exported in this way, or the file is not as good as
            the original, or there is no C++ compiler for a program in 8 bits; nothing is written
            then.
        ImportError: when the ``export`` extra is missing (``pt2`` in 8 bits: ``torchao``).
    """
    if to not in ("onnx", "pt2"):
        raise ValueError(f"to must be 'onnx' or 'pt2', got {to!r}")
    path = Path(path)
    _refuse_place(path, f".{to}")
    if isinstance(system, DQSystem):
        return _pictures(system, path, int8, streaming, calibration, max_drop)
    if to == "pt2" and streaming:
        raise ValueError("a stream is exported to onnx only; export the clips' form, or to='onnx'")
    actions = _exportable(system, streaming)
    if to == "onnx":
        need("onnx", "onnxscript", "onnxruntime")
    clips = clips_for(actions, calibration) if int8 else None
    about = _about(actions, streaming)
    with tempfile.TemporaryDirectory(prefix="sensorium-export-") as folder:
        if to == "pt2":
            file, done = program_of_actions(actions, about, Path(folder), clips)
            _refuse_drop(actions.weights, done.accuracy, max_drop)
        else:
            file, done = _made(actions, about, Path(folder), clips, max_drop)
        done = replace(done, path=path, card=path.with_suffix(".md"))
        text = page(done, replace(about, precision=done.precision), clips.words if clips else "")
        _put(file, text, done)
    return done


def _pictures(
    system: DQSystem,
    path: Path,
    int8: bool,
    streaming: bool,
    calibration: Data | str | Path | None,
    max_drop: float,
) -> Exported:
    """A classifier of pictures."""
    if streaming:
        raise ValueError(f"{system.weights} looks at single pictures; export it without streaming")
    make = program_of_pictures if path.suffix == ".pt2" else made_of_pictures
    with tempfile.TemporaryDirectory(prefix="sensorium-export-") as folder:
        file, done, text = make(
            system, Path(folder), int8=int8, source=calibration, max_drop=max_drop
        )
        done = replace(done, path=path, card=path.with_suffix(".md"))
        _put(file, text.replace(file.name, path.name, 1), done)
    return done


def _exportable(system: System, streaming: bool) -> ActionSystem:
    """A copy on the CPU in ``eval()`` mode."""
    if not isinstance(system, ActionSystem):
        raise ValueError(f"a {system.name} cannot be exported; expected tsm, stnet, tsn, i3d or dq")
    if not system.config.classes:
        raise ValueError(f"{system.weights} has no classes, so that its logits have no names")
    if streaming:
        system.stream()  # refuses other networks than a TSM
        assert isinstance(system.network, TSM)
        check_streamable(system.network)
    return copy.deepcopy(system).cpu().eval()


def _about(system: ActionSystem, streaming: bool) -> About:
    snippet = system.network.config.snippet if isinstance(system.network, StNet) else 1
    return About(
        system=system.name,
        weights=system.weights,
        classes=system.config.classes,
        view=system.config.view,
        form="stream" if streaming else "clip",
        multiple=snippet,
    )


def _made(
    system: ActionSystem, about: About, folder: Path, clips: Clips | None, max_drop: float
) -> tuple[Path, Exported]:
    """The finished file in a temporary folder, checked."""
    onnx = need("onnx")
    plain = folder / "fp32.onnx"
    onnx.save(trace(system, about), plain)
    onnx.checker.check_model(str(plain), full_check=True)
    session = open_session(plain, _threads())
    found = check(system, session, about)
    if not found.close:
        raise ValueError(
            f"{system.weights}: the exported graph's logits are off by {found.error:.2g} (largest "
            f"logit {found.scale:.3g}), so nothing was written; please report this system"
        )
    megabytes = plain.stat().st_size / 1e6
    caches = len(session.get_inputs()) - 1
    card = plain.with_suffix(".md")
    done = Exported(plain, card, about.form, "fp32", found, megabytes, megabytes, caches)
    if clips is None:
        return plain, done
    small = _quantised(plain, about, clips)
    session8 = open_session(small, _threads())
    cost = accuracy(session, session8, about, clips)
    _refuse_drop(system.weights, cost, max_drop)
    integers, floats = convolutions(small)
    if not integers:
        raise ValueError(
            f"{system.weights}: none of the {floats} convolutions would run in 8 bits in this "
            "ONNX Runtime, so nothing was written; export without int8, or update onnxruntime"
        )
    return small, replace(
        done,
        precision="int8",
        check=check(system, session8, about),
        megabytes=small.stat().st_size / 1e6,
        accuracy=cost,
        int8=integers,
        floats=floats,
    )


def _quantised(plain: Path, about: About, clips: Clips) -> Path:
    """The 8-bit form beside the 32-bit one, with its own metadata."""
    onnx = need("onnx")
    small = plain.with_name("int8.onnx")
    quantise(plain, small, about, clips)
    model = onnx.load(small)
    onnx.helper.set_model_props(model, replace(about, precision="int8").metadata())
    onnx.save(model, small)
    onnx.checker.check_model(str(small), full_check=True)
    return small


def _refuse_drop(weights: str, cost: Accuracy | None, max_drop: float) -> None:
    """Refuse an 8-bit form that costs too much, in one line."""
    if cost is None or cost.drop <= max_drop:
        return
    if cost.top1 is None or cost.top1_fp32 is None:
        what = f"{100 * cost.drop:.1f} % of {cost.clips} clips change their best class"
    else:
        what = (
            f"top-1 falls from {100 * cost.top1_fp32:.1f} to {100 * cost.top1:.1f} % "
            f"on {cost.clips} clips"
        )
    raise ValueError(
        f"{weights}: in 8 bits {what}, more than the {100 * max_drop:g} % that max_drop allows, so "
        "nothing was written; calibrate on more or other clips, or raise max_drop (--max-drop)"
    )


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _refuse_place(path: Path, suffix: str) -> None:
    """A wrong name, or somebody's page where the card goes."""
    if path.suffix != suffix:
        raise ValueError(f"{path}: the file's name must end in {suffix}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file")
    card = path.with_suffix(".md")
    if card.exists() and not card.read_text(errors="replace").startswith(FIRST_LINE):
        raise ValueError(f"{card} is in the way of the card; choose another name for the file")


def _put(file: Path, card: str, done: Exported) -> None:
    """Both files to their place, each whole or not at all."""
    folder = done.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as hidden:
        model, text = Path(hidden) / "model", Path(hidden) / "card"
        shutil.copyfile(file, model)
        text.write_text(card, encoding="utf-8")
        flush(model)
        flush(text)
        text.replace(done.card)
        model.replace(done.path)
    flush(folder)
