"""Frozen dataclasses to plain JSON values and back, checked against their type hints.

Configs, recipes and cards are nested dataclasses of numbers, strings, tuples, ``Literal`` and
``Path``. `to_plain` turns one into what `json` writes; `from_plain` builds it again and refuses, in
one line that names the place, whatever the dataclass does not declare. Nothing is run by name.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from sensorium.suggest import did_you_mean

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """``value`` in JSON types: dataclasses and mappings become dicts, tuples lists, paths strings.

    Raises:
        ValueError: for a value that has no JSON form.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    raise ValueError(
        f"got a {type(value).__name__} ({value!r}), which has no plain form; "
        "use numbers, strings, tuples, paths and dataclasses of these"
    )


def from_plain(cls: type[T], value: Any, where: str = "config") -> T:
    """The dataclass ``cls`` built from what `to_plain` made of one.

    Args:
        cls: a dataclass with type hints.
        value: the JSON value, an object.
        where: what to call it in errors.

    Raises:
        ValueError: for unknown keys, for missing keys without a default, and for values of another
            type, in one line that names the place.
    """
    built: T = _dataclass(cls, value, where)
    return built


def _dataclass(cls: type, value: Any, where: str) -> Any:
    """Build ``cls`` from an object."""
    if not isinstance(value, dict):
        raise _wrong(where, value, f"an object with the keys of {cls.__name__}")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    for key in value:
        if key not in fields:
            raise ValueError(f"{where}: unknown key {key!r}{did_you_mean(str(key), fields)}")
    for name, f in fields.items():
        optional = not (
            f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        )
        if name not in value and not optional:
            raise ValueError(f"{where}: key {name!r} is missing; {cls.__name__} needs it")
    return cls(**{k: _convert(hints[k], v, f"{where}.{k}") for k, v in value.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    """``value`` as the type ``hint`` says."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _union(typing.get_args(hint), value, where)
    if origin is Literal:
        return _literal(typing.get_args(hint), value, where)
    if hint in (tuple, list) or origin in (tuple, list):
        return _sequence(hint, value, where)
    if hint is dict or origin in (dict, Mapping):
        return _mapping(typing.get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint), value, where)
    return _scalar(hint, value, where)


def _union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    """The first option that takes ``value``; a single one explains itself when it does not."""
    if value is None and type(None) in options:
        return None
    real = [o for o in options if o is not type(None)]
    if len(real) == 1:
        return _convert(real[0], value, where)
    for option in real:
        try:
            return _convert(option, value, where)
        except ValueError:
            continue
    names = " or ".join(getattr(o, "__name__", str(o)) for o in real)
    raise _wrong(where, value, names)


def _literal(options: tuple[Any, ...], value: Any, where: str) -> Any:
    """One of the options, of the same type (``True`` is not 1)."""
    for option in options:
        if type(option) is type(value) and option == value:
            return option
    raise _wrong(where, value, "one of " + ", ".join(repr(o) for o in options))


def _sequence(hint: Any, value: Any, where: str) -> Any:
    """A tuple or list; JSON has lists only."""
    kind = typing.get_origin(hint) or hint
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, "a list")
    args = typing.get_args(hint)
    if not args:
        return kind(value)
    if kind is list or (len(args) == 2 and args[1] is Ellipsis):
        return kind(_convert(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if len(args) != len(value):
        raise _wrong(where, value, f"a list of {len(args)}")
    pairs = enumerate(zip(args, value, strict=True))
    return tuple(_convert(a, v, f"{where}[{i}]") for i, (a, v) in pairs)


def _mapping(args: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
    """A dict with string keys."""
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    hint = args[1] if args else Any
    return {str(k): _convert(hint, v, f"{where}.{k}") for k, v in value.items()}


def _scalar(hint: Any, value: Any, where: str) -> Any:
    """A number, string, truth value or path."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint in (bool, int, float, str) and type(value) is hint:
        return value
    raise _wrong(where, value, getattr(hint, "__name__", str(hint)))


def _wrong(where: str, value: Any, expected: str) -> ValueError:
    """The error for a value of the wrong type."""
    text = repr(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return ValueError(f"{where}: expected {expected}, got {shown}")
