"""TensorBoard as one more consumer (the ``tensorboard`` extra)."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from sensorium.training.step import Step


class Board:
    """Consumer that writes scalars to ``tensorboard/`` in the run folder; a context manager.

    Raises:
        ValueError: when TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ValueError(
                "TensorBoard was asked for but is not installed; "
                "run: pip install 'sensorium[tensorboard]'"
            ) from error
        self._make = SummaryWriter
        self._folder = folder / "tensorboard"
        self._writer: Any = None

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def __call__(self, step: Step) -> None:
        """Write the step's scalars; a resumed run hides what it repeats."""
        if self._writer is None:
            self._writer = self._make(str(self._folder), purge_step=step.number)
        for name, value in step.losses.items():
            self._writer.add_scalar(f"train/{name}", value, step.number)
        self._writer.add_scalar("train/lr", step.lr, step.number)
        for name, value in (step.validation or {}).items():
            self._writer.add_scalar(f"val/{name}", value, step.number)
