"""`Finder`: where the blocks of a picture are, with their masks; class-agnostic.

NS-VQA (arXiv:1810.02338) finds objects with Mask R-CNN. Ours is one stage and small enough for a
CPU: peaks of a heat map are the projected centres of the blocks (CenterNet, arXiv:1904.07850,
section 3), and a pixel belongs to the centre that it votes for (Panoptic-DeepLab,
arXiv:1911.10194, section 3.1), so that masks never overlap and a block that others hide in part
keeps its pieces. `sensorium.questions.mask_rcnn` has a Mask R-CNN behind the same interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from sensorium import images
from sensorium.layers.resnet import BasicBlock
from sensorium.questions.letterbox import Letterbox
from sensorium.system import Batch
from sensorium.worlds.blocks.vocabulary import MOST

UNIT = 16.0
"""Pixels of the working size in which votes and boxes are counted."""


@dataclass(frozen=True)
class FinderConfig:
    """Shape of a `Finder` and how it decides.

    Attributes:
        kind: ``centres`` is ours, ``mask_rcnn`` needs torchvision.
        height: of the working size, to which every picture is letterboxed; a multiple of 4.
        width: of the working size; a multiple of 4.
        stem: channels at half the working size.
        channels: at a quarter of the working size.
        dilations: one residual block each.
        fine: channels in which masks are drawn, at half the working size.
        threshold: of a peak's score; what lies below is no block.
        least: pixels (of the working size) that a mask has at least.
        most: blocks that a picture has at most.
    """

    kind: Literal["centres", "mask_rcnn"] = "centres"
    height: int = 160
    width: int = 240
    stem: int = 24
    channels: int = 48
    dilations: tuple[int, ...] = (1, 2, 4, 1)
    fine: int = 24
    threshold: float = 0.3
    least: int = 24
    most: int = MOST

    def __post_init__(self) -> None:
        if self.height % 4 or self.width % 4 or min(self.height, self.width) < 16:
            raise ValueError(
                f"the finder's working size must be multiples of 4 from 16 on, got {self.height} x "
                f"{self.width}; take 160 x 240"
            )


@dataclass(frozen=True)
class Found:
    """What was found in one picture, best first.

    Shape:
        ``scores``: ``[N]``, 0..1. ``centres``: ``[N, 2]``, x and y of the blocks' middles, and
        ``boxes``: ``[N, 4]``, x0, y0, x1, y1 of what is visible, in pixels of the picture.
        ``masks``: ``[N, H, W]``; no pixel is in two of them.
    """

    scores: Float[Tensor, " N"]
    centres: Float[Tensor, "N 2"]
    boxes: Float[Tensor, "N 4"]
    masks: Bool[Tensor, "N H W"]


@dataclass(frozen=True)
class Maps:
    """What the network says of each place.

    Shape:
        ``heat``: ``[B, 1, h, w]`` logits. ``where``: ``[B, 6, h, w]``: the centre's place in its
        cell (x, y, 0..1), and how far the visible part reaches from the centre to the left, up,
        right and down, in units of 16 pixels; h and w are a quarter of the working size.
        ``inside``: ``[B, 1, 2h, 2w]`` logits of being part of a block. ``votes``:
        ``[B, 2, 2h, 2w]``: from here to the block's centre (x, y), in units of 16 pixels.
    """

    heat: Float[Tensor, "B 1 h w"]
    where: Float[Tensor, "B 6 h w"]
    inside: Float[Tensor, "B 1 H W"]
    votes: Float[Tensor, "B 2 H W"]


class Finder(nn.Module):
    """Finds blocks.

    A batch for `losses` holds ``picture``: ``uint8 [B, 3, H, W]`` of any size; ``ids``: ``uint8
    [B, H, W]``, the number of the visible block + 1, 0 for the ground; ``centres``: ``float32
    [B, 10, 2]``, x and y of the blocks' projected middles in pixels of the picture; ``boxes``:
    ``float32 [B, 10, 4]``, x0, y0, x1, y1 of what is visible of them; ``count``: ``int64 [B]``,
    how many of the ten there are.
    """

    coordinates: Tensor

    def __init__(self, config: FinderConfig) -> None:
        super().__init__()
        self.config = config
        c, s = config.channels, config.stem
        self.conv1 = nn.Conv2d(5, s, 5, 2, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(s)
        self.conv2 = nn.Conv2d(s, c, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.blocks = nn.Sequential(*(BasicBlock(c, c, 1, (d, d)) for d in config.dilations))
        self.head = nn.Conv2d(c, c, 3, 1, 1)
        self.heat = nn.Conv2d(c, 1, 1)
        self.where = nn.Conv2d(c, 6, 1)
        self.coarse = nn.Conv2d(c, config.fine, 1)
        self.skip = nn.Conv2d(s, config.fine, 1)
        self.fine = nn.Conv2d(config.fine, config.fine, 3, 1, 1)
        self.inside = nn.Conv2d(config.fine, 1, 1)
        self.votes = nn.Conv2d(config.fine, 2, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # type: ignore[arg-type]  # few places are centres
        y = torch.linspace(-1, 1, config.height)[:, None].expand(-1, config.width)
        x = torch.linspace(-1, 1, config.width).expand(config.height, -1)
        self.register_buffer("coordinates", torch.stack([x, y])[None], persistent=False)

    def features(self, pictures: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """The trunk's map at a quarter of the working size; pictures are letterboxed to it."""
        return self._trunk(self._see(self._box(pictures).shrink(pictures)))[1]

    def forward(self, pictures: UInt8[Tensor, "B 3 H W"]) -> Maps:
        """What the network says of pictures of the working size."""
        first, trunk = self._trunk(self._see(pictures))
        head = F.relu(self.head(trunk))
        up = F.interpolate(self.coarse(trunk), scale_factor=2, mode="bilinear")
        fine = F.relu(self.fine(F.relu(up + self.skip(first))))
        return Maps(
            self.heat(head).float(),
            self.where(head).float(),
            self.inside(fine).float(),
            self.votes(fine).float(),
        )

    def _see(self, pictures: UInt8[Tensor, "B 3 h w"]) -> Float[Tensor, "B 5 h w"]:
        """Normalised, with coordinates."""
        pixels = images.normalise(pictures.to(self.coordinates.device))
        x = torch.cat([pixels, self.coordinates.expand(len(pixels), -1, -1, -1)], 1)
        return x.contiguous(memory_format=torch.channels_last)

    def _trunk(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The maps at a half and at a quarter of the working size."""
        first = F.relu(self.bn1(self.conv1(x)))
        return first, self.blocks(F.relu(self.bn2(self.conv2(first))))

    def _box(self, pictures: Tensor) -> Letterbox:
        H, W = pictures.shape[-2:]
        return Letterbox(H, W, self.config.height, self.config.width)

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Focal loss of the heat map, L1 of places, boxes and votes, cross-entropy of the masks.

        ``loss`` sums ``heat``, ``where``, ``inside`` and ``votes``. ``inside_each`` and
        ``votes_each`` are the last two over blocks, however small what is visible of them, for
        stages that weigh losses.
        """
        device = self.coordinates.device
        box = self._box(batch["picture"])
        maps = self(box.shrink(batch["picture"]))
        ids = box.shrink_ids(batch["ids"].to(device))
        centres = box.inwards(batch["centres"].to(device))
        corners = batch["boxes"].to(device)
        boxes = torch.cat([box.inwards(corners[..., :2]), box.inwards(corners[..., 2:])], -1)
        known = torch.arange(centres.shape[1], device=device) < batch["count"].to(device)[:, None]
        with torch.autocast(device.type, enabled=False):
            heat, where = self._centre_losses(maps, centres, boxes, known)
            losses = {"heat": heat, "where": where, **_mask_losses(maps, ids, centres)}
        total = heat + where + losses["inside"] + losses["votes"]
        return {"loss": total, **losses}

    def _centre_losses(
        self,
        maps: Maps,
        centres: Float[Tensor, "B K 2"],
        boxes: Float[Tensor, "B K 4"],
        known: Bool[Tensor, "B K"],
    ) -> tuple[Tensor, Tensor]:
        """Of the heat map and of what is read off at each centre."""
        h, w = maps.heat.shape[-2:]
        limit = torch.tensor([w - 1e-3, h - 1e-3], device=centres.device)
        places = torch.minimum((centres / 4).clamp_min(0), limit)
        cells = places.long()
        target = _gaussians(places, cells, known, (h, w))
        heat = _focal(maps.heat[:, 0], target) / known.sum().clamp_min(1)
        row = torch.arange(len(cells), device=cells.device)[:, None]
        said = maps.where[row, :, cells[..., 1], cells[..., 0]]  # [B, K, 6]
        reach = torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], -1) / UNIT
        truth = torch.cat([places - cells, reach], -1)
        return heat, (said - truth)[known].abs().mean() if known.any() else said.sum() * 0

    # --- use --------------------------------------------------------------------------------------

    @torch.no_grad()
    def find(self, pictures: UInt8[Tensor, "B 3 H W"]) -> list[Found]:
        """The blocks in each picture. Call in ``eval()`` mode."""
        box = self._box(pictures)
        maps = self(box.shrink(pictures))
        return [self.read(maps, k, box) for k in range(len(pictures))]

    def read(self, maps: Maps, k: int, box: Letterbox) -> Found:
        """The peaks of one picture's heat map, each with what votes for it."""
        heat = maps.heat[k, 0].sigmoid()
        peaks = heat * (heat == F.max_pool2d(heat[None], 3, 1, 1)[0])
        scores, flat = peaks.flatten().topk(min(2 * self.config.most, peaks.numel()))
        flat, scores = flat[scores > self.config.threshold], scores[scores > self.config.threshold]
        ys, xs = flat // heat.shape[1], flat % heat.shape[1]
        said = maps.where[k, :, ys, xs].T  # [6, N] -> [N, 6]
        centres = 4 * (torch.stack([xs, ys], -1) + said[:, :2].clamp(0, 1))
        reach = UNIT * said[:, 2:]
        boxes = torch.cat([centres - reach[:, :2], centres + reach[:, 2:]], -1)
        kept = _distinct(centres, boxes)[: self.config.most]
        scores, centres = scores[kept], centres[kept]
        masks = _assign(maps.inside[k], maps.votes[k], centres, box)
        big = masks.flatten(1).sum(1) >= self.config.least * box.scale**-2
        scores, centres, masks = scores[big], centres[big], masks[big]
        return Found(scores, box.outwards(centres), _boxes_of(masks), masks)


