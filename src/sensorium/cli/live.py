"""``sensorium recognize --live``: one answer per frame of a file or camera, as it plays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from sensorium.cli.tables import bar, clock

if TYPE_CHECKING:
    from sensorium.actions.systems import ActionSystem
    from sensorium.cli.console import Console

Frames = Iterator[tuple[float, float, Tensor]]
"""Start and end in seconds from the beginning, and ``uint8 [3, H, W]``."""


def play(system: ActionSystem, source: str, console: Console) -> None:
    """Prints what happens in a file or camera: each change for people, each frame with ``--json``.

    Raises:
        ValueError: when the source gives no pictures, or the system needs future frames.
    """
    stream = system.stream()
    console.show(f"{source}  ({system.weights})")
    numbered = source.isdecimal() and not Path(source).exists()
    playing = camera(int(source), stream.fps) if numbered else file(source, stream.fps)
    last = ""
    for start, end, frame in playing:
        answer = stream(frame)
        action = answer.actions[0]
        console.record(
            {
                "file": source,
                "system": answer.system,
                "out_of_domain": answer.out_of_domain,
                "start": round(start, 3),
                "end": round(end, 3),
                "label": action.label,
                "score": round(action.score, 4),
            }
        )
        if action.label != last:
            score = f"{bar(action.score)} {action.score:.2f}"
            console.show(f"{clock(start):>10}  {score}  {action.label}")
        last = action.label


def file(path: str, fps: float) -> Frames:
    """The frames of a file at ``fps`` (0: its own rate), no sooner than they are due."""
    from sensorium.media import read

    video = read(path).need_video()
    rate = fps or video.fps
    began = time.monotonic()
    for number, moment in enumerate(video.times(rate)):
        frame = video.frames([moment])[0]
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield number / rate, (number + 1) / rate, frame


def camera(number: int, fps: float) -> Frames:
    """The frames of a camera, at most ``fps`` per second (0: its own rate), until it stops.

    Raises:
        ValueError: when there is no such camera.
    """
    import cv2
    import torch

    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # a missing camera is ours to report
    device = cv2.VideoCapture(number)
    try:
        began = time.monotonic()
        due, got = 0.0, 0
        while True:
            there, picture = device.read()
            now = time.monotonic() - began
            if not there:
                break
            got += 1
            if now < due:
                continue
            step = 1 / (fps or device.get(cv2.CAP_PROP_FPS) or 30.0)
            due = max(due + step, now)
            rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            yield now, now + step, torch.from_numpy(rgb).permute(2, 0, 1)  # [H, W, C] -> [C, H, W]
    finally:
        device.release()
    if not got:
        raise ValueError(
            f"camera {number} gives no picture; check that it is connected and free, "
            "or give a file (cameras are numbered from 0)"
        )
