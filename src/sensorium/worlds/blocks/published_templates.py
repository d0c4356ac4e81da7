"""CLEVR's published template files, read as they are.

The files (facebookresearch/clevr-dataset-gen, ``question_generation/CLEVR_1.0_templates``) are not
part of this package. Each is a list of templates: ``params`` (slots with their types), ``text``,
``nodes`` and ``constraints`` (``NULL``: a slot stays empty; ``OUT_NEQ``: two nodes differ). What
else stands in a template is left alone. `Engine` takes what is read in place of our own families.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sensorium.suggest import did_you_mean
from sensorium.worlds.blocks.families import RELATION, Family, Node

_TYPES = {
    "Size": "size",
    "Color": "color",
    "Material": "material",
    "Shape": "shape",
    "Relation": RELATION,
}
"""CLEVR's names for the kinds of slots."""


def read_templates(path: Path | str) -> tuple[Family, ...]:
    """The families of one template file, or of a folder of them in order of the alphabet.

    Raises:
        ValueError: when there are none, or a template is malformed, in one line that names it.
    """
    path = Path(path)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: has no *.json; expected CLEVR's template files")
    return tuple(
        _family(entry, file.name, number)
        for file in files
        for number, entry in enumerate(_entries(file))
    )


def _entries(file: Path) -> list[Any]:
    """What a file lists."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{file}: cannot be read ({error.strerror})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: is not JSON ({error}); expected CLEVR's templates") from error
    if not isinstance(content, list) or not content:
        raise ValueError(f"{file}: expected a list of templates")
    return content


def _family(entry: Any, file: str, number: int) -> Family:
    """A template as a family."""
    where = f"{file}, template {number}"
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected an object, got {entry!r:.60}")
    empty: set[str] = set()
    different: list[tuple[int, int]] = []
    for rule in _list(entry, "constraints", where, []):
        kind, params = _part(rule, "type", where), _list(rule, "params", where)
        if kind == "NULL":
            empty.update(str(name) for name in params)
        elif kind == "OUT_NEQ" and len(params) == 2 and all(type(p) is int for p in params):
            different.append((params[0], params[1]))
        else:
            raise ValueError(
                f"{where}: constraint {rule!r:.80} is not known; expected NULL with names of "
                "parameters or OUT_NEQ with numbers of two nodes"
            )
    return Family(
        file=file,
        number=number,
        nodes=tuple(_node(node, where) for node in _list(entry, "nodes", where)),
        texts=tuple(str(text) for text in _list(entry, "text", where)),
        kinds=_kinds(_list(entry, "params", where), where),
        empty=frozenset(empty),
        different=tuple(different),
    )


def _kinds(params: list[Any], where: str) -> dict[str, str]:
    """Slots by name with what fills them."""
    kinds: dict[str, str] = {}
    for param in params:
        kind = _part(param, "type", where)
        if kind not in _TYPES:
            raise ValueError(f"{where}: no parameter type {kind!r}{did_you_mean(kind, _TYPES)}")
        kinds[_part(param, "name", where)] = _TYPES[kind]
    return kinds


def _node(node: Any, where: str) -> Node:
    """A node of the plan."""
    kind = _part(node, "type", where)
    inputs = _list(node, "inputs", where, [])
    if not all(type(i) is int for i in inputs):
        raise ValueError(f"{where}: inputs of {kind} must be numbers of nodes, got {inputs!r:.60}")
    slots = _list(node, "side_inputs", where, [])
    return Node(kind, tuple(inputs), tuple(str(name) for name in slots))


def _part(entry: Any, name: str, where: str) -> str:
    """A word of an object."""
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"{where}: expected an object with a word {name!r}, got {entry!r:.60}")
    return value


def _list(entry: Any, name: str, where: str, default: list[Any] | None = None) -> list[Any]:
    """A list of an object."""
    value = entry.get(name, default) if isinstance(entry, dict) else None
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected an object with a list {name!r}, got {entry!r:.60}")
    return value
