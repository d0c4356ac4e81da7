"""What the marks of a file say, each layer on its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.media.errors import MediaError
from sensorium.media.marks.comments import comments
from sensorium.media.marks.credentials import Credentials, read_credentials
from sensorium.media.marks.label import has_label
from sensorium.media.marks.provenance import read_json
from sensorium.media.stills import read_picture

ABSENCE = "no mark proves nothing: marks are lost when a file is edited, re-encoded or uploaded"

_STATES = {
    "none": "none",
    "untrusted": "signed and unchanged; who signed is known to nobody here (untrusted)",
    "trusted": "signed and unchanged; the signer is known here",
    "broken": "BROKEN: the file or its manifest was changed after it was signed",
    "unreadable": "a manifest cannot be read",
    "impossible": "none; this format carries none",
}


@dataclass(frozen=True)
class Marks:
    """The marks of one file.

    Attributes:
        file: its name.
        label: whether the strip is visible below the (first) picture; ``None`` when no picture can
            be looked at.
        metadata: the plain JSON, as anyone could have written or changed it; ``None`` if absent.
        credentials: what the signed manifest says.
    """

    file: str
    label: bool | None
    metadata: dict[str, Any] | None
    credentials: Credentials

    @property
    def synthetic(self) -> bool:
        """Whether any layer says that this was generated; ``False`` proves nothing."""
        says = self.metadata is not None and bool(self.metadata.get("synthetic"))
        signed = "AlgorithmicMedia" in (self.credentials.source or "")
        return bool(self.label) or says or signed

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "synthetic": self.synthetic,
            "label": self.label,
            "metadata": self.metadata,
            "credentials": self.credentials.to_dict(),
        }

    def lines(self) -> list[str]:
        """For people, a line for each layer, and what absence means."""
        seen = {True: "AI-GENERATED, below the picture", False: "none", None: "cannot be looked at"}
        said = self.metadata
        manifest = self.credentials
        lines = [
            f"visible label    {seen[self.label]}",
            f"plain metadata   {'none' if said is None else _worded(said)}",
            f"credentials      {_STATES[manifest.state]}",
        ]
        if manifest.signer:
            lines.append(f"  signed by      {manifest.signer} ({manifest.issuer or 'unknown'})")
        if manifest.generator:
            lines.append(f"  made with      {manifest.generator} ({manifest.source or 'unknown'})")
        if manifest.provenance and manifest.provenance != said:
            lines.append(f"  says           {_worded(manifest.provenance)}")
        lines += [f"  problem        {problem}" for problem in manifest.problems]
        return lines if self.synthetic else [*lines, f"({ABSENCE})"]


def read_marks(path: str | Path) -> Marks:
    """Looks for every layer in a picture, a film, or a folder of frames (its first one).

    Raises:
        MediaError: when there is no such file.
    """
    name = str(path)
    file = Path(path)
    if file.is_dir():
        frames = sorted(p for p in file.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not frames:
            raise MediaError(f"{name}: no frames in this folder; expected PNG or JPEG pictures")
        file = frames[0]
    try:
        found = [said for text in comments(file) if (said := read_json(text)) is not None]
        credentials = read_credentials(file)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise MediaError(f"{name}: cannot be read ({why}); check the path") from error
    return Marks(name, _label(file), found[0] if found else None, credentials)


def _label(file: Path) -> bool | None:
    try:
        return has_label(read_picture(file))
    except ValueError:
        return None


def _worded(said: dict[str, Any]) -> str:
    """``made by sensorium 0.1.0 with expressions on …; expression happy; consent self``."""
    made = f"made by {said.get('generator')} with {said.get('system')} on {said.get('made')}"
    left = [k for k in said if k not in ("generator", "system", "made", "synthetic")]
    return "; ".join([made, *(f"{key} {_short(said[key])}" for key in left)])


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)
