import json
from dataclasses import replace

import c2pa
import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.media import MediaError
from sensorium.media.marks import (
    CONSENTS,
    Marking,
    Provenance,
    check_consent,
    labelled,
    local_signatory,
    marked,
    read_credentials,
    read_marks,
)
from sensorium.media.marks.certificates import Signatory, make_chain
from sensorium.media.stills import read_picture, write_still

from .conftest import SAID, SUFFIXES


@pytest.fixture(scope="module")
def chain():
    return make_chain()


@pytest.fixture
def marked_file(plain_file, chain, tmp_path):
    """Writes a marked file of a suffix."""

    def write(suffix, signatory=chain, said=SAID):
        path = tmp_path / f"made{suffix}"
        with marked(path, said, signatory) as draft:
            plain_file(tmp_path, suffix, comment=said.to_json()).replace(draft)
        return path

    return write


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_layer_is_read_back_on_its_own(marked_file, suffix):
    path = marked_file(suffix)
    marks = read_marks(path)
    assert marks.metadata == SAID.to_dict()
    assert marks.label is False
    assert marks.synthetic
    credentials = marks.credentials
    assert credentials.state == "untrusted"
    assert credentials.problems == ()
    assert credentials.provenance == SAID.to_dict()
    assert credentials.signer == "Sensorium signer"
    assert credentials.generator == SAID.generator
    assert credentials.source == "compositeWithTrainedAlgorithmicMedia"
    assert json.loads(json.dumps(marks.to_dict()))["credentials"]["state"] == "untrusted"
    assert "who signed is known to nobody here" in "\n".join(marks.lines())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_marks_change_no_picture(plain_file, chain, tmp_path, suffix):
    before, path = plain_file(tmp_path, suffix), tmp_path / f"made{suffix}"
    with marked(path, SAID, chain) as draft:
        draft.write_bytes(before.read_bytes())
    assert torch.equal(read_picture(path), read_picture(before))
    assert path.stat().st_size - before.stat().st_size < 8000  # no thumbnails
    if suffix not in (".png", ".jpg", ".webp"):
        assert media.probe(path).seconds == media.probe(before).seconds


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_changed_byte_is_noticed(marked_file, suffix):
    path = marked_file(suffix)
    data = bytearray(path.read_bytes())
    at = {".png": -20, ".gif": -3}.get(suffix, len(data) - 40)
    data[at] ^= 1
    path.write_bytes(data)
    credentials = read_credentials(path)
    assert credentials.state == "broken"
    assert any("mismatch" in problem.lower() for problem in credentials.problems)
    assert "BROKEN" in "\n".join(read_marks(path).lines())


def test_changed_metadata_are_noticed_by_the_signature_alone(marked_file):
    path = marked_file(".png")
    data = path.read_bytes()
    assert data.count(b'"consent": "self"') == 1  # the manifest is no JSON
    path.write_bytes(data.replace(b'"consent": "self"', b'"consent": "none"'))
    marks = read_marks(path)
    assert marks.metadata["consent"] == "none"
    assert marks.credentials.state == "broken"
    assert marks.credentials.provenance["consent"] == "self"


def test_re_encoding_loses_what_is_not_visible(marked_file, tmp_path):
    path = marked_file(".png")
    again = write_still(tmp_path / "again.png", read_picture(path))
    marks = read_marks(again)
    assert (marks.metadata, marks.credentials.state, marks.synthetic) == (None, "none", False)
    assert "no mark proves nothing" in "\n".join(marks.lines())
    seen = read_marks(write_still(tmp_path / "seen.png", labelled(read_picture(path))))
    assert seen.label is True
    assert seen.synthetic
    assert "no mark proves nothing" not in "\n".join(seen.lines())


