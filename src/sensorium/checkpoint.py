"""Opening a published checkpoint without running what is in it, or saying what the file is."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_SIGNATURES = {
    b"\x89HDF": "an HDF5 file (Keras, MATLAB)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"<": "a web page or XML (a download that went to a log-in page?)",
    b"{": "a JSON file",
    b"\x08\x07": "an ONNX model",
    b"\x08\x08": "an ONNX model",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"version https://git-lfs": "a Git LFS pointer (fetch the file itself)",
}
_INSIDE = ("state_dict", "model_state_dict", "model_state", "net_state", "model")


def read_state(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a checkpoint by name, and what stands beside them.

    Args:
        path: a file that ``torch.save`` wrote: a state dict, or a dict that holds one.

    Returns:
        The state dict, without DataParallel's ``module.``, and the other entries of the file.

    Raises:
        ValueError: when the file is something else, asks to run code, or holds no state dict.
    """
    path = Path(path)
    content = _load(path)
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{path}: found {_describe(content)}, expected a checkpoint with a state dict; "
            "save the network's state_dict() instead"
        )
    holder = next((k for k in _INSIDE if isinstance(content.get(k), Mapping)), None)
    state = content if holder is None else content[holder]
    tensors = {str(k): v for k, v in state.items() if isinstance(v, Tensor)}
    if not tensors or len(tensors) < len(state):
        keys = ", ".join(map(str, list(state)[:4])) or "nothing"
        raise ValueError(
            f"{path}: found a dict with {keys}, expected tensors by parameter name; "
            "save the network's state_dict() instead"
        )
    beside = {} if holder is None else {str(k): v for k, v in content.items() if k != holder}
    return {k.removeprefix("module."): v for k, v in tensors.items()}, beside


def _load(path: Path) -> Any:
    """``torch.load`` with ``weights_only=True``, its errors in one line."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise ValueError(f"{path}: {what}; give the path of a downloaded checkpoint (.pth)")
    expected = "expected a PyTorch checkpoint (.pth)"
    if damaged := _damaged_entry(path):
        raise ValueError(
            f"{path}: found damaged bytes (in {damaged}), {expected}; download it again"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if asked:
            raise ValueError(
                f"{path}: refused, loading it would run {asked[1]}; expected tensors only: save "
                "its state dict alone, where you trust the file"
            ) from None
        raise ValueError(f"{path}: found {_kind(path)}, {expected}; download it again") from None
    except Exception:
        raise ValueError(f"{path}: found {_kind(path)}, {expected}; download it again") from None


def _damaged_entry(path: Path) -> str | None:
    """The first entry of an archive whose checksum is wrong: ``torch.load`` does not look."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except Exception:
        return "its directory"


def _kind(path: Path) -> str:
    """What a file is that is no checkpoint, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "an empty file"
    if path.suffix == ".pdparams":
        return "a Paddle checkpoint"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "a safetensors file"
    if head[4:8] == b"ftyp" or head[:4] in (b"RIFF", b"\x1aE\xdf\xa3"):
        return "a video or sound file"
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head.startswith((b"PK", b"\x80")):
        return "a damaged or foreign archive"
    return "a file of another kind"


def _describe(content: object) -> str:
    if isinstance(content, Tensor):
        return f"a single tensor {list(content.shape)}"
    if isinstance(content, list | tuple):
        return f"a {type(content).__name__} of {len(content)}"
    return f"a value of type {type(content).__name__}"


def fitted(
    file: Path,
    module: nn.Module,
    state: Mapping[str, Tensor],
    published: Callable[[str], str],
) -> dict[str, Tensor]:
    """A file's tensors under a module's own names; old files lack the norms' counters.

    Args:
        file: for the errors.
        module: that the tensors are for; may lie on the meta device.
        state: the file's tensors by their published names.
        published: one of the module's names to the published one.

    Returns:
        Every tensor of the module, floating point as ``float32``.

    Raises:
        ValueError: when tensors are missing, unknown, of another shape, or not finite.
    """
    out = {}
    expected = module.state_dict()
    names = {published(name): name for name in expected}
    counter = "num_batches_tracked"
    missing = sorted(k for k in names.keys() - state.keys() if not k.endswith(counter))
    extra = sorted(state.keys() - names.keys())
    if missing or extra:
        said = f"without {missing[0]}" if missing else f"with {extra[0]}"
        raise ValueError(
            f"{file}: found a network {said} ({len(missing)} tensors missing, {len(extra)} "
            "unknown); it is not whole, or a variant"
        )
    for theirs, ours in names.items():
        like = expected[ours]
        tensor = state.get(theirs, torch.zeros(like.shape, dtype=like.dtype))
        if tensor.shape != like.shape:
            raise ValueError(
                f"{file}: found {theirs} as {list(tensor.shape)}, expected {list(like.shape)}; "
                "a wider or deeper variant?"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{file}: found {theirs} not finite (NaN or inf); download it again")
        out[ours] = tensor.float() if tensor.is_floating_point() else tensor
    return out
