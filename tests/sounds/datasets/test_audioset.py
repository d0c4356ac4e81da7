import pytest

from sensorium.sounds.datasets.kinds import read_listing

SEGMENTS = (
    "# Segments csv created Sun Mar  5 10:54:25 2017",
    "# num_ytids=22160, num_segs=22160, num_unique_labels=527, num_positive_labels=52882",
    "# YTID, start_seconds, end_seconds, positive_labels",
)
LABELS = ("index,mid,display_name", '0,/m/09x0r,"Male speech, man speaking"', "1,/m/04rlf,Music")


def test_audioset_joins_classes_and_finds_parts(make, tmp_path):
    make.text("class_labels_indices.csv", *LABELS)
    make.text(
        "balanced_train_segments.csv",
        *SEGMENTS,
        '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/m/04rlf"',
        '-0RWZT-miFs, 420.000, 430.000, "/m/04rlf"',
    )
    make.text("eval_segments.csv", *SEGMENTS, 'abcdefghijk, 0.000, 10.000, "/m/04rlf,/t/dd00088"')
    cut = make.film("clips/--PJHxphWEs_30000_40000.mp4", 0.25)
    whole = make.film("clips/-0RWZT-miFs.mp4", 0.25)
    listing = read_listing(tmp_path)
    assert listing.kind == "audioset"
    first, second, third = listing.items
    assert first.label == "Male speech, man speaking+Music"
    assert (first.uid, first.video_path, first.t0, first.t1) == ("--PJHxphWEs_30", cut, 0.0, 0.0)
    assert (second.video_path, second.t0, second.t1) == (whole, 420.0, 430.0)
    assert (third.label, third.split, third.usable) == ("/t/dd00088+Music", "test", False)


@pytest.mark.parametrize(
    "name",
    ["abcdefghijk_30", "abcdefghijk_000030", "abcdefghijk_30_40", "abcdefghijk_30.000_40.000"],
)
def test_the_names_that_downloaders_give(make, name):
    film = make.film(f"clips/{name}.mp4", 0.25)
    path = make.text("segments.csv", *SEGMENTS, 'abcdefghijk, 30.000, 40.000, "/m/04rlf"')
    listing = read_listing(path)
    assert listing.items[0].video_path == film
    assert listing.items[0].t1 == 0.0
    assert "no class_labels_indices.csv" in listing.notes[0]


def test_vggsound(make):
    film = make.film("---g-f_I2yQ_000001.mp4", 0.25)
    path = make.text(
        "vggsound.csv", "---g-f_I2yQ,1,people marching,test", '--0PQM4-hqg,30,"a, b",train'
    )
    listing = read_listing(path)
    assert listing.kind == "vggsound"
    first, second = listing.items
    assert (first.uid, first.label, first.split) == ("---g-f_I2yQ_1", "people marching", "test")
    assert (first.video_path, first.usable, second.usable) == (film, True, False)
    assert (second.label, second.t0, second.t1) == ("a, b", 30.0, 40.0)


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("audioset", "abcdefghijk, 30, 40, /m/a, /m/b", "line 1: got 5 columns"),
        ("audioset", 'abcdefghijk, 40, 30, "/m/a"', "expected start < end"),
        ("audioset", 'abcdefghijk, x, 30, "/m/a"', "expected start < end"),
        ("audioset", '../etc, 1, 30, "/m/a"', "got the id '../etc'"),
        ("vggsound", "abcdefghijk,1,harp,training", "expected id,start,label,split"),
        ("vggsound", "abcdefghijk,soon,harp,train", "expected start < end"),
        ("vggsound", "abcdefghijk,inf,harp,train", "expected start < end"),
    ],
)
def test_a_malformed_row_is_one_line(make, kind, row, said):
    path = make.text("list.csv", row)
    with pytest.raises(ValueError, match=said):
        read_listing(path, kind)


def test_a_folder_without_the_list_is_said(tmp_path):
    for kind in ("audioset", "vggsound"):
        with pytest.raises(ValueError, match=f"no {kind} list"):
            read_listing(tmp_path, kind)
