"""What pictures alone say (segmentation), and where the sound is said to come from (localisation).

Both look at stage episodes of two performers, whose masks are known. Validation and test episodes
are of their own seeds; what is tuned is tuned on validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium import images
from sensorium.recipe import Split
from sensorium.seeds import generator, split_seed
from sensorium.sounds.metrics import class_iou
from sensorium.sounds.separation.places import energy_map
from sensorium.sounds.systems import SoundSystem
from sensorium.types import Span
from sensorium.worlds import stage
from sensorium.worlds.stage.script import INSTRUMENTS, Episode, Instrument

_FIRST_PICTURE, _FIRST_EPISODE = 3_000_000, 4_000_000  # far from the solos' indices
_SECONDS = 8.0
_LEAST_AREA = 0.03  # of the picture, for an object to count
_LEAST_LEVEL = 0.004  # root mean square of a track, to be called playing

# --- segmentation ---------------------------------------------------------------------------------

Maps = Callable[[Tensor], Tensor]
"""From pictures ``uint8 [N, 3, S, S]`` to a map per class ``[N, C, h, w]``, higher is more."""


@dataclass(frozen=True)
class Objects:
    """Pictures of two performers of different kinds, and what is whose.

    Shape:
        ``pictures``: ``uint8 [N, 3, S, S]``; ``masks``: ``bool [N, 2, S, S]``; ``label``:
        ``int64 [N, 2]``.
    """

    pictures: Tensor
    masks: Tensor
    label: Tensor


def objects(split: Split, count: int, size: int) -> Objects:
    """So many pictures, one per episode, in which both performers can be seen."""
    pictures, masks, labels = [], [], []
    for episode in pairs(split, _FIRST_PICTURE):
        times = [0.5 + 0.9 * k for k in range(8)]
        seen = torch.from_numpy(stage.masks(episode, times, size, size))
        good = torch.nonzero(seen.float().mean((-2, -1)).amin(1) >= _LEAST_AREA).flatten()
        if not len(good):
            continue
        at = int(good[len(good) // 2])
        large = stage.frames(episode, [times[at]], size * 5 // 4, size * 5 // 4)  # as solos are
        picture = torch.from_numpy(large).permute(0, 3, 1, 2)  # [1, H, W, 3] -> [1, 3, H, W]
        pictures.append(images.resize(picture, (size, size))[0])
        masks.append(seen[at])
        labels.append([INSTRUMENTS.index(p.kind) for p in episode.performers])
        if len(pictures) == count:
            break
    return Objects(torch.stack(pictures), torch.stack(masks), torch.tensor(labels))


def pairs(split: Split, first: int, *, alike: bool = False) -> Iterator[Episode]:
    """Episodes of two performers, of different kinds or look-alikes; without end."""
    index = first
    while True:
        seed = split_seed(split, index)
        index += 1
        rng = generator(seed, "pair")
        one = INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))]
        others = [one] if alike else [k for k in INSTRUMENTS if k != one]
        other: Instrument = others[int(rng.integers(len(others)))]
        yield stage.compose(seed, _SECONDS, [one, other], alike=alike)


def object_maps(data: Objects, maps: Maps) -> Tensor:
    """Each object's own class's map ``[N, 2, S, S]``, at the pictures' size."""
    found = torch.cat([maps(part) for part in data.pictures.split(32)]).float().cpu()
    rows = torch.arange(len(found))[:, None]
    mine = found[rows, data.label]  # [N, C, h, w] -> [N, 2, h, w]
    return F.interpolate(mine, data.masks.shape[-2:], mode="bilinear", align_corners=False)


def stretched(maps: Tensor) -> Tensor:
    """Each map from its own least to its own greatest value, 0..1."""
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low) / (high - low).clamp_min(1e-9)


def mean_iou(maps: Tensor, threshold: float, data: Objects) -> float:
    """Mean over classes of TP / (TP + FP + FN) of the thresholded maps."""
    label = data.label.flatten()
    masks, truth = (maps > threshold).flatten(0, 1), data.masks.flatten(0, 1)
    return float(class_iou(masks, truth, label, len(INSTRUMENTS)).nanmean())


