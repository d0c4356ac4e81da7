import pytest

from sensorium.actions.datasets import ActionData
from sensorium.actions.sampling import Sampling
from sensorium.media import MediaError


def data(make, **settings):
    settings = {"sampling": Sampling(segments=3), "size": 16} | settings
    return ActionData(kind="list", root=make.root, **settings)


@pytest.fixture
def tree(make):
    make.text("category.txt", "clap", "wave")
    make.text("train_videofolder.txt", "clap/one 6 0", "wave/two words 6 1", "wave/short 2 1")
    make.text("val_videofolder.txt", "wave/short 2 1", "clap/one 6 0")
    for folder, count in (("clap/one", 6), ("wave/two words", 6), ("wave/short", 2)):
        make.frames(folder, count, template="img_{:05d}.jpg")
    return make


def test_frame_lists(tree, numbers):
    train = data(tree).open("train")
    assert train.classes == ("clap", "wave")
    assert [r.path.name for r in train.listing.records] == ["one", "two words"]
    assert train.problems() == ["wave/short: left out, 2 frames are too few to train on"]
    test = data(tree).open("test")  # falls back to the validation list, without the filter
    assert len(test) == 2
    assert numbers(test.example(0, 0)["frames"]) == [0, 1, 1]


def test_the_count_in_the_list_is_believed(tree, numbers):
    tree.text("val_videofolder.txt", "clap/one 3 0")
    assert numbers(data(tree).open("test").example(0, 0)["frames"]) == [0, 1, 2]
    tree.text("val_videofolder.txt", "clap/one 30 0")
    opened = data(tree).open("test")
    with pytest.raises(MediaError, match=r"one/img_00016.jpg: No such file"):
        opened.example(0, 0)
    problems = opened.problems()
    assert len(problems) == 24
    assert problems[0].endswith("clap/one: img_00007.jpg is missing")


def test_video_lists_and_nameless_classes(make):
    make.text("sth_train_list_videos.txt", "a b.mp4 0", "sub/c.mp4 2")
    make.text("sth_val_list_videos.txt", "sub/c.mp4 2")
    make.video("a b.mp4")
    make.video("sub/c.mp4")
    opened = data(make).open("val")
    assert opened.classes == ("class 0", "class 1", "class 2")
    assert opened.example(0, 0)["label"].item() == 2
    assert len(data(make).open("train")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("clap/one 6", "line 1: got 'clap/one 6', expected 'folder frames label'"),
        ("clap/one six 0", "expected 'folder frames label'"),
        ("clap/one 6 2", "label 2 is not among the 2 classes 0 to 1"),
        ("x.mp4 zero", "expected 'folder frames label' or 'video.mp4 label'"),
    ],
)
def test_wrong_lines(tree, line, message):
    tree.text("train_videofolder.txt", line)
    with pytest.raises(ValueError, match=message):
        data(tree).open("train")


def test_missing_and_ambiguous_lists(tree):
    tree.text("other_train.txt", "clap/one 6 0")
    with pytest.raises(ValueError, match=r"expected one \*train\*.txt in .*, got other_train.txt,"):
        data(tree).open("train")
    (tree.root / "val_videofolder.txt").unlink()
    with pytest.raises(ValueError, match=r"expected one \*val\*.txt in .*, got none"):
        data(tree).open("test")


def test_empty_and_binary_lists(tree):
    tree.text("train_videofolder.txt", "")
    with pytest.raises(ValueError, match="the file is empty"):
        data(tree).open("train")
    (tree.root / "train_videofolder.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a text file in UTF-8"):
        data(tree).open("train")
