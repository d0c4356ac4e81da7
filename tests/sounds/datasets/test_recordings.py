import pickle

import pytest
import torch

from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.mixing import Mixing
from sensorium.sounds.datasets.prepared import Form
from sensorium.sounds.datasets.recordings import Reading, open_mixtures, open_recordings
from sensorium.sounds.preparing import prepare
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView

SPECTRA = SpectraConfig(bins=32, frames=32)
VIEW = SoundView(size=24, frames=2, stride=2)
ANY = Mixing(policy="any")


def pitch(sound, rate=11025):
    """The loudest frequency of a sound in hertz."""
    return float(torch.fft.rfft(sound).abs().argmax()) * rate / len(sound)


@pytest.fixture
def own(make, tmp_path):
    """Films of two classes in each of three splits, each film with a pitch of its own."""
    for s, split in enumerate(("train", "val", "test")):
        for c, label in enumerate(("cello", "flute")):
            for k in range(2):
                hz = 300.0 + 400 * c + 100 * k + 10 * s
                make.film(f"own/{split}/{label}/{split}{k}.mp4", 3.0, hz=hz)
    return tmp_path / "own"


@pytest.fixture
def prepared(own, tmp_path):
    list(prepare(read_listing(own), tmp_path / "prepared", Form(size=24), workers=1))
    return tmp_path / "prepared"


def data(root, **changes):
    return SoundData(
        **{
            "kind": "auto",
            "root": root,
            "spectra": SPECTRA,
            "view": VIEW,
            "testing": ANY,
            "length": 8,
            "held_out": 4,
            **changes,
        }
    )


@pytest.mark.parametrize("where", ["own", "prepared"])
def test_sound_and_pictures_of_films_and_of_what_was_prepared(where, own, prepared, tmp_path, told):
    recordings = open_recordings(tmp_path / where)
    assert recordings.classes == ("cello", "flute")
    assert [recordings.label(i) for i in range(len(recordings))] == [0, 0, 1, 1]
    assert recordings.twin(3) == 3
    flute = recordings[2]
    assert flute.label == 1
    assert flute.seconds == pytest.approx(3.0, abs=0.1)
    assert pitch(flute.samples(0.5, 11025)) == pytest.approx(700, abs=2)
    frames = flute.frames([0.06, 1.06, 2.56])
    levels = (frames.float().mean((1, 2, 3)) - 3.5).tolist()
    assert levels == pytest.approx([told(0.06), told(1.06), told(2.56)], abs=2.5)


@pytest.mark.parametrize("where", ["own", "prepared"])
def test_outside_of_a_recording_is_silence_and_the_nearest_picture(where, prepared, tmp_path):
    recording = open_recordings(tmp_path / where)[0]
    early = recording.samples(-1.0, 2 * 11025)
    assert not early[:11000].any()
    assert early[11100:].abs().max() > 0.2
    assert not recording.samples(4.0, 500).any()
    first, before = recording.frames([0.0, -3.0])
    assert torch.equal(first, before)


def test_pictures_of_films_are_made_smaller(own):
    assert open_recordings(own, reading=Reading(size=16))[0].frames([0.5]).shape == (1, 3, 16, 24)
    assert open_recordings(own, reading=Reading(size=0))[0].frames([0.5]).shape == (1, 3, 32, 48)


def test_recordings_pickle_into_workers_open_or_not(own):
    recording = open_recordings(own)[0]
    fresh = pickle.loads(pickle.dumps(recording))
    heard = recording.samples(0.5, 500)
    assert torch.equal(fresh.samples(0.5, 500), heard)
    assert torch.equal(pickle.loads(pickle.dumps(recording)).samples(0.5, 500), heard)


def test_there_are_no_silent_ones(own):
    with pytest.raises(ValueError, match=r"set --data\.mixing\.silent to 0"):
        open_recordings(own)[-1]
    with pytest.raises(ValueError, match=r"set --data\.mixing\.silent to 0"):
        data(own, mixing=Mixing(silent=0.1)).open("train")


def test_missing_recordings_end_a_run_or_are_left_out(make, own, caplog):
    make.text("own/train/flute/bad.mp4", "no film")
    with pytest.raises(ValueError, match=r"1 of 5 train .* flute/bad .*--data\.missing skip"):
        open_recordings(own)
    assert len(open_recordings(own, missing="skip")) == 4
    assert "1 of 5 train recordings cannot be used and are left out" in caplog.text


def test_prepared_sound_has_one_rate(prepared):
    with pytest.raises(ValueError, match="prepared at 11025 Hz, asked for at 8000 Hz"):
        open_recordings(prepared, reading=Reading(rate=8000))


