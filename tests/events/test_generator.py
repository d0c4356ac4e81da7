"""The caption generator: teacher forcing, writing, and what reaches it of a span."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from sensorium.events.generator import Generator, GeneratorConfig
from sensorium.events.vocabulary import BOS, EOS

SMALL = GeneratorConfig(hidden=12, embedding=8, dropout=0.0, slope=1.0)
KINDS = [
    SMALL,
    replace(SMALL, layers=1, context="c", initial="zero", video="local"),
]


def made(config: GeneratorConfig, toy: ModuleType) -> Generator:
    torch.manual_seed(0)
    return Generator(toy.DIM, len(toy.WORDS), config).eval()


def test_published_network_has_the_published_size() -> None:
    network = Generator(500, 6000, GeneratorConfig())
    h, gru = 512, 3 * 512
    video = gru * 500 + gru * h + 2 * gru + gru * h + gru * h + 2 * gru + 500 * h
    decoder = gru * (512 + 1536) + gru * h + 2 * gru + gru * h + gru * h + 2 * gru
    words = 6000 * 512 + 512 * 6000 + 6000
    assert sum(p.numel() for p in network.parameters()) == video + decoder + words


@pytest.mark.parametrize("config", KINDS)
def test_teacher_forcing_is_torchs_cells_word_by_word(
    config: GeneratorConfig, toy: ModuleType
) -> None:
    network, batch = made(config, toy), toy.videos(2, 0)
    features, length, spans, words = (batch[k] for k in ("features", "length", "spans", "words"))
    logits = network(features, length, spans, words)
    told = network.describe(network.encode(features, length), length, spans)
    state = list(told.state[:, 1, 0][:, None])
    for step in range(words.shape[-1] - 1):
        given = torch.cat([network.embedding(words[1, 0, step]), told.clip[1, 0]])[None]
        for number, cell in enumerate(network.cells):
            assert isinstance(cell, nn.GRUCell)
            state[number] = given = cell(given, state[number])
        assert torch.allclose(network.out(given)[0], logits[1, 0, step], atol=1e-5)


@pytest.mark.parametrize("config", KINDS)
def test_written_sentences_have_the_log_p_that_they_say(
    config: GeneratorConfig, toy: ModuleType
) -> None:
    network, batch = made(config, toy), toy.videos(2, 3)
    features, length, spans = (batch[k] for k in ("features", "length", "spans"))
    words, likely = network.write(features, length, spans, 3, longest=9)
    assert words.shape[:2] == spans.shape[:2]
    assert (words[..., 0] == BOS).all()
    assert (words[..., -1] == EOS).all()
    logs = network(features, length, spans, words).log_softmax(-1)
    picked = logs.gather(-1, words[..., 1:, None])[..., 0]
    real = torch.arange(picked.shape[-1]) < (words[..., 1:] != EOS).sum(-1, keepdim=True) + 1
    assert torch.allclose((picked * real).sum(-1), likely, atol=1e-4)
    greedy, less = network.write(features, length, spans, 1, longest=9)
    assert (likely >= less - 1e-4).float().mean() > 0.5
    assert greedy.shape[-1] <= 9


def test_gradient_of_the_caption_reaches_the_span(toy: ModuleType) -> None:
    network, batch = made(SMALL, toy), toy.videos(2, 0)
    spans = batch["spans"].clone().requires_grad_()
    logits = network(batch["features"], batch["length"], spans, batch["words"])
    logits.square().sum().backward()
    assert spans.grad is not None
    assert (spans.grad[batch["word_count"] > 0].abs() > 0).all()


def test_first_state_is_the_encoders_where_the_span_ends(toy: ModuleType) -> None:
    network, batch = made(SMALL, toy), toy.videos(1, 0)
    encoded = network.encode(batch["features"], batch["length"])
    spans = torch.tensor([[[0.5, 0.5], [0.5, 1.0], [0.9, 0.6]]])
    state = network.describe(encoded, batch["length"], spans).state
    ends = [int(min(0.75, 1 - 1e-4) * toy.STEPS), toy.STEPS - 1, toy.STEPS - 1]
    for row, end in enumerate(ends):
        assert torch.equal(state[:, 0, row], encoded[1][:, 0, end])
    zero = made(replace(SMALL, initial="zero"), toy)
    assert not zero.describe(zero.encode(batch["features"], batch["length"]),
                             batch["length"], spans).state.any()  # fmt: skip


def test_alone_a_span_knows_nothing_of_what_is_elsewhere(toy: ModuleType) -> None:
    """With ``context="c"`` and a steep mask; with the published descriptor it does."""
    spans, length = torch.tensor([[[0.25, 0.2]]]), torch.tensor([toy.STEPS])
    words = torch.tensor([[[0, 2, 5, 9, 1]]])
    features = torch.randn(1, toy.STEPS, toy.DIM)
    other = features.clone()
    other[:, 40:] += 3
    for config, knows in ((replace(KINDS[1], slope=8.0), False), (SMALL, True)):
        network = made(config, toy)
        a, b = (network(x, length, spans, words) for x in (features, other))
        assert torch.allclose(a, b, atol=1e-6) != knows


def test_blind_leaves_descriptions_out_in_training_alone(toy: ModuleType) -> None:
    network, batch = made(replace(KINDS[1], blind=0.5), toy), toy.videos(8, 0)
    encoded = network.encode(batch["features"], batch["length"])

    def clips() -> torch.Tensor:
        return network.describe(encoded, batch["length"], batch["spans"]).clip

    assert (clips().abs().sum(-1) > 0).all()
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        share = (clips().abs().sum(-1) == 0).float().mean()
    assert 0.2 < float(share) < 0.8


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layers": 0}, "layers must be at least 1"),
        ({"slope": -1.0}, "slope must be above 0"),
        ({"blind": 1.0}, "blind must be"),
        ({"video": "local"}, "initial='zero'"),
    ],
)
def test_bad_settings_are_one_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        GeneratorConfig(**wrong)
    assert "\n" not in str(caught.value)
