"""Self-supervised co-segmentation and separation (Rouditchenko et al., arXiv:1904.09013).

PixelPlayer whose channels become concepts: late in training the sigmoid over a picture's channels
gives way to a softmax with a falling temperature, so that each look tends to one channel. Labels of
whole pictures of a validation set then say which channel stands for which class, and each network
can be used alone: the picture's channel is a segmentation, the sound's channel a mask.

The paper's text could not be had; what is known of it is the mechanism. ``literal`` is our reading:
softmax on both networks. It may collapse, since two sources need only two channels. The default
leaves the sound's channels free (sigmoid) and rewards a batch for using all channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sensorium.sounds.pixels import PixelsConfig
from sensorium.sounds.spectra import Mask, SpectraConfig
from sensorium.sounds.systems import Heard, PixelsSystem, Sight
from sensorium.sounds.view import SoundView
from sensorium.system import Batch, Meter
from sensorium.types import Clip


@dataclass(frozen=True)
class ConceptsSystemConfig:
    """Config of `ConceptsSystem`; what `PixelsSystemConfig` has means the same here.

    Attributes:
        network: the three networks.
        spectra: the signal path.
        view: which pictures.
        mask: what is learned.
        weighted: whether loud bins weigh more.
        threshold: whether binary masks are cut at 0.5.
        trunk_rate: factor on the learning rate of the video trunk.
        softmax: over the channels of ``pictures`` alone, or of ``both`` networks (literal).
        balance: weight of the entropy of the batch's mean channel use, which is maximised; 0 in
            the literal reading.
        certainty: weight of the mean entropy of each source's own channels, which is minimised; 0
            in the literal reading.
        gain: factor on the synthesizer's scales once channels are softmaxed, since values of 0..1
            that sum to one could not move a mask with scales of 1.
        offset: subtracted from the synthesizer's bias then.
        classes: names of the data's classes.
    """

    network: PixelsConfig = field(default_factory=PixelsConfig)
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=SoundView)
    mask: Mask = "dominance"
    weighted: bool = True
    threshold: bool = True
    trunk_rate: float = 0.1
    softmax: Literal["pictures", "both"] = "pictures"
    balance: float = 0.3
    certainty: float = 0.0
    gain: float = 6.0
    offset: float = 3.0
    classes: tuple[str, ...] = ()


class ConceptsSystem(PixelsSystem):
    """PixelPlayer with one channel per concept.

    Stages of its recipes set two buffers: ``disentangled`` (0: sigmoids, as in `PixelsSystem`; 1:
    softmax) and ``temperature``.
    """

    name: ClassVar[str] = "concepts"
    paper: ClassVar[str] = (
        "Rouditchenko, Zhao, Gan, McDermott, Torralba: Self-Supervised Audio-Visual "
        "Co-Segmentation, ICASSP 2019, https://arxiv.org/abs/1904.09013"
    )
    Config: ClassVar[type] = ConceptsSystemConfig
    config: ConceptsSystemConfig
    disentangled: Tensor
    temperature: Tensor
    channel_of: Tensor

    def __init__(self, config: ConceptsSystemConfig) -> None:
        super().__init__(config)  # type: ignore[arg-type]
        self.register_buffer("disentangled", torch.tensor(0.0))
        self.register_buffer("temperature", torch.tensor(1.0))
        unknown = torch.full((max(1, len(config.classes)),), -1)
        self.register_buffer("channel_of", unknown)

    def appearance(self, visual: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
        """Softmax over channels, or the sigmoid before channels are disentangled."""
        if self.disentangled > 0:
            standard = self.network.standardised(visual)
            return (standard.float() / self.temperature).softmax(-1)
        return super().appearance(visual)

    def logits(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S R t"]:
        """The synthesizer's, with both networks' values as far apart as training made them."""
        return self._weighed(self.appearance(visual.amax(-1)), heard)

    def _weighed(self, concepts: Float[Tensor, "B S K"], heard: Heard) -> Float[Tensor, "B S R t"]:
        (sound,) = heard
        if not self.disentangled > 0:
            plain: Tensor = self.network.synthesizer(concepts, sound)
            return plain
        if self.config.softmax == "both":
            sound = (sound.float() / self.temperature).softmax(1)
        else:
            sound = sound.sigmoid()
        logits: Tensor = self.network.synthesizer(self.config.gain * concepts, sound)
        return logits - self.config.offset

    def regularise(self, visual: Float[Tensor, "B S K T"]) -> dict[str, Tensor]:
        """All channels used by a batch (``balance``), few by each source (``certainty``).

        Entropies as shares of the largest, 0..1, times their weights.
        """
        if not self.disentangled > 0:
            return {}
        use = self.appearance(visual.amax(-1)).flatten(0, 1)  # [B, S, K] -> [B*S, K]
        terms = {}
        if self.config.balance:
            terms["balance"] = self.config.balance * (1 - _entropy(use.mean(0)))
        if self.config.certainty:
            terms["certainty"] = self.config.certainty * _entropy(use).mean()
        return terms

    def metrics(self) -> dict[str, Meter]:
        """As `SoundSystem.metrics`; ``nsdr_audio`` without pictures, ``channel_accuracy``."""
        from torchmetrics import MeanMetric

        from sensorium.sounds.metrics import sound_meters

        alone = sound_meters(())["nsdr"]
        return {**super().metrics(), "nsdr_audio": alone, "channel_accuracy": MeanMetric()}

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """As `SoundSystem.measure`, and once more by sound alone when channels are assigned.

        ``channel_accuracy`` is the share of sources whose picture peaks on its own class's channel.
        """
        own = {"nsdr_audio", "channel_accuracy"}
        super().measure(batch, {name: m for name, m in meters.items() if name not in own})
        label = batch["label"].cpu()
        if bool((self.channel_of < 0).any()) or bool((label < 0).any()):
            return
        estimates = self.separate_by_sound(batch).cpu()
        meters["nsdr_audio"].update(batch["waves"].cpu(), estimates, label)
        peak = self.appearance(self._sources(batch).amax(-1)).argmax(-1).cpu()
        meters["channel_accuracy"].update((peak == self.channel_of.cpu()[label]).float())

    # --- one network alone ------------------------------------------------------------------------

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """As `SoundSystem.calibrate`, and assign a channel to each class."""
        kept = list(batches)
        super().calibrate(kept, clips)
        looks = [self.appearance(self._sources(b).amax(-1)).flatten(0, 1) for b in kept]
        labels = [b["label"].flatten().to(looks[0].device) for b in kept]
        if looks and self.config.classes:
            look, label = torch.cat(looks), torch.cat(labels)
            self.channel_of.copy_(assign_channels(look, label, len(self.config.classes)))

    def _assigned(self) -> Int[Tensor, " C"]:
        """The channel of each class.

        Raises:
            ValueError: when no channels have been assigned.
        """
        if bool((self.channel_of < 0).any()):
            raise ValueError(
                f"{self.weights}: no channel has been assigned to the classes yet; call "
                "calibrate() with labelled validation batches first"
            )
        return self.channel_of

    @torch.no_grad()
    def segment(self, sight: Sight) -> Float[Tensor, "B C h w"]:
        """Pictures alone: where each class is, 0..1 (arXiv:1904.09013, section 3)."""
        maps = self.see(sight).amax(2).movedim(1, -1)  # [B, K, 1, h, w] -> [B, h, w, K]
        concepts = self.appearance(maps).movedim(-1, 1)  # [B, h, w, K] -> [B, K, h, w]
        return concepts[:, self._assigned()]

    @torch.no_grad()
    def masks_by_sound(self, magnitude: Float[Tensor, "B F T"]) -> Float[Tensor, "B C F t"]:
        """Sound alone: the mask of each class, 0..1."""
        channels = self.config.network.sound.channels
        concepts = torch.eye(channels, device=magnitude.device)[self._assigned()]  # [C, K]
        heard = self.hear(magnitude)
        logits = self._weighed(concepts.expand(len(magnitude), -1, -1), heard)
        return self.spectra.unwarp(logits.float().sigmoid())

    @torch.no_grad()
    def separate_by_sound(self, batch: Batch) -> Float[Tensor, "B S N"]:
        """Estimates of a batch's sources from the mixture and their labels, without pictures."""
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        spectrum = self.spectra.stft(waves.sum(1))
        masks = self.masks_by_sound(spectrum.abs())
        rows = torch.arange(len(waves), device=device)[:, None]
        masks = masks[rows, batch["label"].to(device).clamp_min(0)]  # [B, C, F, t] -> [B, S, F, t]
        if self.config.threshold:
            masks = (masks > 0.5).to(masks.dtype)
        return self.spectra.istft(masks * spectrum[:, None], waves.shape[-1])


