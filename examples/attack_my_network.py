"""Train a network of one's own on handwritten digits and see how its accuracy falls under attack.

python examples/attack_my_network.py [BITS] [DIR]

With 2 BITS the naive figure looks fine and the worst case does not.
"""

import sys

import torch
from torch import nn

from sensorium.robustness.classifier import ModuleClassifier
from sensorium.robustness.curve import CurvePlan, measure_curve
from sensorium.robustness.datasets.digits import Digits

bits = int(sys.argv[1]) if len(sys.argv) > 1 else 2
folder = sys.argv[2] if len(sys.argv) > 2 else "robustness"
torch.manual_seed(0)


class Steps(nn.Module):
    """Rectified and rounded to 2^bits levels; its gradient is that without rounding."""

    def forward(self, x):
        """Rounded values of the same shape."""
        x = x.clamp(0, 2)
        levels = (2**bits - 1) / 2
        return x + ((x * levels).round() / levels - x).detach()


network = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), Steps(), nn.Conv2d(16, 32, 3, stride=2), Steps(),
    nn.Conv2d(32, 32, 3), Steps(), nn.Flatten(), nn.Linear(32, 10),
)  # fmt: skip
data = Digits()
train = data.all("train")
optimiser = torch.optim.Adam(network.parameters(), 0.005)
for _ in range(20):
    for index in torch.randperm(len(train)).split(100):
        loss = nn.functional.cross_entropy(network(train.x[index]), train.y[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

test = data.pictures("test").taken(range(100)).labelled()
plan = CurvePlan(eps=(0.02, 0.05, 0.1), steps=20, restarts=2, queries=200)
classifier = ModuleClassifier(network.eval(), data.pictures("test").classes)
curve = measure_curve(classifier, test, plan, names=("my network", "digits"))
print(f"no attack: {curve.clean:.2f}")
for point in curve.points:
    print(f"eps {point.eps:g}: worst case {point.robust:.2f}, naive {point.naive:.2f}")
for sign in curve.masking.signs:
    print(f"sign of masked gradients: {sign}")
for path in curve.save(folder):
    print(f"wrote {path}")