def test_this_machine_knows_its_own(marked_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = marked_file(".png", local_signatory())
    assert read_credentials(path).state == "trusted"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    assert read_credentials(path).state == "untrusted"
    assert not (tmp_path / "elsewhere").exists()  # reading makes no certificate


def test_an_authority_that_is_given_is_trusted(marked_file, chain):
    path = marked_file(".jpg")
    assert read_credentials(path, chain.authority).state == "trusted"
    assert read_credentials(path, make_chain().authority).state == "untrusted"


def test_c2pa_itself_agrees(marked_file):
    path = marked_file(".mp4", said=replace(SAID, consent="synthetic"))
    with c2pa.Reader(str(path)) as reader:
        assert reader.get_validation_state() == "Valid"
        (manifest,) = json.loads(reader.json())["manifests"].values()
    actions = next(a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    (action,) = actions["data"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert "thumbnail" not in json.dumps(manifest)


def test_without_a_signature(marked_file):
    marks = read_marks(marked_file(".gif", None))
    assert marks.metadata == SAID.to_dict()
    assert marks.credentials.state == "none"


def test_certificates_that_cannot_sign_are_one_line(marked_file, chain):
    leaf = chain.chain.split(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----\n"
    for bad in (Signatory(chain.authority, chain.key), Signatory(b"junk", chain.key)):
        with pytest.raises(ValueError, match="the certificate cannot sign") as caught:
            marked_file(".png", bad)
        assert "\n" not in str(caught.value)
    assert read_credentials(marked_file(".png", Signatory(leaf, chain.key))).state == "untrusted"


def write_to(path, signatory, *, fails=False):
    with marked(path, SAID, signatory) as draft:
        write_still(draft, torch.zeros(3, 8, 8, dtype=torch.uint8))
        if fails:
            raise RuntimeError("stop")


def test_a_failure_leaves_nothing(tmp_path, chain):
    with pytest.raises(RuntimeError, match="stop"):
        write_to(tmp_path / "made" / "a.png", chain, fails=True)
    with pytest.raises(MediaError, match="carries no Content Credentials; write"):
        write_to(tmp_path / "made" / "a.mkv", chain)
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        write_to(tmp_path / "file" / "a.png", chain)
    assert list((tmp_path / "made").iterdir()) == []


def test_consent_is_said():
    assert [check_consent(basis) for basis in CONSENTS] == ["self", "written", "synthetic"]
    with pytest.raises(ValueError, match="whose face is this\\? nothing is said"):
        check_consent(None)
    with pytest.raises(ValueError, match="got 'yes', say consent .* self .* written .* synthetic"):
        check_consent("yes")


def test_what_is_said():
    said = SAID.to_dict()
    assert said["synthetic"] is True
    assert said["generator"].startswith("sensorium ")
    assert said["made"].endswith("Z")
    assert SAID.to_json().isascii()
    assert Provenance("x", "").to_dict()["consent"] == "not stated"
    with pytest.raises(ValueError, match="a key .* without its certificate"):
        Marking(key="k.pem")
    assert Marking(credentials=False).signatory() is None


def test_what_is_no_media_is_one_line(tmp_path):
    with pytest.raises(MediaError, match=r"none.png: cannot be read \(no such file"):
        read_marks(tmp_path / "none.png")
    (tmp_path / "folder").mkdir()
    with pytest.raises(MediaError, match="no frames in this folder"):
        read_marks(tmp_path / "folder")
    for name, data in {
        "a.png": b"hello",
        "b.mp4": b"",
        "c.txt": b"text",
        "d.gif": b"GIF89a",
    }.items():
        (tmp_path / name).write_bytes(data)
        marks = read_marks(tmp_path / name)
        assert (marks.label, marks.metadata, marks.synthetic) == (None, None, False)
        assert marks.credentials.state in ("impossible", "unreadable", "none")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".mp4"])
def test_damaged_files_never_crash_the_reader(marked_file, suffix):
    path = marked_file(suffix)
    whole = path.read_bytes()
    draw = np.random.default_rng(1)
    states = set()
    for _ in range(25):
        data = bytearray(whole[: draw.integers(1, len(whole) + 1)])
        for at in draw.integers(0, len(data), 5):
            data[at] = draw.integers(256)
        path.write_bytes(data)
        states.add(read_marks(path).credentials.state)
    assert "untrusted" not in states
    assert "trusted" not in states


def test_a_folder_is_told_by_its_first_frame(marked_file, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    marked_file(".png").replace(frames / "frame-0000.png")
    marks = read_marks(frames)
    assert marks.file == str(frames)
    assert marks.credentials.state == "untrusted"
