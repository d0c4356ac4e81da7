"""Class activation maps (Zhou et al., arXiv:1512.04150): where a picture's label comes from.

The segmentation baseline of arXiv:1904.09013. A classifier with the systems' own trunk, a mean over
the picture and one linear layer is trained on image-level labels; the linear layer applied at each
place, before the mean, is the map of each class. It is told the labels and never hears anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from sensorium import images
from sensorium.layers.resnet import ResNet
from sensorium.sounds.pixels import trunk_of
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.system import Batch, Meter, Result, System
from sensorium.types import Clip


@dataclass(frozen=True)
class CamConfig:
    """Config of `CamSystem`.

    Attributes:
        trunk: a key of ``layers.resnet.RESNETS``.
        width: factor on the trunk's width.
        undone: strides of the trunk's last stages replaced by dilation.
        view: which pictures.
        spectra: of the data; not listened to.
        classes: names of the data's classes.
    """

    trunk: str = "resnet18"
    width: float = 1.0
    undone: int = 1
    view: SoundView = field(default_factory=SoundView)
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    classes: tuple[str, ...] = ()


class CamSystem(System):
    """An image classifier and its class activation maps.

    A batch holds ``frames``: ``uint8 [B, S, T, 3, H, W]`` and ``label``: ``int64 [B, S]``, the
    class of each stack of pictures; those labelled -1 are left out.
    """

    name: ClassVar[str] = "cam"
    paper: ClassVar[str] = (
        "Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for Discriminative "
        "Localization, CVPR 2016, https://arxiv.org/abs/1512.04150"
    )
    limits: ClassVar[str] = "A baseline for segmentation, trained on image-level labels."
    Config: ClassVar[type] = CamConfig
    config: CamConfig

    def __init__(self, config: CamConfig) -> None:
        super().__init__(config)
        self.trunk = ResNet(trunk_of(config.trunk, config.width, config.undone))
        self.head = nn.Linear(self.trunk.config.features, max(1, len(config.classes)))

    def _features(self, frames: Tensor) -> Float[Tensor, "N D h w"]:
        """The trunk's maps of ``uint8 [N, 3, H, W]``."""
        view = self.config.view
        pixels = images.normalise(frames.to(self.head.weight.device), view.mean, view.std)
        maps: Tensor = self.trunk(pixels.contiguous(memory_format=torch.channels_last))
        return maps

    def forward(self, frames: Tensor) -> Float[Tensor, "N C"]:
        """Logits of ``uint8`` pictures ``[N, 3, H, W]``."""
        logits: Tensor = self.head(self._features(frames).mean((-2, -1)))
        return logits

    @torch.no_grad()
    def maps(self, frames: Tensor) -> Float[Tensor, "N C h w"]:
        """Class activation maps of ``uint8`` pictures ``[N, 3, H, W]``, less the bias (eq. 2)."""
        weight = self.head.weight[:, :, None, None]  # [C, D] -> [C, D, 1, 1]
        return F.conv2d(self._features(frames), weight)

    def _labelled(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """All pictures that have a label, ``[N, 3, H, W]``, and the labels ``[N]``."""
        frames = batch["frames"]
        pictures = frames.flatten(0, 2)  # [B, S, T, 3, H, W] -> [N, 3, H, W]
        label = batch["label"][..., None].expand(frames.shape[:3]).flatten()
        known = label >= 0
        return pictures[known.to(pictures.device)], label[known].to(self.head.weight.device)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of each picture."""
        pictures, label = self._labelled(batch)
        logits = self(pictures).float()
        right = (logits.argmax(1) == label).float().mean()
        return {"loss": F.cross_entropy(logits, label), "top1": right.detach()}

    def metrics(self) -> dict[str, Meter]:
        """``top1``, of single pictures."""
        return {"top1": MulticlassAccuracy(max(1, len(self.config.classes)), average="micro")}

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feed logits and labels to the meters."""
        pictures, label = self._labelled(batch)
        logits = self(pictures).float().cpu()
        for meter in meters.values():
            meter.update(logits, label.cpu())

    def predict(self, clip: Clip) -> Result:
        """Nothing: its maps are figures to compare with.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{clip.name}: {self.weights} is a baseline for segmentation; call maps() with pictures"
        )
