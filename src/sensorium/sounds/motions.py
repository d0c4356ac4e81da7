"""The networks of The Sound of Motions (Zhao et al., ICCV 2019, arXiv:1904.05979).

A 3D network sees how things move (by default along trajectories, see `trajectories`), a ResNet
sees in the first picture what they are and says where to look, and both together modulate a
U-Net's bottleneck, moment by moment, which decodes one source's mask from the mixture. Two
violins look alike, but only one bow moves when a note begins.

How ours differs: with stride 2 everywhere the paper's six levels leave three or four moments of a
three-second mixture, each longer than a note. By default the U-Net stops halving time after three
levels and the motion network never does, so that notes stay apart (`literal` has it as drawn).
Widths of the fusion, where the paper is silent, are ours. The motion network is a plain stack
without ImageNet's inflated kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.layers.film import FiLM, align
from sensorium.layers.resnet import ResNet
from sensorium.layers.unet import AudioUNet, UNetConfig
from sensorium.sounds.pixels import trunk_of
from sensorium.sounds.trajectories import scaled, trajectories

Cue = Literal["picture", "frames", "flow", "trajectory"]
Ablation = Literal["motion", "appearance", "time"]


@dataclass(frozen=True)
class MotionNetConfig:
    """Shape of the 3D network.

    Attributes:
        widths: channels of its layers.
        space: by how much each layer shrinks height and width.
        time: by how much each shortens time.
        taps: moments that each kernel sees.
    """

    widths: tuple[int, ...] = (64, 128, 256, 256)
    space: tuple[int, ...] = (2, 2, 1, 1)
    time: tuple[int, ...] = (1, 1, 1, 1)
    taps: tuple[int, ...] = (5, 3, 3, 3)

    def __post_init__(self) -> None:
        lengths = {len(self.widths), len(self.space), len(self.time), len(self.taps)}
        if len(lengths) != 1 or not self.widths:
            raise ValueError(
                "widths, space, time and taps need one number per layer, got "
                f"{self.widths}, {self.space}, {self.time} and {self.taps}"
            )


@dataclass(frozen=True)
class MotionsConfig:
    """Shape of the networks.

    Attributes:
        cue: what moves: ``trajectory`` or ``flow`` (both read flow fields), ``frames`` (the
            pictures themselves, the paper's multi-frame RGB) or ``picture`` (nothing: the first
            picture alone, the paper's single-frame RGB).
        trunk: of the appearance network, a key of ``layers.resnet.RESNETS``.
        width: factor on the trunk's width.
        undone: strides of the trunk's last stages replaced by dilation.
        motion: the 3D network.
        pixels: displacement that counts as 1 (and as the most) for the 3D network; the paper's
            flow-stream I3D takes 20 at 224 pixels.
        frames_stride: with ``frames``, side of the squares over which pictures are averaged.
        attention: whether appearance gates motion; otherwise they are only put side by side.
        channels: of the visual feature.
        average_time: one visual feature for the whole window (an ablation: it forgets when).
        sound: the U-Net.
        published_init: begin the U-Net from N(0, 0.001), not from PyTorch's.
    """

    cue: Cue = "trajectory"
    trunk: str = "resnet18"
    width: float = 1.0
    undone: int = 1
    motion: MotionNetConfig = field(default_factory=MotionNetConfig)
    pixels: float = 20.0
    frames_stride: int = 4
    attention: bool = True
    channels: int = 512
    average_time: bool = False
    sound: UNetConfig = field(default_factory=lambda: UNetConfig(6, 64, 1, time_levels=3))
    published_init: bool = False


def literal() -> MotionsConfig:
    """The paper's strides: I3D to its end (time shortened 8 times), the U-Net halving both axes."""
    widths, taps = (64, 192, 480, 832, 1024), (7, 3, 3, 3, 3)
    motion = MotionNetConfig(widths, space=(2, 2, 1, 1, 1), time=(2, 1, 1, 2, 2), taps=taps)
    return MotionsConfig(motion=motion, sound=UNetConfig(6, 64, 1), published_init=True)


class MotionNet(nn.Module):
    """3D convolutions with batch norm and ReLU.

    Shape:
        ``[B, channels, T, H, W] -> [B, widths[-1], T', h, w]``.
    """

    def __init__(self, config: MotionNetConfig, channels: int) -> None:
        super().__init__()
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for width, space, time, taps in zip(
            config.widths, config.space, config.time, config.taps, strict=True
        ):
            kernel = (taps, 3, 3)
            padding = (taps // 2, 1, 1)
            stride = (time, space, space)
            self.convs.append(nn.Conv3d(channels, width, kernel, stride, padding, bias=False))
            self.norms.append(nn.BatchNorm3d(width))
            channels = width

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B D t h w"]:
        """What moves where and when."""
        x = x.contiguous(memory_format=torch.channels_last_3d)  # faster on CPUs
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)), inplace=True)
        return x


class Fusion(nn.Module):
    """Motion gated by where appearance says to look, joined with appearance, mixed in 3D.

    ``A = sigmoid(conv(appearance))``; ``[appearance, A * motion]`` through a convolution over
    time and one over space.

    Shape:
        appearance ``[B, A, h, w]``, motion ``[B, M, T, H, W]``; returns ``[B, channels, T, h, w]``.
    """

    def __init__(self, appearance: int, motion: int, channels: int, attention: bool) -> None:
        super().__init__()
        self.gate = nn.Conv2d(appearance, 1, 1) if attention else None
        self.over_time = nn.Conv3d(
            appearance + motion, channels, (3, 1, 1), padding=(1, 0, 0), bias=False
        )
        self.norm = nn.BatchNorm3d(channels)
        self.over_space = nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))

    def forward(
        self, appearance: Float[Tensor, "B A h w"], motion: Float[Tensor, "B M T H W"]
    ) -> Float[Tensor, "B K T h w"]:
        """The visual feature maps."""
        size = appearance.shape[-2:]
        if motion.shape[-2:] != size:
            motion = F.adaptive_avg_pool3d(motion, (None, *size))
        if self.gate is not None:
            motion = motion * self.gate(appearance).sigmoid()[:, :, None]
        tiled = appearance[:, :, None].expand(-1, -1, motion.shape[2], -1, -1)
        joined = torch.cat([tiled, motion], 1)
        h = F.relu(self.norm(self.over_time(joined)), inplace=True)
        maps: Tensor = self.over_space(h)
        return maps


