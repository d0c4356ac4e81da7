"""Rows that need no training: the mixture itself, oracle masks, and NMF."""

from __future__ import annotations

import torch
from torch import Tensor

from sensorium import signals
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.nmf import LabelledNmf, blind_masks
from sensorium.sounds.spectra import Mask, Spectra, SpectraConfig
from sensorium.system import Batch


def mixture(batch: Batch) -> Tensor:
    """The mixture as the estimate of every source: the floor."""
    waves = batch["waves"]
    return waves.sum(1, keepdim=True).expand_as(waves)


def oracle(batch: Batch, spectra: Spectra, kind: Mask) -> Tensor:
    """The best masks of a kind on the rows that the network hears: the ceiling."""
    waves = batch["waves"]
    spectrum = spectra.stft(waves.sum(1))
    masks = spectra.targets(spectra.stft(waves).abs(), spectrum.abs(), kind)
    return through(batch, spectra, spectra.unwarp(masks), binary=kind != "ratio")


def linear_oracle(batch: Batch, spectra: Spectra, kind: Mask) -> Tensor:
    """The same without the logarithmic axis."""
    waves = batch["waves"]
    sources, whole = spectra.stft(waves).abs(), spectra.stft(waves.sum(1)).abs()
    masks = (
        signals.ratio_masks(sources, whole) if kind == "ratio" else signals.dominance_masks(sources)
    )
    return through(batch, spectra, masks, binary=kind != "ratio")


def through(batch: Batch, spectra: Spectra, masks: Tensor, *, binary: bool) -> Tensor:
    """What masks ``[B, S, F, T]`` let through; binary ones are cut at 0.5."""
    waves = batch["waves"]
    spectrum = spectra.stft(waves.sum(1))
    if binary:
        masks = (masks > 0.5).to(masks.dtype)
    return spectra.istft(masks * spectrum[:, None], waves.shape[-1])


def ceilings(config: SpectraConfig) -> dict[str, tuple[bool, Mask]]:
    """Names of the oracle rows: whether linear, and which mask."""
    rows = config.bins or config.window // 2
    return {
        f"oracle binary mask, {rows} log rows": (False, "dominance"),
        f"oracle ratio mask, {rows} log rows": (False, "ratio"),
        "oracle binary mask, linear": (True, "dominance"),
        "oracle ratio mask, linear": (True, "ratio"),
    }


@torch.no_grad()
def floor_and_ceilings(batch: Batch, spectra: Spectra) -> dict[str, Tensor]:
    """The mixture and the oracle masks."""
    rows = {"mixture": mixture(batch)}
    for name, (linear, kind) in ceilings(spectra.config).items():
        rows[name] = (linear_oracle if linear else oracle)(batch, spectra, kind)
    return rows


# --- NMF ------------------------------------------------------------------------------------------


@torch.no_grad()
def blind_nmf(batch: Batch, spectra: Spectra) -> Tensor:
    """Blind NMF; nobody knows which estimate is which source."""
    waves = batch["waves"]
    magnitude = spectra.stft(waves.sum(1)).abs()
    rate = spectra.config.rate
    masks = torch.stack([blind_masks(m, waves.shape[1], rate) for m in magnitude])
    return through(batch, spectra, masks, binary=False)


@torch.no_grad()
def labelled_nmf(batch: Batch, spectra: Spectra, learned: LabelledNmf) -> Tensor:
    """NMF that is told every source's instrument."""
    magnitude = spectra.stft(batch["waves"].sum(1)).abs()
    pairs = zip(magnitude, batch["label"].tolist(), strict=True)
    masks = torch.stack([learned.masks(m, labels) for m, labels in pairs])
    return through(batch, spectra, masks, binary=False)


@torch.no_grad()
def learn_spectra(data: SoundData, spectra: Spectra, solos: int = 16) -> LabelledNmf:
    """Spectra of every class from so many training solos each."""
    recordings = data.recordings("train")
    found: dict[int, list[Tensor]] = {}
    for index in range(len(recordings)):
        label = recordings.label(index)
        mine = found.setdefault(label, [])
        if len(mine) < solos:
            recording = recordings[index]
            count = round(recording.seconds * spectra.config.rate)
            mine.append(spectra.stft(recording.samples(0.0, count)).abs())
    return LabelledNmf().fit(found)
