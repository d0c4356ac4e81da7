"""`Step`: what `fit` yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One optimiser step, seen from outside.

    Attributes:
        number: of the step in the whole run, from 1.
        total: steps of the whole run.
        stage: name of the stage.
        losses: by name, averaged over all processes and micro-batches; ``loss`` was minimised.
        lr: learning rate of the step (of parameters with factor 1).
        examples_per_second: over all processes, averaged over the last steps.
        seconds_left: at that rate, validation and saving included.
        validation: metrics on the validation split, when it was this step's turn.
    """

    number: int
    total: int
    stage: str
    losses: dict[str, float]
    lr: float
    examples_per_second: float
    seconds_left: float
    validation: dict[str, float] | None = None
