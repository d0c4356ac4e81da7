"""``sensorium prepare``: decodes a data set once, so that training only reads what it needs.

The papers' loaders decode minutes of MP3 for six seconds of sound, several times an example. Here
every recording becomes 16-bit mono sound at one rate and JPEGs at one frame rate (`packed`), its
clock starting where both sound and picture have begun. Pictures are taken at explicit, evenly
spaced times, so that films of variable frame rate stay in step with their sound.

A recording's folder appears whole or not at all. A second run skips what is there and whose source
is unchanged, and tries again what failed; what fails is noted in the manifest and the others go on.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import wave
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sensorium import images
from sensorium.plain import to_plain
from sensorium.sounds.datasets.kinds import MANIFEST, PREPARED
from sensorium.sounds.datasets.lists import whole_number
from sensorium.sounds.datasets.manifest import (
    DAMAGED,
    FAILED,
    OK,
    SILENT,
    Item,
    Listing,
    write_manifest,
    write_whole,
)
from sensorium.sounds.datasets.packed import FRAMES, SOUND
from sensorium.sounds.datasets.parallel import in_order
from sensorium.sounds.datasets.prepared import MIXTURES, Form, read_form
from sensorium.sounds.datasets.recordings import Opened, open_item
from sensorium.types import Span

ITEMS = "items"
_RECORD = "item.json"
_WRITING = ".writing-"
_SOUND_SECONDS = 30.0  # decoded at a time
_PICTURE_BYTES = 1 << 25  # of decoded pictures held at a time
_SAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class StoppedError(Exception):
    """The run was stopped in the middle of a recording."""


@dataclass(frozen=True)
class Outcome:
    """What became of one recording.

    Attributes:
        item: as the manifest of the prepared folder lists it.
        skipped: whether it was there already.
        bytes: of its files.
    """

    item: Item
    skipped: bool = False
    bytes: int = 0


def prepare(
    listing: Listing, out: Path | str, form: Form | None = None, workers: int = 0
) -> Generator[Outcome, None, None]:
    """Prepare a data set; yields what became of each recording, in the order of the list.

    The manifest is written when the iteration ends, however it ends.

    Args:
        listing: by `kinds.read_listing`.
        out: the folder; made if missing.
        form: rate, frame rate, size and quality.
        workers: recordings at a time; 0: one per processor.

    Raises:
        ValueError: when the folder was made with another form, or holds other things.
        OSError: when the disk is full.
    """
    out = Path(out)
    form = replace(form or Form(), kind=listing.kind)
    if listing.kind == "prepared":
        raise ValueError("the data are prepared already; prepare from the original list")
    _claim(out, form)
    write_whole(out / MIXTURES, json.dumps(listing.mixtures, indent=1).encode())
    outcomes: dict[str, Item] = {}
    work = partial(_prepare_one, out, form)
    try:
        with closing(in_order(work, listing.items, workers)) as found:
            for outcome in found:
                outcomes[outcome.item.uid] = outcome.item
                yield outcome
    finally:
        waiting = f"{FAILED}: not prepared yet"
        rest = (outcomes.get(i.uid) or replace(i, status=waiting) for i in listing.items)
        write_manifest(out / MANIFEST, (_without_source(item) for item in rest))


def _without_source(item: Item) -> Item:
    """A recording that failed names no files: those of its source lie outside of the folder."""
    if item.usable:
        return item
    return replace(item, audio_path=None, video_path=None, frames_dir=None)


def folder_of(uid: str) -> str:
    """The folder of a recording: readable, and safe whatever the uid holds."""
    digest = hashlib.sha256(uid.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{_SAFE.sub('_', uid).strip('.-_')[:80]}-{digest}"


def _claim(out: Path, form: Form) -> None:
    """Make the folder ours, or go on in it.

    Raises:
        ValueError: when it is somebody else's.
    """
    if (out / PREPARED).is_file():
        there = read_form(out)
        if there != form:
            differing = ", ".join(
                f"{name} {value}, asked for {to_plain(form)[name]}"
                for name, value in to_plain(there).items()
                if value != to_plain(form)[name]
            )
            raise ValueError(f"{out}: was prepared with {differing}; give another --out")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: holds other things; give --out a new folder")
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / PREPARED, json.dumps(to_plain(form), indent=1).encode())
    (out / ITEMS).mkdir(exist_ok=True)
    for left in (out / ITEMS).glob(f"{_WRITING}*"):
        owner = whole_number(left.name.removeprefix(_WRITING).partition("-")[0])
        if owner is None or owner == os.getpid() or not _alive(owner):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    """Whether a process of this machine runs, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _prepare_one(out: Path, form: Form, item: Item, stop: threading.Event) -> Outcome:
    if stop.is_set():
        raise StoppedError
    folder = out / ITEMS / folder_of(item.uid)
    if not item.usable:
        return Outcome(item)
    try:
        source = _source(item)
        record = _finished(folder, source)
        if record is not None:
            return Outcome(_listed(item, folder, record, form), skipped=True)
        record = {**_write(item, folder, form, stop, source), "source": source}
        return Outcome(_listed(item, folder, record, form), bytes=_bytes(folder))
    except StoppedError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        known = isinstance(error, ValueError | OSError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        return Outcome(replace(item, status=f"{FAILED}: {' '.join(text.split())}"))


def _source(item: Item) -> list[Any]:
    """What the result depends on: files with sizes and times, and the part of them."""
    paths = [p for p in (item.audio_path, item.video_path, item.frames_dir) if p is not None]
    stats = [(str(path), path.stat()) for path in paths]
    files = [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats]
    return [*files, item.t0, item.t1, item.fps, item.status == SILENT]


def _finished(folder: Path, source: list[Any]) -> dict[str, Any] | None:
    """The record of a recording that is there, made from the same source."""
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(record, dict) and record.get("source") == source
    return record if same and (folder / SOUND).is_file() and (folder / FRAMES).is_file() else None


def _write(
    item: Item, folder: Path, form: Form, stop: threading.Event, source: list[Any]
) -> dict[str, Any]:
    """Decode a recording into its folder."""
    unfinished = Path(tempfile.mkdtemp(prefix=f"{_WRITING}{os.getpid()}-", dir=folder.parent))
    try:
        opened = open_item(item)
        fps = min(form.fps, opened.video.fps)
        samples = _write_sound(opened, unfinished / SOUND, form.rate, stop)
        frames = _write_frames(opened, unfinished / FRAMES, fps, form, stop)
        record = {
            "uid": item.uid,
            "samples": samples,
            "frames": frames,
            "fps": fps,
            "damage": list(opened.problems),
            "source": source,
        }
        write_whole(unfinished / _RECORD, json.dumps(record, indent=1).encode())
        unfinished.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return record


def _write_sound(opened: Opened, path: Path, rate: int, stop: threading.Event) -> int:
    """16-bit mono WAV, block by block; returns the number of samples."""
    span = opened.span
    total = max(1, round(span.duration * rate))
    block = round(_SOUND_SECONDS * rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for begin in range(0, total, block):
            if stop.is_set():
                raise StoppedError
            end = min(begin + block, total)
            values = np.zeros(end - begin, np.float32)
            if opened.audio is not None:
                part = Span(span.start + begin / rate, span.start + end / rate)
                values = opened.audio.samples(part, rate).mean(0).numpy()  # [C, n] -> [n]
            steps = np.clip(np.rint(values * 32768.0), -32768, 32767)
            file.writeframesraw(steps.astype("<i2").tobytes())
    return total


def _write_frames(opened: Opened, path: Path, fps: float, form: Form, stop: threading.Event) -> int:
    """JPEGs and their index, a few pictures at a time; returns the number of pictures."""
    span, video = opened.span, opened.video
    total = max(1, ceil(span.duration * fps - 1e-6))
    latest = span.end - 1e-4
    times = [min(span.start + (i + 0.5) / fps, latest) for i in range(total)]
    at_once = max(1, _PICTURE_BYTES // (3 * video.height * video.width))
    places = [0]
    with path.open("wb") as file:
        for begin in range(0, total, at_once):
            if stop.is_set():
                raise StoppedError
            pictures = video.frames(times[begin : begin + at_once])
            if min(video.height, video.width) > form.size:
                pictures = images.resize_short_side(pictures, form.size)
            for picture in pictures.permute(0, 2, 3, 1).numpy():  # [T, 3, H, W] -> [T, H, W, 3]
                data = _jpeg(picture, form.quality)
                file.write(data)
                places.append(places[-1] + len(data))
    np.save(path.with_suffix(".npy"), np.array(places, np.int64))
    return total


def _jpeg(picture: np.ndarray[Any, np.dtype[np.uint8]], quality: int) -> bytes:
    bgr = np.ascontiguousarray(picture[..., ::-1])
    good, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise ValueError(f"a picture of {picture.shape[1]} x {picture.shape[0]} cannot be coded")
    return bytes(data.tobytes())


def _listed(item: Item, folder: Path, record: dict[str, Any], form: Form) -> Item:
    """The item as the prepared folder's manifest lists it."""
    damage = "; ".join(record["damage"])
    silent = SILENT if item.status == SILENT else OK
    return replace(
        item,
        audio_path=folder / SOUND,
        video_path=folder / FRAMES,
        frames_dir=None,
        fps=float(record["fps"]),
        n_frames=int(record["frames"]),
        rate=form.rate,
        duration=record["samples"] / form.rate,
        t0=0.0,
        t1=0.0,
        status=f"{DAMAGED}: {damage}" if damage else silent,
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
