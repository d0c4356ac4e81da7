"""Training: a `Recipe` goes in, a run folder comes out.

`fit` is a generator of `Step`s; the progress bar, the log and whatever else wants to know are its
consumers. `train` wires them together and saves the trained system. `evaluate` measures one.
"""

from sensorium.training.evaluation import HasProtocols, evaluate, protocol_test
from sensorium.training.loop import fit
from sensorium.training.optimisation import HasParameterGroups
from sensorium.training.recipes import recipe, recipes
from sensorium.training.step import Step
from sensorium.training.whole import HasPaper, train

__all__ = [
    "HasPaper",
    "HasParameterGroups",
    "HasProtocols",
    "Step",
    "evaluate",
    "fit",
    "protocol_test",
    "recipe",
    "recipes",
    "train",
]
