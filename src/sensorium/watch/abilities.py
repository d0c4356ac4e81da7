"""Which abilities a report has: one entry per ability, a literal tuple.

An entry says which bundled weights answer when nobody names others, what of a clip they need, the
type of their result, and the function that turns such a result into a section of the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sensorium.actions.results import Actions
from sensorium.events.results import Story
from sensorium.sounds.results import Stems
from sensorium.store.sources import locate
from sensorium.system import Result
from sensorium.types import Clip
from sensorium.watch import wording
from sensorium.watch.actions_section import actions_section
from sensorium.watch.section import Section, Setting
from sensorium.watch.sounds_section import sounds_section
from sensorium.watch.story_section import story_section

_NEEDED = {"video": "pictures", "audio": "sound"}


@dataclass(frozen=True)
class Ability:
    """One kind of section.

    Attributes:
        name: as in ``sensorium.<name>``.
        weights: bundled ones that answer by default.
        needs: what a clip must have.
        result: type of what the system predicts.
        section: from the result, and what surrounds it, to a section.
    """

    name: str
    weights: str
    needs: tuple[Literal["video", "audio"], ...]
    result: type[Result]
    section: Callable[[Any, Setting], Section]

    def answers_for(self, clip: Clip) -> bool:
        """Whether the clip has what is needed."""
        return all(getattr(clip, need) is not None for need in self.needs)

    @property
    def installed(self) -> bool:
        """Whether its weights are at hand; a slim installation may lack some."""
        try:
            locate(self.weights)
        except ValueError:
            return False
        return True

    @property
    def needed(self) -> str:
        """What a clip must have, in words."""
        return wording.listing([_NEEDED[need] for need in self.needs])


SECTIONS: tuple[Ability, ...] = (
    Ability("events", "wsdec", ("video",), Story, story_section),
    Ability("actions", "tsm", ("video",), Actions, actions_section),
    Ability("sounds", "pixels", ("video", "audio"), Stems, sounds_section),
)
