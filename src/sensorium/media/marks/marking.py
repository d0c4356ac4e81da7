"""Writing a file with its marks: whole and marked, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sensorium.media.errors import MediaError
from sensorium.media.marks.certificates import Signatory, local_signatory, own_signatory
from sensorium.media.marks.comments import with_comment
from sensorium.media.marks.credentials import CARRIERS, sign
from sensorium.media.marks.provenance import Provenance

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""Suffixes of files that get their comment after they are written."""


@dataclass(frozen=True)
class Marking:
    """Which marks a file gets. The plain metadata are always there.

    Attributes:
        label: the visible strip.
        credentials: the signed manifest.
        certificate: the user's own (PEM, leaf first); by default this machine's.
        key: its private key, where it is not in the same file.
    """

    label: bool = True
    credentials: bool = True
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if self.key is not None and self.certificate is None:
            raise ValueError(f"got a key ({self.key}) without its certificate; give both")

    def signatory(self) -> Signatory | None:
        """Who signs, if anybody.

        Raises:
            ValueError: when the certificate or the key cannot be used.
        """
        if not self.credentials:
            return None
        if self.certificate is not None:
            return own_signatory(self.certificate, self.key)
        return local_signatory()


@contextmanager
def marked(path: Path, provenance: Provenance, signatory: Signatory | None) -> Iterator[Path]:
    """A place to write to; when the block ends well, ``path`` is what was written, marked.

    Pictures get their comment here, films must already have theirs.

    Raises:
        MediaError: when the file cannot be written or signed.
        ValueError: when the certificate cannot sign.
    """
    if signatory is not None and path.suffix.lower() not in CARRIERS:
        raise MediaError(
            f"{path}: this format carries no Content Credentials; write {', '.join(CARRIERS)}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
            draft = Path(folder) / f"draft{path.suffix.lower()}"
            yield draft
            if path.suffix.lower() in PICTURES:
                draft.write_bytes(with_comment(draft.read_bytes(), provenance.to_json()))
            if signatory is not None:
                signed = Path(folder) / f"signed{path.suffix.lower()}"
                sign(draft, signed, provenance, signatory, path.name)
                draft = signed
            os.replace(draft, path)
    except OSError as error:
        if isinstance(error, MediaError):
            raise
        why = (error.strerror or str(error)).lower()
        raise MediaError(f"{path}: cannot be written ({why})") from error
