"""`AttributeNet`: size, colour, material, shape and place of a block that was found.

As NS-VQA (arXiv:1810.02338, section 2.1) it sees six channels: the picture where the block is, and
the picture with its surroundings. `published_attributes` has the released settings: ResNet-34 on
whole pictures, one mean squared error over one-hots and position, pictures in OpenCV's BGR order.
Ours sees a square around the block from the full picture and numbers that say where it is, and
learns attributes by cross-entropy and the position by L1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from sensorium import images
from sensorium.layers.resnet import RESNETS, ResNet, ResNetConfig
from sensorium.questions.crops import PLACE, CropView
from sensorium.system import Batch
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, VALUES

GROUPS = tuple(len(VALUES[a]) for a in ATTRIBUTES)
"""How many values each attribute has, in the order of `ATTRIBUTES`."""
OUTPUTS = sum(GROUPS) + 3
"""18: a number for each value, in the order of `ATTRIBUTES` and `VALUES`, then the position."""
_SHAPES = GROUPS[-1]
_CANVAS = 224


@dataclass(frozen=True)
class AttributesConfig:
    """Shape of an `AttributeNet`.

    Attributes:
        trunk: ResNet on six channels.
        view: what of the picture it sees.
        hidden: units between trunk and outputs, which also know where the block is; 0 for none
            (as published).
        loss: ``cross_entropy`` with L1 on the position, or ``mse`` on all outputs (as published).
        position: factor of the position's L1.
        bgr: whether colours are taken in the order of OpenCV (published weights).
        gray_shape: whether the shape is told by a trunk of its own that sees no colours, so that
            it cannot be guessed from the colour (CLEVR-CoGenT).
        mirror: whether a block is looked at once more in the mirror, and what is told of the two is
            averaged (ours).
    """

    trunk: ResNetConfig = field(
        default_factory=lambda: ResNetConfig((1, 1, 1, 1), "basic", 32, "small", 6)
    )
    view: CropView = field(default_factory=CropView)
    hidden: int = 128
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    position: float = 2.0
    bgr: bool = False
    gray_shape: bool = False
    mirror: bool = True


def published_attributes() -> AttributesConfig:
    """The settings of the released network, for published weights."""
    return AttributesConfig(
        trunk=replace(RESNETS["resnet34"], in_channels=6),
        view=CropView(149, 224, whole=True),
        hidden=0,
        loss="mse",
        bgr=True,
        mirror=False,
    )


@dataclass(frozen=True)
class Told:
    """What the network says of blocks.

    Shape:
        ``values``: ``[N, 4]`` indices into `VALUES`, in the order of `ATTRIBUTES`. ``sure``:
        ``[N, 4]``, 0..1, how sure it is of each. ``positions``: ``[N, 3]``, see `Item.position`.
    """

    values: Int64[Tensor, "N 4"]
    sure: Float[Tensor, "N 4"]
    positions: Float[Tensor, "N 3"]


class AttributeNet(nn.Module):
    """Looks at blocks one by one.

    A batch for `losses` holds, for K blocks of each of B pictures, ``crop``: ``uint8 [B, K, 3, h,
    w]``, ``mask``: ``uint8 [B, K, h, w]``, 255 where the block is, ``place``: ``float32 [B, K, 8]``
    (see `crops.Crop`), ``value``: ``int64 [B, K, 4]``, indices into `VALUES` in the order of
    `ATTRIBUTES`, and ``position``: ``float32 [B, K, 3]``.
    """

    def __init__(self, config: AttributesConfig) -> None:
        super().__init__()
        self.config = config
        if config.trunk.in_channels != 6:
            raise ValueError(
                "the attribute network sees six channels (block and picture), got a trunk of "
                f"{config.trunk.in_channels}; set trunk.in_channels to 6"
            )
        self.trunk = ResNet(config.trunk)
        features = config.trunk.features
        self.hidden: nn.Linear | None = None
        if config.hidden:
            self.place = nn.Linear(PLACE, config.hidden)
            self.hidden = nn.Linear(features + config.hidden, config.hidden)
        self.fc = nn.Linear(config.hidden or features, OUTPUTS)
        self.gray: ResNet | None = None
        if config.gray_shape:
            self.gray = ResNet(config.trunk)
            self.gray_fc = nn.Linear(features, _SHAPES)

    def forward(
        self,
        crop: UInt8[Tensor, "N 3 h w"],
        mask: UInt8[Tensor, "N h w"],
        place: Float[Tensor, "N 8"],
    ) -> Float[Tensor, "N 18"]:
        """A number for each value, then the position."""
        pixels, inside = self._seen(crop, mask)
        x = self.trunk(self._framed(pixels, inside))
        x = x.mean((2, 3))
        if self.hidden is not None:
            where = F.relu(self.place(place))
            x = F.relu(self.hidden(torch.cat([x, where.to(x.dtype)], 1)))
        out: Tensor = self.fc(x).float()
        if self.gray is not None:
            gray = self._framed(pixels.mean(1, keepdim=True).expand_as(pixels), inside)
            shape = self.gray_fc(self.gray(gray).mean((2, 3))).float()
            out = torch.cat([out[:, : -3 - _SHAPES], shape, out[:, -3:]], 1)
        return out

    def _seen(
        self, crop: UInt8[Tensor, "N 3 h w"], mask: UInt8[Tensor, "N h w"]
    ) -> tuple[Float[Tensor, "N 3 h w"], Float[Tensor, "N 1 h w"]]:
        """Picture and mask in 0..1 on the network's device."""
        device = self.fc.weight.device
        pixels = crop.to(device).float() / 255
        inside = mask.to(device)[:, None].float() / 255
        return pixels.flip(1) if self.config.bgr else pixels, inside

    def _framed(
        self, pixels: Float[Tensor, "N 3 h w"], inside: Float[Tensor, "N 1 h w"]
    ) -> Float[Tensor, "N 6 H W"]:
        """The block alone on black, and the picture, normalised; whole ones on the canvas."""
        both = [images.normalise(pixels * inside), images.normalise(pixels)]
        x = torch.cat(both, 1).contiguous(memory_format=torch.channels_last)
        if not self.config.view.whole:
            return x
        room = _CANVAS - x.shape[2]  # the published code puts 149 rows from row 38 on
        return F.pad(x, (0, 0, (room + 1) // 2, room // 2))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of each attribute and L1 of the position, or one mean squared error."""
        device = self.fc.weight.device
        # [B, K, ...] -> [B*K, ...]
        crop, mask, place = (batch[k].to(device).flatten(0, 1) for k in ("crop", "mask", "place"))
        value = batch["value"].to(device).flatten(0, 1).long()
        position = batch["position"].to(device).flatten(0, 1)
        out = self(crop, mask, place)
        with torch.autocast(device.type, enabled=False):
            if self.config.loss == "mse":
                return {"loss": F.mse_loss(out, self.targets(value, position))}
            *logits, place_out = out.split([*GROUPS, 3], 1)
            losses: dict[str, Tensor] = {
                name: F.cross_entropy(one, value[:, k])
                for k, (name, one) in enumerate(zip(ATTRIBUTES, logits, strict=True))
            }
            loss = torch.stack(list(losses.values())).sum()
            losses["position"] = (place_out - position).abs().mean()
        return {"loss": loss + self.config.position * losses["position"], **losses}

    @staticmethod
    def targets(
        value: Int64[Tensor, "N 4"], position: Float[Tensor, "N 3"]
    ) -> Float[Tensor, "N 18"]:
        """One-hots and position, as the published code trains them."""
        hot = [F.one_hot(value[:, k], n).float() for k, n in enumerate(GROUPS)]
        return torch.cat([*hot, position], 1)

    @torch.no_grad()
    def tell(
        self,
        crop: UInt8[Tensor, "N 3 h w"],
        mask: UInt8[Tensor, "N h w"],
        place: Float[Tensor, "N 8"],
    ) -> Told:
        """The likeliest values. Call in ``eval()`` mode.

        How sure: the softmax; of a network trained on one-hots the value itself, cut to 0..1.
        """
        *groups, positions = self._told(crop, mask, place)
        if self.config.mirror:
            *others, there = self._told(crop.flip(-1), mask.flip(-1), in_mirror(place))
            groups = [(a + b) / 2 for a, b in zip(groups, others, strict=True)]
            positions = (positions + there * there.new_tensor([-1.0, 1.0, 1.0])) / 2
        best = [g.max(1) for g in groups]
        sure = torch.stack([b.values for b in best], 1).clamp(0, 1)
        return Told(torch.stack([b.indices for b in best], 1), sure, positions)

    def _told(self, crop: Tensor, mask: Tensor, place: Tensor) -> list[Tensor]:
        """A number of 0..1 for each value, by attribute, and the position."""
        *groups, positions = self(crop, mask, place).split([*GROUPS, 3], 1)
        if self.config.loss == "cross_entropy":
            groups = [g.softmax(1) for g in groups]
        return [*groups, positions]


def in_mirror(place: Float[Tensor, "N 8"]) -> Float[Tensor, "N 8"]:
    """Where a block is when left and right change places (see `crops.PLACE`)."""
    signs = place.new_tensor([-1.0, 1, -1, 1, -1, 1, 1, 1])
    return (place * signs)[:, [0, 1, 4, 3, 2, 5, 6, 7]]
