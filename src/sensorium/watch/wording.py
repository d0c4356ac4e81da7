"""Numbers and names as people read them."""

from __future__ import annotations


def length(seconds: float) -> str:
    """A duration as ``0.04 s``, ``16.6 s``, ``12 min 5 s`` or ``1 h 2 min``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    total = round(seconds)
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def size(count: float) -> str:
    """Bytes as ``812 B``, ``65 kB``, ``1.4 MB`` (powers of 1000)."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            value = count / scale
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{count:.0f} B"


def percent(share: float) -> str:
    """A share 0..1 as ``97 %``; never 100 % unless it is."""
    value = round(100 * share)
    return f"{min(value, 99) if share < 0.9995 else value} %"


def label(name: str) -> str:
    """A class name as shown: ``slide_left`` -> ``slide left``."""
    return name.replace("_", " ").strip() or "(no name)"


def listing(items: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
