"""The caption generator: span in, sentence out (Duan et al., arXiv:1812.03849, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float, Int64
from torch import Tensor, nn


@dataclass(frozen=True)
class GeneratorConfig:
    """What a `Generator` is built from."""

    hidden: int = 512
    embedding: int = 512
    layers: int = 2
    dropout: float = 0.3
    slope: float = 0.1
    context: Literal["clr", "c"] = "clr"
    initial: Literal["end", "zero"] = "end"


class Generator(nn.Module):
    """Tells what happens in spans."""

    def __init__(self, dim: int, words: int, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config

    def forward(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
        words: Int64[Tensor, "B S L"],
    ) -> Float[Tensor, "B S L-1 V"]:
        """Logits of the word after each of ``words[..., :-1]`` (``<bos>`` first)."""
        raise NotImplementedError

    def write(
        self,
        features: Float[Tensor, "B T D"],
        length: Int64[Tensor, "B"],
        spans: Float[Tensor, "B S 2"],
        beam: int = 3,
        length_penalty: float = 0.0,
    ) -> tuple[Int64[Tensor, "B S L"], Float[Tensor, "B S"]]:
        """Sentences (``<bos>`` ... ``<eos>``, filled up with ``<eos>``) and their log-probability.

        Args:
            features: of videos, padded.
            length: steps of each video.
            spans: ``(centre, width)`` in fractions of the video.
            beam: partial sentences followed at a time.
            length_penalty: hypotheses compete by log p over their words to this power; the
                published 0 favours short ones.
        """
        raise NotImplementedError
