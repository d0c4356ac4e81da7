"""Tables of the quality and the speed of expressions, for `write_docs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from events_tables import number, percent

Row = dict[str, Any]
Results = dict[str, Any]
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
Column = tuple[str, Callable[[Row], str]]

ORDER = (
    "bundled weights",
    "full system",
    "without the mouth's discriminator",
    "without landmarks",
    "without continuity",
    "without discriminators",
    "painted anew (paper)",
    "plain L1 (paper)",
    "residual in pixels",
    "a model for each expression",
    "frame by frame",
    "ConvLSTM",
    "cross-fade",
    "copy of the input",
    "true videos",
)
EXPRESSIONS = (
    "happy", "sad", "surprised", "angry", "disgusted", "afraid", "contemptuous",
)  # fmt: skip
_NOT_RUN = "\nNot measured yet.\n"
_BEST = 99.5  # dB, from which a picture is the same


def shares(names: dict[str, str]) -> list[Column]:
    """Columns in per cent."""
    return [(label, lambda row, n=name: percent(row, n)) for name, label in names.items()]  # type: ignore[misc]


def numbers(names: dict[str, str], digits: int) -> list[Column]:
    """Columns as they are."""
    return [
        (label, lambda row, n=name: number(row, n, digits))  # type: ignore[misc]
        for name, label in names.items()
    ]


def decibels(names: dict[str, str]) -> list[Column]:
    """Columns of PSNR; of what is the same to the bit nothing is said."""

    def show(row: Row, name: str) -> str:
        same = name not in row or row[name] > _BEST
        return "same" if same else number(row, name, 1)

    return [(label, lambda row, n=name: show(row, n)) for name, label in names.items()]  # type: ignore[misc]


def _table(table: Table, results: Results, columns: list[Column], needs: str) -> str:
    """The rows that hold a figure."""
    rows = results["rows"]
    lines = [
        (label, *(show(rows[label]) for _, show in columns))
        for label in ORDER
        if needs in rows.get(label, {})
    ]
    return table(("", *(head for head, _ in columns)), lines) if lines else _NOT_RUN


def judged(table: Table, results: Results) -> str:
    """Whether the commanded expression is there, how strong, and on whom."""
    columns = shares({"accuracy": "expression named %", "monotone": "rising steps %"})
    columns += numbers({"intensity_spearman": "Spearman"}, 3)
    columns += numbers({"intensity_mae": "error of degree", "others": "of the others"}, 3)
    columns += numbers({"landmark_nme": "landmarks NME", "mouth_nme": "mouth NME"}, 4)
    columns += numbers({"identity": "identity, cosine"}, 3)
    columns += shares({"reidentified": "known again %"})
    about = (
        f"\n{results['people']} people whom no training has seen, {len(EXPRESSIONS)} expressions, "
        "11 degrees each.\n\n"
    )
    return about + _table(table, results, columns, "accuracy")


def pictures(table: Table, results: Results) -> str:
    """How near the pictures are to the true ones."""
    columns = numbers({"ssim": "SSIM frame", "ssim_face": "face", "ssim_mouth": "mouth"}, 3)
    columns += decibels({"psnr": "PSNR frame", "psnr_face": "face", "psnr_mouth": "mouth"})
    columns += decibels({"neutral_psnr": "PSNR of f(I, 0)"})
    columns += numbers({"frechet_judge": "`frechet_judge`"}, 3)
    return _table(table, results, columns, "ssim")


def time(table: Table, results: Results) -> str:
    """How evenly it goes."""
    columns = numbers({"jump_ratio": "jump ratio"}, 2)
    columns += numbers({"path_rmse": "landmark path RMSE"}, 4)
    columns += shares({"path_monotone": "path rises %"})
    columns += numbers({"acd": "ACD", "acd_input": "ACD-I"}, 3)
    return _table(table, results, columns, "path_rmse")


def filmed(table: Table, results: Results) -> str:
    """Clips as filmed, by their labels of time."""
    names = {"ssim": "SSIM frame", "ssim_face": "face", "ssim_mouth": "mouth"}
    columns = numbers({f"filmed_{name}": label for name, label in names.items()}, 3)
    columns += decibels({"filmed_psnr": "PSNR frame"})
    columns += numbers({"filmed_landmark_nme": "landmarks NME"}, 4)
    columns += numbers({"filmed_path_rmse": "landmark path RMSE"}, 4)
    return _table(table, results, columns, "filmed_ssim")


def mixed(table: Table, results: Results) -> str:
    """Two expressions at a time."""
    columns = shares({"mixed_accuracy": "both strongest %"})
    columns += numbers({"mixed_degrees_mae": "error of degree"}, 3)
    columns += numbers({"mixed_landmark_nme": "landmarks NME"}, 4)
    columns += numbers({"mixed_ssim_face": "SSIM face"}, 3)
    return _table(table, results, columns, "mixed_accuracy")


def _chosen(results: Results) -> tuple[str, Row]:
    """The row whose details are shown."""
    rows = results["rows"]
    return next(((label, rows[label]) for label in ORDER if label in rows), ("", {}))


def confusion(table: Table, results: Results) -> str:
    """What is named for what was commanded."""
    label, row = _chosen(results)
    if "confusion" not in row:
        return _NOT_RUN
    lines = [
        (name, *(f"{100 * share:.0f}" if share else "" for share in shares_of))
        for name, shares_of in zip(EXPRESSIONS, row["confusion"], strict=True)
    ]
    return table((f"{label}: commanded, named %", *EXPRESSIONS), lines)


def groups(table: Table, results: Results) -> str:
    """Errors by group of people."""
    label, row = _chosen(results)
    if "groups" not in row:
        return _NOT_RUN
    found = row["groups"]
    lines = []
    for name, of in found["accuracy"].items():
        for group in of:
            cells: list[object] = [
                results["people_of"].get(name, {}).get(group, ""),
                f"{100 * found['accuracy'][name][group]:.1f}",
                f"{found['intensity_mae'][name][group]:.3f}",
                f"{found['landmark_nme'][name][group]:.4f}",
                f"{255 * found['l1_face'][name][group]:.2f}",
                f"{found['identity'][name][group]:.3f}",
            ]
            lines.append((f"{name}: {group}", *cells))
    head = (label, "people", "expression named %", "error of degree", "landmarks NME")
    return table((*head, "L1 of the face, of 255", "identity, cosine"), lines)


def judges(table: Table, results: Results) -> str:
    """How well the judges judge true faces of people whom they have not seen."""
    found = results["held_out"]
    names = {
        "people": "people held out",
        "faces": "their faces",
        "accuracy": "expression named, from degree 0.5 on",
        "accuracy_above_0.15": "from 0.15 on",
        "intensity_spearman": "Spearman of the degree, over people",
        "intensity_mae": "mean error of the degree",
        "degrees_mae_of_mixtures": "of both degrees in mixtures",
        "landmark_nme": "landmarks NME",
        "mouth_nme": "mouth NME",
        "reidentified": "known again among all, by one picture",
        "cosine_same": "cosine, same person",
        "cosine_others": "cosine, others",
    }
    lines: list[tuple[object, ...]] = [
        (label, f"{found[name]:,.0f}" if found[name] > 1 else f"{found[name]:.3f}")
        for name, label in names.items()
        if name in found
    ]
    lines += [("parameters", f"{results['parameters']:,}"), ("MB", results["megabytes"])]
    return table(("", ""), lines)


def budgets(table: Table, results: Results) -> str:
    """What every training was given, and what has not been run."""
    lines = []
    for name, about in results["networks"].items():
        minutes = [s["train_cpu_minutes"] for s in about["by_seed"].values() if s]
        lines.append(
            (
                name,
                f"{about['parameters']:,}",
                " + ".join(f"{steps:,}" for steps in about["steps"])
                + (f", after {about['after']}" if about["after"] else ""),
                about["batch"],
                f"{about['sittings']:,}",
                ", ".join(sorted(about["by_seed"])),
                f"{sum(minutes) / len(minutes):.1f}" if minutes else "",
            )
        )
    head = ("", "parameters", "steps", "batch", "sittings", "seeds", "CPU min")
    missing = results.get("not_run", [])
    more = f"\nNot run: {'; '.join(missing)}.\n" if missing else ""
    return (table(head, lines) if lines else _NOT_RUN) + more


def speed(table: Table, results: Results) -> str:
    """What frames cost."""
    lines = [
        (
            name,
            f"{row['fps']:.0f}",
            f"{row['recomputed_fps']:.0f}",
            f"{row['ratio']:.2f}",
            f"{row['peak_mib']:.0f}",
            f"{row['above_loading_mib']:.0f}",
        )
        for name, row in results["batches"].items()
    ]
    head = ("", "frames/s", "encoders run for every frame", "ratio", "peak MiB", "above loading")
    return (
        f"\n{results['system']}, {results['parameters']:,} parameters without the critics, "
        f"{results['size']} x {results['size']} pixels, one thread.\n\n" + table(head, lines)
    )


TABLES: dict[str, tuple[str, Callable[[Table, Results], str]]] = {
    "expressions-judged": ("expressions_quality", judged),
    "expressions-pictures": ("expressions_quality", pictures),
    "expressions-time": ("expressions_quality", time),
    "expressions-filmed": ("expressions_quality", filmed),
    "expressions-mixed": ("expressions_quality", mixed),
    "expressions-confusion": ("expressions_quality", confusion),
    "expressions-groups": ("expressions_quality", groups),
    "expressions-budgets": ("expressions_quality", budgets),
    "expressions-judges": ("portrait_judges", judges),
    "expressions-speed": ("expressions_speed", speed),
}
