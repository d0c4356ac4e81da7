"""Published models of The Sound of Pixels -> our `PixelsSystem`: configuration and parameters.

The released code (arXiv:1804.03160) saves a model as three files in a folder whose name says all
hyper-parameters: ``sound_best.pth``, ``frame_best.pth``, ``synthesizer_best.pth`` (or ``_latest``).
Where the folder has another name, the name can be given, or the shapes tell what they can and the
rest is taken as in the released model, which the notes say. No pickle is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from sensorium.checkpoint import fitted, read_state
from sensorium.layers.unet import UNetConfig
from sensorium.sounds.official_names import RELEASED, ModelName, frame_name, read_name, sound_name
from sensorium.sounds.pixels import PixelPlayer, PixelsConfig
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.systems import PixelsSystemConfig
from sensorium.sounds.view import SoundView

PARTS = ("sound", "frame", "synthesizer")
_WHICH = ("best", "latest")
_FILE = re.compile(rf"({'|'.join(PARTS)})_({'|'.join(_WHICH)})\.pth")


@dataclass(frozen=True)
class PublishedPixels:
    """A published model, ready to become one of ours.

    Attributes:
        config: of the system.
        state: for ``PixelsSystem(config).network.load_state_dict``.
        data: that it was trained on, where the name tells.
        notes: for the card.
    """

    config: PixelsSystemConfig
    state: dict[str, Tensor]
    data: str | None
    notes: tuple[str, ...]


def read_published_pixels(path: str | Path, name: str | None = None) -> PublishedPixels:
    """Read a published model of The Sound of Pixels.

    Args:
        path: the folder of the three files, or one of them.
        name: the model's published name, where the folder has another one.

    Raises:
        ValueError: in one line, when a file is missing or something else, when the shapes are not
            those of the name, or when the name names an unknown architecture.
    """
    files = find_triple(Path(path))
    folder = files["sound"].parent
    states = {part: read_state(file)[0] for part, file in files.items()}
    told = read_name(name or folder.resolve().name)
    if name is not None and told is None:
        raise ValueError(f"found {name!r} as the model's name, expected one such as {RELEASED}")
    levels, channels = _levels(states["sound"], files["sound"]), _channels(states, files)
    _agree(folder, told, levels, channels, "scale" in states["synthesizer"])
    config = _config(told, levels, channels)
    state = _translated(config.network, states, files)
    notes = [f"converted from {', '.join(file.name for file in files.values())}"]
    if told is None:
        notes.append(
            "the folder's name is not a published one: log frequency, dilation, max-pooling, "
            "binary masks and 3 pictures 3 s apart are taken as in the released model"
        )
    else:
        rate = ", ".join(map(str, told.steps))
        notes.append(
            f"trained on mixtures of {told.mixed} for {told.epochs} epochs, learning rate lowered "
            f"after {rate}"
        )
        if told.mask == "ratio":
            notes.append("masks are the synthesizer's output as it is, cut to 0..1")
    return PublishedPixels(config, state, told.data if told else None, tuple(notes))


def find_triple(path: Path) -> dict[str, Path]:
    """The three files of a model, best ones first; ``path`` is their folder or one of them.

    Raises:
        ValueError: when one is missing.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such folder; give the folder that holds sound_best.pth")
    folder = path
    which: tuple[str, ...] = _WHICH
    if path.is_file():
        one = _FILE.fullmatch(path.name)
        if one is None:
            raise ValueError(
                f"{path}: found a file of this name, expected sound_best.pth, frame_best.pth or "
                "synthesizer_best.pth; give the folder that holds the three"
            )
        folder, which = path.parent, (one[2],)
    found = sorted(p.name for p in folder.iterdir() if _FILE.fullmatch(p.name))
    for suffix in which:
        files = {part: folder / f"{part}_{suffix}.pth" for part in PARTS}
        if all(file.is_file() for file in files.values()):
            return files
    best = max(which, key=lambda suffix: sum(f"_{suffix}." in name for name in found))
    missing = [f"{part}_{best}.pth" for part in PARTS if f"{part}_{best}.pth" not in found]
    raise ValueError(
        f"{folder}: found {', '.join(found) or 'none of the three files'}, without "
        f"{', '.join(missing)}; a model of The Sound of Pixels is three files"
    )


