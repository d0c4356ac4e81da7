import json
import shutil
import wave
from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.prepared import Form, Prepared
from sensorium.sounds.datasets.recordings import open_mixtures
from sensorium.sounds.preparing import folder_of, prepare

FORM = Form(size=24)


def done(data, out, form=FORM, **how):
    """Every outcome, by uid."""
    outcomes = prepare(read_listing(data, **how), out, form, workers=1)
    return {o.item.uid: o for o in outcomes}


@pytest.fixture
def own(make, tmp_path):
    """Two films and one that is none."""
    make.film("own/cello/a.mp4", 2.0, fps=16.0)
    make.film("own/flute/b.mp4", 1.5, hz=880.0)
    make.text("own/flute/bad.mp4", "no film")
    return tmp_path / "own"


def test_sound_and_pictures_are_there_at_one_rate(own, tmp_path, told):
    outcomes = done(own, tmp_path / "out")
    assert {uid: o.item.usable for uid, o in outcomes.items()} == {
        "cello/a": True,
        "flute/b": True,
        "flute/bad": False,
    }
    prepared = Prepared(tmp_path / "out")
    sound = prepared.window("cello/a", 0, 22050)
    spectrum = torch.fft.rfft(sound[2000:20000]).abs()
    assert float(spectrum.argmax()) * 11025 / 18000 == pytest.approx(440, abs=1)
    assert float(sound.abs().max()) == pytest.approx(0.3, abs=0.05)
    frames = prepared.frames("cello/a", [0.0, 0.55, 1.3, 1.9])
    assert frames.shape == (4, 3, 24, 36)
    levels = frames.float().mean((1, 2, 3)) - 3.5
    expected = [told(t) for t in (0.06, 0.56, 1.31, 1.94)]
    assert levels.tolist() == pytest.approx(expected, abs=2.5)


def test_the_sound_is_sixteen_bit_mono_that_any_player_opens(own, tmp_path):
    item = done(own, tmp_path / "out")["cello/a"].item
    with wave.open(str(item.audio_path)) as file:
        form = file.getnchannels(), file.getsampwidth(), file.getframerate()
        assert form == (1, 2, 11025)
        assert file.getnframes() == pytest.approx(2 * 11025, abs=1200)
        values = np.frombuffer(file.readframes(11025), "<i2")
    heard = Prepared(tmp_path / "out").window("cello/a", 0, 11025)
    np.testing.assert_allclose(heard.numpy(), values / 32768, atol=1e-7)


def test_the_manifest_holds_nothing_outside_of_the_folder(own, tmp_path):
    out = tmp_path / "out"
    done(own, out)
    moved = shutil.move(out, tmp_path / "elsewhere")
    listing = read_listing(moved)
    assert listing.kind == "prepared"
    assert listing.classes == ("cello", "flute")
    status = {item.uid: item.status.partition(":")[0] for item in listing.items}
    assert status == {"cello/a": "ok", "flute/b": "ok", "flute/bad": "failed"}
    assert str(own) not in "".join(
        line for line in (moved / "manifest.csv").read_text().splitlines() if "bad" not in line
    )


def test_a_second_run_skips_what_is_there_and_tries_again_what_failed(own, make, tmp_path):
    out = tmp_path / "out"
    first = done(own, out)
    stamp = first["cello/a"].item.audio_path.stat().st_mtime_ns
    make.film("own/flute/bad.mp4", 1.0)
    second = done(own, out)
    assert {uid: o.skipped for uid, o in second.items()} == {
        "cello/a": True,
        "flute/b": True,
        "flute/bad": False,
    }
    assert second["flute/bad"].item.usable
    assert second["cello/a"].item.audio_path.stat().st_mtime_ns == stamp
    assert second["cello/a"].item == first["cello/a"].item


def test_a_source_that_changed_is_prepared_anew(own, make, tmp_path):
    out = tmp_path / "out"
    done(own, out)
    make.film("own/cello/a.mp4", 3.0)
    again = done(own, out)
    assert not again["cello/a"].skipped
    assert again["cello/a"].item.duration == pytest.approx(3.0, abs=0.1)
    assert again["flute/b"].skipped


def test_a_run_that_was_stopped_goes_on(own, tmp_path):
    out = tmp_path / "out"
    run = prepare(read_listing(own), out, FORM, workers=1)
    first = next(run)
    run.close()
    listed = {i.uid: i.status for i in Prepared(out).items}
    assert listed[first.item.uid] == "ok"
    assert "failed: not prepared yet" in listed.values()
    assert list((out / "items").glob(".writing-*")) == []
    second = done(own, out)
    assert second[first.item.uid].skipped
    assert {i.uid: i.status for i in Prepared(out).items if i.usable} == {
        "cello/a": "ok",
        "flute/b": "ok",
    }


def test_half_written_folders_of_a_dead_run_are_removed(own, tmp_path):
    out = tmp_path / "out"
    done(own, out)
    left = out / "items" / ".writing-999999999-abc"
    left.mkdir()
    (left / "sound.wav").write_bytes(b"half")
    done(own, out)
    assert not left.exists()


