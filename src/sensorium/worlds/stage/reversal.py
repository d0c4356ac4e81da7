"""An episode played backwards, as another episode: what the pictures show when time is mirrored."""

from __future__ import annotations

from dataclasses import replace

from sensorium.worlds.stage.looks import LOOKS
from sensorium.worlds.stage.moves import partner
from sensorium.worlds.stage.posing import pose_at
from sensorium.worlds.stage.script import Episode, Instrument, Note, Performer


def mirrored(kind: Instrument, notes: tuple[Note, ...], seconds: float) -> tuple[Note, ...]:
    """The notes whose gestures are those of ``notes`` backwards in ``seconds`` seconds.

    A struck note is seen at its start and keeps it as its onset; a held note is seen as long as it
    sounds, so its end becomes its start. Strokes that are directions are reversed.
    """
    look = LOOKS[kind]
    out = []
    for n in notes:
        start = seconds - (n.start if look.struck else n.end)
        duration = min(n.duration, seconds - start)
        stroke = -n.stroke if look.strokes else n.stroke
        out.append(replace(n, start=start, duration=duration, stroke=stroke))
    return tuple(sorted(out, key=lambda n: n.start))


def backwards(episode: Episode) -> Episode:
    """The episode whose frame at ``t`` is this one's at ``seconds - t``: each move is its partner.

    The sound is not played backwards: the mirrored notes are played as any others. Sentences are
    left out, as they would have to be written anew.
    """
    seconds = episode.seconds
    events = [
        replace(
            e,
            label=partner(e.label) if e.kind == "move" else e.label,
            start=seconds - e.end,
            sentence="",
        )
        for e in episode.events
    ]
    performers: list[Performer] = []
    for i, p in enumerate(episode.performers):
        home = pose_at(p.home, episode.moves_of(i), seconds)
        performers.append(replace(p, home=home, notes=mirrored(p.kind, p.notes, seconds)))
    drift = episode.camera.drift
    return replace(
        episode,
        performers=tuple(performers),
        events=tuple(sorted(events, key=lambda e: (e.start, e.performer))),
        camera=replace(
            episode.camera, drift=(-drift[0], -drift[1]), zoom=1.0 / episode.camera.zoom
        ),
    )
