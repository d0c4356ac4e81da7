"""Whole files into stems: find the sources, follow them, separate in bounded memory."""

from sensorium.sounds.separation.overview import Overview
from sensorium.sounds.separation.places import energy_map
from sensorium.sounds.separation.separating import Options, separate

__all__ = ["Options", "Overview", "energy_map", "separate"]
