import pytest

from sensorium.sounds.datasets.index import dialect
from sensorium.sounds.datasets.kinds import read_listing


@pytest.fixture
def media_of(make):
    """Sound and frames of a recording in the layout of The Sound of Pixels."""

    def write(name, label="cello", count=4, audio="data/audio", frames="data/frames", end=".mp4"):
        sound = make.sound(f"{audio}/{label}/{name}.wav", count / 8)
        return sound, make.frames(f"{frames}/{label}/{name}{end}", count)

    return write


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("./data/audio/cello/x.mp3,./data/frames/cello/x.mp4,1220", "sop"),
        ("/flute/x.wav,/flute/x.mp4,122", "ccol"),
        ("data/MUSIC/audio/cello/x.wav,data/MUSIC/preprocessed/cello/x,220,cello", "clipsep"),
        ("data/a/x.wav,data/p/x,12,vehicle horn car horn honking", "clipsep"),
        ("/data2/author/audio/cello/x.wav,/data2/author/frames/cello/x,200", "clipsep"),
        ("/Datasets/audio_wav/flute/e.wav,/Datasets/visual/flute/e.mp4,5,703", "avpc"),
        ("/a/x.wav,/b/y.wav", "mixtures"),
        ("/a/x.wav,/b/y.wav,/c/z.wav,/c/w.wav", "mixtures"),
        ("silent,frames/adl/x.mp4,30", "sop"),
        ("a,b,c", None),
        ("x,30,playing harp,train", None),
        ("a/x.wav,b/x.mp4,many", None),
        ("a/x.wav", None),
    ],
)
def test_rows_tell_their_dialect(row, kind):
    assert dialect(row.split(",")) == kind


def test_sop(make, media_of, tmp_path):
    sound, frames = media_of("M3dekVSwNjY")
    media_of("-0gYWIOfqdM", "tuba")
    make.text(
        "data/train.csv", "./data/audio/cello/M3dekVSwNjY.mp3,./data/frames/cello/M3dekVSwNjY.mp4,4"
    )
    make.text(
        "data/val.csv", "./data/audio/tuba/-0gYWIOfqdM.mp3,./data/frames/tuba/-0gYWIOfqdM.mp4,4"
    )
    listing = read_listing(tmp_path / "data")
    assert listing.kind == "sop"
    first, second = listing.items
    assert (first.uid, first.label, first.split) == ("cello/M3dekVSwNjY", "cello", "train")
    assert (first.audio_path, first.frames_dir) == (sound, frames)
    assert (first.fps, first.n_frames, first.status) == (8.0, 4, "")
    assert (second.uid, second.split) == ("tuba/-0gYWIOfqdM", "val")


def test_one_index_alone_is_divided_by_hash(make, media_of, tmp_path):
    rows = []
    for k in range(12):
        media_of(f"v{k}", count=2)
        rows.append(f"data/audio/cello/v{k}.wav,data/frames/cello/v{k}.mp4,2")
    listing = read_listing(make.text("index.csv", *rows))
    assert {item.split for item in listing.items} == {"train", "val", "test"}


def test_ccol_with_fixed_mixtures(make, media_of, tmp_path):
    for label, name in (("flute", "a"), ("tuba", "b"), ("erhu", "c")):
        media_of(name, label, 2, "solo", "solo")
    rows = [
        f"/{c}/{n}.wav,/{c}/{n}.mp4,2" for c, n in (("flute", "a"), ("tuba", "b"), ("erhu", "c"))
    ]
    make.text("test.csv", *rows)
    make.text("test_sep.csv", "/flute/a.wav, /tuba/b.wav", "/flute/a.wav, /tuba/none.wav")
    listing = read_listing(tmp_path, root=tmp_path / "solo")
    assert listing.kind == "ccol"
    assert {item.fps for item in listing.items} == {1.0}
    assert all(item.usable for item in listing.items)
    assert listing.mixtures == (("flute/a", "tuba/b"),)
    assert listing.notes == ("1 of 2 test mixtures name sounds that no index lists",)