def _levels(sound: Mapping[str, Tensor], file: Path) -> int:
    """Levels of the U-Net: it has one 4x4 convolution at each."""
    levels = sum(t.ndim == 4 and t.shape[-1] == 4 for t in sound.values())
    if "bn0.weight" not in sound or levels < 2:
        first = next(iter(sound))
        raise ValueError(
            f"{file}: found {len(sound)} tensors, the first named {first}, expected the nested "
            "U-Net of The Sound of Pixels (bn0, unet_block)"
        )
    return levels


def _channels(states: Mapping[str, Mapping[str, Tensor]], files: Mapping[str, Path]) -> int:
    """K, in which the files must agree."""
    last, fc = states["sound"].get("unet_block.model.4.bias"), states["frame"].get("fc.bias")
    for part, tensor, missing in (
        ("sound", last, "unet_block.model.4.bias"),
        ("frame", fc, "fc.bias"),
        ("synthesizer", states["synthesizer"].get("bias"), "bias"),
    ):
        if tensor is None or tensor.ndim != 1:
            raise ValueError(
                f"{files[part]}: found no vector {missing}, which the {part} network of The Sound "
                "of Pixels has; is it another's?"
            )
    assert last is not None
    assert fc is not None
    counts = {"sound": len(last), "frame": len(fc)}
    if "scale" in states["synthesizer"]:
        counts["synthesizer"] = len(states["synthesizer"]["scale"].flatten())
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{count} in {files[part].name}" for part, count in counts.items())
        raise ValueError(
            f"{files['sound'].parent}: found different numbers of channels ({said}), "
            "expected one; the files are of different models"
        )
    return len(last)


def _agree(folder: Path, told: ModelName | None, levels: int, channels: int, scaled: bool) -> None:
    """The files must be what the name says."""
    if told is None:
        return
    for what, got, expected in (
        ("a U-Net of {} levels", levels, told.levels),
        ("{} channels", channels, told.channels),
        ("a synthesizer of the kind {!r}", "linear" if scaled else "bias", told.synthesizer),
    ):
        if got != expected:
            raise ValueError(
                f"{folder}: found {what.format(got)}, expected {what.format(expected)} by the "
                "model's name; are the files of another model?"
            )


def _config(told: ModelName | None, levels: int, channels: int) -> PixelsSystemConfig:
    """The system in its published configuration."""
    name = told or read_name(RELEASED)
    assert name is not None
    network = PixelsConfig(
        "resnet18",
        undone=name.undone,
        sound=UNetConfig(levels=levels, channels=channels),
        pooling=name.pooling,
    )
    return PixelsSystemConfig(
        network=network,
        spectra=SpectraConfig(bins=256 if name.log_frequency else 0),
        view=SoundView(frames=name.frames, stride=name.stride),
        mask="half" if name.mask == "binary" else "ratio",
        weighted=name.weighted,
    )


def _translated(
    config: PixelsConfig,
    states: Mapping[str, Mapping[str, Tensor]],
    files: Mapping[str, Path],
) -> dict[str, Tensor]:
    """All tensors under our names."""
    with torch.device("meta"):
        network = PixelPlayer(config)
    whole = dict(states)
    whole["synthesizer"] = {"scale": torch.ones(config.sound.channels), **states["synthesizer"]}
    parts: dict[str, tuple[str, nn.Module, Callable[[str], str]]] = {
        "sound": ("sound", network.sound, partial(sound_name, levels=config.sound.levels)),
        "frame": ("video", network.video, frame_name),
        "synthesizer": ("synthesizer", network.synthesizer, str),
    }
    out = {}
    for part, (ours, module, published) in parts.items():
        for name, tensor in fitted(files[part], module, whole[part], published).items():
            out[f"{ours}.{name}"] = tensor
    return out
