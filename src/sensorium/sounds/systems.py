"""What the systems for sound share (`SoundSystem`), and The Sound of Pixels (`PixelsSystem`)."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium import images
from sensorium.layers.domain import STATISTICS, DomainGauge, frame_statistics, unfamiliarity
from sensorium.sounds.pixels import PixelPlayer, PixelsConfig
from sensorium.sounds.spectra import Mask, Spectra, SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip, Span, Video

if TYPE_CHECKING:
    from sensorium.optical_flow import FlowGrid
    from sensorium.sounds.results import Stems

Sight = Mapping[str, Tensor]
Heard = tuple[Tensor, ...]
_ENOUGH = 16  # sources, to calibrate the domain gauge
_UNLIKE = 0.5  # cosine below which a sound's look has no name


class Mixed(NamedTuple):
    """Linear magnitudes of a batch's sources ``[B, S, F, T]`` and of their sums ``[B, F, T]``."""

    sources: Float[Tensor, "B S F T"]
    mixture: Float[Tensor, "B F T"]


class SoundSystem(System):
    """Networks that see, hear, and say which part of the sound belongs to what they see.

    A batch holds ``waves``: ``float32 [B, S, N]``, mono sources at ``config.spectra.rate``, as loud
    as they are in their mixture, which is their sum; ``frames``: ``uint8 [B, S, T, 3, H, W]``, each
    source's own pictures; ``label``: ``int64 [B, S]``, the source's class or -1, which metrics and
    calibration use and no loss does. Subclasses may want more.
    """

    spectra: Spectra
    gauge: DomainGauge
    prototypes: Tensor
    centre: Tensor
    sights: ClassVar[tuple[str, ...]] = ("frames",)
    limits: ClassVar[str] = (
        "Knows the sounds and looks that it was trained on. A stem of anything else means nothing, "
        "which `out_of_domain` says as far as the look of the pictures tells. What cannot be seen "
        "cannot be told apart: it goes to the stem `rest`. The mixture's phase is kept, and above "
        "half the analysis rate masks are continued from below."
    )

    def __init__(self, config: Any, channels: int, features: int) -> None:
        super().__init__(config)
        self.spectra = Spectra(config.spectra)
        self.gauge = DomainGauge((features, STATISTICS))
        classes = max(1, len(config.classes))
        self.register_buffer("prototypes", torch.zeros(classes, channels))  # 0: no names yet
        self.register_buffer("centre", torch.zeros(channels))

    # --- what a system is made of -----------------------------------------------------------------

    @abstractmethod
    def see(self, sight: Sight) -> Float[Tensor, "B K T h w"]:
        """Feature maps of windows, before any activation; T is 1 where time is not kept."""

    @abstractmethod
    def hear(self, magnitude: Float[Tensor, "B F T"]) -> Heard:
        """What the sound network makes of mixtures; the batch is the first axis of each tensor."""

    @abstractmethod
    def logits(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S R t"]:
        """Masks' logits of S places per mixture, on the rows that the network hears."""

    @abstractmethod
    def features(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N D"]:
        """The trunk's mean features, which the domain gauge looks at."""

    def look(self, video: Video, window: Span) -> dict[str, Tensor]:
        """One window's pictures, and what else the system sees, without a batch axis."""
        return {"frames": self.config.view.pictures(video, window)}

    @property
    def moving(self) -> FlowGrid | None:
        """How motion is found in the pictures; ``None`` where none is looked at."""
        return None

    # --- from what is seen to masks ---------------------------------------------------------------

    def pictures(self, frames: Tensor) -> Float[Tensor, "N 3 H W"]:
        """``uint8 [..., 3, H, W]`` as the networks want them, on their device, in one row."""
        view: SoundView = self.config.view
        device = next(self.parameters()).device
        flat = frames.to(device).flatten(0, -4)  # [..., 3, H, W] -> [N, 3, H, W]
        pixels = images.normalise(flat, view.mean, view.std)
        return pixels.contiguous(memory_format=torch.channels_last)

    def pool(
        self, maps: Float[Tensor, "B K T h w"], regions: Bool[Tensor, "B S h w"] | None = None
    ) -> Float[Tensor, "B S K T"]:
        """The maximum over each region, or over the whole picture (S is 1).

        The papers' max-pooling (arXiv:1804.03160, section 3.1), here also over a part of it. An
        empty region gives zeros.
        """
        if regions is None:
            return maps.amax((-2, -1))[:, None]
        inside = regions[:, :, None, None]  # [B, S, h, w] -> [B, S, 1, 1, h, w]
        lowest = torch.finfo(maps.dtype).min
        pooled = maps[:, None].masked_fill(~inside, lowest).amax((-2, -1))
        return pooled.masked_fill(~regions.any(-1).any(-1)[:, :, None, None], 0.0)

    def masks(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S F t"]:
        """Soft masks of 0..1 on the linear frequency axis."""
        logits = self.logits(visual, heard).float()
        if self.config.mask == "ratio":
            return self.spectra.unwarp(logits.clamp(0.0, 1.0))
        return self.spectra.unwarp(logits.sigmoid())

    def _sources(self, batch: Batch) -> Float[Tensor, "B S K T"]:
        """What each source's own pictures look like, the maximum over the whole picture."""
        count = batch["waves"].shape[:2]
        sight = {key: batch[key].flatten(0, 1) for key in self.sights}  # [B, S, ...] -> [B*S, ...]
        visual = self.pool(self.see(sight))  # [B*S, 1, K, T]
        return visual.view(*count, *visual.shape[2:])  # [B*S, 1, K, T] -> [B, S, K, T]

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Mix-and-Separate: `error` of what is predicted for each bin, and what `further` adds.

        Bins weigh by ``log(1 + |X|)`` when ``config.weighted`` (released code).
        """
        mixed = self.mixed(batch)
        visual = self._sources(batch)
        logits = self.logits(visual, self.hear(mixed.mixture)).float()
        with torch.autocast(logits.device.type, enabled=False):
            error = self.error(logits, mixed)
            weight = self.spectra.importance(mixed.mixture) if self.config.weighted else None
            mask = (error if weight is None else error * weight[:, None]).mean()
            terms = self.further(visual.float(), mixed)
        loss = sum((share * term for share, term in terms.values()), start=mask)
        return {"loss": loss, "mask": mask, **{name: term for name, (_, term) in terms.items()}}

    @torch.no_grad()
    def mixed(self, batch: Batch) -> Mixed:
        """A batch's sources and mixtures as magnitudes, in float32 whatever the precision."""
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        with torch.autocast(device.type, enabled=False):
            return Mixed(self.spectra.stft(waves).abs(), self.spectra.stft(waves.sum(1)).abs())

    def error(self, logits: Float[Tensor, "B S R t"], mixed: Mixed) -> Float[Tensor, "B S R t"]:
        """Cross-entropy per bin with the sources' masks (L1 for ratios)."""
        targets = self.spectra.targets(mixed.sources, mixed.mixture, self.config.mask)
        if self.config.mask == "ratio":
            return (logits - targets).abs()
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")

    def further(
        self, visual: Float[Tensor, "B S K T"], mixed: Mixed
    ) -> dict[str, tuple[float, Tensor]]:
        """Further terms of the loss, by name, each with its share in it: what `regularise` says."""
        return {name: (1.0, term) for name, term in self.regularise(visual).items()}

    def regularise(self, visual: Float[Tensor, "B S K T"]) -> dict[str, Tensor]:
        """Terms of the loss that need nothing but what is seen; none by default."""
        return {}

    @torch.no_grad()
    def separate(self, batch: Batch) -> Float[Tensor, "B S N"]:
        """Estimates of a batch's sources, with the mixture's phase.

        Binary systems cut their masks at 0.5 after unwarping (released code).
        """
        device = next(self.parameters()).device
        waves = batch["waves"].to(device)
        spectrum = self.spectra.stft(waves.sum(1))
        masks = self.masks(self._sources(batch), self.hear(spectrum.abs()))
        if self.config.mask != "ratio" and self.config.threshold:
            masks = (masks > 0.5).to(masks.dtype)
        return self.spectra.istft(masks * spectrum[:, None], waves.shape[-1])

    def metrics(self) -> dict[str, Meter]:
        """``nsdr``, ``sdr``, ``sir``, ``sar``, ``si_sdri``, and per class."""
        from sensorium.sounds.metrics import sound_meters

        return sound_meters(self.config.classes)

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Separate a batch's mixtures and score every source."""
        estimates = self.separate(batch).cpu()
        for meter in meters.values():
            meter.update(batch["waves"].cpu(), estimates, batch["label"].cpu())

    # --- use --------------------------------------------------------------------------------------

    def predict(self, clip: Clip) -> Stems:
        """Each source of a video as its own track.

        Raises:
            ValueError: when the clip lacks pictures or sound.
        """
        from sensorium.sounds.separation import separate

        return separate(self, clip)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauge, and learn what the classes look like, from validation pictures.

        With fewer than 16 sources the system will not say what is out of domain.
        """
        rows, looks, labels = [], [], []
        for batch in batches:
            pictures = batch["frames"].flatten(0, 1)  # [B, S, T, ...] -> [B*S, T, ...]
            rows.append(self.domain_features(pictures))
            looks.append(self._sources(batch).flatten(0, 1).mean(-1))  # [B, S, K, T] -> [B*S, K]
            labels.append(batch["label"].flatten().to(looks[-1].device))
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        if not groups or len(groups[0]) < _ENOUGH:
            logging.getLogger(__name__).warning(
                "%d validation sources are too few to say what is out of domain (at least %d)",
                len(groups[0]) if groups else 0,
                _ENOUGH,
            )
            return
        self.gauge.fit(groups)
        look, label = self.appearance(torch.cat(looks)), torch.cat(labels)
        self.centre.copy_(look.mean(0))
        for index in range(len(self.config.classes)):
            mine = look[label == index]
            if len(mine):
                self.prototypes[index] = mine.mean(0) - self.centre
        far = [self._distances(clip) for clip in clips]
        if far:
            self.gauge.fit_threshold(torch.stack(far))

    def _distances(self, clip: Clip) -> Float[Tensor, " G"]:
        """How far a whole video lies from what is familiar: the median of evenly spaced windows."""
        video = clip.need_video()
        length = min(self.config.spectra.seconds, video.span.duration)
        starts = torch.linspace(video.span.start, video.span.end - length, 8).tolist()
        view: SoundView = self.config.view
        sights = [view.pictures(video, Span(s, s + length)) for s in starts]
        groups = self.domain_features(torch.stack(sights))
        return self.gauge.distances(groups).median(0).values

    @torch.no_grad()
    def unfamiliarity(self, clip: Clip) -> float | None:
        """0..1, above 0.5 for pictures unlike the training's; ``None`` when not calibrated."""
        if not self.gauge.calibrated:
            return None
        return float(unfamiliarity(self._distances(clip)))

    @torch.no_grad()
    def names(self, visual: Float[Tensor, "R K"]) -> list[str | None]:
        """The class that each pooled feature looks like most, or ``None``."""
        look = self.appearance(visual.float()) - self.centre
        alike = F.cosine_similarity(look[:, None], self.prototypes[None], dim=-1)
        best, index = alike.max(1)
        classes = self.config.classes
        return [
            classes[i] if classes and b > _UNLIKE else None
            for b, i in zip(best.tolist(), index.tolist(), strict=True)
        ]

    def appearance(self, visual: Float[Tensor, "R K"]) -> Float[Tensor, "R K"]:
        """What a pooled feature looks like where looks are compared."""
        return visual.sigmoid()

    def domain_features(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the domain gauge looks at, of ``uint8 [B, T, 3, H, W]``."""
        count = frames.shape[:2]
        features = self.features(self.pictures(frames)).view(*count, -1).mean(1)
        return features, frame_statistics(frames.to(features.device).float() / 255)


@dataclass(frozen=True)
class PixelsSystemConfig:
    """Config of `PixelsSystem`.

    Attributes:
        network: the three networks.
        spectra: the signal path.
        view: which pictures.
        mask: what is learned: ``dominance`` (the papers' binary mask), ``half`` (the released
            code's), or ``ratio``.
        weighted: whether loud bins weigh more (released code).
        threshold: whether binary masks are cut at 0.5; soft ones leak less harshly.
        trunk_rate: factor on the learning rate of the video trunk: 0.1 for a pre-trained one
            (released code), 1 from scratch.
        classes: names of the data's classes, for labels and figures.
    """

    network: PixelsConfig = field(default_factory=PixelsConfig)
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=SoundView)
    mask: Mask = "dominance"
    weighted: bool = True
    threshold: bool = True
    trunk_rate: float = 0.1
    classes: tuple[str, ...] = ()


class PixelsSystem(SoundSystem):
    """The Sound of Pixels: the sound of each pixel, learned from mixed solos without labels."""

    name: ClassVar[str] = "pixels"
    paper: ClassVar[str] = (
        "Zhao, Gan, Rouditchenko, Vondrick, McDermott, Torralba: The Sound of Pixels, ECCV 2018, "
        "https://arxiv.org/abs/1804.03160"
    )
    Config: ClassVar[type] = PixelsSystemConfig

    def __init__(self, config: PixelsSystemConfig) -> None:
        network = PixelPlayer(config.network)
        sound = config.network.sound
        super().__init__(config, sound.channels, network.video.trunk.config.features)
        self.network = network

    def see(self, sight: Sight) -> Float[Tensor, "B K T h w"]:
        """Maps of each window: the maximum over its pictures."""
        frames = sight["frames"]
        pictures = self.pictures(frames)
        pictures = pictures.view(*frames.shape[:2], *pictures.shape[1:])
        return self.network.see(pictures)[:, :, None]  # [B, K, h, w] -> [B, K, 1, h, w]

    def pool(
        self, maps: Float[Tensor, "B K T h w"], regions: Bool[Tensor, "B S h w"] | None = None
    ) -> Float[Tensor, "B S K T"]:
        """The maximum over each region, or the mean where ``network.pooling`` says so."""
        if self.config.network.pooling == "max":
            return super().pool(maps, regions)
        if regions is None:
            return maps.mean((-2, -1))[:, None]
        inside = regions.to(maps.dtype)
        total = torch.einsum("bkthw,bshw->bskt", maps, inside)
        return total / inside.sum((-2, -1)).clamp_min(1.0)[:, :, None, None]

    def hear(self, magnitude: Float[Tensor, "B F T"]) -> Heard:
        """K maps of each mixture, ``[B, K, R, T]``."""
        with torch.autocast(magnitude.device.type, enabled=False):
            log_magnitude = self.spectra.log_magnitude(magnitude)
        return (self.network.hear(log_magnitude),)

    def logits(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S R t"]:
        """The synthesizer's: a weighted sum of the sound's maps."""
        (sound,) = heard
        logits: Tensor = self.network.synthesizer(self.appearance(visual.amax(-1)), sound)
        return logits

    def appearance(self, visual: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
        """The sigmoid of (standardised) pooled values."""
        return self.network.standardised(visual).sigmoid()

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """Weights of the same system, or of a plain ResNet for the trunk (as in the paper).

        The domain gauge and what classes look like are not taken over.
        """
        if any(name.startswith("network.") for name in state):
            return super().start_from({k: v for k, v in state.items() if k.startswith("network.")})
        return super().start_from({f"network.video.trunk.{k}": v for k, v in state.items()})

    def features(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N D"]:
        """Mean features of the trunk."""
        maps: Tensor = self.network.video.trunk(pictures)
        return maps.mean((-2, -1))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The pre-trained trunk learns at a tenth of the rate (released code)."""
        trunk = list(self.network.video.trunk.parameters())
        inside = {id(p) for p in trunk}
        rest = [p for p in self.parameters() if id(p) not in inside]
        factor = self.config.trunk_rate
        return [{"params": rest}, {"params": trunk, "lr_factor": factor}]
