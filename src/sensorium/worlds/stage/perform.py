"""An episode as files: a film, its truth, each performer's own track and mask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import media
from sensorium.worlds.stage.compose import compose
from sensorium.worlds.stage.render import Renderer
from sensorium.worlds.stage.script import Episode
from sensorium.worlds.stage.sounding import Sounds
from sensorium.worlds.stage.truth import truth

RATE = 32000
"""Sampling rate of everything that is written, in hertz."""


def perform(
    seed: int,
    seconds: float,
    folder: str | Path,
    *,
    height: int = 240,
    width: int = 320,
    fps: float = 24.0,
    progress: Callable[[float], None] | None = None,
) -> list[Path]:
    """Compose the episode of a seed and write it.

    Written are ``stage.mp4``; ``truth.json`` (see `truth.truth`, with ``fps`` and the files'
    names added); ``mix.wav`` and ``stems/*.wav``, one per performer and one of the noise, in
    32-bit floating point, so that the stems' sum is the mix; ``masks/*.png``, one per frame, in
    which a pixel is 0 where no performer is seen, else the performer's index plus 1.

    Args:
        seed: world seed.
        seconds: length.
        folder: made if missing.
        height: of the film, in pixels.
        width: of the film, in pixels.
        fps: frame rate in hertz.
        progress: called with the share that is done, 0..1.

    Returns:
        the film, the truth, the mix, the stems, the folder of masks.
    """
    return write(
        compose(seed, seconds), folder, (height, width), fps, progress or (lambda share: None)
    )


def write(
    episode: Episode,
    folder: str | Path,
    size: tuple[int, int],
    fps: float,
    progress: Callable[[float], None],
) -> list[Path]:
    """Write an episode's files, as `perform` does."""
    if not 0 < fps <= 240:
        raise ValueError(f"fps must be above 0 and at most 240 Hz, got {fps!r}")
    folder = Path(folder)
    stems, masks = folder / "stems", folder / "masks"
    for made in (stems, masks):
        made.mkdir(parents=True, exist_ok=True)
    sounds = Sounds(episode, RATE)
    names = [f"{i}-{p.colour}-{p.kind}.wav" for i, p in enumerate(episode.performers)]
    tracks = dict(zip(names, sounds.tracks, strict=True)) | {"noise.wav": sounds.noise}
    paths = [
        media.write_audio(stems / name, torch.from_numpy(track), RATE, bits=32)
        for name, track in tracks.items()
    ]
    audio = torch.from_numpy(sounds.mix)
    mix = media.write_audio(folder / "mix.wav", audio, RATE, bits=32)
    pictures = _drawn(episode, Renderer(episode, *size), fps, masks, progress)
    # more threads would make other bytes
    encoding = media.Encoding(crf=23, audio_bits=96_000, threads=1)
    film = media.write(
        folder / "stage.mp4", pictures, fps, audio=audio, rate=RATE, encoding=encoding
    )
    told = folder / "truth.json"
    files = {"video": film.name, "mix": mix.name, "stems": [f"stems/{n}" for n in names]}
    facts = truth(episode) | {"fps": fps, "height": size[0], "width": size[1], "files": files}
    told.write_text(json.dumps(facts, indent=1) + "\n")
    return [film, told, mix, *paths, masks]


def _drawn(
    episode: Episode,
    renderer: Renderer,
    fps: float,
    masks: Path,
    progress: Callable[[float], None],
) -> Iterator[UInt8[Tensor, "3 H W"]]:
    """Frame after frame, each leaving its mask in a file as it passes."""
    count = max(1, round(episode.seconds * fps))
    for i in range(count):
        time = [(i + 0.5) / fps]
        _, png = cv2.imencode(".png", renderer.owners(time)[0])
        (masks / f"{i:06d}.png").write_bytes(png.tobytes())
        yield torch.from_numpy(renderer.frames(time)[0]).permute(2, 0, 1)  # [H, W, 3] -> [3, H, W]
        progress((i + 1) / count)
