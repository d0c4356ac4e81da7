"""The progress bar: loss, rate and time left, on stderr."""

from __future__ import annotations

from types import TracebackType

from sensorium.training.step import Step


class Bar:
    """Consumer that draws a bar; a context manager. Where stderr is no terminal: its last state."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("starting", total=None, said="")

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, step: Step) -> None:
        """Move to this step."""
        self._bar.update(
            self._task,
            description=step.stage,
            completed=step.number,
            total=step.total,
            said=said(step),
        )


def said(step: Step) -> str:
    """``loss 0.123  45 examples/s  1:02 left``."""
    minutes, seconds = divmod(round(step.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    loss = step.losses["loss"]
    return f"loss {loss:.4g}  {step.examples_per_second:.3g} examples/s  {left} left"
