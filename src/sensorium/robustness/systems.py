"""Defensive quantisation as a system: a classifier of small pictures and what it is trained by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sensorium import images
from sensorium.layers.domain import DomainGauge, frame_statistics, unfamiliarity
from sensorium.robustness.adversarial_training import Adversarial, adversarial
from sensorium.robustness.classifier import evaluating
from sensorium.robustness.lipschitz import Penalty, layers, penalty
from sensorium.robustness.network import NetworkConfig, Norm, PictureNetwork
from sensorium.robustness.quantiser import quantise_weights
from sensorium.robustness.recognition import Recognition
from sensorium.seeds import torch_generator
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip

_ENOUGH = 16  # pictures, to calibrate the domain gauge

_SILENCE = 0.005
"""Noise on the maps' means for the domain gauge, as a part of the activations' bound."""

_OF_COLOUR = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11)
_OF_GREY = (0, 3, 6, 7, 8, 9)
"""Of `frame_statistics`: not the change between frames, nor for grey pictures what colours have."""

NetworkName = Literal["small", "resnet", "wide_resnet", "vgg"]


@dataclass(frozen=True)
class DQConfig:
    """Config of `DQSystem`.

    Attributes:
        network: a plain stack of convolutions, ResNet-d, WRN-d-k or VGG-d.
        depth: d.
        width: channels of the first layer; k of a wide ResNet.
        classes: their names.
        in_channels: of the pictures: 3, or 1 for grey ones.
        size: height and width of the pictures.
        bits: of the activations, 1 to 8; 0 for floats.
        weight_bits: of the weights; 0 for floats, as in the paper.
        clip: upper bound of the activations.
        norm: ``batch`` normalisation, as in the paper; its ``mean`` only, or ``none``: then the
            network can be kept from enlarging anything.
        gain: what the penalty holds the singular values of convolutions at; 1 in the paper.
        beta: weight of the penalty (0: vanilla quantisation).
        penalty: which matrices it makes orthogonal.
        convex: convex residual sums, as in the paper.
        scale: factor of the logits; a network that enlarges nothing needs one.
        adversarial: pictures to train on.
        delta: deviation of their budgets, in pixel values (0..1).
    """

    network: NetworkName = "small"
    depth: int = 6
    width: int = 16
    classes: tuple[str, ...] = ()
    in_channels: int = 3
    size: int = 32
    bits: int = 4
    weight_bits: int = 0
    clip: float = 6.0
    norm: Norm = "batch"
    gain: float = 1.0
    beta: float = 0.0
    penalty: Penalty = "raw"
    convex: bool = False
    scale: float = 1.0
    adversarial: Adversarial = "none"
    delta: float = 8 / 255


class DQSystem(System):
    """A network whose activations are quantised, trained so that it does not enlarge perturbations.

    A batch holds ``image``: ``uint8 [B, C, S, S]`` or ``float32`` in 0..1, and ``label``: ``int64
    [B]``. The system is a `Classifier`: called with pictures in 0..1 it gives logits. ``beta`` is a
    buffer, which a stage may anneal (`recipe.Stage`).
    """

    name: ClassVar[str] = "dq"
    paper: ClassVar[str] = (
        "Lin, Gan, Han: Defensive Quantization, When Efficiency Meets Robustness, ICLR 2019, "
        "https://arxiv.org/abs/1904.08444"
    )
    limits: ClassVar[str] = (
        "Knows its own classes of small pictures and nothing else; `out_of_domain` notices "
        "photographs, noise and empty pictures, not every drawing. Quantisation by itself is no "
        "defence: fewer bits hide the gradient from plain attacks, while strong ones succeed more "
        "often. Robustness is to be measured with `sensorium attack` at the budget that matters."
    )
    Config: ClassVar[type] = DQConfig
    network: PictureNetwork
    beta: Tensor

    def __init__(self, config: DQConfig) -> None:
        super().__init__(config)
        self.network = network(config)
        quantise_weights(self.network, config.weight_bits)
        self.register_buffer("beta", torch.tensor(float(config.beta)), persistent=False)
        self.gauge = DomainGauge((self.network.head.in_features, len(_statistics(config))))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits."""
        names: tuple[str, ...] = self.config.classes
        return names

    def pixels(self, image: Tensor) -> Float[Tensor, "B C S S"]:
        """Pictures in 0..1 on the network's device."""
        image = image.to(next(self.parameters()).device)
        return image.float() / 255 if image.dtype == torch.uint8 else image

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        """Logits of pictures in 0..1."""
        logits: Tensor = self.network(x)
        return logits

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """``loss`` is cross entropy plus ``beta / 2`` times the penalty; both by themselves too."""
        config: DQConfig = self.config
        x = self.pixels(batch["image"])
        label = batch["label"].to(x.device)
        if config.adversarial != "none":
            with evaluating(self.network):
                x = adversarial(config.adversarial, self.network, x, label, config.delta)
        logits = self(x)
        entropy = F.cross_entropy(logits, label)
        right = (logits.argmax(1) == label).float().mean()
        found = {"loss": entropy, "entropy": entropy.detach(), "top1": right.detach()}
        if config.beta:
            cost = penalty(self.network, config.penalty, config.gain)
            found |= {"loss": entropy + self.beta / 2 * cost, "penalty": cost.detach()}
        return found

    def metrics(self) -> dict[str, Meter]:
        """``top1`` and ``mean_class`` (the mean of the classes' accuracies)."""
        from torchmetrics.classification import MulticlassAccuracy

        count = max(2, len(self.config.classes))
        return {
            "top1": MulticlassAccuracy(count, average="micro"),
            "mean_class": MulticlassAccuracy(count, average="macro"),
        }

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feed probabilities and labels to the meters."""
        probabilities = self(self.pixels(batch["image"])).softmax(1).cpu()
        for meter in meters.values():
            meter.update(probabilities, batch["label"].cpu())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Weights decay unless the penalty holds them; biases, norms and convex shares never do.

        Decay pulls weights to 0, the penalty to singular values of 1.
        """
        weights = [p for _, layer in layers(self.network) for p in layer.parameters() if p.ndim > 1]
        known = {id(p) for p in weights}
        others = [p for p in self.parameters() if id(p) not in known]
        decay = 0.0 if self.config.beta else 1.0
        return [
            {"params": weights, "lr_factor": 1.0, "weight_decay_factor": decay},
            {"params": others, "lr_factor": 1.0, "weight_decay_factor": 0.0},
        ]

    def layers(self) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
        """Convolutions and linear layers by name, for amplification and norms."""
        return layers(self.network)

    def cam_parts(
        self, x: Float[Tensor, "B C H W"]
    ) -> tuple[Float[Tensor, "B D h w"], Float[Tensor, "K D"]]:
        """The last maps, and the weights that their means over all places are multiplied by."""
        return self.network.features(x), self.network.head.scaled

    def domain_features(self, x: Float[Tensor, "B C S S"]) -> tuple[Tensor, Tensor]:
        """What the domain gauge looks at: the last maps' means, and plain picture statistics.

        Shape:
            ``[B, C, S, S]`` to ``[B, D]`` and ``[B, G]``.
        """
        colour = x.expand(-1, 3, -1, -1)
        plain = frame_statistics(colour[:, None])[:, _statistics(self.config)]
        return self.network.features(x).mean((2, 3)), plain

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauge to validation pictures; with fewer than 16 it stays as it is.

        The maps' means get a little noise: a unit that is silent on all of these pictures is no
        proof that one on which it speaks is another world's.
        """
        rows = [self.domain_features(self.pixels(batch["image"])) for batch in batches]
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        count = len(groups[0]) if groups else 0
        if count >= _ENOUGH:
            noise = torch.randn(groups[0].shape, generator=torch_generator(0, "gauge"))
            groups[0] = groups[0] + _SILENCE * self.config.clip * noise.to(groups[0].device)
            self.gauge.fit(groups, margin=1.0)  # small pictures vary much: one in a hundred is far
            return
        logging.getLogger(__name__).warning(
            "%d validation pictures are too few to say what is out of domain (at least %d): "
            "this system will not say it",
            count,
            _ENOUGH,
        )

    def fitted(self, frame: UInt8[Tensor, "3 H W"]) -> UInt8[Tensor, "C S S"]:
        """A picture as the network wants it: squashed to a square, grey where it knows only grey.

        Luma as in ITU-R BT.601.
        """
        size = self.config.size
        small = images.resize(frame[None], (size, size))[0]
        if self.config.in_channels == 3:
            return small
        weights = torch.tensor([0.299, 0.587, 0.114])
        grey = (small.float() * weights.view(3, 1, 1)).sum(0, keepdim=True)
        return grey.round().clamp(0, 255).to(torch.uint8)

    @torch.no_grad()
    def predict(self, clip: Clip) -> Recognition:
        """What the clip's first picture shows.

        Raises:
            ValueError: when the clip has no pictures or the system has no classes.
        """
        video = clip.need_video()
        if not self.config.classes:
            raise ValueError(f"{self.weights} has no classes, so that there is nothing to answer")
        picture = self.fitted(video.frames([video.span.start])[0])
        x = self.pixels(picture[None])
        far = None
        if self.gauge.calibrated:
            far = float(unfamiliarity(self.gauge.distances(self.domain_features(x)))[0])
        return Recognition(
            file=clip.name,
            system=self.weights,
            classes=self.config.classes,
            scores=self(x).softmax(1)[0].float().cpu(),
            picture=picture.expand(3, -1, -1),
            unfamiliarity=far,
        )


def _statistics(config: DQConfig) -> list[int]:
    return list(_OF_COLOUR if config.in_channels == 3 else _OF_GREY)


def network(config: DQConfig) -> PictureNetwork:
    """The network of a config.

    Raises:
        ValueError: for an unknown network, or a depth that it does not come in.
    """
    from sensorium.robustness.resnets import SmallResNet
    from sensorium.robustness.small import SmallNetwork
    from sensorium.robustness.vgg import VGG
    from sensorium.robustness.wide_resnet import WideResNet

    shape = NetworkConfig(
        depth=config.depth,
        width=config.width,
        classes=max(1, len(config.classes)),
        in_channels=config.in_channels,
        bits=config.bits,
        clip=config.clip,
        norm=config.norm,
        gain=config.gain,
        convex=config.convex,
        scale=config.scale,
    )
    if config.network == "small":
        return SmallNetwork(shape, config.size)
    known: dict[str, Callable[[NetworkConfig], PictureNetwork]] = {
        "resnet": SmallResNet,
        "wide_resnet": WideResNet,
        "vgg": VGG,
    }
    if config.network not in known:
        raise ValueError(
            f"network must be small, resnet, wide_resnet or vgg, got {config.network!r}"
        )
    return known[config.network](shape)
