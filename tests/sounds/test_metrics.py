import copy
import os
import pickle

import numpy as np
import pytest
import torch
from torchmetrics.audio import ScaleInvariantSignalDistortionRatio

from sensorium.sounds import metrics
from sensorium.sounds.bss_eval import LIMIT_DB, bss_eval
from sensorium.sounds.meters import BatchScorer, MeanIou, SourceGain
from sensorium.sounds.metrics import (
    FLOOR_DB,
    SILENT_DB,
    MixtureScorer,
    Takes,
    channel_to_class_accuracy,
    class_iou,
    iou,
    score_many,
    score_mixture,
    si_sdr,
    sound_meters,
)

CLASSES = ("violin", "drum", "flute")
FIGURES = {"nsdr", "sdr", "sir", "sar", "si_sdri", "sdr_mix", "silent_db"}


def noises(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


def leaking(references, seed=1, leak=0.2):
    return references + leak * references.flip(-2) + 0.1 * noises(*references.shape, seed=seed)


def mixture_of(sources=3, samples=2_000):
    references = noises(sources, samples)
    return references, leaking(references), references.sum(0)


# --- one mixture ----------------------------------------------------------------------------------


def test_scores_are_bss_eval_and_gains_are_over_the_mixture():
    references, estimates, mixture = mixture_of()
    scores = score_mixture(references, estimates, mixture)
    direct = bss_eval(references.numpy(), estimates.numpy())
    base = bss_eval(references.numpy(), mixture.expand(3, -1).numpy())
    for name in ("sdr", "sir", "sar"):
        np.testing.assert_allclose(getattr(scores, name), getattr(direct, name), atol=1e-9)
    np.testing.assert_allclose(scores.nsdr, direct.sdr - base.sdr, atol=1e-9)
    np.testing.assert_allclose(scores.sdr_mix, base.sdr, atol=1e-9)
    gain = si_sdr(references, estimates) - si_sdr(references, mixture.expand(3, -1))
    torch.testing.assert_close(scores.si_sdri, gain)
    assert scores.counts() == {"n_scored": 3, "n_silent": 0, "n_alone": 0, "n_mute": 0}
    assert set(scores.figures()) == FIGURES
    assert scores.silent_db.isnan().all()


def test_the_mixture_as_estimate_gains_nothing():
    references, _, mixture = mixture_of()
    scores = score_mixture(references, mixture.expand(3, -1), mixture)
    torch.testing.assert_close(scores.nsdr, torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(scores.si_sdri, torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("loudness_db", [-10.0, -30.0, -59.0])
def test_a_silent_source_is_counted_apart_by_what_is_left_of_it(loudness_db):
    references, estimates, _ = mixture_of()
    references[1] = 0
    mixture = references.sum(0)
    leak = noises(2_000, seed=5)
    estimates[1] = leak * 10 ** (loudness_db / 20) * mixture.norm() / leak.norm()
    scores = score_mixture(references, estimates, mixture)
    assert scores.counts() == {"n_scored": 2, "n_silent": 1, "n_alone": 0, "n_mute": 0}
    assert float(scores.silent_db[1]) == pytest.approx(loudness_db, abs=1e-4)
    for name, values in scores.figures().items():
        there = [not bool(v) for v in values.isnan()]
        assert there == ([False, True, False] if name == "silent_db" else [True, False, True])
    others = score_mixture(references[::2], estimates[::2], mixture)
    torch.testing.assert_close(scores.sdr[::2], others.sdr)
    torch.testing.assert_close(scores.nsdr[::2], others.nsdr)


def test_silence_for_a_silent_source_is_the_best_answer():
    references, estimates, _ = mixture_of()
    references[1], estimates[1] = 0, 0
    scores = score_mixture(references, estimates, references.sum(0))
    assert float(scores.silent_db[1]) == SILENT_DB
    assert not scores.mute.any()


def test_a_silent_estimate_is_punished_not_skipped():
    references, estimates, mixture = mixture_of()
    whole = score_mixture(references, estimates, mixture)
    estimates[0] = 0
    scores = score_mixture(references, estimates, mixture)
    assert scores.mute.tolist() == [True, False, False]
    assert scores.counts() == {"n_scored": 3, "n_silent": 0, "n_alone": 0, "n_mute": 1}
    for name in ("sdr", "sir", "sar", "si_sdr"):
        assert float(getattr(scores, name)[0]) == FLOOR_DB
        torch.testing.assert_close(getattr(scores, name)[1:], getattr(whole, name)[1:])
    assert float(scores.nsdr[0]) == pytest.approx(FLOOR_DB - float(whole.sdr_mix[0]))


def test_an_inaudible_estimate_is_silent_though_its_shape_is_right():
    references, _, mixture = mixture_of()
    faint = references * 10 ** (-70 / 20)
    assert score_mixture(references, faint, mixture).mute.all()
    assert not score_mixture(references, references * 10 ** (-40 / 20), mixture).mute.any()


def test_nothing_can_be_gained_over_a_mixture_of_one():
    references, estimates, _ = mixture_of(2)
    references[1] = 0
    scores = score_mixture(references, estimates, references.sum(0))
    assert scores.counts() == {"n_scored": 0, "n_silent": 1, "n_alone": 1, "n_mute": 0}
    assert float(scores.sdr_mix[0]) == LIMIT_DB
    assert 10 < float(scores.sdr[0]) < 30
    assert all(v[0].isnan() for v in scores.figures().values())
    single = score_mixture(references[:1], estimates[:1], references[0])
    assert single.counts()["n_alone"] == 1


def test_all_silent():
    zeros = torch.zeros(2, 1_000)
    quiet = score_mixture(zeros, zeros, zeros[0])
    assert quiet.counts() == {"n_scored": 0, "n_silent": 2, "n_alone": 0, "n_mute": 0}
    assert quiet.silent_db.tolist() == [SILENT_DB, SILENT_DB]
    loud = score_mixture(zeros, zeros + 0.5, zeros[0])
    assert (loud.silent_db > 0).all()
    assert loud.silent_db.isfinite().all()


def test_sources_that_cancel_out():
    wave = noises(1, 2_000)
    references = torch.cat([wave, -wave])
    scores = score_mixture(references, leaking(references, leak=0.0), references.sum(0))
    assert scores.counts()["n_scored"] == 2
    assert scores.sdr_mix.tolist() == [FLOOR_DB, FLOOR_DB]  # silence as estimate
    assert (scores.nsdr > 0).all()


def test_identical_sources():
    wave = noises(1, 2_000)
    references = torch.cat([wave, wave])
    scores = score_mixture(references, references, references.sum(0))
    assert scores.nsdr.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_precision_and_device_of_the_input_do_not_matter():
    references, estimates, mixture = mixture_of()
    expected = score_mixture(references, estimates, mixture)
    double = score_mixture(references.double(), estimates.requires_grad_(), mixture.double())
    torch.testing.assert_close(double.nsdr, expected.nsdr)
    assert not double.nsdr.requires_grad


def test_what_is_wrong_is_said():
    references, estimates, mixture = mixture_of(2)
    with pytest.raises(ValueError, match=r"shape \[2, 2000\], got \[2, 1999\]; give one"):
        score_mixture(references, estimates[:, 1:], mixture)
    with pytest.raises(ValueError, match=r"shape \[2, 2000\], got \[1, 2000\]; give one"):
        MixtureScorer(references, mixture).best_order(estimates[:1])
    with pytest.raises(ValueError, match=r"length \[2000\], got \[1999\]; cut"):
        score_mixture(references, estimates, mixture[1:])
    with pytest.raises(ValueError, match=r"mixture must be \[L\]"):
        score_mixture(references, estimates, mixture[None])
    with pytest.raises(ValueError, match=r"references must be \[N, L\]"):
        score_mixture(references[None], estimates, mixture)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="estimates must be finite"):
            score_mixture(references, estimates + bad, mixture)
        with pytest.raises(ValueError, match="mixture must be finite"):
            score_mixture(references, estimates, mixture + bad)
    with pytest.raises(ValueError, match=r"one shape, got \[2, 2000\] and \[2, 1999\]"):
        si_sdr(references, estimates[:, 1:])


# --- SI-SDR ---------------------------------------------------------------------------------------


def test_si_sdr_agrees_with_torchmetrics():
    references = noises(2, 3, 500).double()
    estimates = leaking(references)
    meter = ScaleInvariantSignalDistortionRatio()
    expected = [
        [float(meter(e, r)) for r, e in zip(*rows, strict=True)]
        for rows in zip(references, estimates, strict=True)
    ]
    np.testing.assert_allclose(si_sdr(references, estimates), expected, atol=1e-4)
    torch.testing.assert_close(si_sdr(references, -1e-5 * estimates), si_sdr(references, estimates))


def test_si_sdr_at_its_ends():
    tone = torch.sin(torch.arange(1_000) * 2 * torch.pi / 10)
    quarter = torch.cos(torch.arange(1_000) * 2 * torch.pi / 10)
    assert float(si_sdr(tone, 3 * tone)) == LIMIT_DB
    assert float(si_sdr(tone, quarter)) < -90
    assert si_sdr(tone, 0 * tone).isnan()
    assert si_sdr(0 * tone, tone).isnan()


# --- the oracle's order ---------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_best_order_undoes_a_permutation(order):
    references, estimates, mixture = mixture_of()
    found = MixtureScorer(references, mixture).best_order(estimates[list(order)])
    assert [order[i] for i in found] == [0, 1, 2]


def test_best_order_with_silence_on_both_sides():
    references, estimates, _ = mixture_of()
    references[0], estimates[0] = 0, 0
    scorer = MixtureScorer(references, references.sum(0))
    assert scorer.best_order(estimates[[1, 0, 2]]).tolist() == [1, 0, 2]
    zeros = MixtureScorer(0 * references, references.sum(0) * 0)
    assert sorted(zeros.best_order(estimates).tolist()) == [0, 1, 2]
    assert sorted(scorer.best_order(0 * estimates).tolist()) == [0, 1, 2]


# --- many mixtures --------------------------------------------------------------------------------


def takes(count):
    for k in range(count):
        references = noises(2, 900, seed=k)
        estimates = {"a": leaking(references), "b": leaking(references, leak=0.6)}
        yield Takes(references, references.sum(0), estimates)


def test_processes_give_the_same_scores_in_order():
    before = dict(os.environ)
    alone = list(score_many(takes(6)))
    together = list(score_many(takes(6), processes=2))
    assert dict(os.environ) == before
    assert [list(s) for s in together] == [["a", "b"]] * 6
    for one, other in zip(alone, together, strict=True):
        for name, scores in one.items():
            torch.testing.assert_close(other[name].nsdr, scores.nsdr, atol=1e-9, rtol=0)
    assert alone[0]["a"].sdr.mean() > alone[0]["b"].sdr.mean() + 3


def test_an_error_in_a_process_arrives():
    bad = Takes(torch.zeros(2, 9) + torch.nan, torch.zeros(9), {})
    with pytest.raises(ValueError, match="references must be finite"):
        list(score_many([bad], processes=2))
    with pytest.raises(ValueError, match="processes must be at least 1, got 0"):
        next(score_many(takes(1), processes=0))


# --- meters ---------------------------------------------------------------------------------------


def batches():
    """Two batches: something scored, something silent, something alone, something mute."""
    references = noises(4, 3, 1_500)
    references[1, 2] = 0
    references[2, 1:] = 0
    estimates = leaking(references)
    estimates[0, 0] = 0
    label = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 1, 1], [1, -1, 0]])
    return [(references[i : i + 2], estimates[i : i + 2], label[i : i + 2]) for i in (0, 2)]