def _gaussians(
    places: Float[Tensor, "B K 2"],
    cells: Tensor,
    known: Bool[Tensor, "B K"],
    size: tuple[int, int],
    sigma: float = 1.0,
) -> Float[Tensor, "B h w"]:
    """A bump at each centre, 1 in its own cell."""
    h, w = size
    device = places.device
    y = torch.arange(h, device=device)[:, None] + 0.5
    x = torch.arange(w, device=device)[None] + 0.5
    gaps = (x - places[..., 0, None, None]) ** 2 + (y - places[..., 1, None, None]) ** 2
    bumps = torch.exp(-gaps / (2 * sigma**2)).clamp_max(0.99) * known[..., None, None]
    target = bumps.amax(1)  # [B, K, h, w] -> [B, h, w]
    picture, which = known.nonzero(as_tuple=True)
    cell = cells[picture, which]
    target[picture, cell[:, 1], cell[:, 0]] = 1.0
    return target


def _focal(logits: Float[Tensor, "B h w"], target: Float[Tensor, "B h w"]) -> Tensor:
    """The penalty-reduced focal loss (arXiv:1808.01244, equation 1), summed."""
    p = logits.sigmoid()
    hit = (1 - p) ** 2 * F.logsigmoid(logits)
    miss = (1 - target) ** 4 * p**2 * F.logsigmoid(-logits)
    return -torch.where(target == 1, hit, miss).sum()


