"""The time line as HTML: a film strip, a ruler, and one row per lane, every row on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sensorium.watch import wording
from sensorium.watch.clock import Clock
from sensorium.watch.curves import svg
from sensorium.watch.pictures import Picture
from sensorium.watch.section import Lane, Section, Segment


def timeline(sections: Sequence[Section], strip: Sequence[Picture], clock: Clock) -> str:
    """All sections' lanes under one film strip; each section's rows follow its own heading."""
    with_lanes = [s for s in sections if s.lanes]
    rows = [_strip(strip), _ruler(clock)]
    for section in with_lanes:
        if len(with_lanes) > 1:
            heading = escape(f"{section.title} ({section.system})")
            rows.append(f'<h3 class="group">{heading}</h3>')
        kind = "lanes untrusted" if section.notice else "lanes"
        lanes = "".join(_lane(lane, clock) for lane in section.lanes)
        rows.append(f'<div class="{kind}">{lanes}</div>')
    last = f"{clock.duration:.3f}"
    return (
        f'<div class="rows" id="rows">{"".join(rows)}'
        '<div class="cursor" id="cursor" role="slider" tabindex="0" '
        'aria-label="Position in the video" '
        f'aria-valuemin="0" aria-valuemax="{last}" aria-valuenow="0" '
        f'aria-valuetext="{clock.words(clock.start)}">'
        '<span class="flag" id="flag"></span></div></div>'
    )


def _strip(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    images = "".join(
        f'<img src="data:image/jpeg;base64,{p.data}" alt="" width="{p.width}" height="{p.height}">'
        for p in pictures
    )
    return (
        f'<div class="row film"><span class="name"></span><div class="track">{images}</div></div>'
    )


def _ruler(clock: Clock) -> str:
    marks = "".join(_mark(time, clock) for time in clock.ticks())
    return (
        '<div class="row ruler" aria-hidden="true"><span class="name"></span>'
        f'<div class="track">{marks}</div></div>'
    )


def _mark(time: float, clock: Clock) -> str:
    share = time / clock.duration
    kind = ' class="end"' if share > 0.96 else ""
    return f'<span{kind} style="left:{100 * share:.3f}%">{clock.words(clock.start + time)}</span>'


def _lane(lane: Lane, clock: Clock) -> str:
    colour = f' style="--h:{lane.hue:.0f}"' if lane.hue is not None else ""
    kind = "row lane" if lane.hue is not None else "row lane grey"
    bars = "".join(_bar(segment, clock) for segment in lane.segments)
    name = escape(lane.label)
    return (
        f'<div class="{kind}"{colour}><span class="name" title="{name}">{name}</span>'
        f'<div class="track">{svg(lane.curve, clock.start, clock.duration)}{bars}</div></div>'
    )


def _bar(segment: Segment, clock: Clock) -> str:
    left, right = clock.place(segment.span.start), clock.place(segment.span.end)
    start, end = clock.seconds(segment.span.start), clock.seconds(segment.span.end)
    words = f"{segment.label}, {clock.stretch(segment.span)}, {wording.percent(segment.score)}"
    return (
        f'<button type="button" class="segment" data-seek="{start:.3f}" data-start="{start:.3f}" '
        f'data-end="{end:.3f}" style="left:{left:.3f}%;width:{right - left:.3f}%" '
        f'title="{escape(words)}" aria-label="{escape(words)}"></button>'
    )