def test_another_form_and_foreign_folders_are_refused(own, tmp_path):
    out = tmp_path / "out"
    done(own, out)
    with pytest.raises(ValueError, match="was prepared with size 24, asked for 32"):
        done(own, out, replace(FORM, size=32))
    with pytest.raises(ValueError, match="holds other things"):
        done(own, own)
    with pytest.raises(ValueError, match="prepared already"):
        done(out, tmp_path / "twice")


@pytest.mark.parametrize(
    ("field", "value"), [("rate", 10), ("fps", 0.0), ("size", 0), ("quality", 101)]
)
def test_forms_that_cannot_be(field, value):
    with pytest.raises(ValueError, match=f"{field} must be"):
        Form(**{field: value})


@pytest.mark.parametrize("uid", ["../../etc/passwd", "/abs/olute", "a\nb", "..", "", "x" * 400])
def test_whatever_a_recording_is_called_its_folder_is_inside(uid):
    name = folder_of(uid)
    assert "/" not in name
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert len(name) < 100
    assert folder_of(uid) != folder_of(uid + "x")


def test_hostile_uids_stay_inside(make, tmp_path):
    make.film("a.mp4", 0.5)
    path = make.text("list.csv", "uid,class,video_path", "../../evil,cello,a.mp4")
    out = tmp_path / "deep/out"
    done(path, out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "deep", "list.csv"]
    assert len(Prepared(out).window("../../evil", 0, 100)) == 100


def test_a_film_of_one_picture(make, tmp_path):
    make.film("own/cello/a.mp4", 0.125)
    item = done(tmp_path / "own", tmp_path / "out")["cello/a"].item
    assert item.usable
    assert item.n_frames == 1
    frames = Prepared(tmp_path / "out").frames("cello/a", [0.0, 5.0])
    assert torch.equal(frames[0], frames[1])


def test_silence_on_purpose_is_prepared(make, tmp_path):
    make.frames("ade/x.mp4", 8)
    path = make.text("index.csv", "data/silent,ade/x.mp4,8")
    out = tmp_path / "out"
    (outcome,) = done(path, out, kind="sop").values()
    assert (outcome.item.status, outcome.item.n_frames) == ("silent", 8)
    assert not Prepared(out).window(outcome.item.uid, 0, 2000).any()


def test_damaged_files_of_a_prepared_folder_say_what_to_do(own, tmp_path):
    out = tmp_path / "out"
    item = done(own, out)["cello/a"].item
    data = item.video_path.read_bytes()
    item.video_path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="run sensorium prepare again"):
        Prepared(out).frames("cello/a", [1.9])
    np.save(item.video_path.with_suffix(".npy"), np.array([0, 2**62], np.int64))
    with pytest.raises(ValueError, match="run sensorium prepare again"):
        Prepared(out).frames("cello/a", [0.0])
    item.audio_path.write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="run sensorium prepare again"):
        Prepared(out).window("cello/a", 0, 10)
    (out / "prepared.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="format 99, expected 1"):
        Prepared(out)


def test_colours_and_the_shape_of_the_picture_stay(make, tmp_path):
    frames = torch.empty(8, 3, 32, 64, dtype=torch.uint8)
    frames[:, 0], frames[:, 1], frames[:, 2] = 220, 120, 30
    frames[..., 32:] = 255 - frames[..., 32:]
    (tmp_path / "own/cello").mkdir(parents=True)
    tone = make.tone(1.0, 22050)
    media.write(tmp_path / "own/cello/a.mp4", frames, 8.0, audio=tone, rate=22050)
    done(tmp_path / "own", tmp_path / "out", Form(size=16))
    picture = Prepared(tmp_path / "out").frames("cello/a", [0.5])[0].float()
    assert picture.shape == (3, 16, 32)
    assert picture[:, :, :12].mean((1, 2)).tolist() == pytest.approx([220, 120, 30], abs=6)
    assert picture[:, :, 20:].mean((1, 2)).tolist() == pytest.approx([35, 135, 225], abs=6)


def test_published_mixtures_and_classes_of_duets_come_along(make, tmp_path):
    for name, label in (("a", "flute"), ("b", "tuba")):
        make.sound(f"set/{label}/{name}.wav", 1.0)
        make.frames(f"set/{label}/{name}.mp4", 1, fps=1.0)
    make.text("set/test.csv", "/flute/a.wav,/flute/a.mp4,1", "/tuba/b.wav,/tuba/b.mp4,1")
    make.text("set/test_sep.csv", "/tuba/b.wav, /flute/a.wav")
    done(tmp_path / "set", tmp_path / "out")
    ((tuba, flute),) = open_mixtures(tmp_path / "out")
    assert (tuba.label, flute.label) == (1, 0)
    assert tuba.samples(0.0, 100).shape == (100,)
