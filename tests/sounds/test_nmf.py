from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

from sensorium.signals import STFT
from sensorium.sounds.metrics import MixtureScorer
from sensorium.sounds.nmf import (
    LabelledNmf,
    NmfConfig,
    activations,
    blind_masks,
    factorise,
    kmeans,
    mfcc,
    wiener_masks,
)

RATE, SAMPLES = 11_025, 22_050
SMALL = NmfConfig(atoms=6, iterations=60)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def divergence(target, model):
    """Generalised Kullback-Leibler, in float64."""
    x, y = target.double(), model.double()
    return float((torch.where(x > 0, x * (x / y).log(), 0.0) - x + y).sum())


def player(bright, seed):
    """Notes of a dull (steep) or bright (odd and flat) timbre."""
    dice = np.random.default_rng(seed)
    time = np.arange(SAMPLES) / RATE
    wave = np.zeros(SAMPLES)
    for start in np.arange(0, 2, 0.25):
        pitch = 110 * 2 ** (dice.integers(0, 13) / 12) * (4 if bright else 1)
        note = np.exp(-4 * (time - start)) * (time >= start)
        for k in range(1, 12):
            if k * pitch < RATE / 2:
                wave += note * np.sin(2 * np.pi * k * pitch * time) / k ** (0.5 if bright else 2)
    return torch.from_numpy(wave / np.abs(wave).max()).float()


@pytest.fixture(scope="module")
def duet():
    references = torch.stack([player(False, 1), player(True, 2)]) / 2
    return references, STFT()(references.sum(0))


def separated(masks, spectrum):
    return STFT().inverse(masks * spectrum, SAMPLES)


# --- factorisation --------------------------------------------------------------------------------


def test_updates_are_lee_and_seungs():
    """Against the textbook's loops, in float64, from the same first guess."""
    target = uniform(7, 9).double()
    start_w, start_h = factorise(target, 3, 1)
    fast_w, fast_h = factorise(target, 3, 6)
    w, h = start_w.double().numpy(), start_h.double().numpy()
    v = target.numpy()
    for _ in range(5):
        model = w @ h
        h = np.array(
            [
                [
                    h[k, t] * sum(w[f, k] * v[f, t] / model[f, t] for f in range(7)) / w[:, k].sum()
                    for t in range(9)
                ]
                for k in range(3)
            ]
        )
        model = w @ h
        w = np.array(
            [
                [
                    w[f, k] * sum(h[k, t] * v[f, t] / model[f, t] for t in range(9)) / h[k].sum()
                    for k in range(3)
                ]
                for f in range(7)
            ]
        )
    np.testing.assert_allclose((fast_w @ fast_h).numpy(), w @ h, rtol=1e-4)


def test_divergence_never_grows():
    target = uniform(20, 30)
    steps = [divergence(target, torch.mm(*factorise(target, 4, n))) for n in range(1, 25)]
    assert all(b <= a + 1e-5 for a, b in pairwise(steps))
    assert steps[-1] < 0.8 * steps[0]


def test_an_exact_factorisation_is_found():
    target = uniform(30, 3, seed=1).pow(4) @ uniform(3, 40, seed=2).pow(4)
    w, h = factorise(target, 3, 1_500)
    assert divergence(target, w @ h) < 1e-3 * float(target.sum())
    torch.testing.assert_close(w.sum(0), torch.ones(3))
    assert (w >= 0).all()
    assert (h >= 0).all()


def test_activations_of_known_spectra_are_found():
    spectra = uniform(30, 3, seed=1).pow(4)
    spectra = spectra / spectra.sum(0)
    gains = uniform(3, 40, seed=2).pow(2) * 7
    torch.testing.assert_close(
        activations(spectra @ gains, spectra, 3_000), gains, atol=0.05, rtol=0.02
    )


