"""What can go wrong with a file: an error where nothing can be used, remarks where a part can.

The rule of the whole package: what can be decoded is given, the nearest good picture or silence
stands in for what cannot, and every such damage is written to `Problems`. Nothing decodable at all
is a `MediaError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class MediaError(ValueError):
    """A file that cannot be read or written; in one line what is wrong and what to do."""


@dataclass
class Problems:
    """Damage met so far: each kind once, with how often and when first (seconds)."""

    _seen: dict[str, tuple[int, float | None]] = field(default_factory=dict)

    def add(self, kind: str, seconds: float | None = None) -> None:
        """Record one more of ``kind``; ``seconds`` is when, where that is known."""
        count, first = self._seen.get(kind, (0, seconds))
        self._seen[kind] = (count + 1, first)

    def lines(self) -> tuple[str, ...]:
        """One plain line for each kind."""
        return tuple(
            kind
            + (f" ({count} times)" if count > 1 else "")
            + ("" if first is None else f", first at {first:.2f} s")
            for kind, (count, first) in self._seen.items()
        )

    def __bool__(self) -> bool:
        return bool(self._seen)
