"""Take a duet apart, and compare the stems with what each performer really played.

python examples/separate_a_duet.py [SEED]
"""

import sys

import torch

import sensorium
from sensorium.sounds.metrics import MixtureScorer
from sensorium.sounds.separation import Options, separate
from sensorium.worlds import stage

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 5
rate = 11_025

episode = stage.compose(seed, 8.0, ["violin", "drum"])
clip = stage.clip(episode, 144, 192, fps=8.0, rate=rate)
stems = separate(sensorium.load("pixels"), clip, Options(sources=2))
for stem in stems.stems:
    print(f"{stem.label:10} at {stem.at}  decided {stem.score:.2f}")

sounds = stems.samples().mean(1)  # [P, C, N] -> [P, N]
mixture = clip.need_audio().samples().mean(0)
print("stems sum to the mixture:", bool((sounds.sum(0) - mixture).abs().max() < 1e-5))

truth = stage.Sounds(episode, rate).tracks.mean(1)  # [P, 2, N] -> [P, N]
references = torch.from_numpy(truth)
scorer = MixtureScorer(references, mixture)
best = max((sounds[[0, 1]], sounds[[1, 0]]), key=lambda s: float(scorer.score(s).sdr.nanmean()))
scores = scorer.score(best)
for performer, sdr, before in zip(episode.performers, scores.sdr, scores.sdr_mix, strict=True):
    print(f"{performer.kind:10} SDR {float(sdr):6.2f} dB, in the mixture {float(before):6.2f} dB")
