"""Solos of the stage as recordings: determinism, splits, twins, the folder, other processes."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.sounds.datasets.stage import Solo, StageSolos
from sensorium.worlds.stage.script import INSTRUMENTS


def solos(**changes) -> StageSolos:
    made = {"split": "train", "count": 32, "seconds": 4.0, "size": 24, "fps": 4.0, "rate": 4000}
    return StageSolos(**(made | changes))


@pytest.fixture(scope="module")
def first() -> Solo:
    return solos()[0]


def same(a: Solo, b: Solo) -> bool:
    equal = np.array_equal(a.pictures, b.pictures) and np.array_equal(a.sound, b.sound)
    return equal and (a.label, a.fps, a.rate) == (b.label, b.fps, b.rate)


def test_a_solo_is_determined_by_its_number(first):
    assert same(first, solos()[0])
    assert first.pictures.shape == (16, 24, 24, 3)
    assert first.seconds == 4.0
    assert np.abs(first.sound).max() > 300  # it is not silent


def test_the_splits_share_no_seed():
    seen = {}
    for split in ("train", "val", "test"):
        for index in (*range(32), *range(-4, 0)):
            episode = solos(split=split).episode(index)
            assert episode.seed not in seen
            seen[episode.seed] = split
    rooms = [solos(split=s).episode(0).room for s in ("train", "val", "test")]
    assert len({str(room) for room in rooms}) == 3


def test_kinds_are_balanced():
    made = solos()
    labels = [made.label(i) for i in range(len(made))]
    assert np.bincount(labels).tolist() == [4] * len(INSTRUMENTS)
    assert made.episode(3).performers[0].kind == INSTRUMENTS[3]


def test_twins_share_the_look_but_not_the_notes():
    made = solos(twins=True)
    for index in (0, 5, 9, 31):
        twin = made.twin(index)
        assert twin != index
        assert made.twin(twin) == index
        assert made.label(twin) == made.label(index)
        a, b = (made.episode(i).performers[0] for i in (index, twin))
        assert (a.colour, a.costume, a.look, a.design) == (b.colour, b.costume, b.look, b.design)
        assert a.notes != b.notes
    assert solos().twin(5) == 5


def test_an_empty_stage_is_silent_and_has_no_class():
    empty = solos()[-1]
    assert empty.label == -1
    assert int(np.abs(empty.sound).max()) == 0
    assert not same(empty, solos()[-2])


def test_the_folder_gives_what_was_rendered(tmp_path: Path, first):
    kept = solos(cache=tmp_path)
    assert same(kept[0], first)
    assert len(list(tmp_path.rglob("*.npy"))) == 2
    assert not list(tmp_path.rglob("*.part"))
    assert same(solos(cache=tmp_path)[0], first)  # read, not rendered
    assert same(solos(cache=tmp_path, size=16)[0], solos(size=16)[0])  # kept apart


def test_another_process_gets_no_solos_but_renders_the_same(first):
    made = solos()
    made[0]
    copy = pickle.loads(pickle.dumps(made))
    assert len(pickle.dumps(made)) < 5_000
    assert same(copy[0], first)


def test_sound_outside_the_recording_is_silence(first):
    whole = torch.from_numpy(first.sound.astype(np.float32)) / 32768
    assert torch.equal(first.samples(0.0, len(whole)), whole)
    early = first.samples(-0.5, 4000)
    assert torch.equal(early[:2000], torch.zeros(2000))
    assert torch.equal(early[2000:], whole[:2000])
    late = first.samples(3.75, 4000)
    assert torch.equal(late[:1000], whole[-1000:])
    assert torch.equal(late[1000:], torch.zeros(3000))
    assert torch.equal(first.samples(9.0, 10), torch.zeros(10))


def test_the_picture_on_display(first):
    shown = first.frames([0.0, 0.24, 0.25, 3.99, 99.0])
    assert shown.shape == (5, 3, 24, 24)
    numbers = [0, 0, 1, 15, 15]
    for picture, number in zip(shown, numbers, strict=True):
        assert np.array_equal(picture.permute(1, 2, 0).numpy(), first.pictures[number])
