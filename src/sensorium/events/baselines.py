"""What WSDEC must beat: spans that nobody looked for.

Each gives spans ``(centre, width)`` in fractions of the video, as answers to given sentences
(localisation) or to be told (`told`). Random spans, random anchors and the whole video know
nothing. `ordered_split` knows how many sentences there are and in which order they happen, which
annotations usually give away: a strong baseline that should stand in every table (successors of
the paper hardly beat it). `unordered_split` is the same without the order.

Not here: full supervision, no cycle, no regression and no anchors are recipes and configs
(``wsdec-full``, `recipes`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.events.fixed_point import FixedPointConfig, Told, settle
from sensorium.events.generator import Generator
from sensorium.events.localiser import Localiser
from sensorium.seeds import torch_generator


def whole_video(count: int) -> Float[Tensor, "S 2"]:
    """All of the video for each of ``count`` sentences."""
    return torch.tensor([0.5, 1.0]).expand(count, 2)


def random_spans(count: int, seed: int) -> Float[Tensor, "S 2"]:
    """Centre and width evenly from 0..1, as the paper's random starts."""
    return torch.rand(count, 2, generator=torch_generator(seed, "random spans"))


def random_anchors(anchors: Float[Tensor, "A 2"], count: int, seed: int) -> Float[Tensor, "S 2"]:
    """Anchors drawn evenly, with replacement."""
    drawn = torch.randint(len(anchors), (count,), generator=torch_generator(seed, "random anchors"))
    return anchors[drawn]


def ordered_split(starts: Float[Tensor, "S"]) -> Float[Tensor, "S 2"]:
    """The video in equal parts, one for each sentence, in the order of the true starts."""
    count = len(starts)
    rank = starts.argsort(stable=True).argsort()
    return torch.stack([(rank + 0.5) / count, torch.full((count,), 1 / count)], -1)


def unordered_split(count: int, seed: int) -> Float[Tensor, "S 2"]:
    """The video in equal parts, one for each sentence, in an order drawn at random."""
    rank = torch.randperm(count, generator=torch_generator(seed, "unordered split"))
    return torch.stack([(rank + 0.5) / count, torch.full((count,), 1 / count)], -1)


def told(
    networks: tuple[Localiser, Generator],
    features: Float[Tensor, "T D"],
    spans: Float[Tensor, "S 2"],
    beam: int = 3,
) -> list[Told]:
    """What the generator writes about given spans of one video, none left out or moved.

    Args:
        networks: of a trained system; the localiser is not asked.
        features: of the video.
        spans: ``(centre, width)``.
        beam: partial sentences followed at a time.
    """
    length: Int64[Tensor, "1"] = torch.tensor([len(features)], device=features.device)
    given = FixedPointConfig(rounds=0, beam=beam, overlap=1.0, same=1.0, most=max(1, len(spans)))
    localiser, generator = networks
    (events,) = settle(
        localiser, generator, features[None], length, given, spans.to(features)[None]
    )
    return events
