"""Adversarial examples explained by promotion and suppression (Xu et al., arXiv:1904.02057)."""

from sensorium.robustness.pse.cam import ActivationMaps, activation_maps
from sensorium.robustness.pse.cells import Cells, grid, regions
from sensorium.robustness.pse.contributions import (
    contributions,
    first_order,
    rank_correlation,
    unit_contributions,
)
from sensorium.robustness.pse.dissection import Concepts, Dissection, Probe, dissect
from sensorium.robustness.pse.explaining import Looking, explain
from sensorium.robustness.pse.interpretability import boolean_map, chance, interpretability
from sensorium.robustness.pse.keeping import Judged, keep_by_kind
from sensorium.robustness.pse.ratio import Kind, classify, ratio, shares, used_cells
from sensorium.robustness.pse.refining import refine, supports
from sensorium.robustness.pse.results import Explanation, Names
from sensorium.robustness.pse.sensitivity import Sensitivity, divergence, mask_units, sensitivity

__all__ = [
    "ActivationMaps",
    "Cells",
    "Concepts",
    "Dissection",
    "Explanation",
    "Judged",
    "Kind",
    "Looking",
    "Names",
    "Probe",
    "Sensitivity",
    "activation_maps",
    "boolean_map",
    "chance",
    "classify",
    "contributions",
    "dissect",
    "divergence",
    "explain",
    "first_order",
    "grid",
    "interpretability",
    "keep_by_kind",
    "mask_units",
    "rank_correlation",
    "ratio",
    "refine",
    "regions",
    "sensitivity",
    "shares",
    "supports",
    "unit_contributions",
    "used_cells",
]
