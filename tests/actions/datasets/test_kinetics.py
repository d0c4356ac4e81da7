import pytest

from sensorium.actions.datasets import ActionData
from sensorium.actions.datasets.kinetics import plain_name
from sensorium.actions.sampling import Sampling

HEADER = "label,youtube_id,time_start,time_end,split"


@pytest.fixture
def tree(make):
    make.text(
        "ann/train.csv",
        HEADER,
        "zumba,aaaaaaaaaaa,10,20,train",
        "riding a bike,-bbbbbbbbbb,7,17,train",
        "massaging person's head,cccccccccc_,0,10,train",
        '"celebrating, loudly",ddddddddddd,3,13,train',
    )
    make.text("ann/validate.csv", HEADER, "zumba,eeeeeeeeeee,1,11,validate")
    make.text("ann/test.csv", "youtube_id,time_start,time_end,split", "fffffffffff,1,11,test")
    make.video("zumba/aaaaaaaaaaa_000010_000020.mp4")  # crawler's names
    make.frames("riding_a_bike/-bbbbbbbbbb_7", template="img_{:05d}.jpg")  # TSM's names
    make.frames("massaging_persons_head/cccccccccc__000000_000010", template="img_{:05d}.jpg")
    make.video("train/celebrating, loudly/ddddddddddd_000003_000013.mp4")
    make.video("val/zumba/eeeeeeeeeee_000001_000011.mp4", count=9)
    return make


def data(make, **settings):
    settings = {"sampling": Sampling(segments=3), "size": 16} | settings
    return ActionData(kind="kinetics", root=make.root, annotations=make.root / "ann", **settings)


def test_both_ways_of_naming(tree):
    opened = data(tree).open("train")
    assert opened.classes == (
        "celebrating, loudly",
        "massaging person's head",
        "riding a bike",
        "zumba",
    )
    assert [r.label for r in opened.listing.records] == [3, 2, 1, 0]
    for index in range(4):
        assert opened.example(index, 0)["frames"].shape == (3, 3, 16, 16)


def test_unlabelled_test_list_gives_way_to_validation(tree, numbers):
    for split in ("val", "test"):
        opened = data(tree).open(split)
        assert opened.classes == data(tree).classes()
        assert numbers(opened.example(0, 0)["frames"]) == [1, 4, 7]


def test_label_map_gives_the_order(tree):
    names = ["zumba", "riding_a_bike", "massaging_persons_head", "celebrating,_loudly"]
    tree.text("ann/kinetics_label_map.txt", *names)
    opened = data(tree).open("train")
    assert opened.classes[1] == "riding a bike"
    assert [r.label for r in opened.listing.records] == [0, 1, 2, 3]


def test_plain_names():
    assert plain_name("massaging person's head") == "massaging_persons_head"
    assert plain_name('"skiing (not slalom)"') == "skiing_not_slalom"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["label,id"], "line 1: no column youtube_id, time_start, time_end"),
        ([HEADER, "zumba,x,1,2"], "line 2: got 4 columns, expected 5"),
        ([HEADER, "zumba,x,soon,2,train"], "line 2: times must be seconds, got 'soon'"),
    ],
)
def test_wrong_lists(tree, lines, message):
    tree.text("ann/train.csv", *lines)
    with pytest.raises(ValueError, match=message):
        data(tree).open("train")


def test_missing_list_and_missing_clips(tree, caplog):
    (tree.root / "zumba" / "aaaaaaaaaaa_000010_000020.mp4").unlink()
    with pytest.raises(ValueError, match="1 of 4 train videos are missing.*--data.missing skip"):
        data(tree).open("train")
    assert len(data(tree, missing="skip").open("train")) == 3
    (tree.root / "ann" / "validate.csv").unlink()
    with pytest.raises(ValueError, match="no Kinetics val list in .*validate.csv or val.csv"):
        data(tree).open("val")
    with pytest.raises(ValueError, match="no Kinetics val list"):
        data(tree).open("test")
