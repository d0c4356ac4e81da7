import pytest

from sensorium.sounds.datasets.locating import Library, Shelf, bare, inside, listed_parts


@pytest.fixture
def tree(tmp_path):
    for name in ("audio/cello/x.wav", "audio/cello/-y.flac", "film/z.mp4", "film/Title [q_1].webm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0")
    for name in ("frames/cello/x.mp4", "frames/cello/-y"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "000001.jpg").write_bytes(b"0")
    return tmp_path


@pytest.mark.parametrize(
    "listed",
    [
        "audio/cello/x.wav",
        "./audio/cello/x.wav",
        "/audio/cello/x.wav",
        "/home/author/data/audio/cello/x.wav",
        "./data/audio/cello/x.mp3",
        "audio\\cello\\x.wav",
    ],
)
def test_sounds_are_found_wherever_the_author_had_them(tree, listed):
    assert Shelf(tree).sound(listed, "here") == tree / "audio/cello/x.wav"


def test_pictures_are_folders_or_films_with_or_without_a_suffix(tree):
    shelf = Shelf(tree)
    assert shelf.picture("frames/cello/x.mp4", "") == (tree / "frames/cello/x.mp4", True)
    assert shelf.picture("frames/cello/x", "") == (tree / "frames/cello/x.mp4", True)
    assert shelf.picture("frames/cello/-y.mp4", "") == (tree / "frames/cello/-y", True)
    assert shelf.picture("/author/film/z.mp4", "") == (tree / "film/z.mp4", False)
    assert shelf.picture("frames/cello/none.mp4", "") is None


def test_a_folder_is_no_sound(tree):
    (tree / "audio/cello/w.wav").mkdir()
    assert Shelf(tree).sound("audio/cello/w.wav", "") is None


@pytest.mark.parametrize("listed", ["../x.wav", "audio/../../x.wav", "/..", "a\\..\\b.wav", "/"])
def test_paths_that_lead_out_are_refused(tree, listed):
    with pytest.raises(ValueError, match=r"list\.csv, line 3.*without '\.\.'"):
        Shelf(tree).sound(listed, "list.csv, line 3")


def test_an_absolute_path_is_never_opened_outside_of_the_root(tree):
    assert Shelf(tree / "film").sound(str(tree / "audio/cello/x.wav"), "") is None
    assert Shelf(tree / "film").sound("/etc/passwd", "") is None


def test_manifest_paths_stand_as_they_are(tree):
    assert inside(tree, "a/b.wav", "") == tree / "a/b.wav"
    assert inside(tree, str(tree / "a/b.wav"), "") == tree / "a/b.wav"
    with pytest.raises(ValueError, match="lies outside of"):
        inside(tree / "film", str(tree / "a/b.wav"), "")


def test_a_root_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        Shelf(tmp_path / "none")


def test_the_library_knows_everything_by_its_bare_name(tree):
    library = Library(tree)
    name, found = library.find(("nothing", "x"))
    assert (name, found.audio, found.video, found.frames) == (
        "x",
        tree / "audio/cello/x.wav",
        None,
        tree / "frames/cello/x.mp4",
    )
    assert library.find(("-y",))[1].frames == tree / "frames/cello/-y"
    assert library.find(("q_1",))[1].video == tree / "film/Title [q_1].webm"
    assert library.find(("000001",)) is None


def test_only_media_suffixes_are_taken_off():
    assert [bare(n) for n in ("x.mp4", "a.b.wav", "a.b", ".mp4", "-q.WEBM")] == [
        "x",
        "a.b",
        "a.b",
        ".mp4",
        "-q",
    ]


def test_listed_parts_drop_what_means_nothing():
    assert listed_parts("/./a//b.wav", "") == ("a", "b.wav")
