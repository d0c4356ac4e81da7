"""A world of feature vectors in which WSDEC can be tried in seconds.

A video holds a few events that do not overlap, in noise; an event is a subject and an action, whose
vectors are added to its steps; its sentence is "the SUBJECT ACTION". No pair occurs twice in a
video, and sentences come in no order.
"""

from __future__ import annotations

import numpy as np
import torch

from sensorium.seeds import generator
from sensorium.system import Batch

SUBJECTS, ACTIONS = 6, 8
DIM, STEPS, SENTENCES, LENGTH = 32, 48, 4, 5
WORDS = (
    *("<bos>", "<eos>", "the"),
    *(f"subject{i}" for i in range(SUBJECTS)),
    *(f"acts{i}" for i in range(ACTIONS)),
    "<oov>",
)
_BASIS = np.random.default_rng(5).normal(size=(SUBJECTS + ACTIONS, DIM)).astype(np.float32)


def videos(count: int, seed: int, *, spans: bool = True) -> Batch:
    """A batch with the keys of `WSDECSystem`; ``spans=False`` leaves the truth out."""
    rng = generator(seed, "toy")
    made = [_video(rng) for _ in range(count)]
    batch = {key: torch.stack([m[key] for m in made]) for key in made[0]}
    if not spans:
        del batch["spans"]
    return batch


def _video(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    events = int(rng.integers(2, SENTENCES + 1))
    lengths = rng.integers(5, 11, events)
    gaps = rng.dirichlet(np.ones(events + 1)) * (STEPS - lengths.sum())
    starts = np.round(np.cumsum(gaps)[:-1] + np.concatenate([[0], np.cumsum(lengths)[:-1]]))
    pairs = rng.permutation(SUBJECTS * ACTIONS)[:events]
    values = rng.normal(0, 0.5, (STEPS, DIM)).astype(np.float32)
    words = np.ones((SENTENCES, LENGTH), np.int64)
    counts, spans = np.zeros(SENTENCES, np.int64), np.full((SENTENCES, 2), 0.5, np.float32)
    for row, (start, size, pair) in enumerate(
        sorted(zip(starts, lengths, pairs, strict=True), key=lambda event: event[2])
    ):
        subject, action = divmod(int(pair), ACTIONS)
        inside = slice(int(start), int(start) + int(size))
        values[inside] += _BASIS[subject] + _BASIS[SUBJECTS + action]
        words[row, :4] = (0, 2, 3 + subject, 3 + SUBJECTS + action)
        counts[row] = 5
        spans[row] = ((start + size / 2) / STEPS, size / STEPS)
    return {
        "features": torch.from_numpy(values),
        "length": torch.tensor(STEPS),
        "words": torch.from_numpy(words),
        "word_count": torch.from_numpy(counts),
        "sentences": torch.tensor(events),
        "spans": torch.from_numpy(spans),
    }
