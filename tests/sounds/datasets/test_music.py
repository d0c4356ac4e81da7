import json

import pytest

from sensorium.sounds.datasets.kinds import read_listing
from sensorium.sounds.datasets.manifest import Item
from sensorium.sounds.datasets.music import CLASSES, together


def solo_list(make, videos, name="MUSIC_solo_videos.json"):
    return make.text(name, json.dumps({"version": 1.0, "videos": videos}))


def test_ids_with_dashes_are_found_in_every_layout(make, tmp_path):
    film = make.film("cello/-5ZpSQa4Lz0.mp4", 0.25)
    sound = make.sound("data/audio/tuba/_idF1Hf3-CI.wav", 0.25)
    frames = make.frames("data/frames/tuba/_idF1Hf3-CI.mp4", 2)
    titled = make.film("downloads/A song [TREfn2OfujU].mp4", 0.25)
    path = solo_list(
        make, {"cello": ["-5ZpSQa4Lz0", "TREfn2OfujU"], "tuba": ["_idF1Hf3-CI", "aaaaaaaaaaa"]}
    )
    listing = read_listing(path)
    assert listing.kind == "music"
    by_uid = {item.uid: item for item in listing.items}
    assert by_uid["cello/-5ZpSQa4Lz0"].video_path == film
    assert by_uid["cello/TREfn2OfujU"].video_path == titled
    tuba = by_uid["tuba/_idF1Hf3-CI"]
    assert (tuba.audio_path, tuba.frames_dir, tuba.fps) == (sound, frames, 8.0)
    assert by_uid["tuba/aaaaaaaaaaa"].status == "missing: sound and picture of aaaaaaaaaaa"
    assert listing.classes == ("cello", "tuba")


def test_duets_are_two_classes(make, tmp_path):
    make.film("duet/cello acoustic_guitar/abcdefghijk.mp4", 0.25)
    make.film("solo/cello/bbbbbbbbbbb.mp4", 0.25)
    solo_list(make, {"cello acoustic_guitar": ["abcdefghijk"]}, "MUSIC_duet_videos.json")
    solo_list(make, {"cello": ["bbbbbbbbbbb"]})
    listing = read_listing(tmp_path)
    assert {item.label for item in listing.items} == {"cello+acoustic_guitar", "cello"}
    assert all(item.usable for item in listing.items)
    assert listing.classes == ("acoustic_guitar", "cello")


def test_half_a_recording_is_missing(make):
    make.sound("audio/cello/abcdefghijk.wav", 0.25)
    make.frames("frames/cello/bbbbbbbbbbb.mp4", 2)
    path = solo_list(make, {"cello": ["abcdefghijk", "bbbbbbbbbbb"]})
    statuses = [item.status for item in read_listing(path).items]
    assert statuses == ["missing: the picture of abcdefghijk", "missing: the sound of bbbbbbbbbbb"]


@pytest.mark.parametrize(
    ("videos", "said"),
    [
        ({"cello": ["../../etc"]}, "got the id '../../etc'"),
        ({"cello": [7]}, "got the id 7"),
        ({"cello": [""]}, "got the id ''"),
        ({"cello": "abcdefghijk"}, "got str, expected a list of ids"),
        ({}, 'no entry "videos"'),
    ],
)
def test_a_malformed_list_is_one_line(make, videos, said):
    path = solo_list(make, videos)
    with pytest.raises(ValueError, match=said):
        read_listing(path, "music")


def test_a_folder_without_a_list_is_said(make, tmp_path):
    make.film("cello/a.mp4", 0.25)
    with pytest.raises(ValueError, match="no MUSIC list"):
        read_listing(tmp_path, "music")


def test_only_instruments_are_joined():
    assert together("acoustic_guitar violin") == "acoustic_guitar+violin"
    assert together("playing violin fiddle") == "playing violin fiddle"
    assert together("violin") == "violin"
    assert len(CLASSES) == 21


def test_the_same_id_listed_twice_is_one_recording(make):
    film = make.film("cello/abcdefghijk.mp4", 0.25)
    path = solo_list(make, {"cello": ["abcdefghijk", "abcdefghijk"]})
    (item,) = read_listing(path).items
    assert item == Item("cello/abcdefghijk", "cello", video_path=film, split=item.split)