def test_clipsep_with_absolute_paths_of_the_author(make, media_of, tmp_path):
    for name in ("x", "y"):
        media_of(name, "cello", 3, "MUSIC/solo/audio", "MUSIC/solo/frames", end="")
    sound, frames = "data/MUSIC/solo/audio/cello", "data/MUSIC/solo/frames/cello"
    make.text("train.csv", f"/data2/author/{sound}/x.wav,/data2/author/{frames}/x,3")
    make.text("val.csv", f"{sound}/y.wav,{frames}/y,3,playing cello, softly")
    with pytest.raises(ValueError, match=r"val\.csv, line 1: got 5 columns"):
        read_listing(tmp_path)
    make.text("val.csv", f'{sound}/y.wav,{frames}/y,3,"playing cello, softly"')
    first, second = read_listing(tmp_path).items
    assert (first.label, first.fps, first.usable) == ("cello", 1.0, True)
    assert (second.label, second.fps, second.usable) == ("playing cello, softly", 1.0, True)
    assert second.frames_dir == tmp_path / "MUSIC/solo/frames/cello/y"


def test_avpc_counts_frames_in_its_last_column(make, media_of):
    media_of("e", "flute", 5)
    path = make.text(
        "test11.csv", "/Datasets/data/audio/flute/e.wav,/Datasets/data/frames/flute/e.mp4,1,5"
    )
    (item,) = read_listing(path).items
    assert (item.n_frames, item.fps, item.split, item.usable) == (5, 8.0, "test", True)


def test_a_film_serves_where_frames_are_listed(make):
    film = make.film("flute/a.mp4", 0.5)
    make.sound("flute/a.wav", 0.5)
    (item,) = read_listing(make.text("index.csv", "/flute/a.wav,/flute/a.mp4,4")).items
    assert (item.video_path, item.frames_dir, item.fps, item.n_frames) == (film, None, 0.0, 0)


def test_silence_on_purpose(make, tmp_path):
    make.frames("ade/x.mp4", 3)
    (item,) = read_listing(make.text("index.csv", "data/silent,ade/x.mp4,3"), "sop").items
    assert (item.status, item.audio_path, item.usable) == ("silent", None, True)


def test_a_video_in_two_splits_is_not_trained_on(make, media_of, tmp_path):
    media_of("x")
    media_of("y")
    row = "data/audio/cello/{0}.wav,data/frames/cello/{0}.mp4,4"
    make.text("train.csv", row.format("x"), row.format("y"))
    make.text("val.csv", row.format("x"))
    listing = read_listing(tmp_path)
    assert {item.uid: item.split for item in listing.items} == {
        "cello/x": "val",
        "cello/y": "train",
    }
    (note,) = listing.notes
    assert "1 recordings are listed in two splits (the first: cello/x)" in note


def test_what_is_not_there_is_missing(make, media_of):
    media_of("x")
    path = make.text(
        "index.csv",
        "data/audio/cello/x.wav,data/frames/cello/x.mp4,4",
        "data/audio/cello/gone.mp3,data/frames/cello/gone.mp4,4",
    )
    first, second = read_listing(path).items
    assert first.usable
    assert second.status == "missing: data/audio/cello/gone.mp3, data/frames/cello/gone.mp4"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a/x.wav,a/x.mp4", "line 2: got 2 columns"),
        ("a/x.wav,,7", "line 2: got 3 columns"),
        ("a/x.wav,a/x.mp4,seven", "expected a whole number"),
        ("a/x.wav,a/x.mp4,-7", "expected a whole number"),
        ("../x.wav,a/x.mp4,7", r"without '\.\.'"),
        ("a/x.wav,a/../../x.mp4,7", r"without '\.\.'"),
        ("a/x.wav,a/x.mp4,7,cello", "line 2: got 4 columns.*--kind"),
    ],
)
def test_a_malformed_row_is_one_line(make, row, said):
    path = make.text("index.csv", "a/x.wav,a/x.mp4,7", row)
    with pytest.raises(ValueError, match=said) as error:
        read_listing(path, "sop")
    assert "\n" not in str(error.value)


def test_the_rate_of_listed_frames_can_be_given(make, media_of):
    media_of("x")
    path = make.text("index.csv", "data/audio/cello/x.wav,data/frames/cello/x.mp4,4")
    assert read_listing(path, fps=4.0).items[0].fps == 4.0
    with pytest.raises(ValueError, match="0 to 1000 Hz"):
        read_listing(path, fps=-1)
