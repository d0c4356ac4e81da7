"""Damage files at random, read what is left, count what happens: nothing may crash or hang.

``python benchmarks/media_fuzz.py [FILE ...] --variants 200 --seed 0`` cuts files short, flips bytes
in them and fills stretches with zeros, reads each variant in a process of its own under a time and
memory limit (some pictures forwards, some backwards, all the sound), and writes
``results/media_fuzz.json``. Without files it makes small ones itself.

Outcomes: ``read`` (nothing wrong was noticed), ``read_with_problems`` (what is wrong is listed),
``refused`` (one line of `MediaError`), ``crashed`` (the process died), ``hung`` (over the time
limit), ``other_error`` (any other exception). Of those ``read``, ``unnoticed`` decode to something
else than the undamaged file: damage inside sound or pictures that carry no checksum cannot be told
from content.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIME_LIMIT_SECONDS = 60.0
MEMORY_LIMIT_BYTES = 6 * 2**30
KINDS = ("truncate", "flip", "zero")


SAMPLES: dict[str, tuple[str | None, str | None, str, int]] = {
    # name: video codec, audio codec, pixel format, sampling rate
    "h264_aac.mp4": ("libx264", "aac", "yuv420p", 44100),
    "h264_aac.mkv": ("libx264", "aac", "yuv420p", 44100),
    "h264_mp2.ts": ("libx264", "mp2", "yuv420p", 44100),
    "vp9_opus.webm": ("libvpx-vp9", "libopus", "yuv420p", 48000),
    "mpeg4_mp3.avi": ("mpeg4", "libmp3lame", "yuv420p", 44100),
    "mpeg2_mp2.mpg": ("mpeg2video", "mp2", "yuv420p", 44100),
    "mjpeg_pcm.mov": ("mjpeg", "pcm_s16le", "yuvj420p", 44100),
    "hevc.mp4": ("libx265", None, "yuv420p10le", 0),
    "animation.gif": ("gif", None, "rgb8", 0),
    "still.png": ("png", None, "rgb24", 0),
    "sound.wav": (None, "pcm_s16le", "", 44100),
    "sound.flac": (None, "flac", "", 44100),
    "sound.mp3": (None, "libmp3lame", "", 44100),
    "sound.ogg": (None, "libopus", "", 48000),
    "sound.m4a": (None, "aac", "", 44100),
}
OPTIONS = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx265": {"x265-params": "log-level=none"},
}


def make_samples(folder: Path) -> list[Path]:
    """Small files of many kinds, two seconds each."""
    import av

    made = []
    for name, (video, audio, pixels, rate) in SAMPLES.items():
        path = folder / name
        form = "image2" if name.endswith(".png") else None
        with av.open(str(path), "w", format=form) as container:
            if video:
                stream = container.add_stream(video, rate=25, options=OPTIONS.get(video, {}))
                stream.width, stream.height, stream.pix_fmt = 160, 96, pixels
                stream.codec_context.gop_size = 12
            if audio:
                sound = container.add_stream(audio, rate=rate)
                sound.codec_context.layout = "stereo"
            if video:
                for frame in sample_pictures(1 if form else 50, pixels):
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            if audio:
                size = sound.codec_context.frame_size or 1024
                for block in sample_sound(rate, size, sound.codec_context.format.name):
                    container.mux(sound.encode(block))
                container.mux(sound.encode(None))
        made.append(path)
    return made


def sample_pictures(count: int, pixels: str) -> Iterator[Any]:
    """Moving gradients with noise."""
    import av
    import numpy as np

    noise = np.random.default_rng(0)
    for i in range(count):
        y, x = np.mgrid[0:96, 0:160]
        picture = np.stack([(x + 3 * i) % 256, (2 * y + i) % 256, x * 0 + 5 * i], -1)
        picture = (picture + noise.integers(0, 8, picture.shape)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
        frame.pts = i
        yield frame


def sample_sound(rate: int, size: int, form: str) -> Iterator[Any]:
    """Two seconds of two tones, in blocks of ``size`` samples."""
    import av
    import numpy as np

    t = np.arange(2 * rate) / rate
    wave = 0.3 * np.sin(2 * np.pi * np.stack([440 * t, 660 * t]))
    packed = (wave.T.reshape(1, -1) * 32767).astype(np.int16)  # [2, n] -> [1, n*2]
    whole = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
    whole.sample_rate, whole.pts = rate, 0
    fifo = av.AudioFifo()
    for part in av.AudioResampler(form, "stereo", rate).resample(whole):
        fifo.write(part)
    while (block := fifo.read(size, partial=True)) is not None:
        yield block


def damage(data: bytes, kind: str, dice: random.Random) -> tuple[bytes, dict[str, int]]:
    """One damaged copy; headers, where damage hurts most, are hit more often than their size."""
    size = len(data)
    if kind == "truncate":
        keep = dice.choice([dice.randrange(size), int(size * dice.uniform(0.9, 1.0))])
        return data[:keep], {"kept": keep}
    copy = bytearray(data)
    where = dice.choice(["anywhere", "head", "tail"])
    low, high = {
        "anywhere": (0, size),
        "head": (0, min(size, 2048)),
        "tail": (size * 9 // 10, size),
    }[where]
    if kind == "flip":
        count = dice.choice([1, 4, 16, 64])
        for _ in range(count):
            copy[dice.randrange(low, high)] ^= 1 << dice.randrange(8)
        return bytes(copy), {"from": low, "to": high, "bits": count}
    begin = dice.randrange(low, high)
    length = min(size - begin, dice.choice([4, 64, 1024, size // 10 + 1]))
    copy[begin : begin + length] = bytes(length)
    return bytes(copy), {"from": begin, "to": begin + length}


def look(path: str) -> dict[str, Any]:
    """Read one file the way the program does; runs in the worker."""
    import torch

    from sensorium.media import MediaError, probe, problems, read
    from sensorium.types import Span

    torch.set_num_threads(1)
    try:
        clip = read(path)
        digest = hashlib.sha256()
        if clip.video is not None:
            start, length = clip.video.span.start, clip.video.span.duration
            times = [start + length * (i + 0.5) / 8 for i in range(8)]
            times += clip.video.times()[:20]
            digest.update(clip.video.frames(times).numpy().tobytes())
            for i in (7, 2, 0):
                digest.update(clip.video.frames([times[i]]).numpy().tobytes())
        if clip.audio is not None:
            heard = clip.audio.span
            if heard.duration > 120:
                heard = Span(heard.start, heard.start + 60)
            sound = clip.audio.samples(heard, 16000)
            digest.update((sound * 127).round().to(torch.int8).numpy().tobytes())
            clip.audio.samples(Span(heard.end - 0.5, heard.end + 0.5))
        notes = probe(path).notes
        return {
            "outcome": "read",
            "seconds": clip.duration,
            "video": clip.video is not None,
            "audio": clip.audio is not None,
            "problems": list(problems(clip)),
            "notes": list(notes),
            "digest": digest.hexdigest(),
        }
    except MediaError as error:
        line = str(error)
        return {"outcome": "other_error" if "\n" in line else "refused", "line": line}
    except BaseException as error:
        import traceback

        return {"outcome": "other_error", "line": repr(error), "trace": traceback.format_exc()}


def work() -> None:
    """The worker: a path a line in, an answer a line out."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(look(line.rstrip("\n"))) + "\n")
        answers.flush()


