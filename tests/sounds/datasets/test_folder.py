from collections import Counter

import pytest

from sensorium.sounds.datasets.kinds import read_listing


def test_folders_are_classes(make, tmp_path):
    for name in ("cello/a.mp4", "cello/b.mp4", "cello/c.mp4", "flute/a.mp4", ".hidden/x.mp4"):
        make.film(name, 0.25)
    make.text("cello/notes.txt", "no film")
    listing = read_listing(tmp_path)
    assert listing.kind == "folder"
    assert listing.classes == ("cello", "flute")
    assert [item.uid for item in listing.items] == ["cello/a", "cello/b", "cello/c", "flute/a"]
    assert Counter(i.split for i in listing.items if i.label == "cello") == Counter(
        ("train", "val", "test")
    )


def test_split_folders_are_kept(make, tmp_path):
    for name in ("train/cello/a.mp4", "train/flute/b.mp4", "val/cello/a.mp4", "test/flute/c.mp4"):
        make.film(name, 0.25)
    found = {item.uid: item.split for item in read_listing(tmp_path).items}
    assert found == {
        "train/cello/a.mp4": "train",
        "flute/b": "train",
        "val/cello/a.mp4": "val",
        "flute/c": "test",
    }


def test_films_without_folders_have_one_class(make, tmp_path):
    for k in range(3):
        make.film(f"mine/{k}.mp4", 0.25)
    listing = read_listing(tmp_path / "mine")
    assert listing.classes == ("mine",)
    assert {item.split for item in listing.items} == {"train", "val", "test"}


def test_names_that_differ_in_the_suffix_alone_stay_apart(make, tmp_path):
    make.film("cello/a.mp4", 0.25)
    make.film("cello/a.mkv", 0.25)
    assert sorted(i.uid for i in read_listing(tmp_path).items) == ["cello/a.mkv", "cello/a.mp4"]


def test_frame_folders_are_named_and_left_out(make, tmp_path):
    make.film("cello/a.mp4", 0.25)
    make.frames("cello/b", 2)
    listing = read_listing(tmp_path)
    assert len(listing.items) == 1
    assert "cello/b: left out, frames without sound" in listing.notes[0]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(ValueError, match="no films in it"):
        read_listing(tmp_path, "folder")
