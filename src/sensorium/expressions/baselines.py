"""What the paper compares with, and what must be beaten first.

`CopyInput` and `CrossFade` paint nothing. `ConvLSTMSystem` is the recurrent baseline of the paper:
a convolutional LSTM (arXiv:1506.04214) with a U-Net as its image network, ten frames at evenly
spaced degrees. Frame-by-frame image translation is ``recipes.frame_by_frame``. All answer
``generate(picture, degrees)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium import images
from sensorium.expressions.animating import fitted, judgeable, signed
from sensorium.expressions.curves import mixing, ramp
from sensorium.expressions.datasets.portraits import PortraitClips
from sensorium.expressions.decoder import Decoder
from sensorium.expressions.encoders import Encoder, Norm, initialise
from sensorium.expressions.losses import reconstruction
from sensorium.expressions.measuring import expression_meters
from sensorium.expressions.measuring import measure as measured
from sensorium.expressions.recipes import ADAM, expressions
from sensorium.expressions.results import Animation
from sensorium.expressions.teaching import attention
from sensorium.recipe import Recipe, Schedule, Stage
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip
from sensorium.worlds.portraits import EXPRESSIONS

STEPS = 10
"""Frames of the recurrent baseline, of the paper."""


@dataclass(frozen=True)
class CopyInput:
    """The given picture, whatever is asked for: what a whole-frame SSIM must be read beside."""

    def generate(self, picture: Tensor, degrees: Tensor) -> Tensor:
        """``[B, 3, S, S]``, or with degrees ``[B, T, E]`` one for each frame."""
        scaled = picture.float() / 255 if picture.dtype == torch.uint8 else picture
        if degrees.ndim == 2:
            return scaled
        return scaled[:, None].expand(-1, degrees.shape[1], -1, -1, -1).clone()


@dataclass(frozen=True)
class CrossFade:
    """A blend of the given picture and the *true* picture at the peak: an oracle that cannot move.

    Attributes:
        peaks: true pictures at degree 1, in 0..1, one for each picture that will be given.

    Shape:
        ``peaks``: ``[B, 3, S, S]``.
    """

    peaks: Float[Tensor, "B 3 S S"]

    def generate(self, picture: Tensor, degrees: Tensor) -> Tensor:
        """The blend by the strongest degree, ``[B, 3, S, S]`` or ``[B, T, 3, S, S]``.

        Raises:
            ValueError: for another number of pictures than of peaks.
        """
        if len(picture) != len(self.peaks):
            raise ValueError(f"got {len(picture)} pictures for {len(self.peaks)} peaks")
        still = CopyInput().generate(picture, degrees)
        share = degrees.amax(-1)[..., None, None, None]
        peaks = self.peaks if degrees.ndim == 2 else self.peaks[:, None]
        return (1 - share) * still + share * peaks


class ConvLSTMCell(nn.Module):
    """One step of a convolutional LSTM (arXiv:1506.04214, eq 3, without peepholes).

    Args:
        width: channels of the input and of both states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * width, 4 * width, 3, padding=1)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """The next hidden state and cell."""
        let_in, forget, let_out, new = self.gates(torch.cat([x, hidden], 1)).chunk(4, 1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(let_in) * torch.tanh(new)
        return torch.sigmoid(let_out) * torch.tanh(cell), cell


@dataclass(frozen=True)
class ConvLSTMConfig:
    """Config of `ConvLSTMSystem`.

    Attributes:
        expressions: names; each has an embedding of its own (the paper: a model of its own).
        size: pixels a side of the pictures.
        channels: of the U-Net's levels.
        norm: of its encoder and decoder.
        input_skip: frames are painted as what is added to the picture.
        face_weight: of the face's pixels in the loss, beyond the 1 of all.
        mouth_weight: of the mouth's, beyond the face's.
        squared_weight: of squared differences beside the L1.
        recurrent: levels, counted from the innermost, that have a cell.
        steps: frames from neutral to peak.
    """

    expressions: tuple[str, ...] = EXPRESSIONS
    size: int = 64
    channels: tuple[int, ...] = (16, 40, 64, 48, 32, 16)
    norm: Norm = "batch"
    input_skip: bool = False
    face_weight: float = 0.0
    mouth_weight: float = 0.0
    squared_weight: float = 0.0
    recurrent: int = 4
    steps: int = STEPS


class ConvLSTMSystem(System):
    """Frames one after another, each from the state that the one before left.

    Only whole videos of ``steps`` frames can be made: a degree gives the frame nearest to it, so
    that neither length nor rhythm is free, and expressions cannot be mixed (the strongest counts).

    A batch holds ``neutral``: ``uint8 [B, 3, S, S]``; ``targets``: ``uint8 [B, T, 3, S, S]`` at
    degrees ``1 / T`` to 1; ``face`` and ``mouth``: ``bool [B, T, S, S]``, their masks, where they
    are weighed; ``expression``: ``int64 [B]``. It is measured on the batches of
    `systems.ExpressionsSystem`.
    """

    name: ClassVar[str] = "conv-lstm"
    paper: ClassVar[str] = (
        "Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM Network, NIPS 2015, "
        "https://arxiv.org/abs/1506.04214"
    )
    limits: ClassVar[str] = "A baseline of `expressions`: ten frames at fixed degrees."
    Config: ClassVar[type] = ConvLSTMConfig

    def __init__(self, config: ConvLSTMConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config.channels, config.norm)
        self.decoder = Decoder(config.channels, config.norm)
        first = len(config.channels) - config.recurrent
        self.cells = nn.ModuleDict(
            {str(k): ConvLSTMCell(config.channels[k]) for k in range(first, len(config.channels))}
        )
        initialise(self)
        self.which = nn.ModuleDict(
            {k: nn.Embedding(len(config.expressions), config.channels[int(k)]) for k in self.cells}
        )

    @property
    def expressions(self) -> tuple[str, ...]:
        """Names, in the order of the degrees."""
        names: tuple[str, ...] = self.config.expressions
        return names

    def forward(
        self, pictures: Float[Tensor, "B 3 S S"], expression: Tensor
    ) -> Float[Tensor, "B T 3 S S"]:
        """All frames in -1..1."""
        features = self.encoder(pictures)
        told = {k: self.which[k](expression)[:, :, None, None] for k in self.cells}
        hidden = {int(k): torch.zeros_like(features[int(k)]) for k in self.cells}
        cells = dict(hidden)
        steps: list[list[Tensor]] = []
        for _ in range(self.config.steps):
            for key, cell in self.cells.items():
                k = int(key)
                given = features[k] + told[key].to(features[k].dtype)
                hidden[k], cells[k] = cell(given, hidden[k].to(given.dtype), cells[k])
            steps.append([f + hidden[k] if k in hidden else f for k, f in enumerate(features)])
        levels = [torch.stack(level, 1).flatten(0, 1) for level in zip(*steps, strict=True)]
        painted, _ = self.decoder(levels)
        frames: Tensor = painted.float()
        if self.config.input_skip:
            frames = pictures.repeat_interleave(self.config.steps, 0) + 2 * frames
        return frames.reshape(len(pictures), -1, *frames.shape[1:])  # [B*T, ...] -> [B, T, ...]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The reconstruction of all frames."""
        device = next(self.parameters()).device
        frames = self(signed(batch["neutral"].to(device)), batch["expression"].to(device))
        masks = {name: batch[name].to(device).flatten(0, 1) for name in ("face", "mouth")}
        loss = reconstruction(
            frames.flatten(0, 1),  # [B, T, ...] -> [B*T, ...]
            signed(batch["targets"].to(device).flatten(0, 1)),
            attention(masks, self.config),
            self.config.squared_weight,
        )
        return {"loss": loss}

    def metrics(self) -> dict[str, Meter]:
        """Those of `systems.ExpressionsSystem`."""
        return expression_meters()

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Generate a batch's targets."""
        made = self.generate(batch["neutral"], batch["degrees"])
        measured(made, *judgeable(batch, meters, self.expressions))

    @torch.no_grad()
    def generate(self, picture: Tensor, degrees: Tensor) -> Tensor:
        """For each degree the nearest frame of the video; degree 0 is the picture itself."""
        device = next(self.parameters()).device
        size = self.config.size
        x = signed(images.resize(picture.to(device), (size, size)))
        asked = (degrees if degrees.ndim == 3 else degrees[:, None]).to(device).float()
        frames = torch.cat([x[:, None], self(x, asked.amax(1).argmax(1))], 1)
        nearest = asked.amax(2).mul(self.config.steps).round().long().clamp(0, self.config.steps)
        rows = torch.arange(len(x), device=device)[:, None]
        pictures = frames[rows, nearest].add(1).div(2).clamp(0, 1)
        return pictures if degrees.ndim == 3 else pictures[:, 0]

    @torch.no_grad()
    def predict(self, clip: Clip) -> Animation:
        """The face of the clip's first frame as it takes on the first expression.

        Raises:
            ValueError: when the clip has no pictures.
        """
        video = clip.need_video()
        face = fitted(video.frames([video.span.start])[0], self.config.size)
        name = self.expressions[0]
        degrees = mixing(ramp(self.config.steps + 1), {name: 1.0}, self.expressions)
        frames = self.generate(face[None], degrees[None])[0].mul(255).round().to(torch.uint8)
        return Animation(
            clip.name, self.weights, frames.cpu(), degrees, self.expressions, float(STEPS)
        )


def conv_lstm() -> Recipe:
    """The recurrent baseline, trained for as many steps as ``expressions``."""
    recipe = expressions()
    steps = sum(stage.steps for stage in recipe.stages)
    stage = Stage("frames", steps, ADAM, Schedule("cosine"))
    return replace(
        recipe,
        name="expressions-conv-lstm",
        description="Convolutional LSTM on drawn portraits",
        data=PortraitClips(portraits=recipe.data),
        system=ConvLSTMConfig(
            channels=recipe.system.channels,
            input_skip=recipe.system.input_skip,
            face_weight=recipe.system.face_weight,
            mouth_weight=recipe.system.mouth_weight,
            squared_weight=recipe.system.squared_weight,
        ),
        stages=(stage,),
        batch=8,
    )


BASELINES: dict[str, Callable[[], Recipe]] = {"expressions-conv-lstm": conv_lstm}
"""Recipes of systems that `store` does not list: ``train(recipe, ..., system=ConvLSTMSystem)``."""