class Worker:
    """A process that looks at files, replaced when it dies or hangs."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.noise = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the worker)

    def look(self, path: Path) -> dict[str, Any]:
        if self.process is None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            self.process = subprocess.Popen(
                [sys.executable, __file__, "--worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.noise,
                text=True,
                env=environment,
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], TIME_LIMIT_SECONDS)
        if not ready:
            self.stop()
            return {"outcome": "hung"}
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self.process = None
            return {"outcome": "crashed", "line": f"exit code {code}"}
        return json.loads(line)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def noise_bytes(self) -> int:
        """How much was written to stderr, FFmpeg's log included."""
        return self.noise.seek(0, os.SEEK_END)


def fuzz(files: list[Path], variants: int, seed: int) -> dict[str, Any]:
    """Damage and read ``variants`` copies, shared out over the files and kinds of damage."""
    worker, dice = Worker(), random.Random(seed)
    pristine = {file: worker.look(file) for file in files}
    counts: Counter[str] = Counter()
    table: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    by_file: dict[str, Counter[str]] = {file.name: Counter() for file in files}
    findings: list[dict[str, Any]] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(variants):
            file, kind = files[number % len(files)], KINDS[number // len(files) % len(KINDS)]
            data, how = damage(file.read_bytes(), kind, dice)
            path = Path(scratch) / f"{number}{file.suffix}"
            path.write_bytes(data)
            begun = time.perf_counter()
            answer = worker.look(path)
            slowest = max(slowest, time.perf_counter() - begun)
            outcome, original = answer["outcome"], pristine[file]
            if outcome == "read":
                new_notes = set(answer["notes"]) - set(original.get("notes", []))
                if answer["problems"] or new_notes:
                    outcome = "read_with_problems"
                elif answer["digest"] != original.get("digest"):
                    outcome = "unnoticed"
            for counter in (counts, table[kind], by_file[file.name]):
                counter[outcome] += 1
            if outcome in ("crashed", "hung", "other_error") or (
                outcome == "unnoticed" and kind == "truncate"
            ):
                said = {key: answer[key] for key in ("line", "trace", "seconds") if key in answer}
                facts = {"file": file.name, "kind": kind, "number": number, **how, **said}
                findings.append({"outcome": outcome, **facts})
            path.unlink()
    worker.stop()
    return {
        "variants": variants,
        "seed": seed,
        "files": [file.name for file in files],
        "undamaged": {file.name: answer["outcome"] for file, answer in pristine.items()},
        "read": counts["read"] + counts["unnoticed"],
        "unnoticed": counts["unnoticed"],
        "read_with_problems": counts["read_with_problems"],
        "refused": counts["refused"],
        "crashed": counts["crashed"],
        "hung": counts["hung"],
        "other_error": counts["other_error"],
        "by_kind": {kind: dict(counter) for kind, counter in table.items()},
        "by_file": {name: dict(counter) for name, counter in by_file.items()},
        "slowest_seconds": round(slowest, 2),
        "bytes_on_stderr": worker.noise_bytes(),
        "findings": findings,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="default: small files made on the spot")
    parser.add_argument("--variants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="media_fuzz", help="the results' file name")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        return 0
    from report import versions, write_results

    with tempfile.TemporaryDirectory() as folder:
        files = options.files or make_samples(Path(folder))
        figures = fuzz(files, options.variants, options.seed)
    write_results(options.name, {"versions": versions("av"), **figures})
    print(json.dumps({k: v for k, v in figures.items() if k not in ("by_file", "files")}, indent=1))
    return 1 if figures["crashed"] + figures["hung"] + figures["other_error"] else 0


if __name__ == "__main__":
    sys.exit(main())
