import struct

import cv2
import numpy as np
import pytest
import torch

from sensorium import media, store, training
from sensorium.expressions.systems import ExpressionsSystem
from sensorium.media.marks import labelled, read_marks
from sensorium.media.stills import read_picture, write_still
from sensorium.worlds import portraits


@pytest.fixture(scope="module")
def actor(tmp_path_factory):
    """An untrained system that knows how to be happy and surprised."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        system = ExpressionsSystem(training.recipe("expressions-tiny").system).eval()
    folder = tmp_path_factory.mktemp("systems") / "actor"
    system.weights = folder.name
    return store.save(system, folder, store.Card(trained_on="nothing"))


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    """A drawn face."""
    path = tmp_path_factory.mktemp("faces") / "face.png"
    face = portraits.Face(portraits.identity(2), (0.0,) * 7)
    return write_still(path, portraits.draw(face, 96).frame)


@pytest.fixture
def animate(run, actor, portrait, tmp_path, monkeypatch):
    """Runs the command in an empty folder; says whose face it is, and that all of it is one."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, images=(portrait,), consent="synthetic", face="whole"):
        said = [] if consent is None else ["--consent", consent]
        said += [] if face is None else ["--face", face]
        return run("animate", *images, "--system", actor, *said, *arguments)

    return call


def test_the_command_of_the_guide(animate, portrait, tmp_path):
    ran = animate(
        "--expression", "happy", "--frames", "24", "--intensity", "0:0,12:1,24:0.3",
        "--out", "smile.mp4",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"{portrait}  (actor)"
    assert "happy up to 1.00: 24 frames, 1.00 s" in lines
    assert lines[-1] == "wrote smile.mp4" or lines[-2] == "wrote smile.mp4"
    found = media.probe(tmp_path / "smile.mp4")
    assert (found.video.frames, found.video.width, found.video.height) == (24, 256, 280)
    marks = read_marks(tmp_path / "smile.mp4")
    assert (marks.label, marks.credentials.state) == (True, "trusted")
    assert marks.metadata["consent"] == "synthetic"


def test_json(animate, portrait):
    ran = animate("--expression", "happy", "--frames", "5", "--rate", "8", "--json")
    (record,) = ran.records
    assert ran.code == 0
    assert record == {
        "file": str(portrait),
        "system": "actor",
        "out_of_domain": None,
        "unfamiliarity": None,
        "path": "face-happy.mp4",
        "frames": 5,
        "rate": 8.0,
        "expression": "happy",
        "peaks": {"happy": 1.0},
        "consent": "synthetic",
        "face": None,
    }


def test_mixtures_and_transitions(animate):
    (mixed,) = animate(
        "--mix", "happy=0.6", "--mix", "surprised=0.3", "--curve", "pulse", "--json"
    ).records
    assert mixed["expression"] == "happy+surprised"
    assert mixed["peaks"] == {"happy": 0.6, "surprised": 0.3}
    assert mixed["path"] == "face-happy-surprised.mp4"
    (turned,) = animate("--expression", "surprised", "--to", "happy", "--json").records
    assert turned["expression"] == "surprised>happy"
    assert turned["path"] == "face-surprised-to-happy.mp4"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["--out", "a.gif"], "a.gif"),
        (["--out", "deep/er/a.webp"], "deep/er/a.webp"),
        (["--out", "sheet.jpg"], "sheet.jpg"),
        (["--out", "frames"], "frames"),
        (["--out", "some", "--format", "gif"], "some/face-happy.gif"),
        (["--format", "sheet"], "face-happy.png"),
        (["--format", "frames"], "face-happy"),
    ],
)
def test_where_it_goes(animate, tmp_path, arguments, path):
    ran = animate("--expression", "happy", "--frames", "3", "--json", *arguments)
    assert ran.records[0]["path"] == path
    assert (tmp_path / path).exists()
    assert read_marks(tmp_path / path).synthetic


def test_several_pictures_share_a_folder(animate, portrait, tmp_path):
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "face.png"
    other.write_bytes(portrait.read_bytes())
    ran = animate(
        "--expression", "happy", "--frames", "2", "--format", "gif", "--out", "all", "--json",
        images=(portrait, "none.png", other),
    )  # fmt: skip
    assert ran.code == 1
    assert [r.get("path") for r in ran.records] == [
        "all/face-happy.gif", None, "all/face-happy-2.gif",
    ]  # fmt: skip
    assert "1 of 3 failed" in ran.err


def test_consent_must_be_said(animate, portrait, tmp_path):
    ran = animate("--expression", "happy", "--frames", "2", consent=None)
    assert ran.code == 1
    assert "whose face is this? nothing is said, say consent (--consent)" in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert animate("--expression", "happy", consent="yes").code == 2


