"""Running an exported file by ONNX Runtime: no PyTorch network, no weights but the file's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from sensorium.actions.results import Actions
from sensorium.actions.spans import merge_windows
from sensorium.actions.systems import PLAYING
from sensorium.export.about import About, Form, read_about
from sensorium.export.extra import need
from sensorium.types import Clip

Array = NDArray[Any]


def open_session(
    path: str | Path, threads: int | None = None, optimised: Path | None = None
) -> Any:
    """An ONNX Runtime session on the CPU.

    Args:
        path: the file.
        threads: of one call; default: as many as there are cores.
        optimised: where to write the graph as this machine will run it.

    Raises:
        ValueError: when the file is missing or is no ONNX file.
    """
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors only
    if threads:
        options.intra_op_num_threads = threads
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; make it with: sensorium export NAME --to onnx")
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an error class of its own for each reason
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path} cannot be run by ONNX Runtime ({reason}); export again"
        ) from error


def _opened(path: str | Path, threads: int | None, form: Form) -> tuple[Any, About]:
    session = open_session(path, threads)
    about = read_about(session.get_modelmeta().custom_metadata_map, str(path))
    if about.form != form:
        other = "OnnxStream" if about.form == "stream" else "OnnxActions"
        raise ValueError(f"{path} was exported for {about.form}s; open it with {other}")
    return session, about


class OnnxActions:
    """An exported network for whole clips.

    Args:
        path: the file.
        threads: of one call; default: as many as there are cores.

    Attributes:
        about: the file's metadata.

    Raises:
        ValueError: when the file is missing, damaged, or no export of this form.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        self._session, self.about = _opened(path, threads, "clip")

    def __call__(self, frames: UInt8[Tensor, "B T 3 S S"]) -> Float[Tensor, "B K"]:
        """Logits of clips."""
        logits: Array = self._session.run(["logits"], {"frames": frames.numpy()})[0]
        return torch.from_numpy(logits)

    def predict(self, clip: Clip) -> Actions:
        """What happens when, as ``System.predict`` says it (without a domain gauge).

        Raises:
            ValueError: when the clip has no pictures.
        """
        return actions_of(self, self.about, clip)


def actions_of(network: Callable[[Tensor], Tensor], about: About, clip: Clip) -> Actions:
    """What happens when, by a network for whole clips.

    Raises:
        ValueError: when the clip has no pictures.
    """
    video = clip.need_video()
    windows = about.view.windows(video.span)
    rows = [network(frames).softmax(1) for frames in about.view.batches(video, windows)]
    scores = torch.cat(rows)
    return Actions(
        file=clip.name,
        system=about.weights,
        classes=about.classes,
        windows=tuple(windows),
        scores=scores,
        actions=merge_windows(windows, scores, about.classes, skip=PLAYING),
    )


class OnnxStream:
    """An exported network that takes one frame of each stream at a time.

    Args:
        path: the file.
        batch: number of streams side by side.
        threads: of one call; default: as many as there are cores.

    Attributes:
        about: the file's metadata.

    Raises:
        ValueError: when the file is missing, damaged, or no export of this form.
    """

    def __init__(self, path: str | Path, batch: int = 1, threads: int | None = None) -> None:
        self._session, self.about = _opened(path, threads, "stream")
        self._batch = batch
        self._recent: deque[Array] = deque(maxlen=self.about.view.sampling.count)
        self._caches: dict[str, Array] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._caches = zero_caches(self._session, self._batch)
        self._recent.clear()

    def __call__(self, frame: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
        """Probabilities of each stream's classes now: of the mean logits of the last frames."""
        fitted = self.about.view.fitted(frame).contiguous()
        logits, self._caches = advance(self._session, fitted.numpy(), self._caches)
        self._recent.append(logits)
        return torch.from_numpy(np.mean(self._recent, axis=0)).softmax(1)


def zero_caches(session: Any, batch: int) -> dict[str, Array]:
    """The caches before the first frame."""
    return {
        i.name: np.zeros((batch, *i.shape[1:]), np.float32)
        for i in session.get_inputs()
        if i.name.startswith("cache_")
    }


def advance(session: Any, frame: Array, caches: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Logits of a frame, and the caches for the next one."""
    logits, *kept = session.run(None, {"frame": frame, **caches})
    return logits, dict(zip(caches, kept, strict=True))


def roll(session: Any, clips: Array) -> Sequence[Array]:
    """Logits after each frame of clips ``uint8 [B, T, 3, S, S]``, from empty caches."""
    caches, found = zero_caches(session, len(clips)), []
    for t in range(clips.shape[1]):
        logits, caches = advance(session, clips[:, t], caches)
        found.append(logits)
    return found
