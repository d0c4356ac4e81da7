"""The seam between abilities and the loop: `System` (networks, losses, prediction) and `Result`.

A system knows nothing of loops, optimisers or files: `sensorium.training` fits it and
`sensorium.store` saves it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from torch import Tensor, nn

from sensorium.types import Clip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Batch = dict[str, Tensor]


class Meter(Protocol):
    """What a metric must answer; every `torchmetrics.Metric` does."""

    @property
    def update(self) -> Callable[..., None]:
        """Takes in one batch of tensors."""

    def compute(self) -> Any:
        """The figure so far (a scalar tensor)."""


class Result(ABC):
    """What a system says about one clip."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, with the keys that the whole package shares."""

    @abstractmethod
    def save(self, folder: str | Path) -> list[Path]:
        """Write the result's files into ``folder`` (made if missing); returns what was written."""

    @abstractmethod
    def figure(self) -> Figure:
        """A matplotlib figure of the result."""


class System(nn.Module, ABC):
    """A published system: networks, losses and prediction.

    Subclasses set `name` (the key in ``store.SYSTEMS``) and `Config` (a frozen dataclass of plain
    values, nested dataclasses and tuples), and take exactly one argument, the config. A batch is a
    dict of stacked tensors, whose keys and shapes the subclass lists in its docstring.
    """

    name: ClassVar[str]
    Config: ClassVar[type]

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.weights = self.name  # which trained weights these are; `store.load` sets it
        self.card: Any = None  # their `store.Card`; `store.load` sets it

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Scalar losses by name; ``loss`` is the one that is minimised."""

    @abstractmethod
    def predict(self, clip: Clip) -> Result:
        """What the system says about a clip. Call in ``eval()`` mode; runs without gradients.

        Raises:
            ValueError: when the clip lacks what the system needs.
        """

    @abstractmethod
    def metrics(self) -> dict[str, Meter]:
        """Fresh meters by the field's short names (``top1``, ``sdr``, ``miou`` ...)."""

    @abstractmethod
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Predict one batch and feed it to the meters that `metrics` made."""

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """Take over weights before training; returns the names that were taken.

        By default every parameter and buffer whose name and shape agree. Systems override this to
        inflate image kernels, or to leave out a classifier of other classes.

        Raises:
            ValueError: when nothing fits.
        """
        own = self.state_dict()
        fit = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
        if not fit:
            raise ValueError(
                f"{self.name}: none of the {len(state)} given tensors fits by name and shape "
                f"(first: {next(iter(state), 'none')}); expected names such as {next(iter(own))}"
            )
        self.load_state_dict(fit, strict=False)
        return sorted(fit)

    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Last touch after training, in ``eval()`` mode; by default nothing.

        Args:
            batches: of the validation split.
            clips: whole videos of the validation split, where the data have such.
        """
