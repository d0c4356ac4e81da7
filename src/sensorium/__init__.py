"""Sensorium: see, hear, describe, reason, imagine, and know how far to trust it."""

__version__ = "0.1.0"
