"""Times of a clip as the player counts them: from 0 at the clip's start."""

from __future__ import annotations

from dataclasses import dataclass

from sensorium.types import Span


@dataclass(frozen=True)
class Clock:
    """Turns a clip's own times into the player's, into words and into places on the time line.

    Attributes:
        start: of the clip on its own clock, in seconds.
        duration: of the clip in seconds, above 0.
    """

    start: float
    duration: float

    @classmethod
    def of(cls, span: Span) -> Clock:
        """The clock of a clip with this span."""
        return cls(span.start, max(span.duration, 1e-3))

    def seconds(self, time: float) -> float:
        """The player's time."""
        return min(max(time - self.start, 0.0), self.duration)

    def place(self, time: float) -> float:
        """0 at the left end of the time line, 100 at the right one."""
        return 100 * self.seconds(time) / self.duration

    def words(self, time: float) -> str:
        """``3.2 s``, ``1:02.5`` or ``1:02:03``, as fine as the clip's length needs."""
        seconds = self.seconds(time)
        if self.duration < 60:
            return f"{seconds:.2f} s" if self.duration < 3 else f"{seconds:.1f} s"
        if self.duration < 600:
            tenths = round(seconds * 10)
            return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
        total = round(seconds)
        hours, minutes = total // 3600, total % 3600 // 60
        if self.duration < 3600:
            return f"{minutes + 60 * hours}:{total % 60:02d}"
        return f"{hours}:{minutes:02d}:{total % 60:02d}"

    def stretch(self, span: Span) -> str:
        """A stretch of time, the unit written once: ``3.2-4.8 s`` with an en dash."""
        return f"{self.words(span.start).removesuffix(' s')}\u2013{self.words(span.end)}"

    def ticks(self, count: int = 9) -> list[float]:
        """Round times for the ruler, at most ``count``, on the player's clock."""
        steps = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
        step = next((s for s in steps if self.duration / s <= count - 1), None)
        if step is None:
            step = 3600 * (1 + self.duration // (3600 * (count - 1)))
        return [i * step for i in range(int(self.duration / step + 1e-6) + 1)]
