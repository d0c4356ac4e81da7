"""The Actions section: what happens when, how sure the weights are, and whether to believe them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import Any

from sensorium.actions.results import Action, Actions
from sensorium.watch import wording
from sensorium.watch.clock import Clock
from sensorium.watch.curves import Point, thin
from sensorium.watch.section import Lane, Moment, Section, Segment, Setting
from sensorium.watch.weights import Weights

_HUES = (250.0, 30.0, 150.0, 310.0, 80.0, 200.0, 350.0, 110.0)
_LANES = len(_HUES)
_ROWS = 200  # of the table
_SEGMENTS = 400  # of the time line
_SURE = 0.5  # below this mean score the summary says that the weights are not sure
_CLEAR = 0.2  # a class that never wins is drawn when its probability peaks above this


def actions_section(result: Actions, setting: Setting) -> Section:
    """What the report says about the actions of a clip."""
    clock = setting.clock
    ranking = len(result.windows) == 1
    order = _leading(result)
    unknown = bool(result.out_of_domain)
    hues = {} if unknown else dict(zip(order, _HUES, strict=False))
    return Section(
        name="actions",
        title="What happens when",
        system=result.system,
        data=_data(result, order),
        summary="" if unknown else _summary(result.actions, clock, ranking=ranking),
        notice=_notice(result, setting.weights) if unknown else "",
        remark=_remark(result),
        lanes=_lanes(result, order, hues),
        legend="the probability of that label",
        moments=() if unknown else _moments(result.actions, hues),
        body=_table(result.actions, clock, hues, ranking=ranking, unknown=unknown),
        place="beside",
    )


def _leading(result: Actions) -> list[str]:
    """Labels of the lanes: the winners by share of the time, then runners-up by peak."""
    share: dict[str, float] = defaultdict(float)
    for action in result.actions:
        share[action.label] += action.span.duration * action.score
    won = sorted(share, key=lambda name: -share[name])
    peak = result.scores.amax(0).tolist()
    others = sorted(range(len(peak)), key=lambda k: -peak[k])
    close = [result.classes[k] for k in others if peak[k] >= _CLEAR or not won]
    return [*won, *(name for name in close if name not in share)][:_LANES]


def _curve(result: Actions, name: str) -> tuple[Point, ...]:
    """Probability of a class over the clip, held to the ends of the first and the last window."""
    if name not in result.classes:
        return ()
    column = result.scores[:, result.classes.index(name)].tolist()
    points = [(w.centre, v) for w, v in zip(result.windows, column, strict=True)]
    first, last = (result.windows[0].start, column[0]), (result.windows[-1].end, column[-1])
    return thin([first, *points, last])


def _data(result: Actions, order: Sequence[str]) -> dict[str, Any]:
    """The result's own keys, its classes, and the leading classes' curves."""
    curves = [
        {"label": name, "points": [[round(t, 3), round(v, 4)] for t, v in _curve(result, name)]}
        for name in order
    ]
    return {**result.to_dict(), "classes": list(result.classes), "curves": curves}


def _summary(actions: Sequence[Action], clock: Clock, *, ranking: bool) -> str:
    """What happens, in words, and whether the weights are sure."""
    if not actions:
        return "Nothing happens that these weights have a name for."
    length = sum(a.span.duration for a in actions) or 1.0
    score = sum(a.span.duration * a.score for a in actions) / length
    if not ranking and score < _SURE:
        said = _happenings(actions, clock, ranking=ranking)
        return f"{said} They are not sure of it: {wording.percent(score)} on average."
    return _happenings(actions, clock, ranking=ranking)


def _happenings(actions: Sequence[Action], clock: Clock, *, ranking: bool) -> str:
    names = [wording.label(a.label) for a in actions]
    if ranking:
        rest = f", before {wording.listing(names[1:3])}" if len(names) > 1 else ""
        return f"The weights say {names[0]} ({wording.percent(actions[0].score)}){rest}."
    if len(actions) == 1:
        return f"The weights say one thing: {names[0]}, {clock.stretch(actions[0].span)}."
    if len(actions) <= 6:
        return f"In order, the weights say: {', '.join(names)}."
    share: dict[str, float] = defaultdict(float)
    for action in actions:
        share[wording.label(action.label)] += action.span.duration
    most = sorted(share, key=lambda name: -share[name])[:3]
    shares = [
        f"{name} ({wording.percent(share[name] / clock.duration)} of the time)" for name in most
    ]
    kinds = f"{len(share)} kinds" if len(share) > 1 else "one kind"
    return (
        f"The weights say {len(actions)} actions of {kinds}; most of all {wording.listing(shares)}."
    )


def _notice(result: Actions, weights: Weights) -> str:
    """Plain words for a clip that the weights have no business to judge."""
    trained = weights.trained_on or "videos of another kind"
    score = result.unfamiliarity or 0.0
    return (
        f"This video is unlike anything that the weights \u201c{result.system}\u201d know. "
        f"They were trained on {trained}. The labels below are what they would say anyway, "
        f"drawn in grey: do not trust them. "
        f"(Unfamiliarity {score:.2f}; above 0.50 is out of domain.)"
    )


def _remark(result: Actions) -> str:
    if result.out_of_domain is None:
        return (
            f"The weights \u201c{result.system}\u201d carry no calibration, so nothing here can "
            "tell whether they know videos like this one."
        )
    return ""


def _lanes(result: Actions, order: Sequence[str], hues: dict[str, float]) -> tuple[Lane, ...]:
    """One lane per leading label; what has no lane of its own shares a last grey one."""
    kept = result.actions
    if len(kept) > _SEGMENTS:
        longest = sorted(kept, key=lambda a: -a.span.duration * a.score)[:_SEGMENTS]
        kept = tuple(sorted(longest, key=lambda a: a.span))
    groups: dict[str | None, list[Segment]] = defaultdict(list)
    for a in kept:
        own = a.label if a.label in order else None
        groups[own].append(Segment(a.span, wording.label(a.label), a.score))
    lanes = [
        Lane(wording.label(name), tuple(groups[name]), _curve(result, name), hues.get(name))
        for name in order
    ]
    if groups[None]:
        lanes.append(Lane("other labels", tuple(groups[None])))
    return tuple(lanes)


def _moments(actions: Sequence[Action], hues: dict[str, float]) -> tuple[Moment, ...]:
    """The middle of each action."""
    return tuple(
        Moment(
            time=a.span.centre,
            caption=wording.label(a.label),
            weight=a.span.duration * a.score,
            hue=hues.get(a.label),
        )
        for a in actions
    )


def _table(
    actions: Sequence[Action],
    clock: Clock,
    hues: dict[str, float],
    *,
    ranking: bool,
    unknown: bool,
) -> str:
    """The actions as rows, in order of time; the longest ones when there are too many."""
    if not actions:
        return ""
    shown = list(actions)
    if len(shown) > _ROWS:
        shown = sorted(sorted(shown, key=lambda a: -a.span.duration)[:_ROWS], key=lambda a: a.span)
    rows = "".join(_row(a, clock, hues.get(a.label)) for a in shown)
    heading = "Label, not to be trusted" if unknown else "Action"
    caption = "The most likely actions" if ranking else "Actions in order of time"
    more = (
        f'<p class="more">The {_ROWS} longest of {len(actions)} actions; '
        "all are in report.json.</p>"
        if len(actions) > _ROWS
        else ""
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="actions"><caption>{caption}</caption>'
        f'<thead><tr><th scope="col">When</th><th scope="col">{heading}</th>'
        f'<th scope="col" class="number">Score</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f"{more}"
    )


def _row(action: Action, clock: Clock, hue: float | None) -> str:
    start, end = clock.seconds(action.span.start), clock.seconds(action.span.end)
    when = clock.stretch(action.span)
    name = escape(wording.label(action.label))
    colour = f' style="--h:{hue:.0f}"' if hue is not None else ' class="grey"'
    return (
        f'<tr data-start="{start:.3f}" data-end="{end:.3f}"{colour}>'
        f'<td><button type="button" data-seek="{start:.3f}">{when}</button></td>'
        f'<td class="label">{name}</td>'
        f'<td class="number"><span class="bar" style="--p:{action.score:.3f}"></span>'
        f"{wording.percent(action.score)}</td></tr>"
    )
