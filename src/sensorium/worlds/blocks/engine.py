"""The question engine: balanced questions about scenes of blocks, with programs and answers.

CLEVR: Johnson et al., CVPR 2017, arXiv:1612.06890, section 3. The families are CLEVR's 90; the
sentences are ours (`templates`), or the user's own copy of CLEVR's files (`published_templates`).
`search` finds what to ask, `balancing` says which answers may be given, `wording` says it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from sensorium.seeds import derive
from sensorium.worlds.blocks.balancing import Balance
from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.plans import Plan
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scenes import Scene
from sensorium.worlds.blocks.search import Search
from sensorium.worlds.blocks.sets import SceneSets
from sensorium.worlds.blocks.templates import FAMILIES
from sensorium.worlds.blocks.vocabulary import MOST
from sensorium.worlds.blocks.wording import say


class Engine:
    """Asks questions about one scene after another, and keeps the answers balanced over them.

    The same seed and the same scenes in the same order give the same questions.

    Args:
        seed: of all that is drawn.
        families: what to ask; our wording of CLEVR's 90 families by default.
        strict_official: as CLEVR's published script: two counts that a family wants different must
            be different as numbers (so "equal number?" is always answered "no", and hardly ever
            asked) where otherwise they must be of different blocks; and idle relations are refused
            where the script refuses them only (`search`).
    """

    def __init__(
        self,
        seed: int,
        families: Sequence[Family] = FAMILIES,
        *,
        strict_official: bool = False,
    ) -> None:
        self._plans = [Plan(family, strict_official) for family in families]
        self._balance = Balance(families)
        self._rng = random.Random(derive(seed, "questions"))

    def ask(self, scene: Scene, count: int = 10) -> list[Question]:
        """Up to ``count`` questions about a scene, each of another family while there are others.

        There are fewer when no family finds one more question (a scene with hardly any blocks).

        Raises:
            ValueError: for a negative ``count``, and for a scene of more than ten blocks: CLEVR has
                no answer above ten.
        """
        if count < 0:
            raise ValueError(f"count must be 0 or more questions, got {count}")
        if len(scene.blocks) > MOST:
            raise ValueError(
                f"a scene holds at most {MOST} blocks, got {len(scene.blocks)}; leave some out"
            )
        self._balance.next_picture()
        if not scene.blocks:
            return []
        sets = SceneSets(scene)
        asked: list[Question] = []
        while len(asked) < count:
            before = len(asked)
            for number in self._balance.order(self._rng):
                if len(asked) == count:
                    break
                question = self._ask(number, scene, sets)
                if question is not None:
                    asked.append(question)
            if len(asked) == before:
                break
        return asked

    def _ask(self, number: int, scene: Scene, sets: SceneSets) -> Question | None:
        """A question of one family, if there is a welcome one."""
        plan = self._plans[number]
        found = Search(plan, sets, self._rng, self._balance.refused(number)).find()
        if found is None:
            return None
        self._balance.note(number, found.answer)
        return Question(
            text=say(plan.family, found.values, self._rng),
            program=found.program,
            answer=found.answer,
            family=plan.family.index,
            image=scene.index,
            template=plan.family.file,
            filename=scene.filename,
            split=scene.split,
        )
