"""WSDEC (Duan et al., NeurIPS 2018, arXiv:1812.03849) as a system: told, found, learnt.

Stages of a recipe set the buffer ``phase``, so that one system learns captions of whole videos,
then anchors, then the cycle, or everything from true spans.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.events.features import Features, StageFeatures, StageFeaturesConfig
from sensorium.events.fixed_point import FixedPointConfig, Told, settle
from sensorium.events.generator import Generator, GeneratorConfig
from sensorium.events.localiser import Localiser, LocaliserConfig
from sensorium.events.looks import Looks
from sensorium.events.losses import (
    Lesson,
    LossConfig,
    anchor_loss,
    caption_loss,
    cycle_losses,
    spread,
    supervised_losses,
)
from sensorium.events.masks import valid
from sensorium.events.measuring import measure_found, measure_told, meters
from sensorium.events.results import Event, Story
from sensorium.events.standard import Standard
from sensorium.events.telling import Teller
from sensorium.events.vocabulary import Words
from sensorium.events.windows import Fetch
from sensorium.layers.domain import DomainGauge, unfamiliarity
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip, Span

CAPTIONS, ANCHORS, CYCLE, SUPERVISED = 0.0, 1.0, 2.0, 3.0
"""Values of the buffer ``phase``."""


_ENOUGH = 16  # videos, to calibrate the domain gauge
_SHARES = 16  # of the feature vectors, whose change over time the gauge looks at


@dataclass(frozen=True)
class WSDECConfig:
    """Config of `WSDECSystem`.

    Attributes:
        words: vocabulary, as `Words`; data put it here by ``adapt``.
        features: made from clips; ``None``: only vectors from elsewhere can be described. Data put
            it here by ``adapt``.
        dim: length of a feature vector; data put it here by ``adapt``.
        rate: feature vectors per second; data put it here by ``adapt``.
        seconds: length of the windows in which videos are described; data put it here by ``adapt``.
        standardise: whether features get mean 0 and deviation 1; published ones are as they are.
        localiser: sentence in, span out.
        generator: span in, sentence out.
        learning: losses.
        search: how events are found that nobody asked for.
    """

    words: tuple[str, ...] = ("<bos>", "<eos>", "<oov>")
    features: StageFeaturesConfig | None = None
    dim: int = 500
    rate: float = 4.0
    seconds: float = 30.0
    standardise: bool = True
    localiser: LocaliserConfig = field(default_factory=LocaliserConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    learning: LossConfig = field(default_factory=LossConfig)
    search: FixedPointConfig = field(default_factory=FixedPointConfig)

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"wsdec: dim must be at least 1, got {self.dim!r}")
        if not (self.rate > 0 and self.seconds > 0):
            raise ValueError(
                "wsdec: rate (Hz) and seconds must be above 0, got "
                f"{self.rate!r} and {self.seconds!r}"
            )


class WSDECSystem(System):
    """Weakly supervised dense event captioning.

    Batches:
        ``features``: ``float [B, T, D]``, padded; ``length``: ``int64 [B]``; ``words``: ``int64
        [B, S, L]``, ``<bos>`` ... ``<eos>``, filled up with ``<eos>``; ``word_count``: ``int64
        [B, S]``, both ends counted; ``sentences``: ``int64 [B]``, the others are padding. For full
        supervision and to measure also ``spans``: ``float [B, S, 2]``, ``(centre, width)`` in
        fractions of the video.
    """

    name: ClassVar[str] = "wsdec"
    paper: ClassVar[str] = (
        "Duan, Huang, Gan, Wang, Zhu, Huang: Weakly Supervised Dense Event Captioning in Videos, "
        "NeurIPS 2018, https://arxiv.org/abs/1812.03849"
    )
    limits: ClassVar[str] = (
        "Tells what stage episodes hold, in their words; other videos get a story of the same "
        "words, and only `out_of_domain` says that it means nothing. Was never told when anything "
        "happens: spans are better than chance and than an even split, and rough: two in five "
        "overlap the truth by less than 0.3. Instrument or colour is often wrong. Where a single "
        "thing happens, more is told. Short and overlapping events are missed or told twice."
    )
    Config: ClassVar[type] = WSDECConfig
    phase: Tensor

    def __init__(self, config: WSDECConfig) -> None:
        super().__init__(config)
        self.words = Words(config.words)
        self.source = None if config.features is None else _source(config)
        self.standard = Standard(config.dim)
        self.localiser = Localiser(config.dim, len(config.words), config.localiser)
        self.generator = Generator(config.dim, len(config.words), config.generator)
        self.gauge = DomainGauge((config.generator.hidden, _SHARES))
        self.looks = Looks()
        self.register_buffer("phase", torch.tensor(CYCLE))

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the phase, and the ``spread`` of what is found (not minimised)."""
        config: LossConfig = self.config.learning
        lesson = self.lesson(batch).drawn(config.sentences)
        phase = round(float(self.phase))
        if phase == CAPTIONS:
            whole = torch.tensor([0.5, 1.0]).to(lesson.features).expand(*lesson.told.shape, 2)
            caption, _ = caption_loss(self.generator, lesson, whole)
            return {"loss": config.caption * caption, "caption": caption}
        found = self.localiser(lesson.features, lesson.length, lesson.words, lesson.word_count)
        spans = self.localiser.best(*found)
        if phase == ANCHORS:
            parts = {"anchor": self._anchor_loss(lesson, found[0])}
            total = parts["anchor"]
        elif phase == CYCLE:
            caption, segment = cycle_losses(
                self.localiser, self.generator, lesson, spans, config.noise
            )
            parts = {"caption": caption, "segment": segment}
            total = config.caption * caption + config.segment * segment
            if config.anchor:
                parts["anchor"] = self._anchor_loss(lesson, found[0])
                total = total + config.anchor * parts["anchor"]
        else:
            anchor, offset = supervised_losses(self.localiser, lesson, *found)
            assert lesson.spans is not None
            caption, _ = caption_loss(self.generator, lesson, lesson.spans)
            parts = {"anchor": anchor, "offset": offset, "caption": caption}
            total = config.anchor * anchor + config.offset * offset + config.caption * caption
        return {"loss": total, **parts, "spread": spread(spans.detach(), lesson.told)}

    def _anchor_loss(self, lesson: Lesson, scores: Tensor) -> Tensor:
        learning: LossConfig = self.config.learning
        return anchor_loss(self.localiser, self.generator, lesson, scores, learning)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The localiser but for its offsets learns more slowly, as published for the cycle."""
        slow = [p for n, p in self.localiser.named_parameters() if not n.startswith("head.offset")]
        slow_ids = {id(p) for p in slow}
        fast = [p for p in self.parameters() if id(p) not in slow_ids]
        rate = self.config.learning.localiser_rate
        return [
            {"name": "localiser", "params": slow, "lr_factor": rate},
            {"name": "generator and offsets", "params": fast, "lr_factor": 1.0},
        ]

    def lesson(self, batch: Batch) -> Lesson:
        """A batch by name, standardised; sentences beyond ``sentences`` become padding.

        While captions of whole videos are learnt, the statistics of the features are as well.
        """
        features = batch["features"].float()
        if self.config.standardise:
            if self.training and round(float(self.phase)) in (CAPTIONS, SUPERVISED):
                self.standard.learn(features, valid(batch["length"], features.shape[1]))
            features = self.standard(features)
        words = batch["words"]
        place = torch.arange(words.shape[1], device=words.device)
        told = place < batch["sentences"][:, None]
        return Lesson(
            features, batch["length"], words, batch["word_count"] * told, batch.get("spans")
        )

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """What fits; the domain gauges are not taken over."""
        gauges = ("gauge.", "looks.")
        return super().start_from({k: v for k, v in state.items() if not k.startswith(gauges)})

    # --- measuring --------------------------------------------------------------------------------

    def metrics(self) -> dict[str, Meter]:
        """Of localisation and of dense captioning, see `measuring.meters`."""
        return meters()

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Find the sentences of a batch that has ``spans``, and tell its videos."""
        lesson = self.lesson(batch)
        measure_found(self.localiser, self.generator, lesson, meters)
        networks = (self.localiser, self.generator)
        measure_told(networks, lesson, self.config.search, self.words, meters)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauges: that of features to batches, that of pictures to ``clips``.

        With fewer than 16 videos the former stays uncalibrated and says so. The latter is there
        where features are made from pictures.
        """
        if self.config.features is not None and self.config.features.seen is not None:
            self.looks.fit(clips)
        rows = []
        for batch in batches:
            lesson = self.lesson(batch)
            rows.append(self._domain_features(lesson.features, lesson.length))
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        if groups and len(groups[0]) >= _ENOUGH:
            self.gauge.fit(groups)
        else:
            logging.getLogger(__name__).warning(
                "%d validation videos are too few to say what is out of domain (at least %d)",
                len(groups[0]) if groups else 0,
                _ENOUGH,
            )

    def _domain_features(self, features: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """What the gauge looks at: mean states, and how much the features change over time."""
        real = valid(length, features.shape[1])[..., None].to(features.dtype)
        seen, _ = self.generator.encode(features, length)
        count = real.sum(1).clamp_min(1)
        means = (seen * real).sum(1) / count
        change = (features[:, 1:] - features[:, :-1]).abs() * real[:, 1:]
        if not change.shape[1]:  # a single step, as of one picture, does not change
            change = torch.zeros_like(features)
        parts = [part.mean((1, 2)) for part in change.tensor_split(_SHARES, 2)]
        return means, torch.stack(parts, 1).add(0.02).log()

    # --- use --------------------------------------------------------------------------------------

    @torch.no_grad()
    def localise(self, lesson: Lesson) -> tuple[Float[Tensor, "B S 2"], Float[Tensor, "B S"]]:
        """Where each sentence is found, ``(centre, width)``, and the share of its anchor."""
        scores, offsets = self.localiser(
            lesson.features, lesson.length, lesson.words, lesson.word_count
        )
        return self.localiser.best(scores, offsets), scores.softmax(-1).amax(-1)

    def settle(self, lesson: Lesson, search: FixedPointConfig | None = None) -> list[list[Told]]:
        """The events of videos as long as those of the training; no sentence is looked at."""
        chosen = search or self.config.search
        return settle(self.localiser, self.generator, lesson.features, lesson.length, chosen)

    def predict(self, clip: Clip, fetch: Fetch | None = None) -> Story:
        """The story of a clip of any length, in bounded memory; ``fetch`` as `fetch` gives it.

        Raises:
            ValueError: when the clip lacks what the features are made of.
        """
        own, total = self.fetch(clip)
        events, far = self._story(total, fetch or own, clip.span)
        known = [far, self.looks.unfamiliarity(clip)]
        worst = max((value for value in known if value is not None), default=None)
        return Story(clip.name, self.weights, clip.span, events, worst)

    def describe(self, features: Features, search: FixedPointConfig | None = None) -> list[Event]:
        """The events of a feature sequence at the training's rate.

        Raises:
            ValueError: for vectors of another length or rate.
        """
        rows = self._own(features)
        events, _ = self._story(len(rows), lambda a, b: rows[a:b], features.span, search)
        return list(events)

    def _own(self, features: Features) -> Tensor:
        """The vectors, when they are of the kind that was trained on."""
        if features.dim != self.config.dim or features.rate != self.config.rate:
            raise ValueError(
                f"{self.weights} reads vectors of {self.config.dim} at {self.config.rate:g} Hz, "
                f"got {features.dim} at {features.rate:g} Hz; resample them or train on them"
            )
        return features.values

    def _story(
        self, total: int, fetch: Fetch, span: Span, search: FixedPointConfig | None = None
    ) -> tuple[tuple[Event, ...], float | None]:
        """Events on the clip's clock, and how unfamiliar the clip is."""
        far: list[float] = []

        def look(features: Tensor) -> None:
            if (distance := self._unfamiliarity(features)) is not None:
                far.append(distance)

        events = self.teller.events(total, fetch, search or self.config.search, look)
        middle = sorted(far)[len(far) // 2] if far else None
        return tuple(self._event(event, span) for event in events), middle

    def find(self, clip: Clip, sentence: str, fetch: Fetch | None = None) -> tuple[Span, float]:
        """Where a clip shows what a sentence tells, and how sure that is (0..1).

        Raises:
            ValueError: when no word of the sentence is known, or the clip lacks what is needed.
        """
        own, total = self.fetch(clip)
        return self._found(total, fetch or own, clip.span, sentence)

    def find_in(self, features: Features, sentence: str) -> tuple[Span, float]:
        """`find` in a feature sequence at the training's rate."""
        rows = self._own(features)
        return self._found(len(rows), lambda a, b: rows[a:b], features.span, sentence)

    def _found(self, total: int, fetch: Fetch, span: Span, sentence: str) -> tuple[Span, float]:
        event = self._event(self.teller.find(total, fetch, self._numbers(sentence)), span)
        return Span(event.start, event.end), event.score

    @property
    def teller(self) -> Teller:
        """Localiser and generator over videos of any length."""
        config: WSDECConfig = self.config
        steps = max(1, round(config.seconds * config.rate))
        standard = self.standard if config.standardise else None
        return Teller(self.localiser, self.generator, standard, steps)

    def fetch(self, clip: Clip) -> tuple[Fetch, int]:
        """Reads features of a clip by step, and how many steps it has."""
        source = self.source
        if source is None:
            raise ValueError(
                f"{clip.name}: {self.weights} reads vectors made elsewhere, not files; give "
                "it vectors by describe(), or train on features that the package makes"
            )
        start, rate, span = clip.span.start, self.config.rate, clip.span
        self._check(clip)

        def fetch(first: int, last: int) -> Tensor:
            return source.of(clip, Span(start + first / rate, start + last / rate)).values

        return fetch, max(1, round(span.duration * rate))

    def _check(self, clip: Clip) -> None:
        """Refuse a clip without pictures where these are looked at; sound may be missing."""
        if self.config.features is not None and self.config.features.seen is not None:
            clip.need_video()

    def _event(self, event: Told, span: Span) -> Event:
        """Steps to seconds on the clip's clock, numbers to words."""
        rate = self.config.rate
        start = min(span.start + event.start / rate, span.end)
        end = min(span.start + event.end / rate, span.end)
        return Event(start, max(start, end), self.words.decode(event.words), event.score)

    def _numbers(self, sentence: str) -> list[int]:
        """A sentence in numbers.

        Raises:
            ValueError: when it has no known word.
        """
        numbers = self.words.encode(sentence)
        if all(number == self.words.oov for number in numbers[1:-1]):
            some = ", ".join(self.words.words[2:12])
            raise ValueError(
                f"knows none of the words of {sentence!r}; ask in words such as {some}"
            )
        return numbers

    @torch.no_grad()
    def _unfamiliarity(self, features: Float[Tensor, "1 T D"]) -> float | None:
        """0..1, above 0.5 unlike the training; ``None``: not calibrated."""
        if not self.gauge.calibrated:
            return None
        length = torch.tensor([features.shape[1]], device=features.device)
        distances = self.gauge.distances(self._domain_features(features, length))
        return float(unfamiliarity(distances)[0])


def _source(config: WSDECConfig) -> StageFeatures:
    """The features' networks, with the weights that come with the package.

    Raises:
        ValueError: when they give other vectors than the config says.
    """
    assert config.features is not None
    source = StageFeatures(config.features).start_from_bundled()
    if source.dim != config.dim or source.rate != config.rate:
        raise ValueError(
            f"wsdec: dim and rate must be those of the features, {source.dim} and "
            f"{source.rate:g} Hz, got {config.dim} and {config.rate:g} Hz"
        )
    return source
