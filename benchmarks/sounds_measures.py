"""What `sounds_quality.py` measures of each network, section by section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import sounds_references as references
from sensorium.sounds.baselines import AudioOnlySystem
from sensorium.sounds.cam import CamSystem
from sensorium.sounds.concepts import ConceptsSystem, ConceptsSystemConfig
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.datasets.mixing import Mixing
from sensorium.sounds.metrics import channel_to_class_accuracy
from sensorium.sounds.spectra import Spectra
from sensorium.sounds.systems import PixelsSystem, SoundSystem
from sensorium.system import Batch, System
from sounds_pictures import centre_prior, localisation, objects, segmentation
from sounds_scoring import MIXTURES, held_out_batches, score, swapped

Tables = dict[str, dict[str, dict[str, Any]]]
"""Figures by table and row."""
_MOTION_SCENES = 48  # for systems that decode every place


def different_data(data: SoundData, sources: int) -> SoundData:
    """Mixtures of different instruments."""
    return replace(data, testing=Mixing(sources, "different"), twins=False)


def twins_data(data: SoundData) -> SoundData:
    """Mixtures of two players of the same instrument and look."""
    return replace(data, testing=Mixing(2, "same-class"), twins=True)


def soft(system: SoundSystem, batch: Batch) -> Tensor:
    """Separated by masks that are not cut."""
    config = system.config
    system.config = replace(config, threshold=False)
    try:
        return system.separate(batch)
    finally:
        system.config = config


# --- (a) different instruments --------------------------------------------------------------------


def different(system: System, name: str, data: SoundData) -> Tables:
    """Two and three sources; a network with as many outputs as sources only has those."""
    trained_on = data.mixing.sources
    counts = (2, 3) if isinstance(system, SoundSystem) and trained_on == 2 else (trained_on,)
    return {
        f"different, {n} sources": different_rows(system, name.split(", 3 s")[0], data, n)
        if n == trained_on
        else different_rows(system, f"{name}, trained on {trained_on}", data, n)
        for n in counts
    }


def different_rows(
    system: System, name: str, data: SoundData, sources: int
) -> dict[str, dict[str, Any]]:
    """One network's rows on mixtures of so many sources."""

    def ways(batch: Batch) -> dict[str, Tensor]:
        if isinstance(system, AudioOnlySystem):
            return {name: system.separate(batch)}
        assert isinstance(system, SoundSystem)
        rows = {name: system.separate(batch)}
        rows[f"{name}, pictures swapped"] = system.separate(swapped(batch, system.sights))
        if getattr(system.config, "threshold", False) and system.config.mask != "ratio":
            rows[f"{name}, mask not cut"] = soft(system, batch)
        return rows

    orderless = (name,) if isinstance(system, AudioOnlySystem) else ()
    batches = held_out_batches(different_data(data, sources))
    return score(batches, ways, data.classes(), orderless=orderless)


def untrained(data: SoundData, *, nmf: bool = True) -> dict[str, dict[str, Any]]:
    """Floor, ceilings and NMF on the mixtures of ``data``."""
    spectra = Spectra(data.spectra)
    learned = references.learn_spectra(data, spectra) if nmf else None
    blind, labelled = "blind NMF", "NMF with instrument labels"

    def ways(batch: Batch) -> dict[str, Tensor]:
        rows = references.floor_and_ceilings(batch, spectra)
        if learned is not None:
            rows[blind] = references.blind_nmf(batch, spectra)
            rows[labelled] = references.labelled_nmf(batch, spectra, learned)
        return rows

    return score(held_out_batches(data), ways, data.classes(), orderless=(blind,), detail=True)


# --- (b) the same instrument ----------------------------------------------------------------------


def twins(system: System, name: str, data: SoundData) -> Tables:
    """A network's rows on players that look alike, and with parts of it taken away."""
    assert isinstance(system, SoundSystem)
    batches = held_out_batches(twins_data(data))
    classes = data.classes()
    probes = twins_probes(system) if name == "motions" else {}

    def ways(batch: Batch) -> dict[str, Tensor]:
        rows = {name: system.separate(batch)}
        if probes or name == "pixels on twins":
            rows[f"{name}, players swapped"] = system.separate(swapped(batch, system.sights))
        return rows | {f"{name}, {what}": probe(batch) for what, probe in probes.items()}

    return {"twins": score(batches, ways, classes, detail=True)}


