"""The sound of each place in the picture (arXiv:1804.03160, sections 3.3 and 4.4).

A system gives a mask for the visual feature of any place. The masks of all places would fill
gigabytes, so they are made a few at a time and only what is wanted of them is kept: their energy,
``E(x, y) = sum of (mask * |X|)^2``, and a small print of the masked spectrogram, by which places
that sound alike are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from sensorium.sounds.systems import Heard, SoundSystem

_VALUES = 1 << 22  # of masks that are computed at once
_PRINT = (32, 16)  # rows and columns of a print


@dataclass(frozen=True)
class PlaceSounds:
    """What some places of one window sound like.

    Attributes:
        energy: share of the mixture's energy that each place's mask lets through, 0..1.
        prints: the masked magnitude, averaged over cells of the network's rows and frames.

    Shape:
        ``energy``: ``[P]``; ``prints``: ``[P, 512]``.
    """

    energy: Float[Tensor, " P"]
    prints: Float[Tensor, "P D"]


def place_features(maps: Float[Tensor, "K T h w"]) -> Float[Tensor, "P K T"]:
    """Every place's feature, row by row."""
    return maps.flatten(2).permute(2, 0, 1)  # [K, T, h*w] -> [h*w, K, T]


def positions(height: int, width: int) -> Float[Tensor, "P 2"]:
    """The places' x and y as fractions of the picture."""
    y, x = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
    return grid.flatten(0, 1).flip(-1)  # [h, w, 2] -> [h*w, 2], y x -> x y


def masks_in_turn(
    system: SoundSystem, places: Float[Tensor, "P K T"], heard: Heard
) -> Iterator[Float[Tensor, "p F t"]]:
    """The masks of places of one window (``heard`` has a batch of one), a few at a time."""
    frames = system.config.spectra.frames
    step = max(1, _VALUES // (frames * (system.config.spectra.window // 2 + 1)))
    for at in range(0, len(places), step):
        yield system.masks(places[None, at : at + step], heard)[0]


def place_sounds(
    system: SoundSystem,
    places: Float[Tensor, "P K T"],
    heard: Heard,
    magnitude: Float[Tensor, "F t"],
) -> PlaceSounds:
    """Energy and print of the sound of each place, in bounded memory."""
    energies, prints = [], []
    whole = magnitude.square().sum().clamp_min(1e-12)
    for masks in masks_in_turn(system, places, heard):
        masked = masks * magnitude
        energies.append(masked.square().sum((-2, -1)) / whole)
        cells = F.adaptive_avg_pool2d(system.spectra.warp(masked), _PRINT)
        prints.append(cells.flatten(1))
    return PlaceSounds(torch.cat(energies).cpu(), torch.cat(prints).cpu())


def timbre(printed: Float[Tensor, " D"]) -> Float[Tensor, " R"]:
    """The mean over time of a print: what its spectrum is like."""
    return printed.view(_PRINT).mean(1)


@torch.no_grad()
def energy_map(
    system: SoundSystem,
    maps: Float[Tensor, "K T h w"],
    heard: Heard,
    magnitude: Float[Tensor, "F t"],
) -> Float[Tensor, "h w"]:
    """Where the sound comes from: the share of its energy that each place's mask lets through."""
    sounds = place_sounds(system, place_features(maps), heard, magnitude)
    return sounds.energy.view(maps.shape[-2:])  # [h*w] -> [h, w]


def representatives(
    features: Float[Tensor, "P K T"], most: int
) -> tuple[Int[Tensor, " R"], Int[Tensor, " P"]]:
    """At most so many places that stand for all, and which of them stands for each.

    Farthest first (Gonzalez 1985): each next one is the place least like those chosen before.
    Where masks are costly, places that look alike need not all be heard.
    """
    flat = features.flatten(1).float()
    if len(flat) <= most:
        every = torch.arange(len(flat), device=flat.device)
        return every, every
    chosen = [int((flat - flat.mean(0)).square().sum(1).argmax())]
    distance = (flat - flat[chosen[0]]).square().sum(1)
    nearest = torch.zeros(len(flat), dtype=torch.long, device=flat.device)
    while len(chosen) < most and float(distance.max()) > 0:
        chosen.append(int(distance.argmax()))
        new = (flat - flat[chosen[-1]]).square().sum(1)
        nearest[new < distance] = len(chosen) - 1
        distance = torch.minimum(distance, new)
    return torch.tensor(chosen, device=flat.device), nearest
