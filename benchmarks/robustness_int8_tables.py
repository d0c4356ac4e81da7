"""Tables of real integers against simulated ones, for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _share(integers: int, floats: int) -> str:
    return f"{integers}/{integers + floats}"


def _radius(eps: float) -> str:
    return f"{255 * eps:g}/255"


def answers(table: Table, results: Results) -> str:
    """Clean and robust accuracy of both forms."""
    head = (
        *("", "inputs", "attacked", "ε", "clean % simulated", "integers", "robust % simulated"),
        *("integers, same inputs", "integers, own attack", "integer convolutions"),
    )
    rows = []
    for row in results["answers"]:
        done = results["exports"][row["name"]]
        kernels = (
            f"{done['int8_convolutions']}/{done['int8_convolutions'] + done['float_convolutions']}"
        )
        for k, found in enumerate(row["robust"]):
            first = (f"`{row['name']}`", row["inputs"], row["attacked"]) if not k else ("", "", "")
            clean = (
                _percent(row["accuracy_simulated"]) if not k else "",
                _percent(row["accuracy_integers"]) if not k else "",
            )
            rows.append(
                (
                    *first,
                    _radius(found["eps"]),
                    *clean,
                    _percent(found["simulated"]),
                    _percent(found["integers"]),
                    _percent(found["integers_white_box"]),
                    kernels if not k else "",
                )
            )
    margins = ", ".join(
        f"`{row['name']}` {_percent(row['gap_clean'])} clean and "
        f"{_percent(row['largest_gap_robust'])} robust"
        for row in results["answers"]
    )
    return table(head, rows) + (
        f"\nLargest differences in points, each attacked for itself: {margins}. Attack: "
        f"{results['attack']}; *same inputs* were made on the simulation, *own attack* tests its "
        "success on the integers and takes the simulation's gradient. Inputs are rounded to "
        "bytes.\n"
    )


def latency(table: Table, results: Results) -> str:
    """Milliseconds of each form."""
    head = (
        *("", "bits", "integer convolutions", "batch 1: floats ms", "integers ms", "ratio"),
        *("batch 32: floats ms", "integers ms", "ratio"),
    )
    rows = []
    for row in results["latency"]:
        counts = _share(row["int8_convolutions"], row["float_convolutions"])
        cells: list[object] = [row["name"], row["bits"], counts]
        for batch in (1, 32):
            times = row[f"batch_{batch}_ms"]
            cells += [times["floats"], times["integers"], row[f"batch_{batch}_ratio"]]
        rows.append(cells)
    threads = results["threads"]
    return table(head, rows) + (
        f"\nMedians, {threads} thread{'s'[: threads > 1]}; a ratio above 1 means that integers are "
        "faster. The wide networks have random weights.\n"
    )


TABLES: dict[str, Callable[[Table, Results], str]] = {
    "robustness-int8-answers": answers,
    "robustness-int8-latency": latency,
}
