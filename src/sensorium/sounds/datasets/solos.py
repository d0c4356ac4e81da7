"""Solos (Montesinos et al., MMSP 2020): ids by instrument, and the parts that show a soloist.

``solos_ids.json`` is ``{"Violin": ["<id>", ...]}``; ``solos_timestamps.json`` is
``{"Violin": {"<id>": [[start, end], ...]}}`` in frames of 25 per second. Each part is a recording
of its own (``Violin/<id>#0``). Media are looked for by their ids anywhere below the root. No split
is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensorium.sounds.datasets.lists import json_object
from sensorium.sounds.datasets.locating import Library
from sensorium.sounds.datasets.manifest import Item, Listing, Source
from sensorium.sounds.datasets.music import valid_id, with_media

FPS = 25.0
"""Hertz; what the time stamps count."""

Parts = tuple[tuple[float, float], ...]


def read_solos(source: Source) -> Listing:
    """Solos: time stamps where there are any, whole videos of the other ids."""
    files = [path for path in source.lists("*.json") if is_solos(path) or path == source.data]
    if not files:
        raise ValueError(
            f"{source.data}: no Solos list, expected solos_ids.json or solos_timestamps.json"
        )
    parts: dict[tuple[str, str], Parts] = {}
    for path in files:
        for label, name, stamps in _entries(path):
            parts[label, name] = stamps or parts.get((label, name), ())
    library = Library(source.root)
    items: list[Item] = []
    for (label, name), stamps in parts.items():
        whole = with_media(Item(f"{label}/{name}", label), library, (name,), source.fps)
        items += _cut(whole, stamps)
    return Listing("solos", tuple(items))


def is_solos(path: Path) -> bool:
    """Whether a JSON file looks like one of the two lists."""
    try:
        return all(
            (isinstance(v, list) and all(isinstance(name, str) for name in v))
            or (isinstance(v, dict) and all(isinstance(s, list) for s in v.values()))
            for v in json_object(path).values()
        )
    except ValueError:
        return False


def _entries(path: Path) -> Iterator[tuple[str, str, Parts]]:
    for label, names in json_object(path).items():
        where = f"{path}, class {label!r}"
        if not isinstance(names, list | dict):
            raise ValueError(f"{where}: got {type(names).__name__}, expected ids")
        stamps: dict[Any, Any] = names if isinstance(names, dict) else {name: [] for name in names}
        for name, pairs in stamps.items():
            yield label, valid_id(name, where), _seconds(pairs, f"{where}, {name}")


def _seconds(pairs: Any, where: str) -> Parts:
    """Pairs of frame numbers as seconds."""
    good = isinstance(pairs, list) and all(
        isinstance(p, list)
        and len(p) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in p)
        and 0 <= p[0] < p[1] < 1e9
        for p in pairs
    )
    if not good:
        raise ValueError(f"{where}: got {pairs!r:.80}, expected [[start, end], ...] in frames")
    return tuple((p[0] / FPS, p[1] / FPS) for p in pairs)


def _cut(whole: Item, stamps: Parts) -> list[Item]:
    if not stamps:
        return [whole]
    return [
        replace(whole, uid=f"{whole.uid}#{k}", shot_id=k, t0=start, t1=end)
        for k, (start, end) in enumerate(stamps)
    ]
