"""Encoders keep the states of all layers, and do not see padding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sensorium.events.encoders import (
    Local,
    Recurrent,
    Sentences,
    last_states,
    video_encoder,
)


def test_layers_one_by_one_are_torchs_stacked_gru() -> None:
    torch.manual_seed(0)
    ours, stacked = Recurrent(5, 6, 2, 0.3).eval(), nn.GRU(5, 6, 2, batch_first=True)
    for number, layer in enumerate(ours.layers):
        for name, value in layer.named_parameters():
            getattr(stacked, name.replace("l0", f"l{number}")).data.copy_(value.data)
    values = torch.randn(3, 7, 5)
    out, states = ours(values, torch.ones(3, 7, dtype=torch.bool))
    theirs, last = stacked(values)
    assert torch.allclose(out, theirs, atol=1e-6)
    assert states.shape == (2, 3, 7, 6)
    assert torch.allclose(states[:, :, -1], last, atol=1e-6)


def test_residual_adds_a_linear_map() -> None:
    encoder = video_encoder("gru", 5, 6, 2, 0.0)
    assert isinstance(encoder, Recurrent)
    assert encoder.residual is not None
    values, real = torch.randn(2, 4, 5), torch.ones(2, 4, dtype=torch.bool)
    out, states = encoder(values, real)
    assert torch.allclose(out - states[-1], values @ encoder.residual.weight.T, atol=1e-6)


@pytest.mark.parametrize("kind", ["gru", "local"])
def test_padding_is_not_seen(kind: str) -> None:
    torch.manual_seed(1)
    encoder = video_encoder(kind, 5, 6, 2, 0.0).eval()  # type: ignore[arg-type]
    values = torch.randn(1, 12, 5)
    real = torch.arange(12)[None] < 8
    out, _ = encoder(values, real)
    short, _ = encoder(values[:, :8], real[:, :8])
    assert torch.allclose(out[:, :8], short, atol=1e-6)
    assert not out[:, 8:].any()


def test_local_encoder_reaches_only_as_far_as_its_kernels() -> None:
    encoder = Local(3, 4, 2, 0.0).eval()
    values, real = torch.randn(1, 20, 3), torch.ones(1, 20, dtype=torch.bool)
    other = values.clone()
    other[:, 10] += 1
    changed = (encoder(values, real)[0] - encoder(other, real)[0]).abs().sum(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == list(range(6, 15))


def test_last_states_are_those_of_the_true_length() -> None:
    states = torch.arange(24.0).reshape(2, 2, 3, 2)  # [K, N, L, H]
    assert last_states(states, torch.tensor([1, 3])).tolist() == [[0, 1, 12, 13], [10, 11, 22, 23]]


def test_sentences_do_not_depend_on_their_padding() -> None:
    torch.manual_seed(2)
    reader = Sentences(9, 4, 6, 2, 0.0).eval()
    words = torch.tensor([[[0, 3, 4, 1, 1], [0, 5, 6, 7, 1]]])
    _, last, real = reader(words, torch.tensor([[4, 5]]))
    _, short, _ = reader(words[:, :1, :4], torch.tensor([[4]]))
    assert last.shape == (1, 2, 12)
    assert torch.allclose(last[:, :1], short, atol=1e-6)
    assert real.sum().item() == 9