@pytest.mark.parametrize("gain", [1e-6, 1e5])
def test_loudness_does_not_matter(gain, duet):
    magnitude = duet[1].abs()
    w, h = factorise(magnitude, 4, 20)
    louder_w, louder_h = factorise(gain * magnitude, 4, 20)
    torch.testing.assert_close(louder_w, w, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(
        louder_h @ torch.ones(87), gain * (h @ torch.ones(87)), rtol=1e-3, atol=0
    )


def test_same_seed_same_result(duet):
    magnitude = duet[1].abs()
    one, two = (blind_masks(magnitude, 2, config=SMALL, seed=3) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, blind_masks(magnitude, 2, config=SMALL, seed=4))
    torch.manual_seed(0)
    state = torch.get_rng_state()
    blind_masks(magnitude, 2, config=SMALL)
    assert torch.equal(state, torch.get_rng_state())


# --- masks ----------------------------------------------------------------------------------------


def test_wiener_masks():
    models = torch.tensor([[[3.0, 0.0, 1e-25]], [[1.0, 0.0, 0.0]]])
    masks = wiener_masks(models)
    expected = torch.tensor([[[0.9, 0.5, 1.0]], [[0.1, 0.5, 0.0]]])
    torch.testing.assert_close(masks, expected)
    torch.testing.assert_close(wiener_masks(models, 1.0)[:, 0, 0], torch.tensor([0.75, 0.25]))


def test_labels_separate_a_duet(duet):
    references, spectrum = duet
    solos = {
        5: [STFT()(player(False, s)).abs() for s in (11, 12)],
        2: [STFT()(player(True, s)).abs() for s in (13, 14)],
    }
    learned = LabelledNmf(NmfConfig(12, 60)).fit(solos)
    masks = learned.masks(spectrum.abs(), [5, 2])
    assert masks.shape == (2, 512, 87)
    torch.testing.assert_close(masks.sum(0), torch.ones(512, 87))
    scorer = MixtureScorer(references, references.sum(0))
    right = scorer.score(separated(masks, spectrum)).nsdr
    swapped = scorer.score(separated(learned.masks(spectrum.abs(), [2, 5]), spectrum)).nsdr
    assert right.min() > 6
    assert swapped.max() < 0


def test_sources_of_one_class_share_equally(duet):
    learned = LabelledNmf(SMALL).fit({0: [duet[1].abs()], 1: [uniform(512, 20)]})
    masks = learned.masks(duet[1].abs(), [0, 1, 0])
    torch.testing.assert_close(masks[0], masks[2])
    torch.testing.assert_close(masks.sum(0), torch.ones(512, 87))


def test_timbre_separates_shakers_once_the_oracle_orders_them():
    """Bursts of noise in two wide bands, at times of their own."""
    dice = np.random.default_rng(0)
    bands = [butter(4, edge, "low" if edge < 0.4 else "high", output="sos") for edge in (0.25, 0.5)]
    bursts = np.repeat(dice.uniform(0, 1, (2, 30)) ** 3, SAMPLES // 30, 1)
    waves = [
        sosfilt(b, dice.standard_normal(SAMPLES)) * e for b, e in zip(bands, bursts, strict=True)
    ]
    references = torch.from_numpy(np.stack(waves)).float() * 0.1
    spectrum = STFT()(references.sum(0))
    masks = blind_masks(spectrum.abs(), 2, RATE, NmfConfig(6, 60))
    torch.testing.assert_close(masks.sum(0), torch.ones(512, 87))
    scorer = MixtureScorer(references, references.sum(0))
    estimates = separated(masks, spectrum)
    order = scorer.best_order(estimates)
    assert scorer.score(estimates[order]).nsdr.min() > 5
    assert scorer.score(estimates[order.flip(0)]).nsdr.max() < -5


def test_one_source_gets_everything(duet):
    masks = blind_masks(duet[1].abs(), 1, config=SMALL)
    torch.testing.assert_close(masks, torch.ones(1, 512, 87))


@pytest.mark.parametrize("sources", [1, 2, 3])
def test_silence_is_shared_and_finite(sources):
    masks = blind_masks(torch.zeros(512, 10), sources, config=SMALL)
    torch.testing.assert_close(masks.sum(0), torch.ones(512, 10))
    learned = LabelledNmf(SMALL).fit({0: [torch.zeros(512, 10)], 1: [uniform(512, 10)]})
    masks = learned.masks(torch.zeros(512, 10), [0, 1])
    assert masks.isfinite().all()
    torch.testing.assert_close(masks.sum(0), torch.ones(512, 10))


def test_a_silent_stretch_and_a_pure_tone_stay_finite():
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(SAMPLES) / RATE)
    tone[SAMPLES // 2 :] = 0
    magnitude = STFT()(tone).abs()
    masks = blind_masks(magnitude, 2, config=SMALL)
    assert masks.isfinite().all()
    torch.testing.assert_close(masks.sum(0), torch.ones_like(magnitude))


# --- clustering -----------------------------------------------------------------------------------


def test_mfcc_against_the_written_out_sum():
    spectra = uniform(512, 4)
    features = mfcc(spectra, RATE)
    assert features.shape == (4, 12)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 1400), 32) / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, 512)
    levels = []
    for m in range(30):
        weight = np.interp(hertz, edges[m : m + 3], [0, 1, 0])
        levels.append(np.log((weight[:, None] * spectra.double().numpy()).sum(0)))
    for c in range(1, 13):
        wave = np.cos(np.pi * c * (np.arange(30) + 0.5) / 30) * np.sqrt(2 / 30)
        np.testing.assert_allclose(features[:, c - 1], wave @ np.stack(levels), atol=1e-9)


def test_mfcc_does_not_hear_loudness():
    spectra = uniform(512, 4)
    torch.testing.assert_close(mfcc(spectra * 1e-4, RATE), mfcc(spectra, RATE), atol=1e-6, rtol=0)
    assert mfcc(torch.zeros(512, 2), RATE).isfinite().all()


def test_kmeans_finds_clouds():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    truth = torch.arange(60) % 3
    points = centres[truth] + torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    owner = kmeans(points, 3, seed=1)
    names = [int(owner[truth == k].unique()) for k in range(3)]  # one each
    assert sorted(names) == [0, 1, 2]
    assert (kmeans(torch.zeros(5, 2), 3) >= 0).all()
    assert sorted(kmeans(centres, 3).tolist()) == [0, 1, 2]


# --- what is wrong --------------------------------------------------------------------------------


def test_what_is_wrong_is_said():
    good = uniform(20, 10)
    for bad in (good - 1, good + torch.nan, good + torch.inf):
        with pytest.raises(ValueError, match="finite and not negative"):
            factorise(bad, 3)
    for bad in (good[0], good[None], good[:, :0]):
        with pytest.raises(ValueError, match=r"must be \[F, T\] with F, T >= 1"):
            blind_masks(bad, 2)
    with pytest.raises(ValueError, match=r"F = 20, got \[19, 3\]; learn them with the same STFT"):
        activations(good, uniform(19, 3))
    with pytest.raises(ValueError, match="sources must be at least 1, got 0"):
        blind_masks(good, 0)
    with pytest.raises(ValueError, match="at least 4 points, got 3"):
        kmeans(good[:3], 4)
    with pytest.raises(ValueError, match="at least 1 atom and 1 iteration"):
        NmfConfig(atoms=0)
    learned = LabelledNmf(SMALL).fit({1: [good]})
    for labels in ([1, 3], []):
        with pytest.raises(ValueError, match=r"labels must be among \[1\], got"):
            learned.masks(good, labels)
    with pytest.raises(ValueError, match="class 4 has no solos"):
        learned.fit({4: []})
