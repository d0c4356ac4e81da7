import logging
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from sensorium.media.marks import certificates
from sensorium.media.marks.certificates import (
    local_file,
    local_signatory,
    make_chain,
    own_signatory,
)

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config folder of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_chain_is_what_c2pa_asks_for():
    made = make_chain()
    leaf, authority = x509.load_pem_x509_certificates(made.chain)
    leaf.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(authority)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use.dotted_string for use in uses] == ["1.3.6.1.5.5.7.3.4"]
    assert leaf.not_valid_after_utc > datetime.now(UTC) + timedelta(days=365)
    names = leaf.subject.rfc4514_string() + authority.subject.rfc4514_string()
    assert not any(word in names for word in (os.uname().nodename, "@"))  # names nobody
    assert x509.load_pem_x509_certificate(made.authority) == authority
    assert "PRIVATE" not in repr(made)


def test_two_chains_have_nothing_in_common():
    a, b = make_chain(), make_chain()
    assert a.key != b.key
    assert a.authority != b.authority


def test_it_is_made_once_and_kept_for_the_user_alone(config):
    first = local_signatory()
    path = local_file()
    assert path == config / "sensorium" / "credentials" / "signer.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes().count(b"PRIVATE KEY-----") == 2  # one key: the leaf's
    assert [p.name for p in path.parent.iterdir()] == ["signer.pem"]
    assert local_signatory() == first


def test_loose_permissions_are_tightened(config, caplog):
    local_signatory()
    local_file().chmod(0o644)
    with caplog.at_level(logging.WARNING):
        local_signatory()
    assert stat.S_IMODE(local_file().stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text


def test_it_is_renewed_before_its_end(config, monkeypatch):
    monkeypatch.setattr(certificates, "YEARS", 0)
    old = local_signatory()
    monkeypatch.setattr(certificates, "YEARS", 10)
    new = local_signatory()
    assert new.chain != old.chain
    assert local_signatory() == new
    assert [p.name for p in local_file().parent.iterdir()] == ["signer.pem"]


def test_where_nothing_can_be_kept_it_is_for_once(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert local_signatory().chain != local_signatory().chain
    assert "signed with a key for this time only" in caplog.text


def test_a_kept_file_that_is_damaged_is_one_line(config):
    local_signatory()
    local_file().write_text("damaged")
    with pytest.raises(ValueError, match=r"signer.pem: no certificate in it") as caught:
        local_signatory()
    assert "\n" not in str(caught.value)


def pair(folder, chain, key):
    (folder / "c.pem").write_bytes(chain)
    (folder / "k.pem").write_bytes(key)
    return folder / "c.pem", folder / "k.pem"


def test_the_users_own(tmp_path):
    made = make_chain()
    certificate, key = pair(tmp_path, made.chain, made.key)
    assert own_signatory(certificate, key) == made
    both = tmp_path / "both.pem"
    for text in (made.chain + made.key, made.key + made.chain):
        both.write_bytes(text)
        assert own_signatory(both) == made
    with pytest.raises(ValueError, match=r"no private key in it; expected PEM text \(--key\)"):
        own_signatory(certificate)
    with pytest.raises(ValueError, match=r"none.pem: cannot be read \(no such file"):
        own_signatory(tmp_path / "none.pem")
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(ValueError, match=r"text.pem: no certificate in it"):
        own_signatory(tmp_path / "text.pem")


def test_a_key_of_another_certificate_or_with_a_password(tmp_path):
    made, other = make_chain(), make_chain()
    certificate, key = pair(tmp_path, made.chain, other.key)
    with pytest.raises(ValueError, match=r"k.pem: this key does not belong to .*c.pem"):
        own_signatory(certificate, key)
    secret = serialization.load_pem_private_key(made.key, None)
    locked = serialization.BestAvailableEncryption(b"word")
    key.write_bytes(secret.private_bytes(PEM, PKCS8, locked))
    with pytest.raises(ValueError, match="is encrypted; give it without a password"):
        own_signatory(certificate, key)


def test_kinds_of_keys():
    kinds = {
        "es256": ec.generate_private_key(ec.SECP256R1()),
        "es384": ec.generate_private_key(ec.SECP384R1()),
        "es512": ec.generate_private_key(ec.SECP521R1()),
        "ps256": rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    assert {certificates._algorithm(key, "k") for key in kinds.values()} == set(kinds)
    others = [ec.generate_private_key(ec.SECP256K1()), dsa.generate_private_key(2048)]
    for key in others:
        with pytest.raises(ValueError, match="k: a key of a kind that C2PA does not take"):
            certificates._algorithm(key, "k")