def _mask_losses(
    maps: Maps, ids: UInt8[Tensor, "B H W"], centres: Float[Tensor, "B K 2"]
) -> dict[str, Tensor]:
    """Of being part of a block, and of the votes of what is; over pixels and over blocks."""
    share = F.avg_pool2d((ids > 0).float(), 2)  # of each cell's four pixels
    inside = F.binary_cross_entropy_with_logits(maps.inside[:, 0], share, reduction="none")
    owners = ids[:, ::2, ::2].long()
    solid = owners > 0
    row = torch.arange(len(ids), device=ids.device)[:, None, None]
    own = centres[row, (owners - 1).clamp_min(0)]  # [B, h, w, 2]
    there = (own - _grid(owners.shape[-2:], 2, own)) / UNIT
    votes = (maps.votes.permute(0, 2, 3, 1) - there).abs().mean(-1)
    areas = votes.new_zeros(len(ids), centres.shape[1] + 1)
    areas.scatter_add_(1, owners.flatten(1), torch.ones_like(votes).flatten(1))
    each = solid / areas.gather(1, owners.flatten(1)).view_as(votes)
    blocks = (areas[:, 1:] > 0).sum().clamp_min(1)
    return {
        "inside": inside.mean(),
        "votes": (votes * solid).sum() / solid.sum().clamp_min(1),
        "inside_each": (inside * each).sum() / blocks,
        "votes_each": (votes * each).sum() / blocks,
    }


