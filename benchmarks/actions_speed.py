"""How fast the networks of action recognition run, side by side in one run.

    python benchmarks/actions_speed.py [--quick] [--threads N] [--repeats N] [--device cuda]

TSN, TSM (ours, and with the published way to shift), I3D on a ResNet-50, 8 frames (I3D: 32) of
224 x 224, clips one by one and by eights, on every path there is: PyTorch in 32-bit floats as
networks are usually run (NCHW), channels last, bfloat16, compiled; ONNX Runtime in 32-bit floats
and in 8-bit integers (files by `sensorium.export`, which normalise the pixels as well). Then one
frame at a time, against the same 2D network. Every round runs each once, the next round in the
opposite order, so that the machine's moods hit all alike. Peak memory comes from a fresh process
each.

Weights are random: speed does not depend on them. What 8 bits do to the answers is measured with
the bundled weights. On a GPU the PyTorch paths alone are run.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from actions_paths import (
    EAGER,
    NETWORKS,
    ONNX,
    QUICK,
    Call,
    Plan,
    build,
    calls_of,
    eager_call,
    pixels,
    prepared,
    write_onnx,
)
from report import RESULTS, versions, write_results
from sensorium import store
from sensorium.actions.streaming import StreamingTSM
from sensorium.actions.systems import ActionSystem
from sensorium.actions.tsm import TSM
from sensorium.export import export
from sensorium.store.sources import bundled_names

Times = dict[tuple[str, str], list[float]]


# --- timing ---------------------------------------------------------------------------------------


def timed(calls: dict[tuple[str, str], Call], rounds: int) -> Times:
    """Seconds of each call in each round; every other round goes backwards."""
    times: Times = {key: [] for key in calls}
    for call in calls.values():
        call()
    for r in range(rounds):
        for key in list(calls)[:: -1 if r % 2 else 1]:
            start = time.perf_counter()
            calls[key]()
            times[key].append(time.perf_counter() - start)
    return times


def figures(seconds: list[float], batch: int) -> dict[str, float]:
    middle = statistics.median(seconds)
    return {
        "median_ms": round(1e3 * middle, 3),
        "min_ms": round(1e3 * min(seconds), 3),
        "clips_per_second": round(batch / middle, 3),
    }


def overhead(times: list[float], plain: list[float]) -> dict[str, float]:
    """Per cent over the 2D network: of the least times, and the median over rounds."""
    ratios = [a / b for a, b in zip(times, plain, strict=True)]
    return {
        "of_min_percent": round(100 * (min(times) / min(plain) - 1), 2),
        "median_percent": round(100 * (statistics.median(ratios) - 1), 2),
    }


def measure_clips(plan: Plan, files: Path) -> dict[str, Any]:
    """Every network on every path, at every batch size."""
    paths = EAGER + (ONNX if plan.device == "cpu" else ())
    pairs = [(n, p) for p in paths for n in NETWORKS if not (n == "tsm-slices" and p in ONNX)]
    if plan.compiled:
        pairs += [(n, "fp32 compiled") for n in ("tsn", "tsm")]
    makers = {(n, p): calls_of(n, p, plan, files) for n, p in pairs}
    found: dict[str, Any] = {}
    for batch in plan.batches:
        wanted = {k: m for k, m in makers.items() if batch == 1 or "compiled" not in k[1]}
        times = timed({k: make(batch) for k, make in wanted.items()}, plan.rounds(batch))
        rows: dict[str, Any] = {n: {} for n in NETWORKS}
        for (n, p), seconds in times.items():
            rows[n][p] = figures(seconds, batch)
            plain = min(times[n, "fp32"])
            rows[n][p]["times_as_fast_as_fp32"] = round(plain / min(seconds), 2)
        found[f"batch {batch}"] = rows
        print(f"batch {batch}: done", file=sys.stderr, flush=True)
    return found


def measure_shift(plan: Plan) -> dict[str, Any]:
    """What shifting costs: the 2D network and both ways to shift, run in turns and nothing else."""
    found: dict[str, Any] = {}
    for path in EAGER:
        models = [n for n in NETWORKS if n != "i3d"]
        calls = {(n, path): calls_of(n, path, plan, Path())(1) for n in models}
        times = timed(calls, 3 * plan.repeats)
        found[path] = {n: overhead(times[n, path], times["tsn", path]) for n in models[1:]}
    return found


def measure_streams(plan: Plan) -> dict[str, Any]:
    """One frame at a time: the network with caches, and the same 2D network without."""
    found: dict[str, Any] = {}
    for backbone in dict.fromkeys((plan.backbone, plan.small_backbone)):
        found[backbone] = {}
        for path in EAGER:
            flat = prepared(build("tsn", plan, backbone=backbone), "tsn", path, plan)
            online = build("tsm", plan, backbone=backbone, direction="past")
            shifted = prepared(online, "tsm", path, plan)
            assert isinstance(shifted, TSM)
            clip = pixels("tsn", path, 1, plan)[:, :1]
            stream = StreamingTSM(shifted)
            calls = {
                ("2D", path): eager_call(flat, clip, plan),
                ("stream", path): eager_call(stream, clip[:, 0], plan),
            }
            times = timed(calls, 5 * plan.repeats)
            plain, streamed = times["2D", path], times["stream", path]
            found[backbone][path] = {
                "2d_ms": round(1e3 * statistics.median(plain), 3),
                "stream_ms": round(1e3 * statistics.median(streamed), 3),
                "2d_min_ms": round(1e3 * min(plain), 3),
                "stream_min_ms": round(1e3 * min(streamed), 3),
                "overhead": overhead(streamed, plain),
            }
    return found


# --- memory ---------------------------------------------------------------------------------------


def memory(what: str) -> float:
    """MiB that this process holds now (``VmRSS``) or held at most (``VmHWM``).

    From Linux itself: ``getrusage`` would give the peak of the parent process where that is higher.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def memory_here(network: str, path: str, batch: int, plan: Plan, files: Path) -> float:
    """MiB that the network and a forward pass add at their peak, in this process."""
    if plan.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        calls_of(network, path, plan, files)(batch)()
        return torch.cuda.max_memory_allocated() / 2**20
    gc.collect()
    before = memory("VmRSS")
    calls_of(network, path, plan, files)(batch)()
    return memory("VmHWM") - before


