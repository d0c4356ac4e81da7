"""Small files of every kind that is marked, without marks."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sensorium import media
from sensorium.media.loops import write_loop
from sensorium.media.marks import Provenance
from sensorium.media.stills import write_still

SUFFIXES = (".png", ".jpg", ".gif", ".webp", ".mp4", ".mov")
SAID = Provenance("expressions", "self", {"expression": "happy", "peaks": {"happy": 0.5}})


def _frames(count: int, height: int = 70, width: int = 66) -> torch.Tensor:
    """Colours that drift."""
    x = torch.linspace(0, 255, width).expand(3, height, width)
    y = torch.linspace(0, 200, height)[None, :, None]
    shades = [
        (x * torch.tensor([1.0, 0.5, 0.2])[:, None, None] + y) / 2 + 5 * t for t in range(count)
    ]
    return torch.stack(shades).clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="session")
def plain_file() -> Callable[..., Path]:
    """Writes a file of a suffix; returns its path."""

    def write(folder: Path, suffix: str, *, comment: str = "", frames: int = 4) -> Path:
        path = folder / f"plain{suffix}"
        pictures = _frames(frames)
        if suffix in (".png", ".jpg"):
            return write_still(path, pictures[0])
        if suffix in (".gif", ".webp"):
            return write_loop(path, pictures, 8.0)
        tags = {"comment": comment} if comment else {}
        return media.write(path, pictures, 8.0, encoding=media.Encoding(metadata=tags))

    return write
