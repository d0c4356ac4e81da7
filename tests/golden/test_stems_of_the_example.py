"""The stems of the committed film against what each performer really played."""

from itertools import permutations
from pathlib import Path

import torch

import sensorium
from sensorium import signals
from sensorium.sounds.metrics import MixtureScorer
from sensorium.sounds.separation import Options, separate
from sensorium.worlds import stage

EXAMPLE = Path(__file__).parents[2] / "examples" / "stage.mp4"
RATE = 11_025


def test_stems_of_the_example_against_the_truth(capsys):
    """Three small performers at once are hard for `pixels`; the figures are printed as they are."""
    episode = stage.compose(22, 20.0)
    clip = sensorium.read(EXAMPLE)
    audio = clip.need_audio()
    stems = separate(sensorium.load("pixels"), clip, Options(sources=3))
    sounds, mixture = stems.samples(), audio.samples()
    assert (sounds.sum(0) - mixture).abs().max() < 1e-6

    truth = torch.from_numpy(stage.Sounds(episode, RATE).tracks).mean(1)  # [P, 2, N] -> [P, N]
    heard = signals.resample(sounds[:-1].mean(1), audio.rate, RATE)  # [S, 2, M] -> [S, N]
    mono = signals.resample(mixture.mean(0, keepdim=True), audio.rate, RATE)[0]
    count = min(truth.shape[-1], heard.shape[-1])
    scorer = MixtureScorer(truth[:, :count], mono[:count])
    every = [scorer.score(heard[list(order), :count]) for order in permutations(range(3))]
    best = max(every, key=lambda s: float(s.sdr.mean()))
    with capsys.disabled():
        print()
        for performer, sdr, before in zip(
            episode.performers, best.sdr.tolist(), best.sdr_mix.tolist(), strict=True
        ):
            change = sdr - before
            print(
                f"{performer.kind:8} SDR {sdr:6.2f} dB, mixture {before:6.2f}, change {change:+.2f}"
            )
    assert best.sdr.isfinite().all()
    assert float(best.sdr.mean()) >= float(best.sdr_mix.mean())
