"""Who signs: the user's own certificate, or a chain made on this machine at first use.

C2PA wants a chain of at least an authority and a leaf. The one made here names nobody: it proves
that a file is unchanged since this machine signed it, not who that was, so readers elsewhere call
it untrusted. The authority's private key is thrown away once it has signed the leaf, and the
leaf's lies in one file that only the user may read.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

YEARS = 10
"""How long a chain made here is good for."""

_RENEW = timedelta(days=30)  # before its end a new one is made
_ORGANISATION = "Made on a user's machine, verified by nobody"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signatory:
    """A certificate chain with its private key.

    Attributes:
        chain: PEM, the leaf first.
        key: PEM, PKCS #8, not encrypted.
        algorithm: C2PA's name: ``es256``, ``es384``, ``es512``, ``ps256`` or ``ed25519``.
    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str = "es256"

    @property
    def authority(self) -> bytes:
        """The chain's last certificate, PEM."""
        begin = b"-----BEGIN CERTIFICATE-----"
        return begin + self.chain.split(begin)[-1]


def config_folder() -> Path:
    """Where this user's settings live: ``$XDG_CONFIG_HOME/sensorium``, ``~/.config/sensorium``."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    if named:
        return Path(named) / "sensorium"
    if sys.platform == "win32" and os.environ.get("APPDATA"):
        return Path(os.environ["APPDATA"]) / "sensorium"
    return Path.home() / ".config" / "sensorium"


def local_file() -> Path:
    """Where the chain and key of this machine lie."""
    return config_folder() / "credentials" / "signer.pem"


def own_signatory(certificate: str | Path, key: str | Path | None = None) -> Signatory:
    """The user's own certificate.

    Args:
        certificate: PEM: the leaf first, then the authorities above it.
        key: PEM, not encrypted; by default in the same file.

    Raises:
        ValueError: when they cannot be read or do not belong together.
    """
    chain = _bytes(certificate)
    secret = chain if key is None else _bytes(key)
    return _checked(chain, secret, str(certificate), str(key or certificate))


def local_signatory() -> Signatory:
    """This machine's chain; made when there is none yet, or when it is about to end.

    Where it cannot be kept, a chain for this call alone stands in, which is logged.

    Raises:
        ValueError: when the kept one cannot be read.
    """
    path = local_file()
    if path.exists():
        _tighten(path)
        kept = own_signatory(path)
        if _ends(kept) - datetime.now(UTC) > _RENEW:
            return kept
    made = make_chain()
    try:
        _keep(path, made)
    except OSError as error:
        _log.warning(
            "%s cannot be written (%s): signed with a key for this time only", path, error.strerror
        )
        return made
    return own_signatory(path)  # another process may have been first


def make_chain() -> Signatory:
    """A new authority and a leaf signed by it, both on the curve P-256."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    above, below = _name("Sensorium authority"), _name("Sensorium signer")
    own_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _draft(above, above, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(own_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _draft(below, above, leaf_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = leaf_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Signatory(leaf.public_bytes(pem) + authority.public_bytes(pem), key)


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
        ]
    )


def _draft(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _checked(chain: bytes, secret: bytes, where: str, where_key: str) -> Signatory:
    """Certificates and key of PEM texts that belong together."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise ValueError(f"{where}: no certificate in it; expected PEM text") from error
    start = secret.find(b"-----BEGIN", _key_at(secret))
    try:
        key = serialization.load_pem_private_key(secret[max(start, 0) :], password=None)
    except TypeError as error:
        raise ValueError(
            f"{where_key}: the private key is encrypted; give it without a password "
            "(openssl pkcs8 -topk8 -nocrypt)"
        ) from error
    except ValueError as error:
        raise ValueError(f"{where_key}: no private key in it; expected PEM text (--key)") from error
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    theirs = certificates[0].public_key().public_bytes(der, info)
    if key.public_key().public_bytes(der, info) != theirs:
        raise ValueError(f"{where_key}: this key does not belong to the certificate of {where}")
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    texts = b"".join(certificate.public_bytes(pem) for certificate in certificates)
    return Signatory(texts, plain, _algorithm(key, where_key))


def _key_at(text: bytes) -> int:
    """Where a private key begins in PEM text, which may hold certificates, too."""
    at = text.find(b"PRIVATE KEY-----")
    return max(0, text.rfind(b"-----BEGIN", 0, max(at, 0)))


def _algorithm(key: object, where: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in curves:
        return curves[key.curve.name]
    raise ValueError(
        f"{where}: a key of a kind that C2PA does not take; expected P-256, P-384, P-521, RSA or "
        "Ed25519"
    )


def _ends(signatory: Signatory) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(signatory.chain).not_valid_after_utc


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({(error.strerror or '').lower()})") from error


def _tighten(path: Path) -> None:
    """Takes away what others may do with the key."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        _log.warning("%s could be read by others; now only by you", path)
        path.chmod(0o600)


def _keep(path: Path, signatory: Signatory) -> None:
    """Writes the chain and key for this user only; a sound one that is there already stays.

    Raises:
        OSError: when that cannot be.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".signer-")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(signatory.chain + signatory.key)
        if path.exists():  # about to end
            os.replace(draft, path)
        else:
            _publish(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _publish(draft: str, path: Path) -> None:
    """Gives the file its name, unless another process was first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        os.replace(draft, path)
