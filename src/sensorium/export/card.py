"""The page beside an exported file: what goes in, what comes out, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensorium.export.about import About
    from sensorium.export.exported import Exported
    from sensorium.export.quantising import Accuracy

FIRST_LINE = "<!-- written by sensorium export -->"
_FORMS = {"clip": "whole clips", "stream": "one frame at a time"}

Rows = list[tuple[str, str]]


def page(done: Exported, about: About, clips: str) -> str:
    """In Markdown.

    Args:
        done: what was measured.
        about: the file's metadata.
        clips: where the clips of an 8-bit export come from, in words.
    """
    measured = _speed(done, about)
    if done.accuracy is not None:
        measured += _eight_bits(done, done.accuracy, clips)
    lines = [
        FIRST_LINE,
        f"# {done.path.name}",
        "",
        f"`{about.weights}` ({about.system}), {_FORMS[about.form]}, {about.precision}. "
        "Pixels are normalised inside the graph.",
        "",
        *table(_contents(done, about)),
        "",
        "Measured before this file was put here:",
        "",
        *table(measured),
        "",
    ]
    return "\n".join(lines)


def table(rows: Rows) -> list[str]:
    """Two columns without a head."""
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _contents(done: Exported, about: About) -> Rows:
    """Inputs, outputs, metadata, size."""
    size, count = about.view.size, about.view.sampling.count
    logits = f"`float32 [batch, {len(about.classes)}]`"
    rows: Rows = []
    if about.form == "clip":
        time = "3 or more" if done.path.suffix == ".pt2" else "any"
        time = f"a multiple of {about.multiple}" if about.multiple > 1 else time
        shape = f"`uint8 [batch, time, 3, {size}, {size}]`, RGB"
        rows.append(("`frames`", f"{shape}; any batch; time: {time} (trained on {count})"))
        rows.append(("`logits`", logits))
    else:
        rows.append(("`frame`", f"`uint8 [batch, 3, {size}, {size}]`, RGB; any batch"))
        last = done.caches - 1
        rows.append(
            (f"`cache_0` … `cache_{last}`", "`next_cache_…` of the call before, at first zeros")
        )
        rows.append(("`logits`", f"{logits}; the answer is the mean of the last {count} frames'"))
    rows.append(("metadata", "names, classes, view (size, frames, windows, mean, std)"))
    rows.append(("size", f"{done.megabytes:.2f} MB (32-bit: {done.megabytes_fp32:.2f} MB)"))
    return rows


def _speed(done: Exported, about: About) -> Rows:
    """Error on noise, and times."""
    check = done.check
    shapes = ", ".join(f"{b} x {t}" for b, t in check.shapes)
    threads = "one thread" if check.threads == 1 else f"{check.threads} threads"
    return [
        (
            "largest difference of a logit from eager PyTorch, on noise",
            f"{check.error:.2g} (largest logit {check.scale:.3g})",
        ),
        ("compared at batch x frames", shapes),
        (
            f"one {'clip' if about.form == 'clip' else 'frame'}, eager PyTorch, 32-bit",
            f"{check.eager_ms:.2f} ms",
        ),
        (
            f"the same by {done.runner}",
            f"{check.ms:.2f} ms, {check.speedup:.1f} times as fast ({threads})",
        ),
    ]


def _eight_bits(done: Exported, accuracy: Accuracy, clips: str) -> Rows:
    """What 8 bits cost."""
    among = f"of {accuracy.clips} clips"
    rows = [("convolutions that run in 8 bits", f"{done.int8} of {done.int8 + done.floats}")]
    if done.float_ms is not None:
        rows.append((f"in floats by {done.runner}", f"{done.float_ms:.2f} ms"))
    if accuracy.top1 is not None and accuracy.top1_fp32 is not None:
        rows.append(("top-1 in 32 bits", f"{100 * accuracy.top1_fp32:.1f} % {among}"))
        rows.append(("top-1 in 8 bits", f"{100 * accuracy.top1:.1f} %"))
    rows.append(("same best class as in 32 bits", f"{100 * accuracy.agreement:.1f} % {among}"))
    change = f"{accuracy.error:.2g} (largest logit {accuracy.scale:.3g})"
    rows.append(("largest change of a logit on these clips", change))
    rows.append(("clips", clips))
    return rows
