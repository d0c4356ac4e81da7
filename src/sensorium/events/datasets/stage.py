"""Stories of the stage: features of whole episodes with the sentences that tell their events.

Episode ``index`` of a split has the world seed ``seeds.split_seed(split, index)``. Sentences have
no order words, each tells one event, and their order is shuffled anew for every example: what is
left of time is nothing, unless the spans are given (``kind="full"``, and what is measured on).
Half of the playing is left out, so that events overlap less. A few episodes have one event only; of
those to measure on a few have none.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float16
from torch import Tensor

from sensorium.events.datasets.stage_cache import FeatureShards
from sensorium.events.features import Features, StageFeatures, StageFeaturesConfig
from sensorium.events.vocabulary import Words
from sensorium.plain import to_plain
from sensorium.recipe import Split
from sensorium.seeds import generator, split_seed
from sensorium.types import Clip
from sensorium.worlds.stage import clip, compose
from sensorium.worlds.stage.captions import told
from sensorium.worlds.stage.script import Episode, Event

LOOK = 2
"""Goes up when the same episodes get other features; old folders are then left alone."""

ROWS = 24
"""Sentences of an example at most; episodes of 30 s have 20 at most."""

LONGEST = 20
"""Numbers of a sentence at most, both ends counted."""

_WORDS_FROM = 200  # training episodes whose sentences make the vocabulary
_PLAYED = 0.5  # share of the playing that is kept: with all of it most events overlap another
_LONE, _NONE = 0.05, 0.03  # shares of episodes with one event, and with none
_CALIBRATED = 48  # episodes
_HELD = 256  # episodes in memory where there is no folder


@dataclass(frozen=True)
class StageStories:
    """Episodes as features and sentences, made when first asked for.

    Attributes:
        kind: ``weak``: training examples have no spans; ``full``: they have.
        length: training episodes.
        held_out: episodes to validate on, and as many others to test on.
        seconds: length of an episode.
        size: height and width at which episodes are drawn, in pixels.
        features: what is taken from them.
        cache: folder for features; ``None``: they are made again in every run.
        processes: that fill the folder; 0: as many as there are cores.
    """

    kind: Literal["weak", "full"] = "weak"
    length: int = 1200
    held_out: int = 150
    seconds: float = 30.0
    size: int = 112
    features: StageFeaturesConfig = field(default_factory=StageFeaturesConfig)
    cache: Path | None = Path("runs/events/cache")
    processes: int = 0

    def __str__(self) -> str:
        """In words, for the card of what was trained on it."""
        times = "without their times" if self.kind == "weak" else "with their times"
        return f"the procedural stage: {self.length:,} episodes of {self.seconds:g} s, {times}"

    def __post_init__(self) -> None:
        if self.kind not in ("weak", "full"):
            raise ValueError(f"kind must be weak or full, got {self.kind!r}")
        if self.length < 1 or self.held_out < 1:
            raise ValueError(
                f"stories: needs 1 episode or more of each split, got length {self.length!r} and "
                f"held_out {self.held_out!r}"
            )

    def open(self, split: Split) -> StoryExamples:
        """The examples of one split; renders what the folder does not hold yet."""
        examples = StoryExamples(self, split)
        if self.cache is not None:
            examples.shards.fill(self.processes)
        return examples

    def adapt(self, config: Any) -> Any:
        """A `WSDECConfig` with these data's vocabulary, and what its features are like."""
        fitted = {
            "words": self.words.words,
            "dim": StageFeatures(self.features).dim,
            "rate": self.features.rate,
            "seconds": self.seconds,
            "features": self.features,
        }
        known = {k: v for k, v in fitted.items() if hasattr(config, k)}
        return replace(config, **known)

    def clips(self, split: Split) -> Iterator[Clip]:
        """Up to 48 of a split's episodes to be seen, for calibrating on."""
        examples = StoryExamples(self, split)
        for index in range(min(_CALIBRATED, len(examples))):
            yield examples.clip(index)

    @property
    def words(self) -> Words:
        """The vocabulary, from sentences of training episodes."""
        return _words(self.seconds)

    @property
    def steps(self) -> int:
        """Feature vectors of an episode."""
        return max(1, round(self.seconds * self.features.rate))

    def count(self, split: Split) -> int:
        """Episodes of a split."""
        return self.length if split == "train" else self.held_out

    def folder(self, split: Split) -> Path | None:
        """Where this split's features are kept: one folder per way of making them."""
        if self.cache is None:
            return None
        told_by = json.dumps([LOOK, self.seconds, self.size, to_plain(self.features)])
        name = hashlib.sha256(told_by.encode()).hexdigest()[:10]
        return Path(self.cache) / f"stories-{self.seconds:g}s-{name}" / split