def measure_memory(plan: Plan, files: Path, arguments: list[str]) -> dict[str, Any]:
    """The same in a fresh process for each."""
    batch = plan.batches[-1]
    paths = EAGER + (ONNX if plan.device == "cpu" else ())
    rows: dict[str, Any] = {n: {} for n in plan.memory_of}
    for n, p in [(n, p) for n in plan.memory_of for p in paths]:
        if n == "tsm-slices" and p in ONNX:
            continue
        command = [sys.executable, __file__, *arguments, "--memory-of", n, p, str(files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # a process that the system killed had too little memory
        rows[n][p] = round(float(done.stdout), 1) if done.returncode == 0 else None
    return {"batch": batch, "mib": rows}


# --- the bundled weights --------------------------------------------------------------------------


def measure_exports(folder: Path) -> dict[str, Any]:
    """What 8 bits cost and gain with the weights that come with the package."""
    found: dict[str, Any] = {}
    for name in bundled_names():
        system = store.load(name)
        assert isinstance(system, ActionSystem)
        path = folder / f"{name}.onnx"
        try:
            system.stream()
            streaming = True
        except ValueError:
            streaming = False
        done = export(system, path, int8=True, streaming=streaming, max_drop=1.0).to_dict()
        found[name] = {k: v for k, v in done.items() if k not in ("path", "card")}
    return found


# --- all together ---------------------------------------------------------------------------------


def size_of(network: str, plan: Plan) -> dict[str, Any]:
    """Frames, parameters, multiplications and additions per clip."""
    model = build(network, plan)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.zeros(1, plan.time(network), 3, plan.size, plan.size))
    return {
        "frames": plan.time(network),
        "parameters": sum(p.numel() for p in model.parameters()),
        "giga_macs": round(counter.get_total_flops() / 2e9, 3),
    }


def goals(clips: dict[str, Any], shift: dict[str, Any], streams: dict[str, Any]) -> dict[str, Any]:
    """What was aimed at, and what was reached (by least times)."""
    fast = {
        batch: max(
            row["times_as_fast_as_fp32"] for p, row in rows["tsm"].items() if not p.startswith("fp")
        )
        for batch, rows in clips.items()
    }
    found: dict[str, Any] = {}
    for path, row in shift.items():
        value = row["tsm"]["of_min_percent"]
        found[f"shift <= 3 % of the 2D network, {path}"] = {"value": value, "met": value <= 3}
    for backbone, rows in streams.items():
        for path, row in rows.items():
            value = row["overhead"]["of_min_percent"]
            name = f"shift <= 5 % of a streamed frame, {backbone}, {path}"
            found[name] = {"value": value, "met": value <= 5}
    for batch, value in fast.items():
        found[f"bf16 or int8 >= 3 times fp32 NCHW, {batch}"] = {"value": value, "met": value >= 3}
    return found


def plan_of(options: argparse.Namespace) -> Plan:
    base = QUICK if options.quick else Plan()
    changes = {k: getattr(options, k) for k in ("repeats", "threads", "device")}
    given = {k: v for k, v in changes.items() if v is not None}
    return Plan(**{**vars(base), **given})


def again(plan: Plan, out: Path) -> None:
    """Measure the price of the shift and of a streamed frame anew, and keep the other figures."""
    name = "actions_speed" if plan.device == "cpu" else "actions_speed_gpu"
    payload = json.loads((out / f"{name}.json").read_text())
    del payload["benchmark"], payload["machine"]
    payload["shift_overhead"] = measure_shift(plan)
    payload["streaming"] = measure_streams(plan)
    payload["goals"] = goals(payload["clips"], payload["shift_overhead"], payload["streaming"])
    write_results(name, payload, out)
    print(json.dumps(payload["goals"], indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny networks, for tests")
    parser.add_argument("--threads", type=int, help="default: 4")
    parser.add_argument("--repeats", type=int, help="rounds of single clips; default: 10")
    parser.add_argument("--device", help="cpu (default) or cuda")
    parser.add_argument("--overhead", action="store_true", help="measure the shift's price again")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    plan = plan_of(options)
    torch.set_num_threads(plan.threads)
    if options.memory_of:
        network, path, files = options.memory_of
        print(memory_here(network, path, plan.batches[-1], plan, Path(files)))
        return
    if options.overhead:
        again(plan, options.out)
        return
    passed = [a for a in sys.argv[1:] if a != "--out" and a != str(options.out)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        if plan.device == "cpu":
            for network in ("tsn", "tsm", "i3d"):
                write_onnx(network, plan, files)
        full = plan.device == "cpu" and not options.quick
        exports = measure_exports(files) if full else {}
        peaks = measure_memory(plan, files, passed)
        shift = measure_shift(plan)
        streams = measure_streams(plan)
        clips = measure_clips(plan, files)
    payload = {
        "settings": vars(plan),
        "versions": versions("torch", "onnxruntime", "onnx"),
        "networks": {n: size_of(n, plan) for n in NETWORKS},
        "clips": clips,
        "shift_overhead": shift,
        "streaming": streams,
        "peak_memory": peaks,
        "exports": exports,
        "goals": goals(clips, shift, streams),
        "seconds": round(time.perf_counter() - start, 1),
    }
    name = "actions_speed" if plan.device == "cpu" else "actions_speed_gpu"
    path = write_results(name, payload, options.out)
    print(json.dumps(payload["goals"], indent=1))
    print(path)


if __name__ == "__main__":
    main()
