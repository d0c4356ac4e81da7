"""The report as one HTML page: a template, a style sheet and a script from the package, filled in.

All words that come from outside (file names, labels, cards) are escaped; JSON is written so that
nothing in it can end its element. A Content-Security-Policy in the page forbids every load from the
network, so that the page stays what it says even where someone edits it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sensorium.watch import facts, wording
from sensorium.watch.clock import Clock
from sensorium.watch.pictures import Picture
from sensorium.watch.preview import FILE_NAME
from sensorium.watch.section import Section
from sensorium.watch.timeline import timeline
from sensorium.watch.weights import Weights

if TYPE_CHECKING:
    from sensorium.watch.report import Report

_SIGN = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M12 3.5 22 20.5H2Z"/><path d="M12 10v4.5M12 17.4v.1"/></svg>'
)


def render(report: Report) -> str:
    """The whole page."""
    sections, preview = report.sections, report.preview
    beside = _placed(sections, "beside")
    style = fill(_own("page.css"), {"aspect": f"{preview.width} / {preview.height}"})
    outside = preview.path is not None
    return fill(
        _own("page.html"),
        {
            "version": escape(version("sensorium")),
            "media_source": "blob: 'self' file:" if outside else "blob:",
            "title": escape(PurePath(report.file).name or report.file),
            "style": style + "".join(dict.fromkeys(s.style for s in sections)),
            "headline": escape(facts.headline(report.info)),
            "summary": "".join(_summary(s) for s in sections),
            "notices": _notices(report),
            "stage_kind": "stage two" if beside else "stage",
            "width": str(preview.width),
            "height": str(preview.height),
            "source": f' src="{FILE_NAME}"' if outside else "",
            "player_note": escape(preview.note),
            "beside": f'<div class="beside">{beside}</div>' if beside else "",
            "over": "".join(s.over for s in sections),
            "under": "".join(s.under for s in sections),
            "above": _placed(sections, "above"),
            "legend": _legend(sections),
            "below": _placed(sections, "below"),
            "timeline": timeline(sections, report.strip, report.clock),
            "frames": "".join(_frame(p, report.clock) for p in report.frames),
            "file": _list(facts.lines(report.info, report.damage)),
            "weights": "".join(_weights(w) for w in report.weights),
            "seconds": _seconds(report.seconds_per_stage),
            "json": embed(report.to_dict()),
            "video": preview.base64(),
            "script": _own("page.js") + "".join(dict.fromkeys(s.script for s in sections)),
        },
    )


def fill(template: str, parts: dict[str, str]) -> str:
    """Put parts in place of ``{{name}}``; what is put in is never looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], template)


def embed(data: Any) -> str:
    """JSON for inside a script element: no character of it can end the element or start another."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _own(name: str) -> str:
    return files("sensorium.watch").joinpath(name).read_text(encoding="utf-8")


def _summary(section: Section) -> str:
    return f'<p class="summary">{escape(section.summary)}</p>' if section.summary else ""


def _placed(sections: Sequence[Section], place: str) -> str:
    return "".join(_body(s) for s in sections if s.place == place and s.body)


def _legend(sections: Sequence[Section]) -> str:
    """What the curves of the lanes are, where there are any."""
    curves = list(dict.fromkeys(s.legend for s in sections if s.legend and s.lanes))
    return f"; the curve behind it is {escape(' or '.join(curves))}" if curves else ""


def _body(section: Section) -> str:
    mark = "untrusted" if section.notice else "trusted"
    name = escape(f"{section.name}-{section.system}")
    return (
        f'<section class="{mark}" aria-label="{escape(section.title)}" data-section="{name}">'
        f"<h2>{escape(section.title)}</h2>{section.body}</section>"
    )


def _notices(report: Report) -> str:
    """What must be read before anything else; nothing where there is no need."""
    notices = "".join(_notice(s) for s in report.sections) + _damage(report.damage)
    notices += "".join(f'<p class="remark">{escape(line)}</p>' for line in report.unanswered)
    return f'<div class="notices">{notices}</div>' if notices else ""


def _notice(section: Section) -> str:
    if section.notice:
        return (
            f'<section class="notice" role="note" aria-label="Out of domain">{_SIGN}'
            f"<h2>{escape(section.warning)}</h2><p>{escape(section.notice)}</p></section>"
        )
    return f'<p class="remark">{escape(section.remark)}</p>' if section.remark else ""


def _damage(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    words = f"Parts of this file are damaged; what follows holds for the rest: {'; '.join(lines)}."
    return f'<p class="remark">{escape(words)}</p>'


def _frame(picture: Picture, clock: Clock) -> str:
    moment, when = picture.moment, clock.words(picture.moment.time)
    if moment.hue is None:
        look = 'class="frame grey"'
    else:
        look = f'class="frame" style="--h:{moment.hue:.0f}"'
    if moment.caption:
        name, what = "", f' <span class="what">{escape(moment.caption)}</span>'
    else:
        name, what = f' aria-label="Picture at {when}"', ""
    return (
        f'<button type="button" {look} data-seek="{clock.seconds(moment.time):.3f}"{name}>'
        f'<img src="data:image/jpeg;base64,{picture.data}" alt="" width="{picture.width}" '
        f'height="{picture.height}" loading="lazy"><span>{when}</span>{what}</button>'
    )


def _list(lines: Sequence[tuple[str, str]], kind: str = "") -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in lines)
    return f"<dl{kind}>{items}</dl>"


def _weights(weights: Weights) -> str:
    trained = weights.trained_on or "their card does not say"
    lines = [("System", weights.system), ("Trained on", trained), *weights.facts]
    return f"<h3>{escape(weights.name)}</h3>{_list(lines)}"


def _seconds(stages: dict[str, float]) -> str:
    total = sum(stages.values()) or 1.0
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{wording.length(value)}"
        f'<i style="--p:{value / total:.3f}"></i></dd>'
        for name, value in stages.items()
    )
    return f'<dl class="times">{items}<dt>together</dt><dd>{wording.length(total)}</dd></dl>'
