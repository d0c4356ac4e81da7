"""Features of files kept on disk, so that a file that is described again is not looked at again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sensorium.events.features import Features, StageFeatures
from sensorium.plain import to_plain
from sensorium.types import Clip, Span


class FeatureCache:
    """A `FeatureSource` that keeps what another one made of files.

    What is kept goes by the file (its path, size and time of change), by the config and the weights
    of the source, and by the span. Clips that are no files are made anew every time.

    Args:
        source: makes features.
        folder: where they are kept; made when first needed.
    """

    def __init__(self, source: StageFeatures, folder: str | Path) -> None:
        self.source, self.folder = source, Path(folder)
        digest = hashlib.sha256(json.dumps(to_plain(source.config)).encode())
        for name, tensor in sorted(source.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        self._made_by = digest.hexdigest()

    @property
    def dim(self) -> int:
        """Numbers per step."""
        return self.source.dim

    @property
    def rate(self) -> float:
        """Steps per second, in hertz."""
        return self.source.rate

    def of(self, clip: Clip, span: Span | None = None) -> Features:
        """Features of ``span`` (default: all of the clip), kept as ``float16``."""
        span = span or clip.span
        path = self.path(clip, span)
        if path is None:
            return self.source.of(clip, span)
        missing = self.source.missing(clip)
        try:
            values = load_file(path)["values"]
        except (FileNotFoundError, SafetensorError, KeyError):
            values = self.source.of(clip, span).values.half()
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            save_file({"values": values.contiguous()}, unfinished)
            unfinished.replace(path)
        return Features(values.to(torch.float32), self.rate, span.start, missing)

    def path(self, clip: Clip, span: Span) -> Path | None:
        """Where features of a clip are kept; ``None`` for a clip that is no file."""
        file = Path(clip.name)
        try:
            facts = file.stat()
        except (OSError, ValueError):
            return None
        parts = (clip.video is not None, clip.audio is not None)
        about = (str(file.resolve()), facts.st_size, facts.st_mtime_ns, span.start, span.end, parts)
        key = hashlib.sha256(f"{self._made_by} {about}".encode()).hexdigest()[:24]
        return self.folder / f"{key}.safetensors"
