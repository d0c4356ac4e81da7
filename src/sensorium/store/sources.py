"""Where a system comes from: a bundled name, a folder, a run folder or a Hub id, made a folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from sensorium.store.hub import SCHEME, download
from sensorium.store.saving import CONFIG
from sensorium.suggest import did_you_mean

CHECKPOINTS = "checkpoints"
STEP = "step-*"
PICKLES = (".pth", ".pt", ".tar", ".ckpt", ".bin", ".pkl", ".pickle", ".pdparams")


def bundled_folder() -> Path:
    """Where the weights that come with the package lie."""
    return Path(str(files("sensorium"))) / "weights"


def bundled_names() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(p.parent.name for p in bundled_folder().glob(f"*/{CONFIG}"))


def locate(source: str | Path) -> Path:
    """The folder that holds ``config.json``; bundled names come before folders of the same name.

    Raises:
        ValueError: when there is none, with what to do.
    """
    if isinstance(source, str):
        if source.startswith(SCHEME):
            return download(source)
        if source in bundled_names():
            return bundled_folder() / source
    path = Path(source)
    if path.is_dir():
        return _inside(path)
    if path.exists():
        raise ValueError(_about_file(path))
    if isinstance(source, Path) or "/" in source or "\\" in source:
        raise ValueError(f"{path}: no such folder; give a saved system or a run folder")
    raise ValueError(
        f"{source!r} is neither bundled weights nor a folder{did_you_mean(source, bundled_names())}"
    )


def _inside(folder: Path) -> Path:
    """A saved system as it is; a run folder's system, or else its newest checkpoint."""
    if (folder / CONFIG).is_file():
        return folder
    if (folder / "system" / CONFIG).is_file():
        return folder / "system"
    checkpoints = sorted(p.parent for p in folder.glob(f"{CHECKPOINTS}/{STEP}/{CONFIG}"))
    if checkpoints:
        return checkpoints[-1]
    if (folder / "recipe.json").is_file():
        raise ValueError(f"{folder} is a run folder without a checkpoint yet; let it train longer")
    raise ValueError(
        f"{folder} holds no {CONFIG}; expected a saved system (config.json, model.safetensors) "
        "or a run folder"
    )


def _about_file(path: Path) -> str:
    """What to do about a file where a folder is expected."""
    if path.suffix.lower() in PICKLES or looks_pickled(path):
        return (
            f"{path} is a pickled checkpoint, which is never run; "
            f"turn it into a system folder: sensorium convert {path} --as tsm"
        )
    return f"{path} is a file; give the folder that holds config.json and model.safetensors"


def looks_pickled(path: Path) -> bool:
    """Whether the file starts like a pickle, or like the zip that ``torch.save`` writes."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        return False
    return start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05")
