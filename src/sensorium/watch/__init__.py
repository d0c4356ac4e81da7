"""The main job: every ability over one video, written as a report that needs only a browser."""

from sensorium.watch.abilities import SECTIONS, Ability
from sensorium.watch.report import Report
from sensorium.watch.section import Lane, Moment, Section, Segment
from sensorium.watch.watching import watch

__all__ = ["SECTIONS", "Ability", "Lane", "Moment", "Report", "Section", "Segment", "watch"]
