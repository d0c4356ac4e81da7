"""Action recognition as systems: TSM, StNet, and the baselines TSN and I3D."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium import images
from sensorium.actions.baselines import I3D, TSN, I3DConfig, TSNConfig
from sensorium.actions.live import ActionStream
from sensorium.actions.metrics import action_meters
from sensorium.actions.results import Actions
from sensorium.actions.spans import merge_windows
from sensorium.actions.stnet import StNet, StNetConfig
from sensorium.actions.tsm import TSM, TSMConfig
from sensorium.actions.view import View
from sensorium.layers.domain import STATISTICS, DomainGauge, frame_statistics, unfamiliarity
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip

_ENOUGH = 16  # clips, to calibrate the domain gauge
PLAYING = "rest"  # the class of stretches in which nothing happens; left out of the result


class ActionSystem(System):
    """A network that names the action in a stack of frames.

    A batch holds ``frames``: ``uint8 [B, F, 3, H, W]`` and ``label``: ``int64 [B]``.
    """

    network: TSM | StNet | I3D
    paper: ClassVar[str]
    limits: ClassVar[str] = (
        "Knows its own classes and nothing else: any other video still gets one of them, and only "
        "`out_of_domain` says that the answer means nothing; that score has seen the look of the "
        "validation clips, not all that can go wrong. Names one action at a time: of overlapping "
        "ones the plainer wins."
    )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.network = self.build(replace(config.network, classes=max(1, len(config.classes))))
        self.gauge = DomainGauge((self.network.head.in_features, STATISTICS))

    @abstractmethod
    def build(self, network: Any) -> Any:
        """The network of its config."""

    def pixels(self, frames: Tensor) -> Float[Tensor, "B F 3 H W"]:
        """``uint8`` frames as the network wants them, on the network's device."""
        view: View = self.config.view
        device = next(self.parameters()).device
        batch = frames.shape[:2]
        pixels = images.normalise(frames.to(device).flatten(0, 1), view.mean, view.std)
        pixels = pixels.contiguous(memory_format=torch.channels_last)  # twice as fast on CPUs
        return pixels.view(*batch, *pixels.shape[1:])  # [B*F, 3, H, W] -> [B, F, 3, H, W]

    def forward(self, frames: Tensor) -> Float[Tensor, "B K"]:
        """Logits of ``uint8`` frames ``[B, F, 3, H, W]``."""
        logits: Tensor = self.network(self.pixels(frames))
        return logits

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of the clip's logits (TSM and StNet alike)."""
        logits = self(batch["frames"])
        label = batch["label"].to(logits.device)
        right = (logits.argmax(1) == label).float().mean()
        return {"loss": F.cross_entropy(logits, label), "top1": right.detach()}

    def metrics(self) -> dict[str, Meter]:
        """``top1``, ``top5``, ``mean_class`` and ``top1/<class>``."""
        return action_meters(self.config.classes)

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feed probabilities and labels to the meters."""
        probabilities = self(batch["frames"]).softmax(1).cpu()
        for meter in meters.values():
            meter.update(probabilities, batch["label"].cpu())

    def domain_features(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the domain gauge looks at: the network's features and plain picture statistics.

        Shape:
            ``uint8 [B, F, 3, H, W]`` to ``[B, D]`` and ``[B, STATISTICS]``.
        """
        features = self.network.features(self.pixels(frames)).mean(1)
        return features, frame_statistics(frames.to(features.device).float() / 255)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauge to validation clips, its thresholds to whole validation videos.

        With fewer than 16 clips it stays uncalibrated and says so.
        """
        rows = [self.domain_features(batch["frames"]) for batch in batches]
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        count = len(groups[0]) if groups else 0
        if count >= _ENOUGH:
            self.gauge.fit(groups)
            far = [self._look(clip)[1] for clip in clips]
            if far:
                self.gauge.fit_threshold(torch.stack([d.median(0).values for d in far]))
            return
        logging.getLogger(__name__).warning(
            "%d validation clips are too few to say what is out of domain (at least %d): "
            "this system will not say it",
            count,
            _ENOUGH,
        )

    @torch.no_grad()
    def predict(self, clip: Clip) -> Actions:
        """What happens when: one window after another, then runs of the same label.

        Raises:
            ValueError: when the clip has no pictures or the system has no classes.
        """
        view: View = self.config.view
        windows = view.windows(clip.need_video().span)
        scores, distances = self._look(clip)
        far = unfamiliarity(distances.median(0).values) if self.gauge.calibrated else None
        return Actions(
            file=clip.name,
            system=self.weights,
            classes=self.config.classes,
            windows=tuple(windows),
            scores=scores,
            actions=merge_windows(
                windows,
                scores,
                self.config.classes,
                skip=PLAYING,
                top=1 if view.window_seconds else 5,
            ),
            unfamiliarity=None if far is None else float(far),
        )

    def _look(self, clip: Clip) -> tuple[Float[Tensor, "W K"], Float[Tensor, "W G"]]:
        """Probabilities of a clip's windows, and how far each lies from what is familiar."""
        view: View = self.config.view
        video = clip.need_video()
        rows, distances = [], []
        for frames in view.batches(video, view.windows(video.span)):
            rows.append(self(frames).softmax(1).float().cpu())
            distances.append(self.gauge.distances(self.domain_features(frames)).cpu())
        return torch.cat(rows), torch.cat(distances)

    def stream(self, batch: int = 1) -> ActionStream:
        """One frame in, one answer out (uni-directional TSM only).

        Raises:
            ValueError: for a network that needs future frames.
        """
        if not isinstance(self.network, TSM):
            raise ValueError(
                f"{self.weights}: a {self.name} looks at whole clips and cannot be streamed; "
                "use a TSM with direction='past', such as tsm-online"
            )
        return ActionStream(self, self.network, batch)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Learning-rate and weight-decay factors, as the network's paper trains."""
        groups: list[dict[str, Any]] = self.network.parameter_groups()
        return groups

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """Weights of the same system, or of an image network (inflated as the paper says).

        The domain gauge is not taken over, nor a classifier of another number of classes.
        """
        if any(name.startswith("network.") for name in state):
            networks = {k: v for k, v in state.items() if not k.startswith("gauge.")}
            return super().start_from(networks)  # what is familiar is for the new data to say
        before = {name: p.detach().clone() for name, p in self.named_parameters()}
        self.network.load_backbone(state)
        return [n for n, p in self.named_parameters() if not torch.equal(p, before[n])]


