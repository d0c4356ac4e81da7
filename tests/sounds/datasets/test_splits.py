from collections import Counter
from dataclasses import replace

from sensorium.sounds.datasets.manifest import Item
from sensorium.sounds.datasets.splits import draw, video_of, with_splits


def items(count, label="cello"):
    return tuple(Item(f"{label}/{k}", label) for k in range(count))


def splits(found):
    return {item.uid: item.split for item in found}


def test_hashing_gives_about_ten_percent_each_and_always_the_same():
    found = splits(with_splits(items(4000)))
    counts = Counter(found.values())
    assert abs(counts["val"] - 400) < 70
    assert abs(counts["test"] - 400) < 70
    assert splits(with_splits(reversed(items(4000)))) == found
    assert (draw("cello/0"), draw("cello/1")) == (draw("cello/0#3"), draw("cello/1#0"))
    assert f"{draw('cello/0'):.6f} {draw('cello/1'):.6f}" == "0.081288 0.968375"


def test_a_video_keeps_its_split_whatever_else_is_listed():
    alone, more = splits(with_splits(items(400))), splits(with_splits(items(800)))
    assert all(more[uid] == split for uid, split in alone.items())


def test_shots_of_a_video_fall_together():
    shots = tuple(Item(f"violin/{k // 5}#{k % 5}", "violin", shot_id=k % 5) for k in range(500))
    found = with_splits(shots)
    of_video = {}
    for item in found:
        of_video.setdefault(video_of(item.uid), set()).add(item.split)
    assert len(of_video) == 100
    assert all(len(parts) == 1 for parts in of_video.values())


def test_small_classes_have_one_of_each():
    for count in range(3, 12):
        for label in "abcdefghij":
            counts = Counter(splits(with_splits(items(count, label))).values())
            assert min(counts[s] for s in ("train", "val", "test")) >= 1, (count, label)


def test_published_splits_stand():
    given = tuple(
        replace(item, split=("train", "val", "test")[k % 3]) for k, item in enumerate(items(9))
    )
    assert with_splits(given) == given
    only_test = tuple(replace(item, split="test") for item in items(9))
    assert with_splits(only_test) == only_test


def test_a_list_without_val_keeps_a_tenth_of_train_for_it():
    given = tuple(replace(item, split="train") for item in items(1000))
    tested = tuple(replace(item, split="test") for item in items(50, "test"))
    found = with_splits(given + tested)
    counts = Counter(item.split for item in found[:1000])
    assert 70 < counts["val"] < 130
    assert counts["test"] == 0
    assert found[1000:] == tested


def test_rows_without_a_split_beside_rows_with_one_train():
    first, second, third = items(3)
    found = with_splits((replace(first, split="val"), second, replace(third, split="test")))
    assert [item.split for item in found] == ["val", "train", "test"]
