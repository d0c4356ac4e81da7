"""What The Sound of Pixels is compared with: a network that only hears, and one that regresses.

`AudioOnlySystem` is the same U-Net without pictures: one mask per output, trained with the best
permutation of the outputs (permutation-invariant training, Yu et al., arXiv:1607.00325). Nobody
tells which output is which source, so its estimates are scored in fixed order, and apart from that
in the order that an oracle knows.

`RegressionSystem` is the paper's "spectral regression" (arXiv:1804.03160, section 4): the same
three networks predict a source's log-magnitude itself instead of a mask. Ours floors magnitudes
before the logarithm, since errors below the floor cannot be heard.

The baselines without a network are in `nmf`, the one for segmentation in `cam`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from sensorium.layers.unet import AudioUNet, UNetConfig
from sensorium.sounds.metrics import sound_meters
from sensorium.sounds.pixels import PixelsConfig, padded
from sensorium.sounds.spectra import Mask, Spectra, SpectraConfig
from sensorium.sounds.systems import Heard, Mixed, PixelsSystem
from sensorium.sounds.view import SoundView
from sensorium.system import Batch, Meter, Result, System
from sensorium.types import Clip

_LOUDEST = 12.0  # most that a predicted log-magnitude can be, before exp


@dataclass(frozen=True)
class AudioOnlyConfig:
    """Config of `AudioOnlySystem`.

    Attributes:
        sound: the U-Net; its ``channels`` are the outputs, one per source.
        published_init: begin the U-Net from N(0, 0.001).
        spectra: the signal path.
        view: which pictures the data hold; nobody looks at them.
        mask: what is learned.
        weighted: whether loud bins weigh more.
        threshold: whether binary masks are cut at 0.5.
        classes: names of the data's classes, for figures.
    """

    sound: UNetConfig = field(default_factory=lambda: UNetConfig(channels=2))
    published_init: bool = True
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=SoundView)
    mask: Mask = "dominance"
    weighted: bool = True
    threshold: bool = True
    classes: tuple[str, ...] = ()


class AudioOnlySystem(System):
    """A U-Net that takes a mixture apart without looking.

    Batches are those of `systems.SoundSystem`; the pictures are ignored. It separates mixtures of
    as many sources as it has outputs, and cannot say which is whose.
    """

    name: ClassVar[str] = "audio-only"
    paper: ClassVar[str] = (
        "Yu, Kolbaek, Tan, Jensen: Permutation Invariant Training of Deep Models for "
        "Speaker-Independent Multi-talker Speech Separation, ICASSP 2017, "
        "https://arxiv.org/abs/1607.00325"
    )
    limits: ClassVar[str] = "A baseline: it does not know which of its outputs is which source."
    Config: ClassVar[type] = AudioOnlyConfig
    config: AudioOnlyConfig

    def __init__(self, config: AudioOnlyConfig) -> None:
        super().__init__(config)
        self.spectra = Spectra(config.spectra)
        self.network = AudioUNet(config.sound)
        if config.published_init:
            self.network.initialise_as_published()

    def logits(self, magnitude: Float[Tensor, "B F T"]) -> Float[Tensor, "B S R T"]:
        """Masks' logits of every output."""
        with torch.autocast(magnitude.device.type, enabled=False):
            log_magnitude = self.spectra.log_magnitude(magnitude)
        return padded(self.network, log_magnitude)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The systems' loss, of the best permutation of each mixture (arXiv:1607.00325, eq. 5).

        Raises:
            ValueError: for mixtures of more or fewer sources than there are outputs.
        """
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        self._refuse(waves.shape[1])
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            sources = self.spectra.stft(waves).abs()
            mixture = self.spectra.stft(waves.sum(1)).abs()
            targets = self.spectra.targets(sources, mixture, self.config.mask)
            weight = self.spectra.importance(mixture) if self.config.weighted else None
        logits = self.logits(mixture).float()
        with torch.autocast(device.type, enabled=False):
            pairs = [self._error(logits, t[:, None], weight) for t in targets.unbind(1)]
        error = torch.stack(pairs, 2)  # [B, output, source]
        return {"loss": best_permutation(error)[0].mean()}

    def _error(
        self,
        logits: Float[Tensor, "B S R T"],
        target: Float[Tensor, "B 1 R T"],
        weight: Float[Tensor, "B R T"] | None,
    ) -> Float[Tensor, "B S"]:
        """How far each output is from one source."""
        target = target.expand_as(logits)
        if self.config.mask == "ratio":
            error = (logits - target).abs()
        else:
            error = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return (error if weight is None else error * weight[:, None]).mean((-2, -1))

    @torch.no_grad()
    def separate(self, batch: Batch) -> Float[Tensor, "B S N"]:
        """The outputs as they come: output s stands for source s, which nobody told it.

        Raises:
            ValueError: for mixtures of more or fewer sources than there are outputs.
        """
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        self._refuse(waves.shape[1])
        spectrum = self.spectra.stft(waves.sum(1))
        logits = self.logits(spectrum.abs()).float()
        soft = logits.clamp(0.0, 1.0) if self.config.mask == "ratio" else logits.sigmoid()
        masks = self.spectra.unwarp(soft)
        if self.config.mask != "ratio" and self.config.threshold:
            masks = (masks > 0.5).to(masks.dtype)
        return self.spectra.istft(masks * spectrum[:, None], waves.shape[-1])

    def _refuse(self, sources: int) -> None:
        outputs = self.config.sound.channels
        if sources != outputs:
            raise ValueError(
                f"{self.weights} takes mixtures of {outputs} sources apart, got {sources}; "
                "set sound.channels to the number of sources and train again"
            )

    def metrics(self) -> dict[str, Meter]:
        """As of `systems.SoundSystem`, of the outputs in fixed order."""
        return sound_meters(self.config.classes)

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Separate a batch's mixtures and score every output with the source of its number."""
        estimates = self.separate(batch).cpu()
        for meter in meters.values():
            meter.update(batch["waves"].cpu(), estimates, batch["label"].cpu())

    def predict(self, clip: Clip) -> Result:
        """Nothing: it does not look, so it cannot say who sounds.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{clip.name}: {self.weights} is a baseline that only hears and cannot say who sounds; "
            "use pixels or motions, or separate() with a batch"
        )


def best_permutation(
    error: Float[Tensor, "B S S"],
) -> tuple[Float[Tensor, " B"], Int[Tensor, "B S"]]:
    """The least mean error over all orders of the outputs, and each source's output in it.

    Shape:
        ``error[b, o, s]`` is that of output ``o`` for source ``s``.
    """
    count = error.shape[-1]
    orders = torch.tensor(list(permutations(range(count))), device=error.device)  # [P, S]
    totals = torch.stack([error[:, o, torch.arange(count)].mean(-1) for o in orders], 1)
    least, index = totals.min(1)
    return least, orders[index]


@dataclass(frozen=True)
class RegressionConfig:
    """Config of `RegressionSystem`; what `systems.PixelsSystemConfig` has means the same here.

    Attributes:
        network: the three networks.
        spectra: the signal path.
        view: which pictures.
        floor: added to magnitudes before the logarithm; 0.1 is 50 dB below a sine of amplitude 0.1
            with the published window.
        weighted: whether loud bins weigh more.
        trunk_rate: factor on the learning rate of the video trunk.
        classes: names of the data's classes.
    """

    network: PixelsConfig = field(default_factory=PixelsConfig)
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=SoundView)
    floor: float = 0.1
    weighted: bool = True
    trunk_rate: float = 0.1
    classes: tuple[str, ...] = ()
    mask: ClassVar[Mask] = "ratio"  # to whoever asks for masks


class RegressionSystem(PixelsSystem):
    """PixelPlayer's networks as a regression of each source's log-magnitude."""

    name: ClassVar[str] = "spectral-regression"
    Config: ClassVar[type] = RegressionConfig
    config: RegressionConfig

    def __init__(self, config: RegressionConfig) -> None:
        super().__init__(config)  # type: ignore[arg-type]

    def hear(self, magnitude: Float[Tensor, "B F T"]) -> Heard:
        """K maps of each mixture, and its magnitude, by which masks are ratios."""
        return (*super().hear(magnitude), magnitude)

    def logits(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S R t"]:
        """Log-magnitudes of the sources."""
        return super().logits(visual, heard[:1])

    def magnitudes(
        self, visual: Float[Tensor, "B S K T"], heard: Heard
    ) -> Float[Tensor, "B S F t"]:
        """Magnitudes of the sources on the linear frequency axis."""
        loud = self.logits(visual, heard).float().clamp_max(_LOUDEST).exp() - self.config.floor
        return self.spectra.unwarp(loud.clamp_min(0.0))

    def masks(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S F t"]:
        """The predicted magnitudes over the mixture's, at most 1."""
        mixture = heard[1][:, None].clamp_min(1e-10)
        return (self.magnitudes(visual, heard) / mixture).clamp(0.0, 1.0)

    def error(self, logits: Float[Tensor, "B S R t"], mixed: Mixed) -> Float[Tensor, "B S R t"]:
        """Absolute error of log-magnitudes per bin, weighed as the masks' loss."""
        targets = (self.spectra.warp(mixed.sources) + self.config.floor).log()
        return (logits - targets).abs()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean `error` alone: there are no masks."""
        return {"loss": super().losses(batch)["loss"]}

    @torch.no_grad()
    def separate(self, batch: Batch) -> Float[Tensor, "B S N"]:
        """The predicted magnitudes with the mixture's phase."""
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        spectrum = self.spectra.stft(waves.sum(1))
        loud = self.magnitudes(self._sources(batch), self.hear(spectrum.abs()))
        phase = spectrum / spectrum.abs().clamp_min(1e-10)
        return self.spectra.istft(loud * phase[:, None], waves.shape[-1])
