import json

import pytest

from sensorium.sounds.datasets.kinds import read_listing


def test_time_stamps_are_parts_of_a_video(make, tmp_path):
    film = make.film("videos/Violin/_abcdefghij.mp4", 1.0)
    make.text("solos_ids.json", json.dumps({"Violin": ["_abcdefghij", "-bcdefghijk"]}))
    make.text("solos_timestamps.json", json.dumps({"Violin": {"_abcdefghij": [[0, 10], [15, 25]]}}))
    listing = read_listing(tmp_path)
    assert listing.kind == "solos"
    whole, first, second = sorted(listing.items, key=lambda item: item.uid)
    assert (first.uid, first.t0, first.t1, first.shot_id) == ("Violin/_abcdefghij#0", 0.0, 0.4, 0)
    assert (second.uid, second.t0, second.t1, second.shot_id) == (
        "Violin/_abcdefghij#1",
        0.6,
        1.0,
        1,
    )
    assert first.video_path == film
    assert first.split == second.split
    assert (whole.uid, whole.t1) == ("Violin/-bcdefghijk", 0.0)
    assert whole.status.startswith("missing")


def test_ids_alone_are_whole_videos(make):
    make.film("Violin/abcdefghijk.mp4", 0.25)
    (item,) = read_listing(make.text("ids.json", json.dumps({"Violin": ["abcdefghijk"]}))).items
    assert (item.uid, item.t0, item.t1, item.usable) == ("Violin/abcdefghijk", 0.0, 0.0, True)


@pytest.mark.parametrize(
    "stamps",
    [
        [[5, 5]],
        [[9, 3]],
        [[0]],
        ["0-9"],
        [[0, "9"]],
        [[-1, 9]],
        [[0, True]],
        7,
        [[0, float("nan")]],
    ],
)
def test_malformed_time_stamps_are_one_line(make, stamps):
    path = make.text("solos_timestamps.json", json.dumps({"Cello": {"abcdefghijk": stamps}}))
    with pytest.raises(ValueError, match="Cello.*abcdefghijk: got .* expected"):
        read_listing(path, "solos")


def test_ids_that_are_paths_are_refused(make):
    path = make.text("ids.json", json.dumps({"Cello": ["../x"]}))
    with pytest.raises(ValueError, match=r"got the id '\.\./x'"):
        read_listing(path)