def _entropy(shares: Float[Tensor, "*B K"]) -> Float[Tensor, "*B"]:
    """Of channels' shares, as a part of the largest possible."""
    return -(shares * shares.clamp_min(1e-9).log()).sum(-1) / math.log(shares.shape[-1])


def assign_channels(
    concepts: Float[Tensor, "N K"], label: Int[Tensor, " N"], classes: int
) -> Int[Tensor, " C"]:
    """One channel per class, so that the classes' mean activations there stand out most.

    The Hungarian method on the mean of each channel over each class's pictures, less the channel's
    mean over all classes. The paper's own rule is not known to us.

    Raises:
        ValueError: when a class has no pictures, or there are fewer channels than classes.
    """
    from scipy.optimize import linear_sum_assignment

    counts = [int((label == c).sum()) for c in range(classes)]
    if min(counts) == 0 or concepts.shape[1] < classes:
        raise ValueError(
            f"assigning channels needs pictures of all {classes} classes and as many channels, got "
            f"{counts.count(0)} classes without pictures and {concepts.shape[1]} channels"
        )
    means = torch.stack([concepts[label == c].mean(0) for c in range(classes)])
    _, channel = linear_sum_assignment(-(means - means.mean(0)).cpu().numpy())
    return torch.as_tensor(channel, device=concepts.device)
