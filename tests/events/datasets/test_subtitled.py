"""A folder of films with subtitles as training examples."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sensorium.events.datasets.subtitles import SubtitledStories, passages_of, subtitled
from sensorium.events.features import StageFeatures, StageFeaturesConfig
from sensorium.events.subtitle_files import srt, vtt
from sensorium.events.systems import WSDECConfig
from sensorium.types import Span

HEARD = StageFeaturesConfig(seen=None)
HEARD_DIM = StageFeatures(HEARD).dim


def film(path: Path, seconds: float, seed: int) -> None:
    """A file with sound alone, which is the quickest to read."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as made:
        stream = made.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = (rng.normal(size=(1, round(8000 * seconds))) * 3000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 8000
        made.mux(stream.encode(frame))
        made.mux(stream.encode())


def lines(seed: int) -> list[tuple[Span, str]]:
    words = ("a dog barks", "the man <speaks>", "one bell & two")
    return [(Span(1.0 + 2 * k, 2.5 + 2 * k), words[(k + seed) % 3]) for k in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("films")
    for k in range(4):
        film(made / f"part{k % 2}" / f"film{k}.mkv", 9.0, k)
        name, write = (f"film{k}.srt", srt) if k < 2 else (f"film{k}.en.vtt", vtt)
        (made / f"part{k % 2}" / name).write_text(write(lines(k)), encoding="utf-8")
    film(made / "silent.mkv", 1.0, 9)
    return made


@pytest.fixture
def data(folder: Path, tmp_path: Path) -> SubtitledStories:
    return SubtitledStories(folder, seconds=4.0, features=HEARD, cache=tmp_path / "cache")


def test_films_are_found_with_their_subtitles(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = subtitled(folder)
    assert [(a.name, b.name) for a, b in pairs] == [
        ("film0.mkv", "film0.srt"),
        ("film2.mkv", "film2.en.vtt"),
        ("film1.mkv", "film1.srt"),
        ("film3.mkv", "film3.en.vtt"),
    ]
    assert "1 of 5 films have no subtitles" in caplog.text


def test_lines_belong_to_the_passage_of_their_middle(folder: Path) -> None:
    (pair, *_) = subtitled(folder)
    passages = passages_of(pair, 4.0)
    # middles at 1.75, 3.75, 5.75 and 7.75 s; the second ends in the next passage
    assert [p.span for p in passages] == [Span(0, 4), Span(4, 8)]
    assert [[s for s, _ in p.events] for p in passages] == [
        [Span(1.0, 2.5), Span(3.0, 4.0)],
        [Span(1.0, 2.5), Span(3.0, 4.0)],
    ]
    (whole,) = passages_of(pair, 0)
    assert len(whole.events) == 4
    assert whole.span is None
    # half a second more makes no passage of its own
    assert passages_of(pair, 8.5)[-1].span == Span(0, 8.5)


def test_lines_after_the_end_are_left_out(folder: Path, tmp_path: Path) -> None:
    film(tmp_path / "short.mkv", 2.0, 0)
    path = tmp_path / "short.srt"
    path.write_text(srt([*lines(0), (Span(0, 1), "")]))
    (passage,) = passages_of((tmp_path / "short.mkv", path), 30.0)
    assert [text for _, text in passage.events] == ["a dog barks"]


def test_splits_are_of_films_and_weak_training_has_no_times(data: SubtitledStories) -> None:
    films = {s: {a.name for a, _ in data.films(s)} for s in ("train", "val", "test")}
    assert [len(films[s]) for s in ("train", "val", "test")] == [2, 1, 1]
    assert len(set.union(*films.values())) == 4
    train, test = data.open("train"), data.open("test")
    assert len(train) == 4
    example = train.example(1, 0)
    assert "spans" not in example
    assert example["features"].shape == (16, HEARD_DIM)
    assert example["features"].abs().sum() > 0
    assert int(example["length"]) == 16
    assert int(example["sentences"]) == 2
    told = {data.words().decode(row.tolist()) for row in example["words"]}
    assert told <= {text for _, text in lines(0)}
    spans = test.example(0, 0)["spans"]
    assert sorted(spans[:, 0].tolist()) == pytest.approx([1.75 / 4, 3.5 / 4])


def test_features_are_made_once(data: SubtitledStories) -> None:
    first = data.open("val").example(0, 0)
    (kept,) = Path(data.cache).glob("*.npy")
    np.save(kept, np.full_like(np.load(kept), 2.0))
    again = data.open("val")
    assert (again.example(0, 0)["features"] == 2.0).all()
    assert len(pickle.loads(pickle.dumps(again)).example(0, 0)) == len(first)
    fresh = replace(data, cache=None).open("val").example(0, 0)
    assert torch.equal(fresh["features"], first["features"])


def test_whole_films_are_squeezed_into_an_example(data: SubtitledStories) -> None:
    whole = replace(data, seconds=0.0, steps=10)
    example = whole.open("test").example(0, 0)
    assert int(example["length"]) == 10
    assert int(example["sentences"]) == 4
    assert sorted(example["spans"][:, 1].tolist()) == pytest.approx([1.5 / 9] * 4, rel=1e-3)
    assert whole.adapt(WSDECConfig()).seconds == 10 / HEARD.rate


def test_what_is_missing_is_one_line(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match="no such folder; give the folder of the films"):
        SubtitledStories(tmp_path / "none").open("train")
    with pytest.raises(ValueError, match="0 films have subtitles, expected at least 3"):
        SubtitledStories(tmp_path).open("train")
    with pytest.raises(ValueError, match="seconds must be at least 0"):
        SubtitledStories(seconds=-1)
    (tmp_path / "a.srt").write_text("hello")
    film(tmp_path / "a.mkv", 1.0, 0)
    with pytest.raises(ValueError, match=r"a\.srt: line 1: got 'hello'"):
        passages_of(subtitled(tmp_path)[0], 30.0)
