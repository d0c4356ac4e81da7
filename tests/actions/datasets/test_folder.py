import shutil

import pytest
import torch

from sensorium import training
from sensorium.actions.datasets import ActionData
from sensorium.actions.sampling import Sampling
from sensorium.media import MediaError, read
from sensorium.types import Span


def data(make, **settings):
    settings = {"sampling": Sampling(segments=3), "size": 16} | settings
    return ActionData(kind="folder", root=make.root, **settings)


@pytest.fixture
def tree(make):
    first = make.video("clap/0.mp4", count=9)
    for name in ("clap", "wave left"):
        for k in range(10):
            path = make.root / name / f"{k}.mp4"
            path.parent.mkdir(exist_ok=True)
            if path != first:
                shutil.copy(first, path)
    make.text("notes.txt", "not a class")
    make.text("clap/readme.txt", "not a video")
    make.text(".hidden/x", "nor this")
    return make


def test_every_video_is_in_one_split(tree):
    splits = {s: data(tree).open(s) for s in ("train", "val", "test")}
    paths = [r.path for s in splits.values() for r in s.listing.records]
    assert len(paths) == len(set(paths)) == 20
    assert {name: len(s) for name, s in splits.items()} == {"train": 12, "val": 4, "test": 4}
    assert splits["val"].classes == ("clap", "wave left") == data(tree).classes()
    again = data(tree).open("val").listing.records
    assert again == splits["val"].listing.records


def test_examples(tree, numbers):
    test = data(tree).open("test")
    example = test.example(0, seed=1)
    assert numbers(example["frames"]) == [1, 4, 7]
    assert example["frames"].dtype.is_floating_point is False
    train = data(tree).open("train")
    one, same, other = (train.example(3, seed)["frames"] for seed in (1, 1, 2))
    assert one.equal(same)
    assert not one.equal(other)


def test_a_window_of_a_long_video(tree, numbers):
    test = data(tree, window_seconds=0.3).open("test")
    assert numbers(test.example(0, 0)["frames"]) == [3, 4, 5]  # the middle of nine
    train = data(tree, window_seconds=0.3).open("train")
    starts = {numbers(train.example(0, seed)["frames"])[0] for seed in range(30)}
    assert len(starts) >= 5


def test_another_frame_rate(tree, numbers):
    test = data(tree, fps=5.0, sampling=Sampling("snippets", 1, 4)).open("test")
    assert numbers(test.example(0, 0)["frames"]) == [1, 3, 5, 7]


