import pytest
import torch

from sensorium import media
from sensorium.media.loops import write_loop
from sensorium.media.marks import Provenance, labelled, local_signatory, marked
from sensorium.media.stills import write_still

SAID = Provenance("expressions", "self", {"expression": "happy"})


def frames(count=6, height=64, width=64):
    ramp = torch.linspace(0, 200, width).to(torch.uint8).expand(count, 3, height, width)
    return ramp + 8 * torch.arange(count, dtype=torch.uint8)[:, None, None, None]


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "made.mp4"
    with marked(path, SAID, local_signatory()) as draft:
        tags = media.Encoding(metadata={"comment": SAID.to_json()})
        media.write(draft, [labelled(frame) for frame in frames()], 12.0, encoding=tags)
    return path


def test_a_marked_film(run, film):
    ran = run("info", film)
    assert (ran.code, ran.err) == (0, "")
    told = {line.strip()[:17].strip(): line.strip()[17:] for line in ran.out.splitlines()[1:]}
    assert told["file"].endswith(" 0.50 s")
    assert told["picture"] == "h264, 64 x 76, 12 per second, 6 frames"
    assert told["visible label"] == "AI-GENERATED, below the picture"
    assert told["plain metadata"].endswith("consent self; expression happy")
    assert told["credentials"] == "signed and unchanged; the signer is known here"
    assert "no mark proves nothing" not in ran.out


def test_json(run, film):
    (record,) = run("info", film, "--json").records
    assert record["file"] == str(film)
    assert record["seconds"] == 0.5
    assert record["video"]["codec"] == "h264"
    assert record["marks"]["synthetic"] is True
    assert record["marks"]["metadata"]["consent"] == "self"
    assert record["marks"]["credentials"]["state"] == "trusted"


def test_a_changed_film(run, film):
    data = bytearray(film.read_bytes())
    data[-50] ^= 4
    film.write_bytes(data)
    ran = run("info", film)
    assert "BROKEN: the file or its manifest was changed after it was signed" in ran.out
    assert ran.code == 0


def test_what_carries_no_mark(run, video, tmp_path):
    ran = run("info", video)
    assert "(no mark proves nothing" in ran.out
    (record,) = run("info", video, "--json").records
    assert record["marks"]["synthetic"] is False
    media.write_audio(tmp_path / "a.wav", torch.zeros(1, 8000), 8000)
    ran = run("info", tmp_path / "a.wav")
    assert ran.code == 0
    assert "sound            pcm_s16le, 8000 Hz, 1 channels" in ran.out
    assert "cannot be looked at" in ran.out


def test_pictures_loops_and_folders(run, tmp_path):
    write_still(tmp_path / "a.png", frames()[0])
    write_loop(tmp_path / "a.gif", frames(), 12.0)
    write_loop(tmp_path / "a.webp", frames(), 12.0)
    (tmp_path / "f").mkdir()
    for number, frame in enumerate(frames()):
        write_still(tmp_path / "f" / f"frame-{number:04d}.png", labelled(frame))
    names = [tmp_path / name for name in ("a.png", "a.gif", "a.webp", "f")]
    ran = run("info", *names, "--json")
    assert ran.code == 0
    still, gif, webp, folder = ran.records
    assert (still["video"]["width"], still["video"]["height"]) == (64, 64)
    assert gif["seconds"] == pytest.approx(0.5, abs=0.02)
    assert webp["seconds"] == pytest.approx(0.5, abs=0.002)
    assert webp["video"]["frames"] == folder["video"]["frames"] == 6
    assert [record["marks"]["label"] for record in ran.records] == [False, False, False, True]
    assert "picture          webp, 64 x 64, 6 frames" in run("info", names[2]).out


def test_weights(run, system):
    ran = run("info", system, "tsm")
    assert ran.code == 0
    assert "trained on       nothing" in ran.out
    assert "paper            Lin, Gan, Han" in ran.out
    saved, bundled = run("info", system, "tsm", "--json").records
    assert (saved["system"], bundled["file"]) == ("tsm", "tsm")
    assert bundled["metrics"]["top1"] > 0.5


def test_what_cannot_be_read(run, tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty").mkdir()
    ran = run("info", "none.mp4", tmp_path / "text.mp4", tmp_path / "empty", "--json")
    assert ran.code == 1
    assert [sorted(record) for record in ran.records] == [["error", "file"]] * 3
    assert "3 of 3 failed" in ran.err
    assert run("info").code == 2
