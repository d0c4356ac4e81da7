import pytest

from sensorium.actions.datasets import ActionData
from sensorium.actions.sampling import Sampling


def data(kind, make, **settings):
    settings = {"sampling": Sampling(segments=3), "size": 16} | settings
    return ActionData(kind=kind, root=make.root, annotations=make.root / "ann", **settings)


@pytest.fixture
def ucf(make):
    make.text("ann/classInd.txt", "1 ApplyEyeMakeup", "2 ApplyLipstick")
    make.text(
        "ann/trainlist01.txt",
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1",
        "ApplyLipstick/v_ApplyLipstick_g08_c01.avi 2",
    )
    make.text("ann/testlist01.txt", "ApplyLipstick/v_ApplyLipstick_g01_c01.avi")
    make.text("ann/trainlist02.txt", "ApplyLipstick/v_ApplyLipstick_g01_c01.avi 2")
    make.video("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi")
    make.frames("ApplyLipstick/v_ApplyLipstick_g08_c01", template="img_{:05d}.jpg")
    make.frames("ApplyLipstick/v_ApplyLipstick_g08_c01", 9, template="flow_x_{:05d}.jpg")
    make.video("ApplyLipstick/v_ApplyLipstick_g01_c01.avi", count=9)
    return make


def test_ucf_splits(ucf, numbers):
    train = data("ucf101", ucf).open("train")
    assert train.classes == ("ApplyEyeMakeup", "ApplyLipstick")
    assert [r.label for r in train.listing.records] == [0, 1]
    assert train.video(1)[0].span.duration == pytest.approx(6 / 25)  # flow pictures do not count
    test = data("ucf101", ucf).open("test")
    assert numbers(test.example(0, 0)["frames"]) == [1, 4, 7]
    assert test.example(0, 0)["label"].item() == 1
    assert len(data("ucf101", ucf, split_number=2).open("train")) == 1


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("classInd.txt", "3 Archery", "line 1: got class number 3, expected 1"),
        ("classInd.txt", "Archery", "line 1: got 1 columns, expected 2"),
        ("trainlist01.txt", "ApplyLipstick/x.avi", "line 1: got 1 columns, expected 2"),
        ("trainlist01.txt", "Flying/x.avi 1", "label 'Flying' is not among the 2 classes"),
        ("trainlist01.txt", "ApplyLipstick/x.avi 1", "class number 1 does not fit ApplyLipstick"),
    ],
)
def test_ucf_wrong_lines(ucf, name, line, message):
    ucf.text(f"ann/{name}", line)
    with pytest.raises(ValueError, match=message):
        data("ucf101", ucf).open("train")


@pytest.fixture
def hmdb(make):
    make.text(
        "ann/brush_hair_test_split1.txt",
        "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 ",
        "atheistII_brush_hair_u_nm_np1_ba_med_1.avi 2 ",
        "unused_brush_hair.avi 0 ",
    )
    make.text("ann/wave_test_split1.txt", "a#b(c)_wave_med_2.avi 1 ")
    make.video("brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi")
    make.video("brush_hair/atheistII_brush_hair_u_nm_np1_ba_med_1.avi")
    make.video("wave/a#b(c)_wave_med_2.avi")
    return make


def test_hmdb_splits(hmdb):
    train, test = (data("hmdb51", hmdb).open(split) for split in ("train", "test"))
    assert train.classes == ("brush_hair", "wave")
    assert [r.label for r in train.listing.records] == [0, 1]
    assert [r.label for r in test.listing.records] == [0]
    assert test.example(0, 0)["frames"].shape == (3, 3, 16, 16)


def test_hmdb_wrong_lines_and_lists(hmdb):
    hmdb.text("ann/wave_test_split1.txt", "x.avi 3")
    with pytest.raises(ValueError, match=r"line 1: use must be 0, 1 \(train\) or 2"):
        data("hmdb51", hmdb).open("train")
    with pytest.raises(ValueError, match="no HMDB51 lists in .*<class>_test_split2.txt"):
        data("hmdb51", hmdb, split_number=2).open("train")
    with pytest.raises(ValueError, match="must be 1, 2 or 3, got 4"):
        data("hmdb51", hmdb, split_number=4).open("train")
