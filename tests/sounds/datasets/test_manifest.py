from dataclasses import replace

import pytest

from sensorium.sounds.datasets.manifest import (
    COLUMNS,
    Item,
    Listing,
    parse_manifest,
    write_manifest,
)


def test_what_is_written_is_read(make, tmp_path):
    sound, film = make.sound("a/x.wav", 0.1), make.film("a/x.mp4", 0.25)
    frames = make.frames("a/y.mp4", 2)
    items = (
        Item("cello/x", "cello", sound, film, split="val", t0=1.25, t1=2.5, shot_id=3, status="ok"),
        Item('ü, "1"', "playing violin, fiddle", sound, None, frames, 8.0, 2, 11025, 0.25, "train"),
    )
    write_manifest(tmp_path / "m.csv", items)
    assert parse_manifest(tmp_path / "m.csv", tmp_path) == items
    text = (tmp_path / "m.csv").read_text()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert str(tmp_path) not in text
    assert not list(tmp_path.glob(".*"))


def test_what_the_disk_lacks_is_missing(make, tmp_path):
    sound = make.sound("x.wav", 0.1)
    write_manifest(
        tmp_path / "m.csv",
        [
            Item("1", "a", sound, tmp_path / "x.mp4"),
            Item("2", "a", sound),
            Item("3", "a", None, sound),
        ],
    )
    first, second, third = parse_manifest(tmp_path / "m.csv", tmp_path)
    assert first.status == f"missing: {tmp_path / 'x.mp4'}"
    assert second.status == "missing: no picture is listed"
    assert [first.usable, second.usable, third.usable] == [False, False, True]


HEADER = "uid,class,video_path,fps,split,t0,t1"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("class,video_path", "a,b"), "line 1: no column uid"),
        (("uid,class", "a,b"), "line 1: no column video_path or frames_dir"),
        (("uid,class,class,video_path", "a,b,c,d"), "named twice"),
        ((HEADER,), "a header without a row"),
        ((HEADER, "x,a,v.mp4,8,train"), "line 2: got 5 columns, expected 7"),
        ((HEADER, ",a,v.mp4,8,train,0,1"), "line 2: an empty uid"),
        ((HEADER, "x,a,v.mp4,fast,train,0,1"), "line 2: fps must be a number .* got 'fast'"),
        ((HEADER, "x,a,v.mp4,nan,train,0,1"), "line 2: fps must be a number"),
        ((HEADER, "x,a,v.mp4,-8,train,0,1"), "line 2: fps must be a number"),
        ((HEADER, "x,a,v.mp4,8,training,0,1"), "split must be train, val or test"),
        ((HEADER, "x,a,v.mp4,8,train,3,1"), "t1 must be after t0"),
        ((HEADER, "x,a,../v.mp4,8,train,0,1"), r"without '\.\.'"),
        ((HEADER, "x,a,/etc/passwd,8,train,0,1"), "lies outside of"),
        ((HEADER, "x,a,v.mp4,8,,,", "x,a,w.mp4,8,,,"), "line 3: uid 'x' is listed twice"),
    ],
)
def test_a_malformed_manifest_is_one_line(make, tmp_path, lines, said):
    path = make.text("m.csv", *lines)
    with pytest.raises(ValueError, match=said) as error:
        parse_manifest(path, tmp_path)
    assert "\n" not in str(error.value)


def test_columns_may_stand_in_any_order_and_others_beside_them(make, tmp_path):
    film = make.film("v.mp4", 0.25)
    path = make.text("m.csv", "note,Class,video_path,uid", "hello,cello,v.mp4,7")
    assert parse_manifest(path, tmp_path) == (Item("7", "cello", video_path=film),)


def test_classes_are_single_and_sorted():
    items = (Item("1", "violin+cello"), Item("2", "flute"))
    assert Listing("x", items).classes == ("cello", "flute", "violin")
    assert items[0].classes == ("violin", "cello")
    assert not replace(items[0], status="failed: no").usable
    assert replace(items[0], status="damaged: a bit").usable
