"""Stories of the stage in the files in which ActivityNet Captions is published.

``train.json`` and ``val_1.json`` (our test split) with sentences in order of time, and an HDF5 file
with ``<video>/c3d_features``: what reads the published data reads these.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sensorium.events.datasets.activitynet import FILES, write_activitynet
from sensorium.events.datasets.annotations import Annotation
from sensorium.events.datasets.hdf5 import KEY
from sensorium.events.datasets.stage import StageStories
from sensorium.recipe import Split
from sensorium.types import Span

FEATURES = "features.hdf5"

_SPLITS: tuple[tuple[Split, str], ...] = (("train", "train"), ("test", "val_1"))


def write_published(data: StageStories, folder: str | Path) -> list[Path]:
    """Write training and test episodes; returns the files.

    The vectors keep their rate, ``data.features.rate``: read them with that ``rate`` and
    ``stride=1``.
    """
    import h5py

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with h5py.File(folder / FEATURES, "w") as file:
        for split, name in _SPLITS:
            examples = data.open(split)
            told = {}
            for index in range(len(examples)):
                video = f"v_stage_{examples.episode(index).seed}"
                events = tuple((Span(a, b), text) for a, b, text in examples.sentences(index))
                told[video] = Annotation(data.seconds, events)
                values = examples.features(index).values.numpy()
                file[f"{video}/{KEY}"] = values.astype(np.float16)
            written.append(write_activitynet(folder / FILES[name], told))
    return [*written, folder / FEATURES]
