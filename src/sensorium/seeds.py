"""Seeds: every random thing takes one, derived from its parent's by name; no two share a stream."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

SPLITS = ("train", "val", "test")


def derive(seed: int, *path: int | str) -> int:
    """A 63-bit seed for the thing that ``path`` names under ``seed``; the same on every machine."""
    text = "/".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def split_seed(split: str, index: int) -> int:
    """The world seed of example ``index`` of a split; the splits are residues modulo 3."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return 3 * index + SPLITS.index(split)


def generator(seed: int, *path: int | str) -> np.random.Generator:
    """A NumPy generator for the thing that ``path`` names under ``seed``."""
    return np.random.default_rng(derive(seed, *path))


def torch_generator(seed: int, *path: int | str) -> torch.Generator:
    """A CPU torch generator for the thing that ``path`` names under ``seed``."""
    return torch.Generator().manual_seed(derive(seed, *path))