def test_what_shows_nobody_says_so_itself(animate, tmp_path):
    made = animate("--expression", "happy", "--frames", "1", "--out", "drawn.gif")
    assert made.code == 0
    again = animate(
        "--expression", "happy", "--frames", "2", "--json", images=("drawn.gif",), consent=None
    )
    assert again.records[0]["consent"] == "synthetic"
    data = bytearray((tmp_path / "drawn.gif").read_bytes())
    data[-30] ^= 1
    (tmp_path / "changed.gif").write_bytes(data)
    assert animate("--expression", "happy", images=("changed.gif",), consent=None).code == 1


def test_marks_are_left_out_only_when_told(animate, tmp_path):
    animate("--expression", "happy", "--frames", "2", "--no-label", "--out", "a.gif")
    marks = read_marks(tmp_path / "a.gif")
    assert (marks.label, marks.credentials.state) == (False, "trusted")
    animate("--expression", "happy", "--frames", "2", "--no-credentials", "--out", "b.gif")
    marks = read_marks(tmp_path / "b.gif")
    assert (marks.label, marks.credentials.state) == (True, "none")


def test_ones_own_certificate(animate, tmp_path):
    from sensorium.media.marks.certificates import make_chain

    chain = make_chain()
    (tmp_path / "own.pem").write_bytes(chain.chain)
    (tmp_path / "key.pem").write_bytes(chain.key)
    sign = ["--certificate", "own.pem", "--key", "key.pem"]
    assert animate("--expression", "happy", "--frames", "2", "--out", "a.gif", *sign).code == 0
    assert read_marks(tmp_path / "a.gif").credentials.state == "untrusted"
    ran = animate("--expression", "happy", "--certificate", "own.pem")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "own.pem: no private key in it; expected PEM text (--key)" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--expression", "happpy"], "no expression 'happpy'; did you mean 'happy'?"),
        (["--expression", "sad"], "no expression 'sad'; known: happy, surprised"),
        (["--expression", "happy", "--to", "sad"], "no expression 'sad'"),
        (["--expression", "neutral"], "any expression at intensity 0"),
        (["--mix", "happy"], "got 'happy', expected EXPRESSION=SHARE"),
        (["--mix", "happy=x"], "got 'happy=x'"),
        (["--mix", "happy=2"], "share of 'happy' must lie in 0..1"),
        (["--expression", "happy", "--mix", "happy=1"], "got both"),
        ([], "got neither, expected either --expression or --mix"),
        (["--expression", "happy", "--intensity", "0:0,12"], "got '12', expected FRAME:DEGREE"),
        (["--expression", "happy", "--intensity", "0:2"], "lies in 0..1, got 2"),
        (
            ["--expression", "happy", "--intensity", "0:0,50:1", "--frames", "9"],
            "ask for --frames 50",
        ),
        (["--expression", "happy", "--curve", "pluse"], "did you mean 'pulse'"),
        (["--expression", "happy", "--curve", "ease", "--intensity", "0:0"], "both --curve and"),
        (["--expression", "happy", "--frames", "0"], "--frames must be 1 or more"),
        (["--expression", "happy", "--rate", "0"], "--rate must be above 0"),
        (["--expression", "happy", "--size", "9999"], "--size is 1 to 4096"),
        (["--expression", "happy", "--out", "a.avi"], "cannot be written as .avi"),
        (["--expression", "happy", "--out", "a.mp4", "--format", "gif"], "do not agree"),
        (["--expression", "happy", "--format", "avi"], "expected one of mp4, gif"),
        (["--expression", "happy", "--key", "k.pem"], "without its certificate"),
    ],
)
def test_wrong_usage_is_one_line(animate, tmp_path, arguments, said):
    ran = animate(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_other_wrong_usage(run, animate, portrait, system):
    assert "got no picture" in animate("--expression", "happy", images=()).err
    ran = animate("--expression", "happy", "--out", "a.mp4", images=(portrait, portrait))
    assert (ran.code, "for 2 pictures, expected a folder" in ran.err) == (2, True)
    ran = run("animate", portrait, "--expression", "happy", "--system", system)
    assert "both is a tsm, expected a system that animates faces" in ran.err
    for face, said in {
        "x": "expected auto, whole or",
        "0": "got '0'",
        "2": "needs a face finder",
    }.items():
        ran = animate("--expression", "happy", face=face)
        assert (ran.code, said in ran.err) == (2, True)


def odd_pictures(folder, portrait):
    """Pictures of every kind, made from one face."""
    face = cv2.imread(str(portrait))
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    alpha = np.full((*grey.shape, 1), 255, np.uint8)
    alpha[:20] = 0
    _, photo = cv2.imencode(".jpg", np.ascontiguousarray(np.rot90(face)))
    entry = struct.pack("<HHII", 0x112, 3, 1, 6)  # orientation: turn it clockwise
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    kinds = {
        "grey.png": grey,
        "deep.png": face.astype(np.uint16) * 257,
        "clear.png": np.concatenate([face, alpha], 2),
        "tiny.png": cv2.resize(face, (20, 20), interpolation=cv2.INTER_AREA),
        "huge.png": cv2.resize(face, (4000, 3000)),
        "dot.png": face[:1, :1],
        "wide.bmp": face[40:60],
    }
    for name, pixels in kinds.items():
        cv2.imwrite(str(folder / name), pixels)
    (folder / "turned.jpg").write_bytes(head + photo.tobytes()[2:])
    return sorted(p.name for p in folder.iterdir())


def test_odd_pictures(animate, portrait, tmp_path):
    (tmp_path / "odd").mkdir()
    names = odd_pictures(tmp_path / "odd", portrait)
    ran = animate(
        "--expression", "happy", "--frames", "2", "--out", "out", "--format", "gif", "--json",
        images=[f"odd/{name}" for name in names],
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert [r["frames"] for r in ran.records] == [2] * len(names)
    plain = read_picture(animate_to(animate, portrait, "plain.gif")).int()
    for name in ("deep", "turned"):
        other = read_picture(tmp_path / "out" / f"{name}-happy.gif").int()
        assert (other - plain).abs().float().mean() < 4


def animate_to(animate, image, out):
    animate("--expression", "happy", "--frames", "2", "--out", out, images=(image,))
    return out


def test_what_is_no_picture_is_one_line_each(animate, portrait, tmp_path):
    whole = portrait.read_bytes()
    bad = {"half.png": whole[: len(whole) // 2], "empty.png": b"", "text.png": b"hello " * 50}
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    ran = animate("--expression", "happy", "--json", images=(*bad, "none.png"))
    assert ran.code == 1
    assert [sorted(record) for record in ran.records] == [["error", "file"]] * 4
    assert ran.err.count("\n") == 5  # one each, and the count


def test_without_a_face_finder_it_says_so_once(animate, portrait, tmp_path):
    ran = animate("--expression", "happy", "--frames", "2", images=(portrait, portrait), face=None)
    assert ran.code == 0
    assert ran.err.startswith("note: no face finder (--face-model FILE: YuNet's .onnx)")
    assert ran.err.count("\n") == 1


def bright(*corners):
    picture = torch.zeros(3, 96, 160, dtype=torch.uint8)
    for x, y in corners:
        picture[:, y : y + 32, x : x + 32] = 255
    return picture


def test_faces_are_found(animate, face_model, tmp_path):
    write_still(tmp_path / "none.png", bright())
    write_still(tmp_path / "one.png", bright((32, 32)))
    write_still(tmp_path / "two.png", bright((64, 32), (128, 0)))
    options = ["--face-model", face_model, "--frames", "2", "--expression", "happy", "--json"]
    ran = animate(*options, images=("none.png", "one.png", "two.png"), face=None)
    none, one, two = ran.records
    assert "no face is found in the picture; give one that shows a face" in none["error"]
    assert one["face"]["box"] == [32, 32, 64, 64]
    assert two["face"] == {"box": [64, 32, 96, 64], "score": 0.9167, "found": 2}
    assert "note: two.png: 2 faces, number 1 from the left is taken; --face N takes" in ran.err
    ran = animate(*options, images=("two.png",), face="2")
    assert ran.records[0]["face"]["box"] == [128, 0, 160, 32]
    assert "note" not in ran.err
    assert "no face 3: 2 found" in animate(*options, images=("two.png",), face="3").err
    (tmp_path / "bad.onnx").write_bytes(b"hello" * 100)
    ran = animate("--expression", "happy", "--face-model", "bad.onnx", face=None)
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_the_whole_picture_around_the_face(animate, face_model, tmp_path):
    scene = bright((32, 32))
    scene[0, :, 110:] = 90
    write_still(tmp_path / "one.png", scene)
    ran = animate(
        "--face-model", face_model, "--frames", "2", "--expression", "happy", "--paste",
        "--out", "frames", images=("one.png",), face=None,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    made = read_picture(tmp_path / "frames" / "frame-0001.png")
    assert made.shape == labelled(scene).shape
    assert torch.equal(made[:, :96, 110:], scene[:, :, 110:])
    assert not torch.equal(made[:, 32:64, 32:64], scene[:, 32:64, 32:64])


def test_the_picture_itself_is_spared(animate, portrait, tmp_path):
    own = tmp_path / "face.png"
    own.write_bytes(portrait.read_bytes())
    frames = tmp_path / "frames"
    assert animate("--expression", "happy", "--frames", "2", "--out", "frames").code == 0
    before = {p.name: p.read_bytes() for p in frames.iterdir()}
    for image, out in (("face.png", "face.png"), ("frames/frame-0001.png", "frames")):
        ran = animate("--expression", "happy", "--frames", "1", "--out", out, images=(image,))
        assert ran.code == 1
        assert "would be written over the picture itself; name another --out" in ran.err
    assert own.read_bytes() == portrait.read_bytes()
    assert {p.name: p.read_bytes() for p in frames.iterdir()} == before
