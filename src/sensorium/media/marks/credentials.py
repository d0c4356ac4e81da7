"""Content Credentials (C2PA): a signed manifest in the file that says how it was made.

Written and read offline by c2pa-python: no time stamp authority, no remote manifest and no
revocation list is asked for. A single changed byte of the file breaks the signature. Who signed is
another matter: a chain made on this machine (`certificates`) is ``untrusted`` everywhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.media.errors import MediaError
from sensorium.media.marks.certificates import Signatory, local_file, own_signatory
from sensorium.media.marks.comments import kind_of
from sensorium.media.marks.provenance import Provenance

CARRIERS = (".mp4", ".m4v", ".mov", ".gif", ".webp", ".png", ".jpg", ".jpeg")
"""Suffixes of what is signed here."""

ASSERTION = "org.sensorium.provenance"
"""Under which label the manifest has our own JSON."""

_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_WHOLLY, _PARTLY = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
_OFFLINE = {
    "builder": {"thumbnail": {"enabled": False}},  # they would make a small file ten times larger
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says, and whether to believe it.

    Attributes:
        state: ``none`` (no manifest), ``untrusted`` (whole and unchanged, signed by somebody
            unknown), ``trusted`` (unchanged, signed by this machine or an authority that was
            given), ``broken`` (the file or the manifest was changed), ``unreadable``, or
            ``impossible`` for formats that cannot carry one.
        signer: name in the certificate.
        issuer: organisation in the certificate.
        generator: which program says that it made the file.
        source: IPTC's digital source type, such as ``trainedAlgorithmicMedia``.
        provenance: our own JSON, when it is there.
        problems: what does not hold, in C2PA's words.
    """

    state: str
    signer: str | None = None
    issuer: str | None = None
    generator: str | None = None
    source: str | None = None
    provenance: dict[str, Any] | None = None
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**self.__dict__, "problems": list(self.problems)}


def sign(
    source: Path, target: Path, provenance: Provenance, signatory: Signatory, title: str
) -> None:
    """Writes ``target``: ``source`` with a signed manifest.

    Raises:
        ValueError: when the certificate is none that C2PA takes.
        MediaError: when the file cannot be signed.
    """
    import c2pa

    info = c2pa.C2paSignerInfo(
        alg=signatory.algorithm.encode(),
        sign_cert=signatory.chain,
        private_key=signatory.key,
        ta_url=None,
    )
    try:
        signer = c2pa.Signer.from_info(info)
    except c2pa.C2paError as error:
        raise ValueError(f"the certificate cannot sign ({_plain(error)}); {_NEEDED}") from error
    try:
        builder = c2pa.Builder(json.dumps(_manifest(provenance, title)), _context())
        builder.sign_file(source, target, signer)
    except c2pa.C2paError as error:
        if "certificate" in str(error).lower() or "cose" in str(error).lower():
            raise ValueError(f"the certificate cannot sign ({_plain(error)}); {_NEEDED}") from error
        raise MediaError(f"{title}: cannot be signed ({_plain(error)})") from error


_NEEDED = (
    "C2PA needs a chain of a leaf (not an authority; digitalSignature, emailProtection or "
    "documentSigning) and the authorities above it, all still valid"
)


def _manifest(provenance: Provenance, title: str) -> dict[str, Any]:
    """What is signed: made by a trained model, from a real photograph or not."""
    name, _, version = provenance.generator.partition(" ")
    kind = _WHOLLY if provenance.consent == "synthetic" else _PARTLY
    action = {"action": "c2pa.created", "digitalSourceType": _SOURCES + kind}
    return {
        "claim_generator_info": [{"name": name, "version": version}],
        "title": title,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": ASSERTION, "data": provenance.to_dict()},
        ],
    }


def read_credentials(path: str | Path, authority: bytes | None = None) -> Credentials:
    """What the manifest in a file says; never fails for what is in the file.

    Args:
        path: the file.
        authority: certificates (PEM) that are trusted; by default this machine's own.

    Raises:
        OSError: when the file cannot be read.
    """
    import c2pa

    trusted = _own_authority() if authority is None else authority
    with Path(path).open("rb") as file:
        kind = kind_of(file.read(16))
        file.seek(0)
        if not kind:
            return Credentials("impossible")
        try:
            reader = c2pa.Reader.try_create(kind, file, context=_context(trusted))
            if reader is None:
                return Credentials("none")
            with reader:
                return _summary(json.loads(reader.json()))
        except (c2pa.C2paError, ValueError) as error:
            return Credentials("unreadable", problems=(_plain(error),))


def _summary(store: dict[str, Any]) -> Credentials:
    """The active manifest in a few words."""
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = manifest.get("signature_info") or {}
    generators = manifest.get("claim_generator_info") or [{}]
    named = " ".join(str(generators[0][k]) for k in ("name", "version") if k in generators[0])
    data = {a.get("label"): a.get("data") for a in manifest.get("assertions", [])}
    actions = next((d for k, d in data.items() if str(k).startswith("c2pa.actions")), None) or {}
    sources = [
        a["digitalSourceType"] for a in actions.get("actions", []) if "digitalSourceType" in a
    ]
    ours = data.get(ASSERTION)
    failed = [status.get("code", "") for status in store.get("validation_status") or []]
    wrong = tuple(dict.fromkeys(code for code in failed if code != _UNKNOWN_SIGNER))
    state = {"Trusted": "trusted", "Valid": "untrusted"}.get(
        store.get("validation_state", ""), "broken"
    )
    return Credentials(
        state="broken" if wrong else state,
        signer=signature.get("common_name"),
        issuer=signature.get("issuer"),
        generator=named or None,
        source=str(sources[0]).rsplit("/", 1)[-1] if sources else None,
        provenance=ours if isinstance(ours, dict) else None,
        problems=wrong,
    )


_UNKNOWN_SIGNER = "signingCredential.untrusted"


def _context(trusted: bytes = b"") -> Any:
    """Settings: no network, no thumbnails, and whom to trust."""
    import c2pa

    trust = {"trust": {"user_anchors": trusted.decode()}} if trusted else {}
    return c2pa.Context(settings=c2pa.Settings.from_dict({**_OFFLINE, **trust}))


def _own_authority() -> bytes:
    """This machine's authority, where there is one."""
    try:
        return own_signatory(local_file()).authority if local_file().exists() else b""
    except (ValueError, OSError):
        return b""


def _plain(error: BaseException) -> str:
    """C2PA's words in one line."""
    return " ".join(str(error).split())