class MotionPlayer(nn.Module):
    """The networks together.

    `see` gives visual maps over time, `hear` the encoder's features of the mixture, `decode` the
    logits of each source's mask.
    """

    def __init__(self, config: MotionsConfig) -> None:
        super().__init__()
        self.config = config
        shape = trunk_of(config.trunk, config.width, config.undone)
        self.appearance = ResNet(shape)
        width = 0
        self.motion: MotionNet | None = None
        if config.cue != "picture":
            self.motion = MotionNet(config.motion, 3 if config.cue == "frames" else 2)
            width = config.motion.widths[-1]
        attention = config.attention and self.motion is not None
        self.fusion = Fusion(shape.features, width, config.channels, attention)
        self.sound = AudioUNet(config.sound)
        self.film = FiLM(config.channels, config.sound.features(config.sound.levels - 1))
        if config.published_init:
            self.sound.initialise_as_published()
        self._without: frozenset[Ablation] = frozenset()

    @contextmanager
    def ablated(self, without: Iterable[Ablation]) -> Iterator[None]:
        """Inside the block features are missing: ``motion`` and ``appearance`` are zeros.

        ``time`` replaces the visual feature by its mean over time. Features are taken away, not
        inputs: biases and norms would let a zero input speak.

        Raises:
            ValueError: for something else.
        """
        wanted = frozenset(without)
        wrong = wanted - {"motion", "appearance", "time"}
        if wrong:
            raise ValueError(
                f"ablations are motion, appearance and time, got {', '.join(sorted(wrong))}"
            )
        before, self._without = self._without, wanted
        try:
            yield
        finally:
            self._without = before

    def see(
        self, pictures: Float[Tensor, "B T 3 H W"], flow: Float[Tensor, "B t 2 h w"] | None = None
    ) -> Float[Tensor, "B K T h w"]:
        """Visual feature maps: steps over the window, 1 where nothing moves.

        Args:
            pictures: normalised; all but the first matter to ``frames`` alone.
            flow: fields in pixels of the pictures, on a grid.

        Raises:
            ValueError: when there is no flow and the cue needs it.
        """
        still = self.appearance(pictures[:, 0].contiguous(memory_format=torch.channels_last))
        if "appearance" in self._without:
            still = torch.zeros_like(still)
        maps: Tensor = self.fusion(still, self._moves(pictures, flow, still))
        if self.config.average_time or "time" in self._without:
            return maps.mean(2, keepdim=True)
        return maps

    def _moves(self, pictures: Tensor, flow: Tensor | None, still: Tensor) -> Tensor:
        """The motion network's features ``[B, M, T, h, w]``."""
        if self.motion is None:
            return still.new_zeros(len(still), 0, 1, *still.shape[-2:])
        if self.config.cue == "frames":
            stride = self.config.frames_stride
            small = F.avg_pool3d(pictures.transpose(1, 2), (1, stride, stride))
            moves = self.motion(small)  # of [B, T, 3, H, W] -> [B, 3, T, h, w]
        else:
            if flow is None:
                raise ValueError(
                    f"the cue {self.config.cue!r} needs flow fields, got none; give batches with "
                    "'flow' (pictures through sensorium.optical_flow)"
                )
            cell = (pictures.shape[-1] / flow.shape[-1], pictures.shape[-2] / flow.shape[-2])
            with torch.autocast(flow.device.type, enabled=False):
                moved = flow.float()
                if self.config.cue == "trajectory":
                    moved = trajectories(moved, cell)
                moved = scaled(moved, self.config.pixels).transpose(1, 2)
            moves = self.motion(moved)  # of [B, T, 2, h, w] -> [B, 2, T, h, w]
        return torch.zeros_like(moves) if "motion" in self._without else moves

    def hear(self, log_magnitude: Float[Tensor, "B 1 R T"]) -> list[Tensor]:
        """The encoder's features of every level; the last frame is repeated up to the grid."""
        missing = -log_magnitude.shape[-1] % self.config.sound.grid[1]
        whole = F.pad(log_magnitude, (0, missing, 0, 0), mode="replicate")
        return self.sound.encode(whole.contiguous(memory_format=torch.channels_last))

    def decode(
        self, visual: Float[Tensor, "B S K T"], features: list[Tensor], frames: int
    ) -> Float[Tensor, "B S R t"]:
        """The logits of S sources of each mixture: the bottleneck modulated, decoded once each."""
        count = visual.shape[:2]
        own = [f.repeat_interleave(count[1], 0) for f in features]  # [B, ...] -> [B*S, ...]
        deepest = own[-1]
        steps = deepest.shape[-1]
        factor = self.config.sound.grid[1]
        heard = min(steps, -(-frames // factor))  # the rest of the bottleneck is padding
        condition = align(visual.flatten(0, 1), heard)
        condition = F.pad(condition, (0, steps - heard), mode="replicate")
        own[-1] = self.film(deepest, condition)
        logits = self.sound.decode(own)[:, 0, :, :frames].contiguous()
        return logits.view(*count, *logits.shape[1:])  # [B*S, R, t] -> [B, S, R, t]
