"""The stage's sound: a model for each kind of instrument, the room, and the background.

One file per family: `plucked`, `bowed`, `flute`, `brass`, `bar`, `drum`, `reed`, `piano`. What they
share: `wavetable` (periodic sources), `modes` (ringing ones), `body`, `filters` and `controls`.
"""

from sensorium.worlds.stage.sound.background import noise
from sensorium.worlds.stage.sound.performer import MODELS, synthesise
from sensorium.worlds.stage.sound.room import room

__all__ = ["MODELS", "noise", "room", "synthesise"]