def _grid(size: torch.Size, stride: int, like: Tensor) -> Float[Tensor, "h w 2"]:
    """The middles of the cells, x and y, in pixels."""
    y = (torch.arange(size[0], device=like.device) + 0.5) * stride
    x = (torch.arange(size[1], device=like.device) + 0.5) * stride
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def _distinct(centres: Float[Tensor, "N 2"], boxes: Float[Tensor, "N 4"]) -> list[int]:
    """Which are kept when of two with nearly the same middle and box only the first stays."""
    kept: list[int] = []
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp_min(4.0)
    for k in range(len(centres)):
        gaps = (centres[kept] - centres[k]).abs() / sides[kept]
        if not len(kept) or float(gaps.amax(1).min()) > 0.25:
            kept.append(k)
    return kept


def _assign(
    inside: Float[Tensor, "1 h w"],
    votes: Float[Tensor, "2 h w"],
    centres: Float[Tensor, "N 2"],
    box: Letterbox,
) -> Bool[Tensor, "N H W"]:
    """Each pixel of the picture to the centre nearest to its vote, if that is near at all."""
    spots = _grid(votes.shape[-2:], 2, votes).permute(2, 0, 1)  # [h, w, 2] -> [2, h, w]
    grown = box.grow(torch.cat([inside, spots + UNIT * votes]))
    if not len(centres):
        return box.enlarge(grown[:0] > 0)
    gaps = (grown[None, 1:] - centres[:, :, None, None]).square().sum(1)
    least, owner = gaps.min(0)
    solid = (grown[0] > 0) & (least < UNIT**2)
    numbers = torch.arange(len(centres), device=votes.device)[:, None, None]
    return box.enlarge((owner == numbers) & solid)


def _boxes_of(masks: Bool[Tensor, "N H W"]) -> Float[Tensor, "N 4"]:
    """x0, y0, x1, y1 around each mask, which must not be empty."""
    columns, rows = masks.any(1), masks.any(2)
    H, W = masks.shape[-2:]
    first = [columns.int().argmax(1), rows.int().argmax(1)]
    last = [W - columns.flip(1).int().argmax(1), H - rows.flip(1).int().argmax(1)]
    return torch.stack([*first, *last], -1).float()