def twins_probes(system: SoundSystem) -> dict[str, Callable[[Batch], Tensor]]:
    """The trained network without some of its features."""

    def without(*features: str) -> Callable[[Batch], Tensor]:
        def probe(batch: Batch) -> Tensor:
            with system.network.ablated(features):
                return system.separate(batch)

        return probe

    return {
        "motion features zeroed": without("motion"),
        "appearance features zeroed": without("appearance"),
        "features averaged over time": without("time"),
    }


# --- (c) concepts ---------------------------------------------------------------------------------


def concepts(system: System, name: str, data: SoundData) -> Tables:
    """One network alone: sound by the labels, pictures as segmentation."""
    size = data.view.size
    val, test = objects("val", 96, size), objects("test", MIXTURES, size)
    if isinstance(system, CamSystem):
        return {"concepts, segmentation": {name: segmentation(system.maps, val, test)}}
    if not isinstance(system, ConceptsSystem):
        assert isinstance(system, PixelsSystem)
        system, name = as_concepts(system, data), f"{name}, channels assigned"
    chosen = system

    def ways(batch: Batch) -> dict[str, Tensor]:
        return {
            f"{name}, sound and pictures": chosen.separate(batch),
            f"{name}, sound alone": chosen.separate_by_sound(batch),
        }

    tested = different_data(data, 2)
    rows = score(held_out_batches(tested), ways, data.classes())
    accuracy = {f"{name}": {"channel_accuracy": channel_accuracy(chosen, tested)}}
    maps = {
        f"{name}, channel": lambda p: chosen.segment({"frames": p[:, None]}),
        f"{name}, channel before softmax": lambda p: raw_channels(chosen, p),
    }
    seen = {row: segmentation(way, val, test) for row, way in maps.items()}
    return {"concepts": rows, "concepts, channels": accuracy, "concepts, segmentation": seen}


def as_concepts(system: PixelsSystem, data: SoundData) -> ConceptsSystem:
    """PixelPlayer as it is, with a channel assigned to each class."""
    config = system.config
    other = ConceptsSystem(
        ConceptsSystemConfig(
            network=config.network,
            spectra=config.spectra,
            view=config.view,
            mask=config.mask,
            threshold=config.threshold,
            balance=0.0,
            classes=config.classes,
        )
    )
    other.load_state_dict(system.state_dict(), strict=False)
    other.eval()
    val = replace(different_data(data, 2), held_out=96).open("val")
    made = [val.example(i, 0) for i in range(96)]
    batches = [made[k : k + 32] for k in range(0, 96, 32)]
    other.calibrate([{key: torch.stack([e[key] for e in b]) for key in b[0]} for b in batches])
    return other


@torch.no_grad()
def channel_accuracy(system: ConceptsSystem, data: SoundData) -> float:
    """Share of test clips whose strongest channel is the one of their class."""
    looks, labels = [], []
    for batch in held_out_batches(data):
        maps = system.see({"frames": batch["frames"].flatten(0, 1)})
        looks.append(system.appearance(system.pool(maps)[:, 0].amax(-1)))  # [B*S, K]
        labels.append(batch["label"].flatten())
    return channel_to_class_accuracy(torch.cat(looks), torch.cat(labels), system.channel_of)


@torch.no_grad()
def raw_channels(system: ConceptsSystem, pictures: Tensor) -> Tensor:
    """The channel of each class before any activation."""
    return system.see({"frames": pictures[:, None]}).amax(2)[:, system.channel_of]


# --- (d) localisation -----------------------------------------------------------------------------


def places(system: System, name: str, data: SoundData) -> Tables:
    """Whether the energy map peaks on who plays."""
    assert isinstance(system, SoundSystem)
    count = 128 if isinstance(system, PixelsSystem) else _MOTION_SCENES
    tables: Tables = {}
    if name != "pixels on twins":
        tables["localisation"] = {name: localisation(system, count)}
    if name in ("motions", "pixels on twins"):
        tables["localisation of twins"] = {name: localisation(system, count, alike=True)}
    return tables


# --- all ------------------------------------------------------------------------------------------

MEASURES: dict[str, Callable[[System, str, SoundData], Tables]] = {
    "different": different,
    "twins": twins,
    "concepts": concepts,
    "localisation": places,
}


def plain_rows(section: str, data: SoundData) -> Tables:
    """What a section holds beside trained networks."""
    if section == "different":
        counts: Sequence[int] = (2, 3)
        return {f"different, {n} sources": untrained(different_data(data, n)) for n in counts}
    if section == "twins":
        return {"twins": untrained(twins_data(data), nmf=False)}
    if section == "concepts":
        size = data.view.size
        val, test = objects("val", 96, size), objects("test", MIXTURES, size)
        return {"concepts, segmentation": {"centre prior": segmentation(centre_prior, val, test)}}
    return {}
