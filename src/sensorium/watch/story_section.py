"""The Story section: what happens and when, as sentences beside the player that can be searched."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from sensorium.events.results import Event, Story
from sensorium.watch import wording
from sensorium.watch.clock import Clock
from sensorium.watch.section import Lane, Moment, Section, Segment, Setting
from sensorium.watch.weights import Weights

_HUE = 185.0
_SENTENCES = 1000  # in the page
_LANES = 4  # of the time line; events that overlap lie in different ones
_SEGMENTS = 400  # of the time line
_TOLD = 3  # sentences in the summary, at most
_SURE = 0.5  # below this mean score the summary says that the weights are not sure


def story_section(result: Story, setting: Setting) -> Section:
    """What the report says about the events of a clip; next to nothing about an empty story."""
    clock, unknown = setting.clock, bool(result.out_of_domain)
    shown = _surest(result.events, _SENTENCES)
    empty = not shown
    return Section(
        name="events",
        title="The story",
        system=result.system,
        data=result.to_dict(),
        summary="" if unknown else _summary(result.events, clock),
        notice=_notice(result, setting.weights) if unknown else "",
        warning="Do not trust this story",
        remark=_remark(result),
        lanes=() if empty else _lanes(result.events, None if unknown else _HUE),
        moments=() if unknown else _moments(result.events),
        body="" if empty else _body(shown, len(result.events), clock, grey=unknown),
        place="beside",
        script="" if empty else _own("story.js"),
        style="" if empty else _own("story.css"),
    )


def _own(name: str) -> str:
    return files("sensorium.watch").joinpath(name).read_text(encoding="utf-8")


def _surest(events: Sequence[Event], count: int) -> list[Event]:
    """So many events with the highest scores, in order of time."""
    kept = sorted(events, key=lambda event: -event.score)[:count]
    return sorted(kept, key=lambda event: (event.start, event.end))


def _summary(events: Sequence[Event], clock: Clock) -> str:
    """The story in a line or two."""
    if not events:
        return "The story is empty: the weights find nothing to tell in this video."
    surest = {e.sentence: e for e in sorted(events, key=lambda event: event.score)}
    told = events if len(events) <= _TOLD else _surest(list(surest.values()), _TOLD)
    quoted = [f"\u201c{e.sentence}\u201d ({clock.words(e.start)})" for e in told]
    if len(events) == 1:
        said = f"The story is one sentence: {quoted[0]}."
    elif len(events) <= _TOLD:
        said = f"The story is {len(events)} sentences: {wording.listing(quoted)}."
    else:
        said = f"The story has {len(events)} sentences; the surest are {wording.listing(quoted)}."
    score = sum(event.score for event in events) / len(events)
    if score < _SURE:
        return f"{said} The weights are not sure of it: {wording.percent(score)} on average."
    return said


def _notice(result: Story, weights: Weights) -> str:
    """Plain words for a clip that the weights have no business to tell about."""
    trained = weights.trained_on or "videos of another kind"
    told = (
        "The sentences below are what they would tell anyway, drawn in grey: do not trust them."
        if result.events
        else "They find nothing to tell in it, which says nothing about the video."
    )
    return (
        f"This video is unlike anything that the weights \u201c{result.system}\u201d know. "
        f"They were trained on {trained}. {told} "
        f"(Unfamiliarity {result.unfamiliarity or 0.0:.2f}; above 0.50 is out of domain.)"
    )


def _remark(result: Story) -> str:
    if result.out_of_domain is None:
        return (
            f"The weights \u201c{result.system}\u201d carry no calibration, so nothing here can "
            "tell whether they know videos like this one."
        )
    return ""


def _lanes(events: Sequence[Event], hue: float | None) -> tuple[Lane, ...]:
    """Sentences as chapters: as few rows as keep events apart that overlap.

    What would need a fifth row is left to the list beside the player.
    """
    rows: list[list[Segment]] = []
    for event in _surest(events, _SEGMENTS):
        free = next((row for row in rows if row[-1].span.end <= event.start), None)
        if free is None and len(rows) < _LANES:
            rows.append(free := [])
        if free is not None:
            free.append(Segment(event.span, event.sentence, event.score))
    names = ["story", *("meanwhile" for _ in rows[1:])]
    return tuple(Lane(name, tuple(row), (), hue) for name, row in zip(names, rows, strict=True))


def _moments(events: Sequence[Event]) -> tuple[Moment, ...]:
    """The middle of each event."""
    return tuple(Moment(e.span.centre, e.sentence, e.span.duration * e.score, _HUE) for e in events)


def _body(events: Sequence[Event], count: int, clock: Clock, *, grey: bool) -> str:
    """The search box (for those with JavaScript) and the sentences."""
    rows = "".join(_sentence(event, clock) for event in events)
    more = (
        f'<p class="more">The {len(events)} surest of {count} sentences; all are in '
        "report.json.</p>"
        if len(events) < count
        else ""
    )
    style = "" if grey else f' style="--h:{_HUE:.0f}"'
    return (
        f'<div class="story" data-story{style}><div class="search" role="search" hidden>'
        '<input type="search" data-do="search" autocomplete="off" spellcheck="false" '
        'placeholder="Search the story" aria-label="Search the story; Enter goes to the next '
        'moment found">'
        '<output class="status" aria-live="polite" data-show="found"></output></div>'
        f'<div class="scroll"><ol class="sentences">{rows}</ol></div>{more}</div>'
    )


def _sentence(event: Event, clock: Clock) -> str:
    start, end = clock.seconds(event.start), clock.seconds(event.end)
    score = wording.percent(event.score)
    return (
        f'<li data-start="{start:.3f}" data-end="{end:.3f}">'
        f'<button type="button" data-seek="{start:.3f}">'
        f'<span class="when">{clock.stretch(event.span)}</span>'
        f'<span class="said">{escape(event.sentence)}</span>'
        f'<span class="sure" title="How sure the weights are">{score}</span></button></li>'
    )
