"""Scenes as CLEVR's JSON: the released files are read, and ours can be read in their place.

CLEVR: arXiv:1612.06890. ``relationships[name][i]`` lists the blocks that stand in that direction
of block i. With masks, each object has a ``mask`` as in NS-VQA's CLEVR-mini (arXiv:1810.02338).
Ours have one key more, ``seed``, from which the picture can be drawn again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.camera import Vector
from sensorium.worlds.blocks.run_lengths import decode, encode
from sensorium.worlds.blocks.scenes import Block, Scene
from sensorium.worlds.blocks.vocabulary import ATTRIBUTES, DIRECTIONS, VALUES, Direction

Masks = Bool[np.ndarray, "N H W"]


def write_scenes(
    path: Path | str,
    scenes: Iterable[Scene],
    *,
    split: str = "",
    masks: Iterable[Masks | Sequence[dict[str, Any]]] | None = None,
) -> None:
    """Writes a file in CLEVR's form, scene by scene, whole or not at all.

    Args:
        path: of the file.
        scenes: what to write, in this order.
        split: of the whole file; by default that of the first scene.
        masks: of each scene, what is visible of its blocks: as masks or already encoded
            (`run_lengths.encode`).
    """
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    pairs = ((s, None) for s in scenes) if masks is None else zip(scenes, masks, strict=True)
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write('{"scenes": [')
            for number, (scene, visible) in enumerate(pairs):
                split = split or scene.split
                file.write((", " if number else "") + json.dumps(_written(scene, split, visible)))
            file.write(f'], "info": {json.dumps(_info(split))}}}\n')
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_scenes(path: Path | str) -> list[Scene]:
    """The scenes of a file in CLEVR's form.

    Raises:
        ValueError: when it is no such file, or a scene in it is malformed, in one line that names
            the scene.
    """
    return [_scene(e, f"{path}: scene {k}", k) for k, e in enumerate(_entries(path))]


def read_masks(path: Path | str) -> list[Masks]:
    """The masks of a file in CLEVR's form that has them: ``bool [N, H, W]`` for each scene.

    Raises:
        ValueError: when it is no such file, or an object has no mask or a malformed one.
    """
    found = []
    for number, entry in enumerate(_entries(path)):
        where = f"{path}: scene {number}"
        masks = []
        for k, item in enumerate(_field(entry, "objects", list, where)):
            if not isinstance(item, dict) or "mask" not in item:
                raise ValueError(f"{where}, object {k}: has no 'mask'; expected one as CLEVR-mini")
            try:
                masks.append(decode(item["mask"]))
            except ValueError as error:
                raise ValueError(f"{where}, object {k}: {error}") from error
        if len({mask.shape for mask in masks}) > 1:
            raise ValueError(f"{where}: its masks are of different sizes")
        found.append(np.stack(masks) if masks else np.zeros((0, 0, 0), bool))
    return found


def _info(split: str) -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": "1.0",
        "split": split,
        "license": "Creative Commons Attribution (CC BY 4.0)",
    }


def _written(
    scene: Scene, split: str, masks: Masks | Sequence[dict[str, Any]] | None
) -> dict[str, Any]:
    """A scene as an object."""
    if masks is not None and len(masks) != len(scene.blocks):
        raise ValueError(f"got {len(masks)} masks for a scene of {len(scene.blocks)} blocks")
    objects = [_object(block) for block in scene.blocks]
    for item, mask in zip(objects, masks if masks is not None else (), strict=False):
        item["mask"] = encode(mask) if isinstance(mask, np.ndarray) else mask
    related = scene.related()
    entry: dict[str, Any] = {
        "split": scene.split or split,
        "image_index": scene.index,
        "image_filename": scene.filename,
        "objects": objects,
        "relationships": {
            name: [np.flatnonzero(row).tolist() for row in related[name]] for name in DIRECTIONS
        },
        "directions": {
            **{name: list(scene.directions[name]) for name in DIRECTIONS},
            "above": [0.0, 0.0, 1.0],
            "below": [0.0, 0.0, -1.0],
        },
    }
    if scene.seed is not None:
        entry["seed"] = scene.seed
    return entry


def _object(block: Block) -> dict[str, Any]:
    """A block as an object; its pixel is whole, as CLEVR's."""
    x, y, depth = block.pixel
    return {
        **{name: getattr(block, name) for name in ATTRIBUTES},
        "3d_coords": list(block.coords),
        "rotation": block.rotation,
        "pixel_coords": [round(x), round(y), depth],
    }


def _entries(path: Path | str) -> list[Any]:
    """The list of scenes that a file holds."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: is not JSON ({error}); expected CLEVR's scenes") from error
    entries = content.get("scenes") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{path}: has no list 'scenes'; expected CLEVR's scenes JSON")
    return entries


def _scene(entry: Any, where: str, number: int) -> Scene:
    """An object as a scene."""
    objects = _field(entry, "objects", list, where)
    directions = _field(entry, "directions", dict, where)
    named: dict[Direction, Vector] = {
        name: _vector(directions, name, f"{where}, directions") for name in DIRECTIONS
    }
    seed = entry.get("seed")
    return Scene(
        tuple(_block(item, f"{where}, object {k}") for k, item in enumerate(objects)),
        named,
        index=_field(entry, "image_index", int, where, number),
        split=_field(entry, "split", str, where, ""),
        filename=_field(entry, "image_filename", str, where, ""),
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
    )


def _block(item: Any, where: str) -> Block:
    """An object as a block."""
    values = {}
    for name in ATTRIBUTES:
        value = _field(item, name, str, where)
        if value not in VALUES[name]:
            raise ValueError(
                f"{where}: {name} must be one of {', '.join(VALUES[name])}, got {value!r}"
                f"{did_you_mean(value, VALUES[name])}"
            )
        values[name] = value
    pixel = _vector(item, "pixel_coords", where) if "pixel_coords" in item else (0.0, 0.0, 0.0)
    rotation = item.get("rotation", 0.0)
    if not _is_number(rotation):
        raise ValueError(f"{where}: rotation must be a number, got {rotation!r:.60}")
    return Block(
        **values,
        coords=_vector(item, "3d_coords", where),
        rotation=float(rotation),
        pixel=pixel,
    )


def _field(entry: Any, name: str, kind: type, where: str, default: Any = None) -> Any:
    """``entry[name]``, of a kind; ``default`` for none, where there is a default."""
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected an object, got {entry!r:.60}")
    if name not in entry and default is not None:
        return default
    if name not in entry:
        raise ValueError(f"{where}: has no {name!r}")
    value = entry[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {name} must be {kind.__name__}, got {value!r:.60}")
    return value


def _vector(entry: dict[str, Any], name: str, where: str) -> Vector:
    """Three numbers."""
    value = _field(entry, name, list, where)
    if len(value) != 3 or not all(_is_number(v) for v in value):
        raise ValueError(f"{where}: {name} must be three numbers, got {value!r:.60}")
    return (float(value[0]), float(value[1]), float(value[2]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
