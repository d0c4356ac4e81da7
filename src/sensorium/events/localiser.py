"""The sentence localiser: sentence in, span out (Duan et al., arXiv:1812.03849, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from sensorium.events.anchors import AnchorsConfig, anchors_of, decode


@dataclass(frozen=True)
class LocaliserConfig:
    """What a `Localiser` is built from."""

    head: Literal["equivariant", "published"] = "equivariant"
    hidden: int = 512
    embedding: int = 512
    layers: int = 2
    dropout: float = 0.3
    slope: float = 0.1
    anchors: AnchorsConfig = field(default_factory=AnchorsConfig)


class Localiser(nn.Module):
    """Finds what sentences tell."""

    anchors: Tensor

    def __init__(self, dim: int, words: int, config: LocaliserConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("anchors", anchors_of(config.anchors), persistent=False)

    def forward(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        words: Int64[Tensor, "B S L"],
        word_count: Int64[Tensor, "B S"],
    ) -> tuple[Float[Tensor, "B S A"], Float[Tensor, "B S A 2"]]:
        """Scores of the anchors (logits) and offsets (before `decode`), per sentence."""
        raise NotImplementedError

    def decode(self, offsets: Float[Tensor, "B S A 2"]) -> Float[Tensor, "B S A 2"]:
        """The span of every anchor as ``(centre, width)``."""
        settings = self.config.anchors
        return decode(self.anchors, offsets, settings.scale, relative=settings.relative)
