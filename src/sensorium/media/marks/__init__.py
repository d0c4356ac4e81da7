"""Marks of generated media: a visible label, plain metadata, signed Content Credentials.

Each layer is for another reader: people, programs, and whoever wants to know that nothing was
changed. None protects: whoever wants to remove them can (see docs/expressions.md).
"""

from sensorium.media.marks.certificates import Signatory, local_signatory, own_signatory
from sensorium.media.marks.credentials import Credentials, read_credentials
from sensorium.media.marks.label import has_label, labelled
from sensorium.media.marks.marking import Marking, marked
from sensorium.media.marks.provenance import CONSENTS, Provenance, check_consent
from sensorium.media.marks.reading import Marks, read_marks

__all__ = [
    "CONSENTS",
    "Credentials",
    "Marking",
    "Marks",
    "Provenance",
    "Signatory",
    "check_consent",
    "has_label",
    "labelled",
    "local_signatory",
    "marked",
    "own_signatory",
    "read_credentials",
    "read_marks",
]
