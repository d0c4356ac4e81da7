import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import toeplitz
from scipy.signal import butter, sosfilt

from sensorium.seeds import split_seed
from sensorium.signals import STFT, dominance_masks
from sensorium.sounds import bss_eval as module
from sensorium.sounds.bss_eval import LIMIT_DB, ReferenceSpace, bss_eval, ratio_db
from sensorium.worlds.stage import compose_solo, mix

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # separation is deprecated in 0.8 and leaves in 0.9
    separation = pytest.importorskip("mir_eval.separation")


def by_mir_eval(references, estimates, *, permute=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sdr, sir, sar, order = separation.bss_eval_sources(references, estimates, permute)
    return np.clip([sdr, sir, sar], -LIMIT_DB, LIMIT_DB), order


def table(scores):
    return np.stack([scores.sdr, scores.sir, scores.sar])


def noises(sources, samples, seed=0):
    dice = np.random.default_rng(seed)
    coloured = sosfilt(butter(2, 0.2, output="sos"), dice.standard_normal((2 * sources, samples)))
    white = dice.standard_normal((2 * sources, samples))
    both = coloured + 0.05 * white
    return both[:sources], both[sources:]


def leaking(references, rest, *, leak=0.3, noise=0.1):
    """Filtered targets with interference and artifacts."""
    filtered = sosfilt(butter(1, 0.7, output="sos"), references)
    return filtered + leak * references[::-1] + noise * rest


@pytest.fixture(scope="module")
def stage():
    """Three players of the stage, and what the ideal binary masks make of their mixture."""
    kinds = ("violin", "marimba", "trumpet")
    solos = [mix(compose_solo(split_seed("test", i), k, 4.0), 11_025) for i, k in enumerate(kinds)]
    waves = torch.from_numpy(np.stack([s.mean(0)[4_000:26_000] for s in solos]))
    transform = STFT()
    spectrum = transform(waves.sum(0))
    masks = dominance_masks(transform(waves).abs())
    return waves.numpy(), transform.inverse(masks * spectrum, waves.shape[1]).numpy()


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_agrees_with_mir_eval_on_noise(sources):
    references, rest = noises(sources, 5_000)
    estimates = leaking(references, rest)
    expected, _ = by_mir_eval(references, estimates)
    assert_allclose(table(bss_eval(references, estimates)), expected, atol=1e-6)


def test_agrees_with_mir_eval_on_the_stage(stage):
    references, estimates = stage
    expected, _ = by_mir_eval(references.astype(float), estimates.astype(float))
    scores = bss_eval(references, estimates)
    assert_allclose(table(scores), expected, atol=1e-4)
    assert scores.sdr.min() > 8


def test_agrees_with_mir_eval_on_the_mixture(stage):
    references = stage[0].astype(float)
    mixture = references.sum(0)
    expected, _ = by_mir_eval(references, np.stack([mixture] * 3))
    scores = ReferenceSpace(references).score_mixture(mixture)
    assert_allclose(table(scores), expected, atol=1e-4)
    assert_allclose(scores.sar, LIMIT_DB)  # nothing but references in it


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_agrees_with_mir_eval_on_the_best_order(shift):
    references, rest = noises(3, 4_000)
    estimates = np.roll(leaking(references, rest), shift, 0)
    expected, order = by_mir_eval(references, estimates, permute=True)
    scores = bss_eval(references, estimates, permute=True)
    assert_allclose(table(scores), expected, atol=1e-6)
    assert scores.permutation.tolist() == order.tolist() == [(n + shift) % 3 for n in range(3)]


def without_high_frequencies(seed):
    dice = np.random.default_rng(seed)
    references = sosfilt(butter(12, 0.5, output="sos"), dice.standard_normal((2, 12_000)))
    return references, dice.standard_normal((2, 12_000))


@pytest.mark.parametrize("seed", [1, 2])
def test_agrees_with_mir_eval_on_16_bits_without_high_frequencies(seed):
    references, noise = without_high_frequencies(seed)
    references = np.round(references * 3_000) / 32_768
    estimates = references + 0.2 * references[::-1] + 0.005 * noise
    expected, _ = by_mir_eval(references, estimates)
    assert_allclose(table(bss_eval(references, estimates)), expected, atol=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_agrees_with_mir_eval_where_the_matrix_is_singular(seed):
    """Nothing at all at high frequencies: SDR is sure, rounding decides on SIR and SAR."""
    references, noise = without_high_frequencies(seed)
    estimates = references + 0.2 * references[::-1] + 0.05 * noise
    expected, _ = by_mir_eval(references, estimates)
    scores = table(bss_eval(references, estimates))
    assert_allclose(scores[0], expected[0], atol=1e-6)
    assert_allclose(scores[1:], expected[1:], atol=0.5)


def test_agrees_with_mir_eval_on_tones():
    time = np.arange(16_000) / 11_025
    tones = np.sin(2 * np.pi * np.array([[440.0], [660.0]]) * time)
    noise = np.random.default_rng(0).standard_normal(tones.shape)
    estimates = tones + 0.2 * tones[::-1] + 0.05 * noise
    expected, _ = by_mir_eval(tones, estimates)
    assert_allclose(table(bss_eval(tones, estimates)), expected, atol=0.01)


FROZEN = [  # mir_eval 0.8.2, two sources of `pulses`; when mir_eval is gone these remain
    [10.81690152, 10.35718464],
    [11.24701827, 10.76185412],
    [21.38641461, 21.21471982],
]


def pulses():
    """Made of integers alone, so that every machine has the same."""
    state, values = 1, []
    for _ in range(4 * 3_000):
        state = (1_103_515_245 * state + 12_345) % 2**31
        values.append((state >> 16) % 201 - 100)
    waves = np.array(values, float).reshape(4, 3_000)
    references = waves[:2] + np.roll(waves[:2], 1, 1)
    return references, references + 0.3 * references[::-1] + 0.15 * waves[2:]


def test_frozen_figures_of_mir_eval():
    references, estimates = pulses()
    assert_allclose(table(bss_eval(references, estimates)), FROZEN, atol=1e-6)


def by_projection(references, estimate, own, taps):
    """The three signals of the paper, by least squares on the delayed copies themselves."""
    padded = [np.concatenate([x, np.zeros(taps - 1)]) for x in references]
    delayed = [toeplitz(x, np.zeros(taps)) for x in padded]
    target_signal = np.concatenate([estimate, np.zeros(taps - 1)])

    def project(basis):
        return basis @ np.linalg.lstsq(basis, target_signal)[0]

    target, every = project(delayed[own]), project(np.hstack(delayed))
    decibels = []
    for signal, noise in (
        (target, target_signal - target),
        (target, every - target),
        (every, target_signal - every),
    ):
        decibels.append(10 * np.log10(np.square(signal).sum() / np.square(noise).sum()))
    return decibels


@pytest.mark.parametrize("taps", [1, 2, 32])
def test_agrees_with_the_definition(taps):
    references, rest = noises(3, 300)
    estimates = leaking(references, rest)
    expected = [by_projection(references, e, n, taps) for n, e in enumerate(estimates)]
    scores = table(bss_eval(references, estimates, taps=taps))
    assert_allclose(scores.T, expected, atol=1e-8)


def test_one_space_scores_any_number_of_sets():
    references, rest = noises(2, 3_000)
    space = ReferenceSpace(references)
    for leak in (0.0, 0.2, 0.9):
        estimates = leaking(references, rest, leak=leak)
        assert_allclose(
            table(space.score(estimates)), table(bss_eval(references, estimates)), atol=1e-9
        )


@pytest.mark.parametrize("gain", [1e-12, 1e9, -1.0])
def test_loudness_and_polarity_do_not_matter(gain):
    references, rest = noises(2, 3_000)
    estimates = leaking(references, rest)
    expected = table(bss_eval(references, estimates))
    assert_allclose(table(bss_eval(references, gain * estimates)), expected, atol=1e-8)
    assert_allclose(table(bss_eval(references * [[gain], [1]], estimates)), expected, atol=1e-8)


def test_integers_and_float32_are_taken():
    references, estimates = pulses()
    expected = table(bss_eval(references, np.round(estimates)))
    whole = bss_eval(references.astype(np.int16), np.round(estimates).astype(np.int16))
    assert_allclose(table(whole), expected, atol=1e-9)
    single = bss_eval(references.astype(np.float32), np.round(estimates).astype(np.float32))
    assert_allclose(table(single), expected, atol=1e-9)


def test_a_perfect_estimate_reaches_the_limit():
    references, _ = noises(2, 3_000)
    assert_allclose(table(bss_eval(references, references)), LIMIT_DB)


def test_one_source_has_no_interference():
    references, rest = noises(1, 3_000)
    scores = bss_eval(references, references + 0.1 * rest)
    assert scores.sir == [LIMIT_DB]
    assert_allclose(scores.sdr, scores.sar)
    assert 15 < scores.sdr[0] < 25


def test_identical_references_cannot_interfere():
    references, rest = noises(1, 3_000)
    twice = np.concatenate([references, references])
    scores = bss_eval(twice, twice + 0.1 * np.concatenate([rest, rest]))
    assert np.isfinite(table(scores)).all()
    assert scores.sir.min() > 50
    alone = bss_eval(references, references + 0.1 * rest)
    assert_allclose(scores.sdr, np.repeat(alone.sdr, 2), atol=0.01)


@pytest.mark.parametrize("window", [np.ones, np.hanning])
def test_pure_tones_have_finite_scores(window):
    time = np.arange(8_000) / 11_025
    tones = np.sin(2 * np.pi * np.array([[440.0], [660.0]]) * time) * window(8_000)
    scores = bss_eval(tones, tones + 0.1 * tones[::-1])
    assert_allclose(scores.sdr, 20, atol=0.2)
    assert_allclose(scores.sir, 20, atol=0.2)
    assert scores.sar.min() > 80


def test_sounds_shorter_than_the_filter():
    references, rest = noises(2, 50)
    expected, _ = by_mir_eval(references, leaking(references, rest))
    scores = table(bss_eval(references, leaking(references, rest)))
    assert_allclose(scores[:2], expected[:2], atol=0.01)
    assert scores[2].min() > 90  # so many filters make anything
    assert np.isfinite(table(bss_eval(np.array([[1.0]]), np.array([[-2.0]])))).all()


def test_what_is_wrong_is_said():
    references, rest = noises(2, 700)
    space = ReferenceSpace(references)
    with pytest.raises(ValueError, match=r"shape \[2, 700\], got \[2, 699\]; cut"):
        space.score(rest[:, 1:])
    with pytest.raises(ValueError, match=r"length \[700\], got \[2, 700\]"):
        space.score_mixture(rest)
    with pytest.raises(ValueError, match="estimates must not be silent, got all zeros in 1"):
        space.score(rest * [[1], [0]])
    with pytest.raises(ValueError, match="references must not be silent, got all zeros in 0, 1"):
        bss_eval(0 * references, rest)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="estimates must be finite"):
            space.score(rest + bad)
        with pytest.raises(ValueError, match="references must be finite"):
            bss_eval(references + bad, rest)
    for shape in ((700,), (0, 700), (2, 0), (2, 3, 700)):
        with pytest.raises(ValueError, match=r"references must be \[N, L\]"):
            ReferenceSpace(np.zeros(shape))
    with pytest.raises(ValueError, match="taps must be at least 1"):
        ReferenceSpace(references, 0)


def test_inputs_are_left_alone():
    references, rest = noises(2, 700)
    before = references.copy(), rest.copy()
    bss_eval(references, rest, permute=True)
    assert (references == before[0]).all()
    assert (rest == before[1]).all()


def test_ratio_is_bounded():
    ratios = ratio_db(np.array([0.0, 0.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0, 1.0, 1.0]))
    assert_allclose(ratios, [-LIMIT_DB, -LIMIT_DB, LIMIT_DB, 0, 10 * np.log10(2)], atol=1e-12)


def test_works_without_threadpoolctl(monkeypatch):
    monkeypatch.setattr(module, "_blas", lambda: None)
    references, rest = noises(2, 700)
    with module.one_blas_thread():
        assert np.isfinite(table(bss_eval(references, rest))).all()
