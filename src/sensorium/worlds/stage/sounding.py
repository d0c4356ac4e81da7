"""From an `Episode` to its sound: a track per performer, the room's noise, and their sum."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from sensorium.worlds.stage import sound
from sensorium.worlds.stage.script import Episode

CEILING = 0.95
"""Highest sample of a mix; louder mixes are made quieter, tracks and noise alike."""


class Sounds:
    """One episode's sound at one rate.

    Attributes:
        tracks: of each performer, as heard in the room.
        noise: of the room.
        mix: their sum, exactly: ``tracks.sum(0) + noise``.

    Shape:
        ``tracks``: ``float32 [P, 2, N]``; ``noise`` and ``mix``: ``[2, N]``, left and right.

    Args:
        episode: what happens.
        rate: in hertz.
    """

    def __init__(self, episode: Episode, rate: int) -> None:
        room, seconds = episode.room, episode.seconds
        self.rate = rate
        count = round(seconds * rate)
        tracks = np.zeros((len(episode.performers), 2, count), np.float32)
        for i, p in enumerate(episode.performers):
            if p.notes:
                dry = sound.synthesise(p.kind, p.notes, seconds, rate, p.timbre)
                heard = sound.room(dry, rate, room.seed, room.reverb, p.pan)
                tracks[i] = heard * np.float32(p.gain * room.loudness)
        noise = sound.noise(seconds, rate, room.seed, room.noise)
        peak = float(np.abs(tracks.sum(0) + noise).max(initial=0.0))
        if peak > CEILING:
            tracks *= np.float32(CEILING / peak)
            noise *= np.float32(CEILING / peak)
        self.tracks: Float32[np.ndarray, "P 2 N"] = tracks
        self.noise: Float32[np.ndarray, "2 N"] = noise
        self.mix: Float32[np.ndarray, "2 N"] = tracks.sum(0) + noise


def track(episode: Episode, performer: int, rate: int) -> Float32[np.ndarray, "2 N"]:
    """One performer's own track, as loud as it is in the mix."""
    heard: Float32[np.ndarray, "2 N"] = Sounds(episode, rate).tracks[performer]
    return heard


def mix(episode: Episode, rate: int) -> Float32[np.ndarray, "2 N"]:
    """Everything that is heard: the sum of the tracks and the noise."""
    return Sounds(episode, rate).mix
