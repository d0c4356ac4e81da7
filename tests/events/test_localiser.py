"""The two heads: shapes, sizes, what padding and place change."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from sensorium.events.anchors import AnchorsConfig
from sensorium.events.localiser import Localiser, LocaliserConfig, PublishedHead, flanks

SMALL = LocaliserConfig(hidden=12, embedding=8, dropout=0.0, slope=1.0, channels=4)
KINDS = [
    SMALL,
    replace(SMALL, video="local", anchors=AnchorsConfig("dense", (1 / 8, 1 / 4), 4)),
    replace(SMALL, head="published"),
    replace(SMALL, head="published", norm="batch"),
]


def made(config: LocaliserConfig, toy: ModuleType) -> Localiser:
    torch.manual_seed(0)
    return Localiser(toy.DIM, len(toy.WORDS), config).eval()


def inputs(batch: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(batch[key] for key in ("features", "length", "words", "word_count"))


def test_published_network_has_the_published_size() -> None:
    """Counted by hand from the published code: hidden 512, vocabulary 6000, C3D's 500 numbers."""
    config = LocaliserConfig(head="published", norm="batch")
    network = Localiser(500, 6000, config)
    h, gru = 512, 3 * 512
    video = gru * 500 + gru * h + 2 * gru + gru * h + gru * h + 2 * gru + 500 * h
    text = 6000 * 512 + 2 * (gru * h + gru * h + 2 * gru)
    attention = 2 * (512 * 1024)
    fusion = 1024 * 512 + 512 + 2 * 1536 * 1536 + 2 * 2 * 512 + 2 * 2 * 1536
    heads = 1536 * 15 + 15 + 1536 * 30 + 30
    assert sum(p.numel() for p in network.parameters()) == video + text + attention + fusion + heads
    assert isinstance(network.head, PublishedHead)


@pytest.mark.parametrize("config", KINDS)
def test_shapes_and_finite(config: LocaliserConfig, toy: ModuleType) -> None:
    network, batch = made(config, toy), toy.videos(3, 0)
    scores, offsets = network(*inputs(batch))
    count = len(network.anchors)
    assert scores.shape == (3, toy.SENTENCES, count)
    assert offsets.shape == (3, toy.SENTENCES, count, 2)
    assert torch.isfinite(scores).all()
    spans = network.decode(offsets)
    assert ((spans >= 0) & (spans <= 1)).all()
    best = network.best(scores, offsets)
    chosen = int(scores[1, 0].argmax())
    assert torch.equal(best[1, 0], spans[1, 0, chosen])


@pytest.mark.parametrize("config", KINDS)
def test_padding_is_not_seen(config: LocaliserConfig, toy: ModuleType) -> None:
    network, batch = made(config, toy), toy.videos(2, 1)
    scores, offsets = network(*inputs(batch))
    wide = dict(batch)
    wide["features"] = torch.cat([batch["features"], torch.randn(2, 9, toy.DIM)], 1)
    wide["words"] = torch.cat([batch["words"], torch.ones(2, toy.SENTENCES, 3).long()], 2)
    more, further = network(*inputs(wide))
    told = batch["word_count"] > 0
    assert torch.allclose(more[told], scores[told], atol=1e-5)
    assert torch.allclose(further[told], offsets[told], atol=1e-5)


def test_equivariant_head_follows_what_moves(toy: ModuleType) -> None:
    """What happens a quarter later is judged a quarter later, far from the ends."""
    config = replace(SMALL, video="local", anchors=AnchorsConfig("dense", (1 / 8,), 4))
    network = made(config, toy)
    features = torch.zeros(1, 64, toy.DIM)
    features[:, 20:28] = torch.randn(8, toy.DIM)
    length, words = torch.tensor([64]), torch.tensor([[[0, 2, 5, 9, 1]]])
    count = torch.tensor([[5]])
    here, _ = network(features, length, words, count)
    later, _ = network(features.roll(16, 1), length, words, count)
    step = 16 // 2  # anchors are 2 steps apart
    assert torch.allclose(here[..., 9:-13], later[..., 9 + step : -13 + step], atol=1e-3)
    assert not torch.allclose(here[..., 9:-13], later[..., 9:-13], atol=1e-2)


def test_flanks_touch_the_anchor() -> None:
    left, right = flanks(torch.tensor([[0.5, 0.2]]))
    assert left[0].tolist() == pytest.approx([0.35, 0.1])
    assert right[0].tolist() == pytest.approx([0.65, 0.1])


def test_batch_norm_does_not_see_padded_sentences(toy: ModuleType) -> None:
    network, batch = made(KINDS[3], toy).train(), toy.videos(4, 2)
    changed = dict(batch)
    changed["words"] = batch["words"].masked_fill(batch["word_count"][..., None] == 0, 7)
    told = batch["word_count"] > 0
    assert not told.all()
    assert torch.equal(network(*inputs(batch))[0][told], network(*inputs(changed))[0][told])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"slope": 0.0}, "slope must be above 0"),
        ({"head": "published", "video": "local"}, "video='gru'"),
    ],
)
def test_bad_settings_are_one_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        LocaliserConfig(**wrong)
    assert "\n" not in str(caught.value)
