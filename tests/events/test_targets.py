"""Labels of the anchors against slow counterparts."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch.nn import functional as F

from sensorium.events.generator import Generator, GeneratorConfig
from sensorium.events.targets import (
    anchor_likelihoods,
    hard_targets,
    rewards,
    sentence_log_p,
    similarity,
    soft_targets,
)


def test_likelihoods_are_those_of_the_generator_span_by_span(toy: ModuleType) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(hidden=12, embedding=8, slope=1.0)
    generator = Generator(toy.DIM, len(toy.WORDS), config).eval()
    batch = toy.videos(2, 0)
    features, length, words = (batch[k] for k in ("features", "length", "words"))
    spans = torch.tensor([[0.2, 0.2], [0.6, 0.5], [0.5, 1.0]]).expand(2, 3, 2)
    ours = anchor_likelihoods(generator, features, length, spans, words, batch["word_count"])
    for video in range(2):
        for sentence in range(int(batch["sentences"][video])):
            size = int(batch["word_count"][video, sentence])
            said = words[video : video + 1, sentence : sentence + 1, :size].expand(1, 3, -1)
            logits = generator(
                features[video : video + 1], length[:1], spans[video : video + 1], said
            )
            slow = -F.cross_entropy(logits.flatten(0, 2), said[..., 1:].flatten(), reduction="none")
            slow = slow.reshape(3, size - 1).sum(1)
            assert torch.allclose(ours[video, sentence], slow, atol=1e-4)


def test_padding_words_do_not_count() -> None:
    logits = torch.randn(2, 6, 5)
    target = torch.randint(0, 5, (2, 6))
    short = sentence_log_p(logits[:, :3], target[:, :3], torch.tensor([4, 4]))
    assert torch.allclose(sentence_log_p(logits, target, torch.tensor([4, 4])), short)
    assert not sentence_log_p(logits, target, torch.tensor([0, 0])).any()


def common(a: list[int], b: list[int]) -> int:
    """Length of the longest common subsequence, by its definition."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + common(a[1:], b[1:])
    return max(common(a[1:], b), common(a, b[1:]))


def test_similarity_is_rouge_l() -> None:
    rng = torch.Generator().manual_seed(4)
    a, b = (torch.randint(2, 5, (1, n, 7), generator=rng) for n in (4, 3))
    a[..., 0] = b[..., 0] = 0
    a[:, 1, 4:], b[:, 2, 3:] = 1, 1
    alike = similarity(a, b)
    for s in range(3):
        for k in range(4):
            one = [w for w in a[0, k, 1:].tolist() if w != 1]
            two = [w for w in b[0, s, 1:].tolist() if w != 1]
            slow = 2 * common(one, two) / (len(one) + len(two))
            assert float(alike[0, s, k]) == pytest.approx(slow)
    assert torch.allclose(similarity(b, b).diagonal(dim1=1, dim2=2), torch.ones(1, 3))


def test_equal_anchors_share_the_label() -> None:
    target = hard_targets(torch.tensor([[[0.5, 0.7, 0.7, 0.1], [0.0, 0.0, 0.0, 0.0]]]))
    assert target.tolist() == [[[0, 0.5, 0.5, 0], [0.25] * 4]]


def test_contrast_lowers_anchors_that_tell_everything() -> None:
    told = torch.tensor([[True, True, False]])
    logs = torch.tensor([[[-2.0, -3.0, -9.0], [-2.0, -9.0, -3.0], [0.0, 0.0, 0.0]]])
    plain = soft_targets(logs, 1.0, 0.0, told)
    assert torch.allclose(plain, logs.softmax(-1))
    assert plain[0, 0].argmax() == 0
    shared = soft_targets(logs, 1.0, 1.0, told)
    assert shared[0, 0].argmax() == 1
    assert shared[0, 1].argmax() == 2
    assert torch.allclose(shared.sum(-1), torch.ones(1, 3))
    assert torch.isfinite(soft_targets(logs, 1.0, 1.0, torch.zeros(1, 3, dtype=torch.bool))).all()


def test_rewards_are_centred_and_at_most_one() -> None:
    told = torch.tensor([[True, False]])
    gain = rewards(torch.tensor([[[0.2, 0.9, 0.4], [1.0, 0.0, 0.0]]]), told)
    assert gain[0, 0].sum().item() == pytest.approx(0, abs=1e-6)
    assert gain[0, 0].argmax() == 1
    assert gain[0, 0].max() < 1
    assert not gain[0, 1].any()
