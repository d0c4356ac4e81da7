import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium.events.datasets.hdf5 import FeatureFile
from sensorium.events.datasets.published import PublishedStories
from sensorium.events.datasets.stage import LONGEST, ROWS, StageStories, episode_of
from sensorium.events.datasets.stage_files import FEATURES, write_published
from sensorium.events.features import StageFeaturesConfig
from sensorium.events.heard import HeardConfig
from sensorium.events.seen import SeenConfig
from sensorium.events.systems import WSDECConfig
from sensorium.recipe import Split

LOW = StageFeaturesConfig(
    SeenConfig(size=16, things=False, places=(0, 0)), HeardConfig(bands=4, onsets=1), rate=2.0
)
DATA = StageStories(length=3, held_out=2, seconds=8.0, size=32, features=LOW, cache=None)


def test_a_weak_example_says_nothing_of_time() -> None:
    example = DATA.open("train").example(0, 1)
    assert set(example) == {"features", "length", "words", "word_count", "sentences"}
    assert example["features"].shape == (16, DATA.adapt(WSDECConfig()).dim)
    assert example["features"].dtype == torch.float16
    assert example["words"].shape == (ROWS, LONGEST)
    assert int(example["length"]) == 16
    count = int(example["sentences"])
    assert (example["word_count"] > 0).tolist() == [i < count for i in range(ROWS)]


def test_sentences_come_in_any_order_by_the_seed() -> None:
    examples = StageStories(length=1, held_out=1, features=LOW, size=32, cache=None).open("train")
    first, again, other = (examples.example(0, seed)["words"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert sorted(first.tolist()) == sorted(other.tolist())


@pytest.mark.parametrize(("kind", "split"), [("full", "train"), ("weak", "val"), ("weak", "test")])
def test_spans_are_those_of_the_sentences(kind: str, split: Split) -> None:
    data = replace(DATA, kind=kind)
    examples = data.open(split)
    example, words = examples.example(1, 7), data.words
    told = {text: (start, end) for start, end, text in examples.sentences(1)}
    assert int(example["sentences"]) == len(told)
    for row in range(len(told)):
        start, end = told[words.decode(example["words"][row].tolist())]
        centre, width = example["spans"][row].tolist()
        assert centre == pytest.approx((start + end) / 16, abs=1e-6)
        assert width == pytest.approx((end - start) / 8, abs=1e-6)
    assert example["spans"][len(told) :].abs().max() == 0


def test_a_sentence_tells_of_one_event_and_knows_no_order() -> None:
    texts = [e.sentence for i in range(60) for e in episode_of("train", i).events]
    spoken = {word for text in texts for word in text.split()}
    assert not spoken & {"while", "then", "first", "finally", "next", "later", "end", "last"}
    assert max(len(text.split()) for text in texts) <= LONGEST - 2


def test_some_episodes_have_one_event_and_held_out_ones_may_have_none() -> None:
    counts: dict[Split, list[int]] = {
        split: [len(episode_of(split, i).events) for i in range(200)] for split in ("train", "val")
    }
    assert 2 <= counts["train"].count(1) <= 25
    assert 0 not in counts["train"]
    assert 1 <= counts["val"].count(0) <= 20
    assert max(counts["train"]) <= ROWS
    assert 8 < sum(counts["train"]) / 200 < 12


def test_nobody_plays_but_in_the_events() -> None:
    for index in range(40):
        episode = episode_of("val", index)
        for i, person in enumerate(episode.performers):
            played = [e.span for e in episode.events if e.performer == i and e.kind == "play"]
            notes = [n.start for n in person.notes]
            assert all(any(s.start <= n < s.end for s in played) for n in notes)
            assert bool(notes) == bool(played)


def test_a_sentence_means_one_event_of_its_episode() -> None:
    for index in range(60):
        texts = [e.sentence for e in episode_of("test", index).events]
        assert len(set(texts)) == len(texts)


def test_splits_share_no_episode_and_every_word_is_known() -> None:
    seeds = {s: {episode_of(s, i).seed for i in range(5)} for s in ("train", "val", "test")}
    assert not seeds["train"] & seeds["val"] | seeds["train"] & seeds["test"]
    words = StageStories(cache=None).words
    texts = [e.sentence for i in range(60) for e in episode_of("test", i).events]
    assert not {word for text in texts for word in words.unknown(text)}


def test_what_a_folder_holds_is_not_made_again(tmp_path: Path) -> None:
    data = replace(DATA, cache=tmp_path, processes=1)
    kept = data.open("train").example(2, 5)
    files = sorted(tmp_path.rglob("*.npy"))
    assert len(files) == 1
    times = [f.stat().st_mtime_ns for f in files]
    again = data.open("train").example(2, 5)
    assert [f.stat().st_mtime_ns for f in files] == times
    fresh = DATA.open("train").example(2, 5)
    for key, value in fresh.items():
        assert torch.equal(kept[key], value)
        assert torch.equal(again[key], value)


def test_several_processes_fill_the_folder_with_the_same(tmp_path: Path) -> None:
    data = replace(DATA, length=27, seconds=4.0, cache=tmp_path, processes=2)
    kept, fresh = data.open("train"), replace(data, cache=None).open("train")
    assert len(sorted(tmp_path.rglob("*.npy"))) == 2
    assert torch.equal(kept.features(26).values, fresh.features(26).values)


def test_other_features_have_another_folder(tmp_path: Path) -> None:
    data = replace(DATA, cache=tmp_path)
    other = replace(data, features=replace(LOW, rate=4.0))
    longer = replace(data, length=99)
    assert data.folder("train") != other.folder("train")
    assert data.folder("train") == longer.folder("train")


def test_the_system_is_made_to_fit() -> None:
    config = DATA.adapt(WSDECConfig())
    assert config.words == DATA.words.words
    assert (config.rate, config.seconds) == (2.0, 8.0)
    assert config.features == LOW


def test_what_is_written_as_published_is_read_as_published(tmp_path: Path) -> None:
    files = write_published(replace(DATA, held_out=2), tmp_path)
    assert [f.name for f in files] == ["train.json", "val_1.json", FEATURES]
    annotations = json.loads((tmp_path / "train.json").read_text())
    assert len(annotations) == 3
    video, entry = next(iter(annotations.items()))
    assert video == f"v_stage_{episode_of('train', 0, 8.0).seed}"
    starts = [start for start, _ in entry["timestamps"]]
    assert starts == sorted(starts)
    vectors = FeatureFile(tmp_path / FEATURES, rate=2.0, stride=1).of(video)
    assert torch.equal(vectors.values, DATA.open("train").features(0).values.float())
    read = PublishedStories(
        tmp_path, tmp_path / FEATURES, rate=2.0, stride=1, steps=16, held_out=1
    ).open("train")
    example = read.example(0, 0)
    assert example["features"].shape == (16, vectors.dim)
    assert "spans" not in example


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"kind": "strong"}, "weak or full"), ({"length": 0}, "1 episode or more")],
)
def test_data_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(DATA, **changes)  # type: ignore[arg-type]
