"""Tiny videos and frame folders, whose frames tell their number by their brightness."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest


def _picture(k, height, width, noise=0):
    grain = np.random.default_rng(k).integers(0, noise + 1, (height, width, 3))
    return (20 + 10 * k + grain).astype(np.uint8)


class Maker:
    """Writes data sets below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, name: str, *lines: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def frames(self, folder, count=6, template="{:05d}.jpg", size=(24, 32)):
        path = self.root / folder
        path.mkdir(parents=True, exist_ok=True)
        for k in range(count):
            ok, data = cv2.imencode(Path(template).suffix, _picture(k, *size))
            assert ok
            (path / template.format(k + 1)).write_bytes(data.tobytes())
        return path

    def video(self, name, count=6, fps=10, size=(24, 32), codec="mpeg4", noise=0):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=fps)
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
            for k in range(count):
                frame = av.VideoFrame.from_ndarray(_picture(k, *size, noise), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path


@pytest.fixture
def make(tmp_path):
    return Maker(tmp_path)


@pytest.fixture
def numbers():
    """Which frames an example shows, from their brightness."""

    def read(frames):
        levels = frames.float().mean((1, 2, 3))
        return ((levels - 20) / 10).round().int().tolist()

    return read