def segmentation(maps: Maps, val: Objects, test: Objects) -> dict[str, Any]:
    """Mean IoU on test, with the threshold and the stretching of maps best on validation."""
    found, best = object_maps(val, maps), (-1.0, 0.0, False)
    for stretch in (False, True):
        values = stretched(found) if stretch else found
        quantiles = torch.linspace(0.5, 0.995, 34)
        sample = values.flatten()[:: max(1, values.numel() // 100_000)]
        for threshold in torch.quantile(sample, quantiles).tolist():
            best = max(best, (mean_iou(values, threshold, val), threshold, stretch))
    _, threshold, stretch = best
    final = object_maps(test, maps)
    return {
        "miou": mean_iou(stretched(final) if stretch else final, threshold, test),
        "miou_val": best[0],
        "threshold": threshold,
        "stretched": stretch,
        "objects": test.label.numel(),
        "area": float(test.masks.float().mean()),
    }


def centre_prior(pictures: Tensor) -> Tensor:
    """The nearer to the middle the more, whatever is seen."""
    size = pictures.shape[-1]
    line = (torch.arange(size) + 0.5) / size - 0.5
    near = -(line[:, None].square() + line[None].square()).sqrt()
    return near.expand(len(pictures), len(INSTRUMENTS), size, size)


# --- localisation ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scene:
    """A stretch of an episode in which both performers can be seen and play.

    Attributes:
        episode: whole.
        window: the stretch.
        tracks: what each plays, as loud as in the mix, mono.
        masks: where each is in some of the pictures that the system looks at.

    Shape:
        ``tracks``: ``[2, N]``; ``masks``: ``bool [2, S, S]``.
    """

    episode: Episode
    window: Span
    tracks: Tensor
    masks: Tensor


def scenes(system: SoundSystem, count: int, *, alike: bool = False) -> Iterator[Scene]:
    """Test stretches, at most one per episode."""
    spectra, view = system.config.spectra, system.config.view
    found = 0
    for episode in pairs("test", _FIRST_EPISODE, alike=alike):
        whole = torch.from_numpy(stage.Sounds(episode, spectra.rate).tracks).mean(1)
        for start in (0.5 * k for k in range(int(2 * (_SECONDS - spectra.seconds)) + 1)):
            first = round(start * spectra.rate)
            tracks = whole[:, first : first + spectra.samples]
            if float(tracks.square().mean(1).sqrt().min()) < _LEAST_LEVEL:
                continue
            window = Span(start, start + spectra.seconds)
            masks = torch.from_numpy(stage.masks(episode, view.times(window), view.size, view.size))
            if float(masks.float().mean((-2, -1)).min()) < _LEAST_AREA:
                continue
            yield Scene(episode, window, tracks, masks.any(0))
            found += 1
            break
        if found == count:
            return


@torch.no_grad()
def localisation(system: SoundSystem, count: int = 128, *, alike: bool = False) -> dict[str, Any]:
    """Whether the peak of the energy map lies on who plays, with chance beside it.

    ``one plays``: both are seen, one is heard; each in turn. Its own mask counts, and chance is its
    share of the picture. ``right_of_two`` is how often the peak is nearer to the one who plays.
    ``both play``: the peak lies in either's mask.
    """
    hits: dict[str, list[float]] = {}
    for scene in scenes(system, count, alike=alike):
        large = system.config.view.size * 5 // 4
        video = stage.clip(scene.episode, large, large).need_video()
        sight = {key: value[None] for key, value in system.look(video, scene.window).items()}
        maps = system.see(sight)[0].float()
        for heard in (0, 1, None):
            wave = scene.tracks.sum(0) if heard is None else scene.tracks[heard]
            magnitude = system.spectra.stft(wave[None]).abs()
            energy = energy_map(system, maps, system.hear(magnitude), magnitude[0])
            right = scene.masks.any(0) if heard is None else scene.masks[heard]
            name = "both play" if heard is None else "one plays"
            y, x = peak(energy, right.shape[-1])
            hits.setdefault(f"{name}: in mask", []).append(float(right[y, x]))
            hits.setdefault(f"{name}: chance", []).append(float(right.float().mean()))
            if heard is not None:
                near = [distance(mask, y, x) for mask in scene.masks]
                won = near[heard] < near[1 - heard]
                hits.setdefault("one plays: right_of_two", []).append(float(won))
    out = {name: sum(values) / len(values) for name, values in hits.items()}
    return {**out, "scenes": len(hits["both play: in mask"])}


def peak(energy: Tensor, size: int) -> tuple[int, int]:
    """The pixel in the middle of the loudest place."""
    rows, columns = energy.shape
    row, column = divmod(int(energy.argmax()), columns)
    return int((row + 0.5) * size / rows), int((column + 0.5) * size / columns)


def distance(mask: Tensor, y: int, x: int) -> float:
    """From a pixel to the nearest one of a mask, squared."""
    places = torch.nonzero(mask).float()
    return float((places - torch.tensor([y, x])).square().sum(1).min())
