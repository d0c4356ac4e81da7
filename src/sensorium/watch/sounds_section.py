"""The Sounds section: who sounds, where in the picture, and each source as a track to mix.

Stems of a clip of up to ``EMBEDDED_SECONDS`` are inside the page, where a mixer plays them in step
with the player, and a click in the picture plays the sound of that place. Those of a longer clip
are files beside the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from sensorium.sounds.results import Stem, Stems
from sensorium.types import Span
from sensorium.watch import wording
from sensorium.watch.curves import thin
from sensorium.watch.section import Lane, Moment, Section, Segment, Setting
from sensorium.watch.sounds_body import OVER, body, payload, under
from sensorium.watch.stem_tracks import Tracks, make_tracks
from sensorium.watch.weights import Weights

_HUES = (250.0, 30.0, 150.0, 310.0, 80.0, 200.0, 350.0, 110.0)
_SEGMENTS = 120  # of a lane
_SURE = 0.5  # below this mean score the summary says that the tracks are hardly told apart
_LISTED = 3  # sources that are always listed one by one
_NAMELESS = re.compile(r"source \d+")
_MOMENTS = 3  # per source
_SCRIPTS = ("mixer.js", "heat.js", "transport.js", "sounds.js")


def sounds_section(result: Stems, setting: Setting) -> Section:
    """What the report says about the sounds of a clip."""
    unknown = bool(result.out_of_domain)
    tracks = make_tracks(result, setting.folder, setting.told)
    spans = [tracks.stretches(i) for i in range(len(result.stems))]
    rest = len(result.stems) - 1
    hues = [None if unknown or i == rest else _HUES[i % len(_HUES)] for i in range(rest + 1)]
    return Section(
        name="sounds",
        title="Who sounds, and where",
        system=result.system,
        data=_data(result, tracks, spans),
        summary="" if unknown else _summary(result.stems, spans),
        notice=_notice(result, setting.weights) if unknown else "",
        warning="Do not trust this separation",
        remark=_remark(result),
        lanes=_lanes(result.stems, tracks, spans, hues),
        legend="its loudness",
        moments=() if unknown else _moments(result.stems, spans, hues),
        body=body(result, tracks, setting.clock, hues)
        + payload(result, tracks, setting.clock, hues),
        place="above",
        over=OVER,
        under=under(tracks),
        files=tracks.links,
        script="".join(_own(name) for name in _SCRIPTS),
        style=_own("sounds.css"),
    )


def _own(name: str) -> str:
    return files("sensorium.watch").joinpath(name).read_text(encoding="utf-8")


def _data(result: Stems, tracks: Tracks, spans: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """The result's own keys; per stem its file, when it sounds and how loud it is."""
    data = result.to_dict()
    paths = tracks.links or (None,) * len(result.stems)
    for i, stem in enumerate(data["stems"]):
        curve = thin(list(zip(tracks.times(), tracks.loudness[i].tolist(), strict=True)), 200)
        stem["path"] = paths[i]
        stem["sounds"] = [[round(s.start, 3), round(s.end, 3)] for s in spans[i]]
        stem["loudness"] = [[round(t, 3), round(v, 3)] for t, v in curve]
    return {**data, "inside_page": tracks.inside}


def _summary(stems: Sequence[Stem], spans: Sequence[Sequence[Span]]) -> str:
    """Who sounds, in words, and whether the weights can tell them apart."""
    heard = [stems[i] for i in range(len(stems) - 1) if spans[i]]
    if not heard:
        return "The weights hear no source that they can point at."
    names = _names(heard)
    count = f"{len(heard)} sources" if len(heard) > 1 else "one source"
    said = f"The weights hear {count}: {names}."
    score = sum(stem.score for stem in heard) / len(heard)
    if score < _SURE:
        return (
            f"{said} They can hardly tell what is whose: the tracks are {wording.percent(score)} "
            "decided on average."
        )
    return said


def _names(stems: Sequence[Stem]) -> str:
    """The sources and their sides; of many, those without a name are only counted."""
    plain = [stem for stem in stems if _NAMELESS.fullmatch(stem.label)]
    if len(stems) <= _LISTED or len(plain) < 2:
        return wording.listing([f"{wording.label(s.label)}{_side(s)}" for s in stems])
    named = [f"{wording.label(s.label)}{_side(s)}" for s in stems if s not in plain]
    return wording.listing([*named, f"{len(plain)} without a name"])


def _side(stem: Stem) -> str:
    if stem.at is None:
        return ""
    x = stem.at[0]
    where = "on the left" if x < 0.36 else "on the right" if x > 0.64 else "in the middle"
    return f" ({where})"


def _notice(result: Stems, weights: Weights) -> str:
    """Plain words for a clip that the weights have no business to take apart."""
    trained = weights.trained_on or "videos of another kind"
    return (
        f"This video is unlike anything that the weights \u201c{result.system}\u201d know. "
        f"They were trained on {trained}. The tracks below are what they make of it anyway, drawn "
        f"in grey: names, places and stems may all be wrong. Together the tracks are still the "
        f"original sound. (Unfamiliarity {result.unfamiliarity or 0.0:.2f}; above 0.50 is out of "
        "domain.)"
    )


def _remark(result: Stems) -> str:
    if result.out_of_domain is None:
        return (
            f"The weights \u201c{result.system}\u201d carry no calibration, so nothing here can "
            "tell whether they know sounds like these."
        )
    return ""


def _lanes(
    stems: Sequence[Stem],
    tracks: Tracks,
    spans: Sequence[Sequence[Span]],
    hues: Sequence[float | None],
) -> tuple[Lane, ...]:
    """One lane per source: when it sounds, and how loud it is."""
    times, lanes = tracks.times(), []
    for i in range(len(stems) - 1):
        name = wording.label(stems[i].label)
        longest = sorted(spans[i], key=lambda s: -s.duration)[:_SEGMENTS]
        segments = tuple(Segment(s, name, stems[i].score) for s in sorted(longest))
        curve = thin(list(zip(times, tracks.loudness[i].tolist(), strict=True)))
        lanes.append(Lane(name, segments, curve, hues[i]))
    return tuple(lanes)


def _moments(
    stems: Sequence[Stem], spans: Sequence[Sequence[Span]], hues: Sequence[float | None]
) -> tuple[Moment, ...]:
    """The middle of each source's longest stretches."""
    return tuple(
        Moment(s.centre, f"{wording.label(stems[i].label)} sounds", s.duration, hues[i])
        for i in range(len(stems) - 1)
        for s in sorted(spans[i], key=lambda s: -s.duration)[:_MOMENTS]
    )
