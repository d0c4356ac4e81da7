"""The Sound of Motions as a system (`MotionsSystem`): separating those who look alike.

The paper's loss alone left the networks at chance for a thousand small batches of the stage: until
the visual feature means something, the decoder has no reason to heed it, and until it does, no
gradient shapes the feature. So we add a second task without labels, `foretold`: from what is seen
of a source its own coarse spectrogram is told, moment by moment. With ``foretell=0`` the system is
the paper's.

A recipe that learns on the stage: pictures at 16 Hz that cover just the window of sound (at 8 Hz a
quick note has fewer than two), windows drawn anew each time (with fixed ones the network learns
the clips by heart), ``pixels`` of about 3 for pictures of 64, a first stage on ``foretold`` alone
(``weights=(("foretold", 1.0),)``), then the same instrument at a rate that falls to zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.layers.film import align
from sensorium.optical_flow import FlowGrid
from sensorium.sounds.motions import MotionPlayer, MotionsConfig
from sensorium.sounds.spectra import Mask, SpectraConfig
from sensorium.sounds.systems import Heard, Mixed, Sight, SoundSystem
from sensorium.sounds.view import SoundView
from sensorium.system import Batch
from sensorium.types import Span, Video

_STEPS = 24  # of a window, at which its sound is foretold
_FLOOR = 1e-3  # added to powers before the logarithm


@dataclass(frozen=True)
class MotionsSystemConfig:
    """Config of `MotionsSystem`.

    Attributes:
        network: appearance, motion, fusion and sound.
        spectra: the signal path.
        view: which pictures; consecutive ones over the whole window.
        flow: how motion is found in them; taken over from the data.
        mask: what is learned.
        weighted: whether loud bins weigh more.
        threshold: whether binary masks are cut at 0.5.
        foretell: weight of the second task in the loss; 0 leaves it out (the paper).
        bands: of the coarse spectrogram that is foretold.
        trunk_rate: factor on the learning rate of the motion and appearance networks: 0.1 for
            pre-trained ones (the paper), 1 from scratch.
        classes: names of the data's classes.
    """

    network: MotionsConfig = field(default_factory=MotionsConfig)
    spectra: SpectraConfig = field(default_factory=SpectraConfig)
    view: SoundView = field(default_factory=lambda: SoundView(frames=24, stride=1))
    flow: FlowGrid = field(default_factory=FlowGrid)
    mask: Mask = "dominance"
    weighted: bool = True
    threshold: bool = True
    foretell: float = 0.1
    bands: int = 16
    trunk_rate: float = 0.1
    classes: tuple[str, ...] = ()


class MotionsSystem(SoundSystem):
    """The Sound of Motions: who sounds, told by who moves when the sound does.

    A batch may also hold ``flow``: ``float16 [B, S, T-1, 2, h, w]``, each source's flow on a grid,
    in pixels of its pictures; what is missing is searched (2 ms a picture of 64 pixels).
    """

    name: ClassVar[str] = "motions"
    paper: ClassVar[str] = (
        "Zhao, Gan, Ma, Torralba: The Sound of Motions, ICCV 2019, https://arxiv.org/abs/1904.05979"
    )
    Config: ClassVar[type] = MotionsSystemConfig
    foretelling: Tensor
    sights: ClassVar[tuple[str, ...]] = ("frames", "flow")

    def __init__(self, config: MotionsSystemConfig) -> None:
        network = MotionPlayer(config.network)
        super().__init__(config, config.network.channels, network.appearance.config.features)
        self.network = network
        self.register_buffer("foretelling", torch.tensor(0.0))
        self.teller = nn.Conv1d(config.network.channels, config.bands, 1)

    # --- what a system is made of -----------------------------------------------------------------

    @property
    def moving(self) -> FlowGrid | None:
        """How motion is found in the pictures, where the cue is motion."""
        flow: FlowGrid = self.config.flow
        return flow if self.config.network.cue in ("flow", "trajectory") else None

    def look(self, video: Video, window: Span) -> dict[str, Tensor]:
        """One window's pictures and, where the cue is motion, their flow."""
        sight = super().look(video, window)
        if self.moving is not None:
            sight["flow"] = self.moving(sight["frames"])
        return sight

    def see(self, sight: Sight) -> Float[Tensor, "B K T h w"]:
        """Visual feature maps, step by step; flow that is not given is searched."""
        frames = sight["frames"]
        flow = sight.get("flow")
        if self.moving is not None and flow is None:
            flow = torch.stack([self.moving(clip) for clip in frames])
        if self.config.network.cue != "frames":
            frames = frames[:, :1]
        pictures = self.pictures(frames)
        pictures = pictures.view(*frames.shape[:2], *pictures.shape[1:])  # [B*T, ..] -> [B, T, ..]
        return self.network.see(pictures, None if flow is None else flow.to(pictures.device))

    def hear(self, magnitude: Float[Tensor, "B F T"]) -> Heard:
        """The log-magnitude that was heard, and the encoder's features of every level."""
        with torch.autocast(magnitude.device.type, enabled=False):
            log_magnitude = self.spectra.log_magnitude(magnitude)
        return (log_magnitude, *self.network.hear(log_magnitude))

    def logits(self, visual: Float[Tensor, "B S K T"], heard: Heard) -> Float[Tensor, "B S R t"]:
        """The bottleneck modulated by each source's visual feature, and decoded once for each."""
        log_magnitude, *features = heard
        return self.network.decode(visual, features, log_magnitude.shape[-1])

    def features(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N D"]:
        """Mean features of the appearance network."""
        maps: Tensor = self.network.appearance(pictures)
        return maps.mean((-2, -1))

    def _sources(self, batch: Batch) -> Float[Tensor, "B S K T"]:
        count = batch["waves"].shape[:2]
        given = [key for key in ("frames", "flow") if key in batch]
        visual = self.pool(self.see({key: batch[key].flatten(0, 1) for key in given}))
        return visual.view(*count, *visual.shape[2:])  # [B*S, 1, K, T] -> [B, S, K, T]

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """As `SoundSystem.losses`, and ``foretold`` (see the module's docstring), maybe alone."""
        if not self.foretelling > 0:
            return super().losses(batch)
        visual, mixed = self._sources(batch), self.mixed(batch)
        with torch.autocast(visual.device.type, enabled=False):
            foretold = self._foretold(visual.float(), mixed)
        return {"loss": foretold, "foretold": foretold}

    def further(
        self, visual: Float[Tensor, "B S K T"], mixed: Mixed
    ) -> dict[str, tuple[float, Tensor]]:
        """What is foretold, unless it has no share in the loss."""
        share = self.config.foretell
        return {"foretold": (share, self._foretold(visual, mixed))} if share else {}

    def _foretold(self, visual: Float[Tensor, "B S K T"], mixed: Mixed) -> Float[Tensor, ""]:
        return F.mse_loss(self.foretell(visual), self.coarse_spectra(mixed.sources))

    def foretell(self, visual: Float[Tensor, "B S K T"]) -> Float[Tensor, "B S bands 24"]:
        """Each source's coarse spectrogram, from what is seen of it alone."""
        told = align(self.teller(visual.flatten(0, 1)), _STEPS)
        return told.view(*visual.shape[:2], *told.shape[1:])  # [B*S, bands, 24] -> [B, S, ...]

    def coarse_spectra(self, sources: Float[Tensor, "B S F T"]) -> Float[Tensor, "B S bands 24"]:
        """Logarithms of mean powers in bands and 24 steps, brought to about -1..1."""
        power = self.spectra.warp(sources.flatten(0, 1)).square()  # [B, S, F, T] -> [B*S, R, T]
        coarse = F.adaptive_avg_pool2d(power, (self.config.bands, _STEPS))
        return ((coarse + _FLOOR).log() / 3 + 1).view(*sources.shape[:2], *coarse.shape[1:])

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The visual networks learn at ``trunk_rate`` times the rate (a tenth in the paper)."""
        trunks = [self.network.appearance, *([self.network.motion] if self.network.motion else [])]
        slow = [p for trunk in trunks for p in trunk.parameters()]
        inside = {id(p) for p in slow}
        rest = [p for p in self.parameters() if id(p) not in inside]
        return [{"params": rest}, {"params": slow, "lr_factor": self.config.trunk_rate}]
