"""Our own wording of CLEVR's 90 question families, in the order of CLEVR's template files.

The plans and their rules are CLEVR's (arXiv:1612.06890, appendix A); the sentences are ours.
"""

from __future__ import annotations

from sensorium.worlds.blocks.families import Family
from sensorium.worlds.blocks.templates.comparing import compare_integer, comparison
from sensorium.worlds.blocks.templates.hops import hops, zero_hop
from sensorium.worlds.blocks.templates.logic import single_and, single_or
from sensorium.worlds.blocks.templates.same import same_relate

FAMILIES: tuple[Family, ...] = (
    *compare_integer(),
    *comparison(),
    *hops(1),
    *same_relate(),
    *single_and(),
    *single_or(),
    *hops(3),
    *hops(2),
    *zero_hop(),
)
"""All 90; ``FAMILIES[i].index`` is ``i``."""