def test_meters_against_counting():
    meters = sound_meters(CLASSES)
    for batch in batches():
        for meter in meters.values():
            meter.update(*(t.detach().clone() for t in batch))  # copies, as in training
    scores = [
        (score_mixture(r, e, r.sum(0)), label)
        for batch in batches()
        for r, e, label in zip(*batch, strict=True)
    ]
    for name in FIGURES:
        values = torch.cat([s.figures()[name] for s, _ in scores])
        assert float(meters[name].compute()) == pytest.approx(float(values.nanmean()), abs=1e-9)
    for k, name in enumerate(CLASSES[:2]):
        values = torch.cat([s.nsdr[label == k] for s, label in scores])
        assert float(meters[f"nsdr/{name}"].compute()) == pytest.approx(float(values.nanmean()))
    assert meters["nsdr/flute"].compute().isnan()
    counts = {name: int(meters[name].compute()) for name in meters if name.startswith("n_")}
    assert counts == {"n_scored": 8, "n_silent": 3, "n_alone": 1, "n_mute": 1}
    assert next(iter(meters)) == "nsdr"


def test_the_first_meter_selects_checkpoints():
    known = [name for name, m in sound_meters(()).items() if m.higher_is_better is not None]
    assert known == ["nsdr", "sdr", "sir", "sar", "si_sdri"]


