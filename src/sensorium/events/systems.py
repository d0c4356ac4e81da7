"""WSDEC (Duan et al., NeurIPS 2018, arXiv:1812.03849) as a system: told, found, learnt.

Stages of a recipe set the buffer ``phase``, so that one system learns captions of whole videos,
then anchors, then the cycle, or everything from true spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.events.fixed_point import FixedPointConfig, Told, settle
from sensorium.events.generator import Generator, GeneratorConfig
from sensorium.events.localiser import Localiser, LocaliserConfig
from sensorium.events.losses import (
    Lesson,
    LossConfig,
    anchor_loss,
    caption_loss,
    cycle_losses,
    spread,
    supervised_losses,
)
from sensorium.system import Batch, Meter, Result, System
from sensorium.types import Clip

CAPTIONS, ANCHORS, CYCLE, SUPERVISED = 0.0, 1.0, 2.0, 3.0
"""Values of the buffer ``phase``."""


@dataclass(frozen=True)
class WSDECConfig:
    """Config of `WSDECSystem`.

    Attributes:
        words: vocabulary, as `Words`; data put it here by ``adapt``.
        dim: length of a feature vector; data put it here by ``adapt``.
        rate: feature vectors per second; data put it here by ``adapt``.
        seconds: length of the windows in which longer videos are described.
        localiser: sentence in, span out.
        generator: span in, sentence out.
        learning: losses.
        search: how events are found that nobody asked for.
    """

    words: tuple[str, ...] = ("<bos>", "<eos>", "<oov>")
    dim: int = 500
    rate: float = 4.0
    seconds: float = 30.0
    localiser: LocaliserConfig = field(default_factory=LocaliserConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    learning: LossConfig = field(default_factory=LossConfig)
    search: FixedPointConfig = field(default_factory=FixedPointConfig)


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
    Config: ClassVar[type] = WSDECConfig
    phase: Tensor

    def __init__(self, config: WSDECConfig) -> None:
        super().__init__(config)
        self.localiser = Localiser(config.dim, len(config.words), config.localiser)
        self.generator = Generator(config.dim, len(config.words), config.generator)
        self.register_buffer("phase", torch.tensor(CYCLE))

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the phase, and the ``spread`` of what is found (not minimised)."""
        config: LossConfig = self.config.learning
        lesson = lesson_of(batch).drawn(config.sentences)
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

    def metrics(self) -> dict[str, Meter]:
        """Not yet."""
        return {}

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Not yet."""

    # --- use --------------------------------------------------------------------------------------

    @torch.no_grad()
    def localise(self, batch: Batch) -> tuple[Float[Tensor, "B S 2"], Float[Tensor, "B S"]]:
        """Where each sentence of a batch is found, ``(centre, width)``, and its anchor's share."""
        lesson = lesson_of(batch)
        scores, offsets = self.localiser(
            lesson.features, lesson.length, lesson.words, lesson.word_count
        )
        return self.localiser.best(scores, offsets), scores.softmax(-1).amax(-1)

    @torch.no_grad()
    def settle(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        search: FixedPointConfig | None = None,
    ) -> list[list[Told]]:
        """The events of videos as long as those of the training; ``search``: the config's."""
        return settle(
            self.localiser, self.generator, features, length, search or self.config.search
        )

    def predict(self, clip: Clip) -> Result:
        """The story of a clip."""
        raise NotImplementedError


def lesson_of(batch: Batch) -> Lesson:
    """A batch's tensors by name; sentences beyond ``sentences`` become padding."""
    words, count = batch["words"], batch["word_count"]
    place = torch.arange(words.shape[1], device=words.device)
    told = place < batch["sentences"][:, None]
    return Lesson(
        batch["features"].float(),
        batch["length"],
        words,
        count * told,
        batch.get("spans"),
    )
