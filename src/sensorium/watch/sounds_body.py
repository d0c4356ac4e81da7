"""The Sounds section's HTML: the mixer's tracks, what lies over and under the picture, the data.

Nothing here has an ``id``: a page may hold two such sections, whose scripts find their parts by
``data-sounds``, in order.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sensorium.sounds.results import Stem, Stems
from sensorium.watch import wording
from sensorium.watch.clock import Clock
from sensorium.watch.stem_tracks import EMBEDDED_SECONDS, Tracks

QUIETEST, LOUDEST = -40, 6  # dB at the ends of a fader; the lower end is silence

_SURE = "How decided the separation is: 100 % where no sound is shared between tracks"
_MAPS = 240  # heat maps in a page, at most

OVER = (
    '<button type="button" class="heat" data-sounds="over" hidden '
    'aria-label="Picture: choose a place to hear"><canvas aria-hidden="true"></canvas></button>'
)

_PLAY = '<path d="M8 5.5v13l11-6.5z"/>'
_PAUSE = '<path d="M7 5h3.6v14H7zM13.4 5H17v14h-3.6z"/>'
_FULL = (
    '<path d="M5 10V5h5M14 5h5v5M19 14v5h-5M10 19H5v-5" fill="none" stroke="currentColor" '
    'stroke-width="2"/>'
)


def _icon(paths: str, name: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">'
        f"{paths}</svg>"
    )


def under(tracks: Tracks) -> str:
    """The player's own controls, the heat map's switch, and a line that says what is heard."""
    back = (
        '<button type="button" class="pill" data-do="whole" hidden>Back to the whole mix</button>'
    )
    return (
        '<div class="under" data-sounds="under" hidden>'
        '<div class="transport" role="group" aria-label="Player">'
        '<button type="button" class="round" data-do="play" aria-label="Play">'
        f"{_icon(_PLAY, 'play')}{_icon(_PAUSE, 'pause')}</button>"
        '<input type="range" class="seek" data-do="seek" min="0" step="any" value="0" '
        'aria-label="Position">'
        '<span class="time" data-show="time"></span>'
        '<label class="speed"><span class="hidden">Speed</span><select data-do="speed">'
        '<option value="0.5">0.5×</option><option value="0.75">0.75×</option>'
        '<option value="1" selected>1×</option><option value="1.5">1.5×</option>'
        '<option value="2">2×</option></select></label>'
        '<label class="loud"><span class="hidden">Volume</span><input type="range" '
        'data-do="loud" min="0" max="1" step="0.05" value="1"></label>'
        '<button type="button" class="round" data-do="full" aria-label="Full screen">'
        f"{_icon(_FULL, 'full')}</button></div>"
        '<div class="hearing"><label class="switch"><input type="checkbox" role="switch" '
        'data-do="heat" checked><span>Heat map</span></label>'
        f'<output class="status" aria-live="polite" data-show="hearing"></output>'
        f"{back if tracks.inside else ''}</div></div>"
    )


def body(result: Stems, tracks: Tracks, clock: Clock, hues: Sequence[float | None]) -> str:
    """A track per stem."""
    rows = "".join(
        _track(i, stem, result, tracks, clock, hue)
        for i, (stem, hue) in enumerate(zip(result.stems, hues, strict=True))
    )
    scale = (
        "The number behind a name says how decided the separation is. Spectrograms go up to "
        f"{tracks.highest / 1000:.2g} kHz; stronger is louder, on one scale for all tracks."
    )
    return (
        f'<div class="sounds" data-sounds="tracks">{_head(tracks)}'
        f'<ol class="stems">{rows}</ol><p class="note">{scale} {_told(tracks)}</p></div>'
    )


def _head(tracks: Tracks) -> str:
    if not tracks.inside:
        return ""
    return (
        '<div class="mixer"><label class="switch"><input type="checkbox" role="switch" '
        'data-do="mixer"><span>Mixer</span></label>'
        '<span class="status" data-show="mixer">off: the player\u2019s own sound</span>'
        '<button type="button" class="pill" data-do="reset">All to 0 dB</button></div>'
    )


def _told(tracks: Tracks) -> str:
    if tracks.inside:
        return (
            "The tracks together at 0 dB are the original sound. M silences a track, S silences "
            "all others. Keys in the picture: arrows move the place, Enter hears it, Escape "
            "returns to the whole mix. <code>sensorium separate</code> writes the stems without "
            "loss."
        )
    return (
        f"This sound is longer than {EMBEDDED_SECONDS / 60:.0f} minutes, so its stems lie in "
        "<code>stems/</code> beside this page, which has no mixer and no sound of a place: keep "
        "the two together. <code>sensorium separate</code> writes the stems without loss."
    )


def _track(
    number: int, stem: Stem, result: Stems, tracks: Tracks, clock: Clock, hue: float | None
) -> str:
    name = escape(wording.label(stem.label))
    colour = f' style="--h:{hue:.0f}"' if hue is not None else ""
    kind = "stem" if hue is not None else "stem grey"
    score = wording.percent(stem.score)
    sure = f'<span class="sure" title="{_SURE}">{score}</span>' if stem.at else ""
    if tracks.inside:
        controls = _controls(number, name, stem)
    else:
        link = quote(tracks.links[number])
        controls = f'<p class="file"><a href="{link}">{escape(tracks.links[number])}</a></p>'
    left = clock.place(result.span.start)
    width = clock.place(result.span.end) - left
    image = b64encode(tracks.pictures[number]).decode()
    return (
        f'<li class="{kind}"{colour}><div class="head"><h3>{name}</h3>{sure}{controls}</div>'
        f'<div class="spectrum" role="img" aria-label="Spectrogram of {name}">'
        f'<i style="left:{left:.3f}%;width:{width:.3f}%;'
        f'--picture:url(data:image/png;base64,{image})"></i><b class="head-line"></b></div></li>'
    )


def _controls(number: int, name: str, stem: Stem) -> str:
    where = (
        f'<button type="button" class="pill" data-place="{stem.at[0]:.4f} {stem.at[1]:.4f}" '
        f'aria-label="Hear the place of {name}">Hear its place</button>'
        if stem.at
        else ""
    )
    return (
        f'<div class="faders" role="group" aria-label="{name}" data-stem="{number}">'
        f'<button type="button" class="key" data-do="mute" aria-pressed="false" '
        f'aria-label="Mute {name}" title="Mute">M</button>'
        f'<button type="button" class="key" data-do="solo" aria-pressed="false" '
        f'aria-label="Solo {name}" title="Solo">S</button>'
        f'<input type="range" data-do="volume" min="{QUIETEST}" max="{LOUDEST}" step="0.5" '
        f'value="0" aria-label="Volume of {name}" aria-valuetext="0 dB">'
        '<span class="db" data-show="volume">0 dB</span></div>'
        f'<div class="also">{where}<a class="pill" data-do="save" hidden>Save</a></div>'
    )


def _with_cuts(result: Stems, kept: Sequence[int]) -> list[tuple[float, int]]:
    """Times and the windows whose maps hold there; at a cut one map ends and the next begins.

    In between scripts go over from one map to the next.
    """
    windows = result.separator.windows
    maps: list[tuple[float, int]] = []
    for index in kept:
        if maps and windows.shot(maps[-1][1]) != windows.shot(index):
            cut = windows.shots[windows.shot(index)].start
            maps += [(cut, maps[-1][1]), (cut, index)]
        maps.append((result.windows[index].centre, index))
    return maps


def payload(result: Stems, tracks: Tracks, clock: Clock, hues: Sequence[float | None]) -> str:
    """The numbers that the scripts draw and play from, and the stems' sound."""
    count = len(result.windows)
    kept = sorted({round(i * (count - 1) / (_MAPS - 1)) for i in range(_MAPS)})
    maps = _with_cuts(result, kept)
    shares = result.shares[[index for _, index in maps]].float()
    data = {
        "start": round(clock.seconds(result.span.start), 6),
        "seconds": round(result.span.duration, 6),
        "quietest": QUIETEST,
        "labels": [wording.label(stem.label) for stem in result.stems],
        "at": [stem.at for stem in result.stems],
        "hues": list(hues),
        "times": [round(clock.seconds(seconds), 4) for seconds, _ in maps],
        "size": list(shares.shape[-2:]),
        "shares": _bytes(shares),
        "loudness": _bytes(tracks.loudness),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    sounds = "".join(
        f'<script type="text/plain" data-sounds="sound">{b64encode(sound).decode()}</script>'
        for sound in tracks.sounds
    )
    return f'<script type="application/json" data-sounds="data">{text}</script>{sounds}'


def _bytes(values: Float[Tensor, "..."]) -> str:
    """0..1 as one byte each, base64, the last axis fastest."""
    scaled = (values.clamp(0, 1) * 255).round().cpu().numpy().astype(np.uint8)
    return b64encode(scaled.tobytes()).decode()
