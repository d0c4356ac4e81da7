"""What `sensorium prepare` gains and costs: size on disk, time per training example, one core.

    python benchmarks/sounds_prepared.py [--quick]

A film of the stage (480 x 360, 24 Hz, H.264 and AAC), with the grain of a camera added so that
coders are not flattered, is prepared (8 Hz, shorter side 256, 11025 Hz). Compared are ways to keep
the pictures (arrays read through a memory map, JPEGs of three qualities, a film at 8 Hz with a key
frame every 2 s), each asked for what an example needs, and whole examples from the film and from
what was prepared. Times are of the processor, files are in the system's cache. Writes
``results/sounds_prepared.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from report import versions, write_results
from sensorium import images, media
from sensorium.seeds import generator
from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.packed import PackedVideo
from sensorium.sounds.datasets.prepared import Form
from sensorium.sounds.datasets.recordings import open_recordings
from sensorium.sounds.preparing import prepare
from sensorium.types import FrameVideo, Video
from sensorium.worlds import stage

HEIGHT, WIDTH, FPS, GRAIN = 360, 480, 24.0, 4.0
WINDOW = 65535  # samples at 11025 Hz
NEEDS = {"pixels": (3, 3.0), "motions": (24, 0.125)}  # pictures of an example, seconds apart


def film(folder: Path, seconds: float) -> Path:
    """A film of the stage with camera grain."""
    clip = stage.clip(stage.compose(77, seconds, 1), HEIGHT, WIDTH, fps=FPS)
    rng = generator(77, "grain")
    video, audio = clip.need_video(), clip.need_audio()

    def pictures() -> Iterator[Tensor]:
        for at in video.times():
            grain = torch.from_numpy(rng.normal(0, GRAIN, (3, HEIGHT, WIDTH)).astype(np.float32))
            yield (video.frames([at])[0] + grain).clamp(0, 255).round().to(torch.uint8)

    encoding = media.Encoding(threads=1)
    return media.write(
        folder / "own/cello/a.mp4", pictures(), FPS, audio=audio.samples(), rate=audio.rate,
        encoding=encoding,
    )  # fmt: skip


class Mapped:
    """Pictures in one array on disk."""

    def __init__(self, path: Path, fps: float) -> None:
        self.data, self.fps = np.load(path, mmap_mode="r"), fps

    def frames(self, times: list[float]) -> Tensor:
        shown = self.data[[min(int(t * self.fps), len(self.data) - 1) for t in times]]
        return torch.from_numpy(shown).permute(0, 3, 1, 2)


def milliseconds(work: Callable[[float], object], latest: float, budget: float) -> float:
    """Processor time of ``work(start)`` at random starts."""
    rng = generator(1, "starts")
    work(0.0)
    count, begin = 0, time.process_time()
    while time.process_time() - begin < budget:
        work(float(rng.uniform(0.0, latest)))
        count += 1
    return round(1000 * (time.process_time() - begin) / count, 3)


def stores(folder: Path, pictures: Tensor, fps: float) -> dict[str, tuple[Any, Path, float]]:
    """Ways to keep the pictures: reader, file, PSNR in dB of what is read."""
    rows = pictures.permute(0, 2, 3, 1).contiguous().numpy()
    np.save(folder / "array.npy", rows)
    found: dict[str, tuple[Any, Path, float]] = {
        "array": (Mapped(folder / "array.npy", fps), folder / "array.npy", float("inf"))
    }
    for quality in (80, 90, 95):
        path, places = folder / f"q{quality}.mjpeg", [0]
        with path.open("wb") as file:
            for row in rows:
                bgr = np.ascontiguousarray(row[..., ::-1])
                code = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
                file.write(code)
                places.append(places[-1] + len(code))
        np.save(path.with_suffix(".npy"), np.array(places, np.int64))
        reader = PackedVideo(path, fps)
        found[f"jpeg {quality}"] = (reader, path, psnr(reader, pictures, fps))
    path = media.write(folder / "film8.mp4", pictures, fps, encoding=media.Encoding(threads=1))
    reader = media.read(path).need_video()
    found["film, 8 Hz"] = (reader, path, psnr(reader, pictures, fps))
    return found


def psnr(reader: Video, pictures: Tensor, fps: float) -> float:
    times = [(k + 0.5) / fps for k in range(0, len(pictures), 7)]
    wrong = reader.frames(times)[..., : pictures.shape[-1]].float() - pictures[::7].float()
    return round(float(10 * torch.log10(255.0**2 / wrong.square().mean())), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short film, short measurements")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seconds, budget = (10.0, 0.1) if quick else (30.0, 1.0)
    payload: dict[str, Any] = {
        "seconds": seconds,
        "versions": versions("av", "opencv-python-headless"),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = film(folder, seconds)
        begin = time.process_time()
        listing = read_listing(folder / "own", "folder")
        (outcome,) = prepare(listing, folder / "prepared", Form(), workers=1)
        payload["prepare"] = {
            "times_real_time": round(seconds / (time.process_time() - begin), 1),
            "film_mb_per_hour": round(source.stat().st_size / 1e6 * 3600 / seconds),
            "prepared_mb_per_hour": round(outcome.bytes / 1e6 * 3600 / seconds),
        }
        payload["pictures"] = pictures_table(folder, source, seconds, budget)
        split = listing.items[0].split
        payload["example_ms"] = {
            where: example_ms(folder / data, split, budget)
            for where, data in (("film", "own"), ("prepared", "prepared"))
        }
    write_results("sounds_prepared", payload)
    print(payload)


def pictures_table(
    folder: Path, source: Path, seconds: float, budget: float
) -> list[dict[str, Any]]:
    """Size and time of each way to keep pictures."""
    video = media.read(source).need_video()
    times = [(k + 0.5) / 8.0 for k in range(round(8 * seconds))]
    small = torch.cat(
        [
            images.resize_short_side(video.frames(times[k : k + 16]), 256)
            for k in range(0, len(times), 16)
        ]
    )
    kept = FrameVideo(small, 8.0).data
    table = []
    for label, (reader, path, quality) in stores(folder, kept, 8.0).items():
        row: dict[str, Any] = {
            "kept_as": label,
            "kb_per_picture": round(path.stat().st_size / len(kept) / 1000, 1),
            "psnr_db": None if quality == float("inf") else quality,
        }
        for need, (count, step) in NEEDS.items():

            def ask(at: float, reader: Any = reader, count: int = count, step: float = step) -> Any:
                return reader.frames([at + k * step for k in range(count)]).contiguous()

            row[f"{need}_ms"] = milliseconds(ask, seconds - count * step, budget)
        table.append(row)
    return table


def example_ms(root: Path, split: Any, budget: float) -> dict[str, float]:
    """Sound and pictures of one source of an example."""
    recording = open_recordings(root, split=split)[0]
    found = {}
    for need, (count, step) in NEEDS.items():

        def ask(at: float, count: int = count, step: float = step) -> Any:
            return recording.samples(at, WINDOW), recording.frames(
                [at + k * step for k in range(count)]
            )

        found[need] = milliseconds(ask, recording.seconds - 9.0 if count == 3 else 3.0, budget)
    return found


if __name__ == "__main__":
    main()