def test_duets_are_not_mixed(make, tmp_path):
    make.film("a.mp4", 0.5)
    rows = ["a,cello,a.mp4,train", "b,cello+flute,a.mp4,train", "c,,a.mp4,val"]
    path = make.text("list.csv", "uid,class,video_path,split", *rows)
    train = open_recordings(path)
    assert [r.item.uid for r in (train[i] for i in range(len(train)))] == ["a"]
    assert train.classes == ("cello",)
    assert open_recordings(path, split="val").label(0) == -1
    both = open_recordings(path, reading=Reading(sources="any"))
    assert (len(both), both.label(1)) == (2, -1)
    assert both.classes == ("cello", "flute")


def test_val_serves_for_test_where_there_is_none(make):
    make.film("a.mp4", 0.5)
    rows = ["a,cello,a.mp4,train", "b,cello,a.mp4,val"]
    path = make.text("list.csv", "uid,class,video_path,split", *rows)
    assert open_recordings(path, split="test")[0].item.uid == "b"
    only_train = make.text("other.csv", "uid,class,video_path,split", "b,cello,a.mp4,val")
    with pytest.raises(ValueError, match="no train recording of a single class"):
        open_recordings(only_train)


def test_published_mixtures(make, tmp_path):
    for name, label in (("a", "flute"), ("b", "tuba")):
        make.sound(f"{label}/{name}.wav", 1.0, hz=300.0 if name == "a" else 900.0)
        make.frames(f"{label}/{name}.mp4", 1, fps=1.0)
    make.text("test.csv", "/flute/a.wav,/flute/a.mp4,1", "/tuba/b.wav,/tuba/b.mp4,1")
    with pytest.raises(ValueError, match="lists no test mixtures"):
        open_mixtures(tmp_path)
    make.text("test_sep.csv", "/flute/a.wav, /tuba/b.wav")
    ((flute, tuba),) = open_mixtures(tmp_path)
    assert (flute.label, tuba.label) == (0, 1)
    assert pitch(tuba.samples(0.0, 9000)) == pytest.approx(900, abs=2)


@pytest.mark.parametrize("where", ["own", "prepared"])
def test_mixtures_of_films_and_of_what_was_prepared(where, own, prepared, tmp_path):
    opened = data(tmp_path / where).open("train")
    example = opened.example(2, seed=7)
    assert example["waves"].shape == (2, SPECTRA.samples)
    assert example["frames"].shape == (2, 2, 3, 24, 24)
    assert example["label"][0] == 1
    again = opened.example(2, seed=7)
    assert all(torch.equal(example[key], again[key]) for key in example)
    first, second = (pitch(wave) for wave in example["waves"])
    assert abs(first - second) > 20
    held_out = data(tmp_path / where).open("val")
    assert len(held_out) == 4
    assert held_out.example(3, 0)["waves"].abs().max() > 0.05


def test_the_system_takes_over_the_classes(own):
    from sensorium.sounds.systems import PixelsSystemConfig

    config = data(own).adapt(PixelsSystemConfig())
    assert config.classes == ("cello", "flute")
    assert (config.spectra, config.view) == (SPECTRA, VIEW)


def test_whole_films_to_calibrate_on(own):
    clips = list(data(own).clips("val"))
    assert [c.name.rpartition("/")[2] for c in clips] == ["val0.mp4", "val1.mp4"] * 2
    assert clips[0].need_video().frames([0.5]).shape == (1, 3, 32, 48)


def test_lists_and_media_may_lie_apart(make, own, tmp_path):
    rows = [f"{k},cello,train/cello/train{k}.mp4,train" for k in range(2)]
    path = make.text("lists/list.csv", "uid,class,video_path,split", *rows)
    assert len(data(own, annotations=path).open("train").recordings) == 2
    with pytest.raises(ValueError, match="2 of 2 train recordings cannot be used"):
        data(path).open("train")


def test_what_cannot_be_mixed_is_refused_before_training(make, tmp_path):
    make.film("a.mp4", 0.5)
    path = make.text("list.csv", "uid,class,video_path,split", "a,cello,a.mp4,train")
    with pytest.raises(ValueError, match="1 train recordings cannot be mixed 2 at a time"):
        data(path).open("train")
    assert len(data(path, mixing=Mixing(policy="same-video")).open("train")) == 8


def test_without_a_root_it_is_asked_for():
    with pytest.raises(ValueError, match=r"auto: no data folder given; set --data\.root"):
        data(None).open("train")
    with pytest.raises(ValueError, match=r"set --data\.root"):
        data(None).classes()


def test_the_data_in_words():
    words = "2 mixed (any), 0.74 s at 11025 Hz with 2 pictures of 24 x 24 pixels"
    assert str(data("media/own")) == f"auto in own, {words}"
    assert str(data("x", annotations="lists/list.csv")) == f"auto in list.csv, {words}"
    assert str(data(None, kind="stage")) == f"the procedural stage: 8 solos of 12 s, {words}"