def test_a_batch_is_scored_once_and_a_changed_one_again(monkeypatch):
    calls = []

    def counted(*waves):
        calls.append(len(waves))
        return score_mixture(*waves)

    monkeypatch.setattr("sensorium.sounds.meters.score_mixture", counted)
    scorer, (references, estimates, label) = BatchScorer(), batches()[0]
    meters = [SourceGain(scorer, name) for name in ("nsdr", "sdr", "sir")]
    for meter in meters:
        meter.update(references.clone(), estimates.clone(), label)
    assert len(calls) == 2
    first = float(meters[1].compute())
    estimates.copy_(references)  # in place: the same tensor, other values
    meters[1].update(references, estimates, label)
    assert len(calls) == 4
    assert float(meters[1].compute()) > first + 10


def test_meters_start_again_and_can_be_copied():
    meters, (batch, _) = sound_meters(CLASSES), batches()
    for meter in meters.values():
        meter.update(*batch)
    again = pickle.loads(pickle.dumps(copy.deepcopy(meters["nsdr"])))
    assert float(again.compute()) == float(meters["nsdr"].compute())
    again.reset()
    again.update(*batch)
    assert float(again.compute()) == float(meters["nsdr"].compute())
    with pytest.raises(ValueError, match=r"must both be \[B, N, L\]"):
        again.update(batch[0][0], batch[1][0], batch[2][0])


