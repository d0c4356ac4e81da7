"""Attack a picture, then explain by promotion and suppression how the attack works.

python examples/explain_an_attack.py [SYSTEM] [DIR]
"""

import sys
from pathlib import Path

import torch

import sensorium
from sensorium.robustness.attacks import CW, PGD
from sensorium.robustness.pse import Names, explain
from sensorium.worlds.objects import draw, split_seeds

name = sys.argv[1] if len(sys.argv) > 1 else "dq-full"
folder = Path(sys.argv[2] if len(sys.argv) > 2 else "explained")

network = sensorium.load(name)  # any callable that gives logits of pictures in 0..1 will do
objects = draw(split_seeds("test", 1))  # an object that the network was not trained on
picture = torch.from_numpy(objects.pixels).float() / 255
true = torch.from_numpy(objects.label)
target = (true + 1) % len(network.classes)

for label, attack in (("PGD", PGD(eps=8 / 255, stop=False)), ("C&W", CW(steps=100, searches=5))):
    attacked = attack(network, picture, true, target=target)
    names = Names(network.classes, "an object", name, label)
    found = explain(network, picture[0], attacked.x[0], int(true), int(target), names=names)
    print(found.verdict())
    shares = ", ".join(f"{share:.0%} {kind}" for kind, share in found.shares.items())
    print(f"cells: {shares}; in the true label's map: {found.look.scores['C(x0, t0)']:.2f}")
    for path in found.save(folder / label.replace("&", "")):
        print(f"wrote {path}")