@dataclass(frozen=True)
class TSMSystemConfig:
    """Config of `TSMSystem`."""

    network: TSMConfig = field(default_factory=TSMConfig)
    view: View = field(default_factory=View)
    classes: tuple[str, ...] = ()


class TSMSystem(ActionSystem):
    """Temporal shift module (arXiv:1811.08383), offline or online by ``network.direction``."""

    name: ClassVar[str] = "tsm"
    paper: ClassVar[str] = (
        "Lin, Gan, Han: TSM, Temporal Shift Module for Efficient Video Understanding, ICCV 2019, "
        "https://arxiv.org/abs/1811.08383"
    )
    Config: ClassVar[type] = TSMSystemConfig

    def build(self, network: TSMConfig) -> nn.Module:
        """The network of its config."""
        return TSM(network)


@dataclass(frozen=True)
class StNetSystemConfig:
    """Config of `StNetSystem`."""

    network: StNetConfig = field(default_factory=StNetConfig)
    view: View = field(default_factory=View)
    classes: tuple[str, ...] = ()


class StNetSystem(ActionSystem):
    """StNet (arXiv:1811.01549): super-images, temporal blocks, temporal Xception head."""

    name: ClassVar[str] = "stnet"
    paper: ClassVar[str] = (
        "He et al.: StNet, Local and Global Spatial-Temporal Modeling for Action Recognition, "
        "AAAI 2019, "
        "https://arxiv.org/abs/1811.01549"
    )
    Config: ClassVar[type] = StNetSystemConfig

    def build(self, network: StNetConfig) -> nn.Module:
        """The network of its config."""
        return StNet(network)


@dataclass(frozen=True)
class TSNSystemConfig:
    """Config of `TSNSystem`."""

    network: TSNConfig = field(default_factory=TSNConfig)
    view: View = field(default_factory=View)
    classes: tuple[str, ...] = ()


class TSNSystem(ActionSystem):
    """Temporal segment network: a 2D network per frame, logits averaged (TSM's baseline)."""

    name: ClassVar[str] = "tsn"
    paper: ClassVar[str] = (
        "Wang et al.: Temporal Segment Networks, ECCV 2016, https://arxiv.org/abs/1608.00859"
    )
    Config: ClassVar[type] = TSNSystemConfig

    def build(self, network: TSNConfig) -> nn.Module:
        """The network of its config."""
        return TSN(network)


@dataclass(frozen=True)
class I3DSystemConfig:
    """Config of `I3DSystem`."""

    network: I3DConfig = field(default_factory=I3DConfig)
    view: View = field(default_factory=View)
    classes: tuple[str, ...] = ()


class I3DSystem(ActionSystem):
    """Inflated 3D ResNet (arXiv:1705.07750 in its ResNet form), the costly alternative."""

    name: ClassVar[str] = "i3d"
    paper: ClassVar[str] = (
        "Carreira, Zisserman: Quo Vadis, Action Recognition?, CVPR 2017, "
        "https://arxiv.org/abs/1705.07750; as an inflated ResNet: Wang et al.: Non-local Neural "
        "Networks, CVPR 2018, https://arxiv.org/abs/1711.07971"
    )
    Config: ClassVar[type] = I3DSystemConfig

    def build(self, network: I3DConfig) -> nn.Module:
        """The network of its config."""
        return I3D(network)
