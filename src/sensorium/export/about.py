"""What an exported file says about itself, in its metadata, so that it can be used alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sensorium.actions.view import View
from sensorium.plain import from_plain, to_plain

Form = Literal["clip", "stream"]
Precision = Literal["fp32", "int8"]
_FORMAT = 1


@dataclass(frozen=True)
class About:
    """The metadata of an exported file, each under its own name; all but strings as JSON.

    Attributes:
        system: name of the system.
        weights: name of the weights.
        classes: names of the logits.
        view: which frames of a video the network wants, at which size. Pixels go in as they are
            (``uint8`` RGB); ``mean`` and ``std`` are already in the graph.
        form: ``clip`` takes all frames at once, ``stream`` one at a time with its caches.
        precision: of the convolutions.
        multiple: the number of frames must be a multiple of this (StNet's snippets).
        format: version of this list.
    """

    system: str
    weights: str
    classes: tuple[str, ...]
    view: View
    form: Form
    precision: Precision = "fp32"
    multiple: int = 1
    format: int = _FORMAT

    def metadata(self) -> dict[str, str]:
        """As ONNX keeps it: strings by name."""
        plain: dict[str, Any] = to_plain(self)
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in plain.items()}


def read_about(metadata: Mapping[str, str], where: str) -> About:
    """The other way round.

    Raises:
        ValueError: when the file is none of ours, or of another version.
    """
    text = ("system", "weights", "form", "precision")
    if "classes" not in metadata or "view" not in metadata or "format" not in metadata:
        raise ValueError(
            f"{where}: an ONNX file, but none that sensorium exported (its metadata lack the "
            "classes and the view); make one with: sensorium export NAME --to onnx"
        )
    try:
        plain = {k: v if k in text else json.loads(v) for k, v in metadata.items() if k in _NAMES}
    except ValueError as error:
        raise ValueError(f"{where}: its metadata are damaged ({error}); export again") from error
    if plain["format"] != _FORMAT:
        raise ValueError(
            f"{where} has format {plain['format']!r}, this version reads {_FORMAT}; export again"
        )
    return from_plain(About, plain, f"{where}: metadata")


_NAMES = frozenset(About.__dataclass_fields__)
