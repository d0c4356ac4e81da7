"""Metrics of told and found events, each checked against another implementation."""

from sensorium.events.metrics.dense import dense_captioning
from sensorium.events.metrics.localisation import localisation
from sensorium.events.metrics.soda import soda

__all__ = ["dense_captioning", "localisation", "soda"]
