"""Controllable image-to-video translation of facial expressions (arXiv:1808.02992) as a system.

One picture of a face and an array of degrees give a video. The generator and the discriminators
learn in one step: the discriminators see detached pictures, the generator is judged by
discriminators whose parameters are detached, so that one backward pass gives both their gradients.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from sensorium import images
from sensorium.expressions.animating import at_once, fitted, judgeable, signed
from sensorium.expressions.curves import check_expression, mixing, ramp
from sensorium.expressions.discriminators import Critics, Kind
from sensorium.expressions.encoders import Norm
from sensorium.expressions.generator import Generator, ResidualIn
from sensorium.expressions.measuring import expression_meters, measure
from sensorium.expressions.results import Animation
from sensorium.expressions.teaching import lesson, need, nothing
from sensorium.layers.domain import STATISTICS, DomainGauge, frame_statistics, unfamiliarity
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip
from sensorium.worlds.portraits import EXPRESSIONS

_ENOUGH = 16  # pictures, to calibrate the domain gauge
_LEVEL = 2  # of the base encoder, whose mean features the gauge looks at
_CHANGE = 10  # of `frame_statistics`: over time; here how much an eighth differs from the others
_FRAMES, _RATE = 24, 24.0  # of the video that `predict` makes


@dataclass(frozen=True)
class ExpressionsConfig:
    """Config of `ExpressionsSystem`. The paper gives no weights; these are marked choices.

    Attributes:
        expressions: names, in the order of the degrees.
        size: pixels a side of the pictures; a multiple of ``2 ** len(channels)``.
        channels: of the levels of encoders and decoder, outermost first.
        norm: of encoders and decoder.
        dropout: of the decoder's inner levels.
        residual_in: ``features`` of every level, as the paper; ``pixels``: what its authors gave up
            for its artefacts; ``input``: degrees as planes beside the picture, translated by one
            encoder frame by frame.
        input_skip: the decoder paints what is added to the input, not the whole picture anew as in
            the paper.
        share: one base encoder, decoder and pair of discriminators for all expressions; ``False``:
            a model for each.
        discriminator: the literal ``three`` convolutions, or a ``patch`` discriminator.
        d_width: channels of its first layer.
        d_norm: of its inner layers.
        d_conditional: whether it sees the input beside the picture that it judges.
        local_discriminator: whether there is one for the mouth.
        local_crop: pixels a side to which the mouth is cut out for it; 0: the whole canvas.
        reconstruction_weight: of the mean L1 in -1..1.
        face_weight: of the face's pixels in it, beyond the 1 of all.
        mouth_weight: of the mouth's, beyond the face's.
        squared_weight: of squared differences beside the L1, in the stage of reconstruction alone:
            they learn faster and blur, which the discriminators then put right.
        adversarial_weight: of the generator's term from the global discriminator.
        local_weight: and from the local one.
        landmark_weight: of the landmarks' distance in picture sides; 0: no landmark head.
        continuity_weight: of ``R_t``; 0: one decoder pass instead of three.
        d_rate: learning rate of the discriminators, as a factor of the generator's.
    """

    expressions: tuple[str, ...] = EXPRESSIONS
    size: int = 64
    channels: tuple[int, ...] = (16, 40, 64, 48, 32, 16)
    norm: Norm = "batch"
    dropout: float = 0.0
    residual_in: ResidualIn = "features"
    input_skip: bool = False
    share: bool = True
    discriminator: Kind = "three"
    d_width: int = 32
    d_norm: Norm = "none"
    d_conditional: bool = True
    local_discriminator: bool = True
    local_crop: int = 32
    reconstruction_weight: float = 100.0
    face_weight: float = 0.0
    mouth_weight: float = 0.0
    squared_weight: float = 0.0
    adversarial_weight: float = 1.0
    local_weight: float = 1.0
    landmark_weight: float = 10.0
    continuity_weight: float = 10.0
    d_rate: float = 0.2


class ExpressionsSystem(System):
    """Makes a face show expressions, to any degree and over any time.

    A batch holds ``neutral`` and ``target``: ``uint8 [B, 3, S, S]``; ``degrees``: ``float [B, E]``
    of the target; ``expression``: ``int64 [B]``, along which degrees change; ``landmarks``: ``float
    [B, 68, 2]`` of the target in 0..1; ``mouth``: ``bool [B, S, S]``, the hull of its lips; to be
    measured also ``face``: ``bool [B, S, S]``.

    The buffer ``adversarial`` is a factor of the generator's adversarial terms; at 0 there is
    reconstruction (with landmarks) alone, at a third of the price.

    Raises:
        ValueError: when the config fits no network, or names an expression twice.
    """

    name: ClassVar[str] = "expressions"
    paper: ClassVar[str] = (
        "Fan, Huang, Gan, Huang, Gong: Controllable Image-to-Video Translation: A Case Study on "
        "Facial Expression Generation, AAAI 2019, https://arxiv.org/abs/1808.02992"
    )
    limits: ClassVar[str] = (
        "Trained on drawn portraits and nothing else: of a photograph it makes a drawing at best, "
        "and `out_of_domain` says so. Faces are frontal, near the middle of the picture, and begin "
        "neutral; the picture is brought to 64 x 64 pixels. Mixtures of expressions were never in "
        "training. For pictures of real people ask for their consent; do not use it to make anyone "
        "appear to feel what they did not, and not to judge anyone's feelings."
    )
    Config: ClassVar[type] = ExpressionsConfig
    adversarial: Tensor

    def __init__(self, config: ExpressionsConfig) -> None:
        super().__init__(config)
        _check(config)
        count = len(config.expressions)
        sizes = [count] if config.share else [1] * count
        self.generators = nn.ModuleList(
            Generator(
                size,
                config.channels,
                config.norm,
                residual_in=config.residual_in,
                landmarks=config.landmark_weight > 0,
                dropout=config.dropout,
                input_skip=config.input_skip,
            )
            for size in sizes
        )
        self.critics = nn.ModuleList(
            Critics(
                config.discriminator,
                config.d_width,
                config.d_norm,
                conditional=config.d_conditional,
                local=config.local_discriminator,
                crop=config.local_crop,
            )
            for _ in sizes
        )
        self.gauge = DomainGauge(
            (config.channels[min(_LEVEL, len(config.channels) - 1)], STATISTICS)
        )
        self.register_buffer("adversarial", torch.tensor(1.0))

    @property
    def expressions(self) -> tuple[str, ...]:
        """Names, in the order of the degrees."""
        names: tuple[str, ...] = self.config.expressions
        return names

    # --- training ---------------------------------------------------------------------------------

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The discriminators learn at a rate of their own."""
        return [
            {"params": list(self.generators.parameters()), "lr_factor": 1.0},
            {"params": list(self.critics.parameters()), "lr_factor": self.config.d_rate},
        ]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """``loss`` and its parts, unweighted.

        ``reconstruction``, ``landmarks``, ``continuity``; ``adversarial`` and ``mouth`` are the
        generator's terms from the global and the local discriminator, ``discriminator`` and
        ``discriminator_mouth`` theirs.

        Raises:
            ValueError: when the batch lacks what the config needs.
        """
        need(batch, self.config)
        device = next(self.parameters()).device
        batch = {name: value.to(device) for name, value in batch.items()}
        if self.config.share:
            return self._part(0, batch)
        found: list[tuple[float, dict[str, Tensor]]] = []
        idle = torch.zeros((), device=device)
        for part in range(len(self.generators)):
            mine = batch["expression"] == part
            if mine.any():
                own = {name: value[mine] for name, value in batch.items()}
                own["degrees"] = own["degrees"][:, part : part + 1]
                own["expression"] = torch.zeros_like(own["expression"])
                found.append((float(mine.float().mean()), self._part(part, own)))
            else:
                idle = idle + nothing(self.generators[part].parameters())
                idle = idle + nothing(self.critics[part].parameters())
        out = {n: torch.stack([w * part[n] for w, part in found]).sum() for n in found[0][1]}
        return out | {"loss": out["loss"] + idle}

    def _part(self, part: int, batch: Batch) -> dict[str, Tensor]:
        """The losses of one generator and its discriminators."""
        generator, critics = self.generators[part], self.critics[part]
        assert isinstance(generator, Generator)
        assert isinstance(critics, Critics)
        return lesson(generator, critics, self.config, float(self.adversarial), batch)

    def metrics(self) -> dict[str, Meter]:
        """What compares with the true picture, and what the bundled judges say.

        None says whether higher is better, so that training keeps its last weights: by each of
        them the best ones are those before the adversarial stage, and they are blurred.
        """
        return expression_meters()

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Generate a batch's targets, and its neutral pictures at no degree."""
        degrees = batch["degrees"].float()
        both = torch.stack([degrees, torch.zeros_like(degrees)], 1)
        made, still = self.generate(batch["neutral"], both).unbind(1)
        measure(made, *judgeable(batch, meters, self.expressions), still=still)

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """Weights of the networks; the domain gauge is not taken over."""
        return super().start_from({k: v for k, v in state.items() if not k.startswith("gauge.")})

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauge to clips' first frames, or where there are none to the pictures.

        With fewer than 16 it says so and rests.
        """
        videos = (clip.need_video() for clip in clips)
        faces = [fitted(v.frames([v.span.start])[0], self.config.size)[None] for v in videos]
        rows = [self._domain_features(face) for face in faces]
        rows = rows or [self._domain_features(batch["neutral"]) for batch in batches]
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        if groups and len(groups[0]) >= _ENOUGH:
            self.gauge.fit(groups)
        else:
            logging.getLogger(__name__).warning(
                "%d validation pictures are too few to say what is out of domain (at least %d)",
                len(groups[0]) if groups else 0,
                _ENOUGH,
            )

    # --- use --------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(
        self, picture: Tensor, degrees: Float[Tensor, "B E"] | Float[Tensor, "B T E"]
    ) -> Float[Tensor, "B 3 S S"] | Float[Tensor, "B T 3 S S"]:
        """Pictures in 0..1 of the given faces at the given degrees. Call in ``eval()`` mode.

        Args:
            picture: ``uint8`` or ``float`` (0..1) ``[B, 3, S, S]``, neutral; other sizes are
                brought to ``config.size``.
            degrees: in 0..1, in the order of `expressions`; sums above 1 were never in training.

        Raises:
            ValueError: when degrees and pictures do not fit each other.
        """
        wanted = (len(picture), len(self.expressions))
        if degrees.ndim not in (2, 3) or (degrees.shape[0], degrees.shape[-1]) != wanted:
            raise ValueError(
                f"degrees must be [B, E] or [B, T, E] with B = {wanted[0]} and E = {wanted[1]} "
                f"({', '.join(self.expressions)}), got {list(degrees.shape)}"
            )
        device = next(self.parameters()).device
        size = self.config.size
        x = signed(images.resize(picture.to(device), (size, size)))
        asked = (degrees if degrees.ndim == 3 else degrees[:, None]).to(device).float()
        if self.config.share:
            painted = self._paint(0, x, asked)
        else:  # the model of the strongest expression
            strongest = asked.amax(1).argmax(1)
            painted = x.new_empty(*asked.shape[:2], *x.shape[1:])
            for part in sorted(set(strongest.tolist())):
                mine = strongest == part
                painted[mine] = self._paint(part, x[mine], asked[mine, :, part : part + 1])
        pictures = painted.add(1).div(2).clamp(0, 1)
        return pictures if degrees.ndim == 3 else pictures[:, 0]

    def _paint(
        self, part: int, pictures: Float[Tensor, "B 3 S S"], degrees: Float[Tensor, "B T E"]
    ) -> Float[Tensor, "B T 3 S S"]:
        """By one generator, some frames at a time; the pictures are encoded once."""
        generator = self.generators[part]
        assert isinstance(generator, Generator)
        encoded = generator.encode(pictures, (degrees != 0).any(1))
        parts = []
        for some in torch.split(degrees, at_once(len(pictures), self.config.size), 1):
            painted, _ = generator.decode(encoded, some)
            shape = (*some.shape[:2], *painted.shape[1:])
            parts.append(painted.reshape(shape))  # [B*T, ...] -> [B, T, ...]
        return torch.cat(parts, 1)

    @torch.no_grad()
    def animate(
        self,
        picture: UInt8[Tensor, "3 H W"],
        degrees: Float[Tensor, "T E"],
        rate: float = _RATE,
        name: str = "picture",
    ) -> Animation:
        """A video of one face.

        Args:
            picture: of a neutral face; its middle square is used, at ``config.size`` pixels.
            degrees: one row per frame, in the order of `expressions`.
            rate: frames per second.
            name: what the result calls the picture.

        Raises:
            ValueError: when there is no frame or the degrees do not fit.
        """
        if degrees.ndim != 2 or not len(degrees):
            raise ValueError(
                f"degrees must be [T, {len(self.expressions)}] with T of at least 1, got "
                f"{list(degrees.shape)}"
            )
        face = fitted(picture, self.config.size)
        frames = self.generate(face[None], degrees[None])[0]
        return Animation(
            file=name,
            system=self.weights,
            frames=frames.mul(255).round().to(torch.uint8).cpu(),
            degrees=degrees.float().cpu(),
            expressions=self.expressions,
            rate=rate,
            unfamiliarity=self._unfamiliarity(face),
        )

    @torch.no_grad()
    def predict(self, clip: Clip) -> Animation:
        """The face of the clip's first frame as it takes on the first expression in one second.

        Raises:
            ValueError: when the clip has no pictures.
        """
        video = clip.need_video()
        picture = video.frames([video.span.start])[0]
        return self.animate(picture, self.degrees(self.expressions[0]), _RATE, clip.name)

    def degrees(
        self, expression: str | Mapping[str, float], curve: Float[Tensor, "T"] | None = None
    ) -> Float[Tensor, "T E"]:
        """Degrees of an expression, or of a mixture, that follow a curve (default: a ramp).

        Raises:
            ValueError: for an expression that these weights do not know.
        """
        mix = {expression: 1.0} if isinstance(expression, str) else expression
        for name in mix:
            check_expression(name, self.expressions)
        return mixing(ramp(_FRAMES) if curve is None else curve, mix, self.expressions)

    # --- what is familiar -------------------------------------------------------------------------

    def _unfamiliarity(self, face: UInt8[Tensor, "3 S S"]) -> float | None:
        """0..1, above 0.5 for a picture unlike those of the training; ``None``: not calibrated."""
        if not self.gauge.calibrated:
            return None
        groups = self._domain_features(face[None])
        return float(unfamiliarity(self.gauge.distances(groups))[0])

    def _domain_features(self, pictures: UInt8[Tensor, "B 3 S S"]) -> tuple[Tensor, Tensor]:
        """What the gauge looks at: mean features of the base encoder and plain statistics."""
        generator = self.generators[0]
        assert isinstance(generator, Generator)
        pictures = pictures.to(next(self.parameters()).device)
        features = generator.look(signed(pictures))
        maps = features[min(_LEVEL, len(features) - 1)]
        shown = pictures.float() / 255
        plain = frame_statistics(shown[:, None])  # [B, 3, S, S] -> [B, 1, 3, S, S]
        parts = nn.functional.adaptive_avg_pool2d(shown.mean(1, keepdim=True), 8)
        plain[:, _CHANGE] = parts.flatten(1).std(1).add(0.02).log()
        return maps.mean((2, 3)), plain


def _check(config: ExpressionsConfig) -> None:
    """Refuse what fits no network."""
    names: Sequence[str] = config.expressions
    if not names or len(set(names)) != len(names):
        raise ValueError(f"expressions must be different names, got {', '.join(names) or 'none'}")
    levels = len(config.channels)
    if levels < 2 or config.size < 1 or config.size % (1 << levels):
        raise ValueError(
            f"{levels} levels of channels need a size that is a multiple of {1 << levels} and at "
            f"least two levels, got size {config.size}"
        )