def test_own_split_folders(make):
    for split in ("train", "Validation"):
        for name in ("a", "b"):
            make.video(f"{split}/{name}/x.mp4")
    make.frames("train/b/frames", template="shot{:d}.png", count=11)
    train, val, test = (data(make).open(s) for s in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (3, 2, 2)
    assert val.listing == test.listing
    frames = train.video(1)[0]
    assert [p.name for p in frames.files][-2:] == ["shot10.png", "shot11.png"]  # by number


def test_train_folder_alone_is_divided(tree):
    (tree.root / "train").mkdir()
    for name in ("clap", "wave left"):
        (tree.root / name).rename(tree.root / "train" / name)
    assert [len(data(tree).open(s)) for s in ("train", "val", "test")] == [12, 4, 4]


def test_what_can_be_wrong(make):
    with pytest.raises(ValueError, match="set --data.root to the folder of the videos"):
        ActionData(kind="folder").open("train")
    with pytest.raises(ValueError, match="no such folder; set --data.root"):
        ActionData(kind="folder", root=make.root / "nowhere").open("train")
    make.video("x.mp4")
    with pytest.raises(ValueError, match="got 0 class folders and 1 loose videos, expected at le"):
        data(make).open("train")
    make.video("a/x.mp4")
    (make.root / "b").mkdir()
    with pytest.raises(ValueError, match="b: no videos in this class"):
        data(make).open("train")
    make.video("b/x.mp4")
    assert len(data(make).open("train")) == 2
    with pytest.raises(ValueError, match="no videos for val in .* at least 3 videos"):
        data(make).open("val")


def test_a_class_without_training_videos(make):
    for name in ("train/a/x.mp4", "train/b/x.mp4", "val/c/x.mp4"):
        make.video(name)
    with pytest.raises(ValueError, match="val/c: no such class in .*train"):
        data(make).open("val")


def test_broken_videos_are_named_and_never_replaced(tree):
    opened = data(tree).open("train")
    broken = opened.listing.records[2].path
    broken.write_bytes(b"\0" * 100)
    with pytest.raises(MediaError, match=broken.name):
        opened.example(2, 0)
    problems = opened.problems()
    assert len(problems) == 1
    assert str(broken) in problems[0]
    assert "\n" not in problems[0]


def test_damage_is_logged_once_and_listed(make, caplog):
    damaged = make.video("a/x.mp4", count=12, size=(64, 64), noise=100)
    make.video("b/x.mp4")
    content = bytearray(damaged.read_bytes())
    middle = content.find(b"mdat") + (content.find(b"moov") - content.find(b"mdat")) // 2
    content[middle : middle + 2000] = bytes(2000)
    damaged.write_bytes(content)
    opened = data(make, sampling=Sampling(segments=12)).open("train")
    for seed in range(3):
        assert opened.example(0, seed)["frames"].shape == (12, 3, 16, 16)
    told = [r.getMessage() for r in caplog.records if str(damaged) in r.getMessage()]
    assert len(told) == 1


def test_broken_frame_folders(make):
    make.frames("a/good", template="{:03d}.jpg")
    folder = make.frames("b/bad", template="{:03d}.jpg")
    make.frames("b/bad", count=1, template="1{:03d}.jpg", size=(10, 10))
    opened = data(make).open("train")
    with pytest.raises(MediaError, match=r"1001.jpg: 10 x 10 pixels among frames of 32 x 24"):
        opened.video(1)[0].frames([100.0])
    (folder / "002.jpg").write_bytes(b"nothing")
    with pytest.raises(MediaError, match=r"002.jpg: not a picture"):
        opened.video(1)[0].frames([1.5 / 25])
    with pytest.raises(ValueError, match=r"expected frames named img_\{:05d\}.jpg, found 001.jpg"):
        data(make, template="img_{:05d}.jpg").open("train")


def test_broken_videos_are_named_before_training(tree, caplog):
    train = data(tree).open("train")
    for record in train.listing.records[:2]:
        record.path.write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match="2 of 12 train videos cannot be read, the first: ") as got:
        data(tree).open("train")
    assert "\n" not in str(got.value)
    assert "--data.missing skip" in str(got.value)
    left = data(tree, missing="skip").open("train")
    assert left.listing.records == train.listing.records[2:]
    assert train.listing.records[0].path.name in caplog.text


def test_videos_of_one_name_all_count(make):
    for name in ("a/x.mp4", "a/x.mov", "a/X.avi", "b/x.mp4", "b/y.mp4"):
        make.video(name)
    make.frames("b/y", template="{:03d}.jpg")  # the frames of y.mp4
    found = {
        f"{r.path.parent.name}/{r.path.name}"
        for split in ("train", "val", "test")
        for r in data(make).open(split).listing.records
    }
    assert found == {"a/x.mp4", "a/x.mov", "a/X.avi", "b/x.mp4", "b/y"}


@pytest.mark.parametrize(("name", "value"), [("size", 0), ("fps", -1.0), ("window_seconds", -2.0)])
def test_settings_without_a_meaning(make, name, value):
    with pytest.raises(ValueError, match=f"data: {name} must be at least"):
        data(make, **{name: value})


def test_frame_folders_are_seen_in_training_as_they_are_in_use(make):
    for name in ("a", "b"):
        for k in range(3):
            make.frames(f"{name}/{k}", count=24, template="{:03d}.png", size=(16, 16))
    settings = data(make, fps=8.0, window_seconds=0.75, sampling=Sampling(segments=4))
    examples = settings.open("test")
    view = settings.adapt(training.recipe("tsm").system).view
    video = read(examples.listing.records[0].path).video
    seen = examples.example(0, 0)["frames"]
    middle = Span(*(video.span.centre + side * 0.375 for side in (-1, 1)))
    (used,) = next(iter(view.batches(video, [middle])))
    assert torch.equal(seen, used)
