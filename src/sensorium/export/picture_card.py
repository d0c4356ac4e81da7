"""The page beside an exported classifier of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensorium.export.card import FIRST_LINE, Rows, table

if TYPE_CHECKING:
    from sensorium.export.exported import Exported
    from sensorium.robustness.systems import DQSystem


def page(done: Exported, system: DQSystem, words: str) -> str:
    """In Markdown.

    Args:
        done: what was measured.
        system: that was exported.
        words: what the pictures of an 8-bit export are.
    """
    config = system.config
    program = done.path.suffix == ".pt2"
    kind = "float32" if program else "uint8"
    values = ", 0 to 1" if program else ""
    shape = f"`{kind} [batch, {config.in_channels}, {config.size}, {config.size}]`"
    bits = f"{config.bits} bits" if config.bits else "floats"
    contents: Rows = [
        ("`image`", f"{shape}, {'RGB' if config.in_channels == 3 else 'grey'}{values}; any batch"),
        ("`logits`", f"`float32 [batch, {len(config.classes)}]`"),
        ("metadata", "names, classes, size, bits"),
        ("size", f"{done.megabytes:.2f} MB (32-bit: {done.megabytes_fp32:.2f} MB)"),
    ]
    lines = [
        FIRST_LINE,
        f"# {done.path.name}",
        "",
        f"`{system.weights}` ({system.name}), single pictures, {done.precision}; activations: "
        f"{bits}.{'' if program else ' Pixels are scaled inside the graph.'}",
        "",
        *table(contents),
        "",
        "Measured before this file was put here:",
        "",
        *table(_measured(done, words)),
        "",
    ]
    return "\n".join(lines)


def _measured(done: Exported, words: str) -> Rows:
    """Error, times, and what 8 bits cost."""
    check = done.check
    threads = "one thread" if check.threads == 1 else f"{check.threads} threads"
    rows: Rows = [
        (
            "largest difference of a logit from eager PyTorch, on noise",
            f"{check.error:.2g} (largest logit {check.scale:.3g})",
        ),
        ("one picture, eager PyTorch, simulated", f"{check.eager_ms:.2f} ms"),
        (f"the same by {done.runner}", f"{check.ms:.2f} ms ({threads})"),
    ]
    cost = done.accuracy
    if cost is None:
        return rows
    if done.float_ms is not None:
        ratio = f"{done.float_ms:.2f} ms, {done.float_ms / check.ms:.1f} times as long"
        rows.append((f"with float activations by {done.runner}", ratio))
    rows.append(("convolutions that run in 8 bits", f"{done.int8} of {done.int8 + done.floats}"))
    if cost.top1 is not None and cost.top1_fp32 is not None:
        rows.append(("top-1 simulated", f"{100 * cost.top1_fp32:.1f} % of {cost.clips} pictures"))
        rows.append(("top-1 in integers", f"{100 * cost.top1:.1f} %"))
    rows.append(("same best class", f"{100 * cost.agreement:.1f} %"))
    rows.append(("pictures", words))
    return rows
