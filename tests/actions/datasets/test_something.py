import json

import pytest

from sensorium.actions.datasets import ActionData
from sensorium.actions.sampling import Sampling

LABELS = ["Pushing [something] left", "Holding [something]", "Pushing [something] right"]


def data(kind, make, **settings):
    settings = {"sampling": Sampling(segments=3), "size": 16} | settings
    return ActionData(kind=kind, root=make.root, **settings)


@pytest.fixture
def v1(make):
    make.text("something-something-v1-labels.csv", "Pushing left", "Holding", "Pushing right")
    make.text("something-something-v1-train.csv", "100218;Holding", "24;Pushing right")
    make.text("something-something-v1-validation.csv", "7;Pushing left")
    make.text("something-something-v1-test.csv", "999")
    make.frames("100218")
    make.frames("20bn-something-something-v1/24", 4)
    make.frames("7", 9)
    return make


def test_v1_from_csv_and_frame_folders(v1, numbers):
    train = data("something-v1", v1).open("train")
    assert train.classes == ("Holding", "Pushing left", "Pushing right")
    assert [r.label for r in train.listing.records] == [0, 2]
    example = train.example(0, seed=3)
    assert example["frames"].shape == (3, 3, 16, 16)
    assert example["label"].item() == 0
    assert all(2 * k <= i < 2 * k + 2 for k, i in enumerate(numbers(example["frames"])))


def test_v1_label_order_of_the_file(v1):
    opened = data("something-v1", v1, label_order="file").open("train")
    assert opened.classes == ("Pushing left", "Holding", "Pushing right")
    assert [r.label for r in opened.listing.records] == [1, 2]


def test_test_is_the_labelled_validation_list(v1, numbers):
    for split in ("val", "test"):
        opened = data("something-v1", v1).open(split)
        assert len(opened) == 1
        example = opened.example(0, seed=0)
        assert numbers(example["frames"]) == [1, 4, 7]
        assert example["label"].item() == 1


def test_training_flips_swap_the_label(v1):
    labels = {
        data("something-v1", v1).open("train").example(1, seed)["label"].item()
        for seed in range(20)
    }
    assert labels == {1, 2}


@pytest.fixture
def v2(make):
    plain = [label.replace("[", "").replace("]", "") for label in LABELS]
    index = {text: str(k) for k, text in enumerate(plain)}
    items = [
        {
            "id": "74225",
            "label": "pushing a pen left",
            "template": LABELS[0],
            "placeholders": ["a pen"],
        },
        {"id": "1", "label": "holding it", "template": LABELS[1], "placeholders": ["it"]},
    ]
    make.text("labels/something-something-v2-labels.json", json.dumps(index))
    make.text("labels/something-something-v2-train.json", json.dumps(items))
    make.text("labels/validation.json", json.dumps(items[1:]))
    make.video("20bn-something-something-v2/74225.webm", codec="libvpx")
    make.frames("1", template="{:06d}.jpg")
    return make


def test_v2_from_json_videos_and_frames(v2, numbers):
    both = data("something-v2", v2, annotations=v2.root / "labels")
    train = both.open("train")
    assert train.classes == tuple(k.replace("[", "").replace("]", "") for k in LABELS)
    assert [r.label for r in train.listing.records] == [0, 1]
    assert both.open("val").example(0, 0)["label"].item() == 1
    frames = both.open("val").example(0, 0)["frames"]
    assert numbers(frames) == [1, 3, 5]
    video, label = train.video(0)
    assert (video.height, video.width, label) == (24, 32, 0)


def test_v2_template_that_is_not_a_label(v2):
    item = {"id": "1", "template": "Flying [something]"}
    v2.text("labels/something-something-v2-train.json", json.dumps([item]))
    with pytest.raises(ValueError, match="entry 1: template 'Flying something' is not among the 3"):
        data("something-v2", v2, annotations=v2.root / "labels").open("train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable as JSON"),
        ("[]", "expected a JSON list"),
        ('[{"id": "1"}]', "entry 1: expected"),
    ],
)
def test_v2_broken_lists(v2, text, message):
    v2.text("labels/something-something-v2-train.json", text)
    with pytest.raises(ValueError, match=message):
        data("something-v2", v2, annotations=v2.root / "labels").open("train")


def test_v2_indices_with_a_gap(v2):
    v2.text("labels/something-something-v2-labels.json", '{"a": "0", "b": "2"}')
    with pytest.raises(ValueError, match="run from 0 to 1"):
        data("something-v2", v2, annotations=v2.root / "labels").classes()


def test_jester(make):
    make.text("jester-v1-labels.csv", "Swiping Left", "Doing other things", "Swiping Right")
    make.text("jester-v1-train.csv", "34870;Swiping Left")
    make.text("jester-v1-validation.csv", "5;Doing other things")
    make.frames("34870")
    make.frames("5")
    opened = data("jester", make).open("train")
    assert opened.classes == ("Doing other things", "Swiping Left", "Swiping Right")
    assert {opened.example(0, s)["label"].item() for s in range(20)} == {1, 2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("24", r"v1-train.csv, line 2: got 1 columns, expected 2 \(id;label\)"),
        ("24;Flying", "line 2: label 'Flying' is not among the 3 classes"),
        ("24;Holding;x", "line 2: got 3 columns"),
    ],
)
def test_wrong_lines_are_named(v1, line, message):
    v1.text("something-something-v1-train.csv", "100218;Holding", line)
    with pytest.raises(ValueError, match=message) as caught:
        data("something-v1", v1).open("train")
    assert "\n" not in str(caught.value)


def test_missing_annotations_and_videos(v1, caplog):
    (v1.root / "100218").rename(v1.root / "away")
    with pytest.raises(ValueError, match=r"1 of 2 train videos are missing, the first is .*100218"):
        data("something-v1", v1).open("train")
    opened = data("something-v1", v1, missing="skip").open("train")
    assert len(opened) == 1
    assert "1 of 2 train videos are missing and left out" in caplog.text
    assert opened.problems() == [f"{v1.root / '100218'}: missing"]
    (v1.root / "something-something-v1-labels.csv").unlink()
    with pytest.raises(ValueError, match=r"no label list in .* set --data.annotations"):
        data("something-v1", v1).open("train")


def test_a_label_listed_twice(v1):
    v1.text("something-something-v1-labels.csv", "Holding", "Holding")
    with pytest.raises(ValueError, match="'Holding' is listed twice"):
        data("something-v1", v1).open("train")
