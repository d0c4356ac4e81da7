"""What a generated file says of itself: one small JSON object, the same in every layer of marks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CONSENTS = {
    "self": "the person in the picture is the one who makes this",
    "written": "the person in the picture has agreed in writing",
    "synthetic": "nobody: the picture itself is drawn or generated",
}
"""Whose face it is, and why it may be used."""


def check_consent(consent: str | None) -> str:
    """The basis on which a face is used.

    Raises:
        ValueError: when none, or none of `CONSENTS`, is given.
    """
    if consent not in CONSENTS:
        got = "nothing is said" if not consent else f"got {consent!r}"
        meant = "; ".join(f"{name} ({why})" for name, why in CONSENTS.items())
        raise ValueError(f"whose face is this? {got}, say consent (--consent) as one of: {meant}")
    return consent


@dataclass(frozen=True)
class Provenance:
    """Where a generated picture or film comes from.

    Attributes:
        system: which weights made it.
        consent: one of `CONSENTS`; empty where nothing was said.
        details: plain values such as ``{"expression": "happy"}``.
        generator: what wrote it.
        made: when, in UTC, ISO 8601; empty: not said.
    """

    system: str
    consent: str
    details: Mapping[str, Any] = field(default_factory=dict)
    generator: str = field(default_factory=lambda: f"sensorium {_version()}")
    made: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; ``synthetic`` is always true."""
        said = {
            "synthetic": True,
            "generator": self.generator,
            "system": self.system,
            **({"made": self.made} if self.made else {}),
            "consent": self.consent or "not stated",
        }
        return {**said, **{k: v for k, v in self.details.items() if k not in said}}

    def to_json(self) -> str:
        """One line of ASCII."""
        return json.dumps(self.to_dict(), allow_nan=False)


def read_json(text: str) -> dict[str, Any] | None:
    """What a comment says of a generated file; ``None`` for any other comment."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(said, dict) and "generator" in said and "synthetic" in said
    return said if ours else None


def _version() -> str:
    from importlib.metadata import version

    return version("sensorium")
