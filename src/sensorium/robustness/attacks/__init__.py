"""Attacks on any `Classifier`, on pictures and on clips; one file per attack."""

from sensorium.robustness.attacks.attacked import Attack, Attacked, in_batches
from sensorium.robustness.attacks.ball import Norm
from sensorium.robustness.attacks.fgsm import FGSM, RFGSM
from sensorium.robustness.attacks.goal import Loss
from sensorium.robustness.attacks.pgd import BIM, PGD

__all__ = [
    "BIM",
    "FGSM",
    "PGD",
    "RFGSM",
    "Attack",
    "Attacked",
    "Loss",
    "Norm",
    "in_batches",
]
