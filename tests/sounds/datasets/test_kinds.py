import json

import pytest

from sensorium.sounds.datasets.kinds import READERS, read_listing, tell


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.csv", "./a/c/x.mp3,./f/c/x.mp4,9", "sop"),
        ("a.csv", "/c/x.wav,/c/x.mp4,9", "ccol"),
        ("a.csv", "a/c/x.wav,f/c/x,9,cello", "clipsep"),
        ("a.csv", "/a/c/x.wav,/v/c/x.mp4,5,9", "avpc"),
        ("a.csv", "uid,class,video_path", "manifest"),
        ("a.csv", '# c\nabcdefghijk, 1.0, 9.0, "/m/1,/m/2"', "audioset"),
        ("a.csv", "abcdefghijk,1,playing harp,train", "vggsound"),
        ("a.json", json.dumps({"version": 2.0, "videos": {"cello": []}}), "music"),
        ("a.json", json.dumps({"Cello": ["abcdefghijk"]}), "solos"),
        ("a.json", json.dumps({"Cello": {"abcdefghijk": [[0, 9]]}}), "solos"),
    ],
)
def test_every_kind_is_told_from_a_file_and_from_its_folder(make, tmp_path, name, text, kind):
    path = make.text(f"set/{name}", text)
    assert tell(path) == kind
    assert tell(tmp_path / "set") == kind
    assert kind in READERS


def test_labels_and_mixtures_beside_a_list_do_not_confuse(make, tmp_path):
    make.text("test.csv", "/c/x.wav,/c/x.mp4,9")
    make.text("test_sep.csv", "/c/x.wav, /d/y.wav")
    make.text("notes.csv", "some,other,table")
    assert tell(tmp_path) == "ccol"


def test_several_kinds_are_listed(make, tmp_path):
    make.text("train.csv", "./a/c/x.mp3,./f/c/x.mp4,9")
    make.text("solo.json", json.dumps({"videos": {"cello": []}}))
    with pytest.raises(
        ValueError, match=r"several kinds \(music: solo.json, sop: train.csv\)"
    ) as e:
        tell(tmp_path)
    assert "say --kind" in str(e.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello,world", "its first row is 'hello,world'"),
        ("a/x.wav,b/y.wav", "a list of mixtures goes with its index"),
    ],
)
def test_what_cannot_be_told_is_said(make, text, said):
    with pytest.raises(ValueError, match=said) as error:
        tell(make.text("a.csv", text))
    assert "say --kind (folder, manifest" in str(error.value)


def test_a_folder_of_nothing_is_said(make, tmp_path):
    make.text("readme.txt", "hello")
    with pytest.raises(ValueError, match="neither lists nor films"):
        read_listing(tmp_path)


def test_unknown_kinds_and_paths_are_said(tmp_path):
    with pytest.raises(ValueError, match="'sopp'; did you mean 'sop'"):
        read_listing(tmp_path, "sopp")
    with pytest.raises(ValueError, match="no such file or folder"):
        read_listing(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "said"),
    [(bytes(range(256)) * 20, "not a text file in UTF-8"), (b" \n", "the file is empty")],
)
def test_a_file_that_holds_no_text_is_said(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        tell(path)