class StoryExamples:
    """One split of `StageStories`.

    An example is a video with all its sentences: ``features`` ``float16 [T, D]``; ``length``
    ``int64 []``; ``words`` ``int64 [S, L]``, ``<bos>`` ... ``<eos>``, filled up with ``<eos>``;
    ``word_count`` ``int64 [S]``, both ends counted, 0 where there is no sentence; ``sentences``
    ``int64 []``, how many there are; and, but for weak training, ``spans`` ``float32 [S, 2]``,
    ``(centre, width)`` in fractions of the video, 0 where there is no sentence.
    """

    def __init__(self, data: StageStories, split: Split) -> None:
        self.data, self.split = data, split
        self.words = data.words
        self.timed = data.kind == "full" or split != "train"
        self.shards = FeatureShards(
            data.folder(split), data.count(split), _Maker(data, split), data.steps
        )
        self._held: OrderedDict[int, Float16[np.ndarray, "T D"]] = OrderedDict()

    def __len__(self) -> int:
        return self.data.count(self.split)

    def episode(self, index: int) -> Episode:
        """Episode ``index`` of this split, without order words."""
        return episode_of(self.split, index, self.data.seconds)

    def clip(self, index: int) -> Clip:
        """The same to be seen and heard."""
        return clip_of(self.episode(index), self.data)

    def features(self, index: int) -> Features:
        """Its features."""
        values = torch.from_numpy(np.array(self._values(index)))
        return Features(values, self.data.features.rate)

    def sentences(self, index: int) -> list[tuple[float, float, str]]:
        """Start and end in seconds, and the sentence, of every event in order of start."""
        return [(e.start, e.end, e.sentence) for e in self.episode(index).events]

    def example(self, index: int, seed: int) -> dict[str, Tensor]:
        """Example ``index``; ``seed`` drives the order of the sentences."""
        events = self.sentences(index)
        order = generator(seed, "order", index).permutation(len(events))
        events = [events[i] for i in order][:ROWS]
        words, word_count = self.words.padded([e[2] for e in events], ROWS, LONGEST)
        out = {
            "features": torch.from_numpy(np.array(self._values(index))),
            "length": torch.tensor(self.data.steps),
            "words": words,
            "word_count": word_count,
            "sentences": torch.tensor(len(events)),
        }
        if self.timed:
            spans = torch.zeros(ROWS, 2)
            for row, (start, end, _) in enumerate(events):
                spans[row, 0] = 0.5 * (start + end) / self.data.seconds
                spans[row, 1] = (end - start) / self.data.seconds
            out["spans"] = spans
        return out

    def _values(self, index: int) -> Float16[np.ndarray, "T D"]:
        if not 0 <= index < len(self):
            raise IndexError(f"episode {index} of {len(self)}")
        if self.shards.folder is not None:
            return self.shards[index]
        if index not in self._held:
            self._held[index] = self.shards.make(index)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[index]

    def __getstate__(self) -> dict[str, Any]:
        """Features are not copied to other processes."""
        return {**self.__dict__, "_held": OrderedDict()}


@dataclass
class _Maker:
    """Features of an episode by its number; the networks are loaded where they are needed."""

    data: StageStories
    split: Split

    @cached_property
    def source(self) -> StageFeatures:
        return StageFeatures(self.data.features).start_from_bundled()

    def __call__(self, index: int) -> Float16[np.ndarray, "T D"]:
        episode = episode_of(self.split, index, self.data.seconds)
        values = self.source.of(clip_of(episode, self.data)).values
        return values.half().numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "split": self.split}


def clip_of(episode: Episode, data: StageStories) -> Clip:
    """An episode as features see it."""
    heard = data.features.heard
    rate = 11_025 if heard is None else heard.rate
    return clip(episode, data.size, data.size, fps=data.features.rate, rate=rate)


def episode_of(split: Split, index: int, seconds: float = 30.0) -> Episode:
    """Episode ``index`` of a split: no order words, each sentence about one event alone."""
    seed = split_seed(split, index)
    episode = compose(seed, seconds, order_words=False)
    rng = generator(seed, "how many")
    drawn, played = rng.uniform(), rng.uniform(size=len(episode.events)) < _PLAYED
    if drawn < _LONE:
        kept = episode.events[:1]
    elif drawn < _LONE + _NONE and split != "train":
        kept = ()
    else:
        kept = tuple(
            e for e, k in zip(episode.events, played, strict=True) if e.kind != "play" or k
        )
    episode = _only(episode, kept)
    events = [replace(e, sentence=e.sentence.partition(" while ")[0]) for e in episode.events]
    return replace(episode, events=tuple(events))


def _only(episode: Episode, events: tuple[Event, ...]) -> Episode:
    """The episode with these of its events, told anew; nobody plays but in them."""
    people = []
    for i, person in enumerate(episode.performers):
        played = [e.span for e in events if e.performer == i and e.kind == "play"]
        notes = tuple(n for n in person.notes if any(s.start <= n.start < s.end for s in played))
        people.append(replace(person, notes=notes))
    episode = replace(episode, performers=tuple(people), events=events)
    return told(episode, generator(episode.seed, "captions anew"), order_words=False)


def _words(seconds: float) -> Words:
    if seconds not in _VOCABULARIES:
        told_in = (episode_of("train", i, seconds).events for i in range(_WORDS_FROM))
        _VOCABULARIES[seconds] = Words.of(e.sentence for events in told_in for e in events)
    return _VOCABULARIES[seconds]


_VOCABULARIES: dict[float, Words] = {}