def test_metrics_do_not_import_torchmetrics():
    source = metrics.__file__
    with open(source) as file:
        lines = [line for line in file if line.startswith(("import", "from"))]
    assert lines
    assert not any("torchmetrics" in line or "sounds.meters" in line for line in lines)


# --- pictures -------------------------------------------------------------------------------------


def squares():
    """Predicted and true masks whose overlaps are known."""
    predicted, truth = torch.zeros(2, 4, 10, 10, dtype=torch.bool)
    predicted[0, :4, :4], truth[0, :4, :4] = True, True  # 16 / 16, class 0
    predicted[1, :4, :4], truth[1, :2, :4] = True, True  # 8 / 16, class 0
    predicted[2, :2, :2], truth[2, 5:7, :2] = True, True  # 0 / 8, class 1
    truth[3] = True  # 0 / 100, no class
    return predicted, truth, torch.tensor([0, 0, 1, -1])


def test_iou_of_masks():
    predicted, truth, _ = squares()
    assert iou(predicted, truth).tolist() == [1.0, 0.5, 0.0, 0.0]
    empty = torch.zeros(3, 3, dtype=torch.bool)
    assert iou(empty, empty).isnan()


def test_iou_of_classes_is_over_the_whole_set():
    predicted, truth, label = squares()
    per_class = class_iou(predicted, truth, label, 3)
    assert per_class[:2].tolist() == [24 / 32, 0.0]  # not the mean of 1 and 0.5
    assert per_class[2].isnan()
    meter = MeanIou(3)
    for part in (slice(0, 1), slice(1, 4)):
        meter.update(predicted[part], truth[part], label[part])
    assert float(meter.compute()) == pytest.approx(float(per_class.nanmean())) == 0.375
    assert meter.higher_is_better


def test_channel_to_class_accuracy_lets_all_channels_compete():
    activations = torch.tensor(
        [[0.9, 0.1, 0.0], [0.2, 0.3, 0.8], [0.1, 0.7, 0.2], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    )
    label, channels = torch.tensor([0, 1, 1, 1, -1]), torch.tensor([0, 2])
    assert channel_to_class_accuracy(activations, label, channels) == 0.75
    with pytest.raises(ValueError, match="needs examples with a class, got none"):
        channel_to_class_accuracy(activations, torch.full((5,), -1), channels)
