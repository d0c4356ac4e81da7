"""Attacks on any `Classifier`, on pictures and on clips; one file per attack."""

from sensorium.robustness.attacks.apgd import APGD
from sensorium.robustness.attacks.attacked import Attack, Attacked, Batched, in_batches
from sensorium.robustness.attacks.ball import Norm
from sensorium.robustness.attacks.cw import CW
from sensorium.robustness.attacks.ead import EAD
from sensorium.robustness.attacks.ensemble import Ensemble, Worst, standard
from sensorium.robustness.attacks.fgsm import FGSM, RFGSM
from sensorium.robustness.attacks.goal import Loss
from sensorium.robustness.attacks.masking import Masking
from sensorium.robustness.attacks.pgd import BIM, PGD
from sensorium.robustness.attacks.square import Square
from sensorium.robustness.attacks.strattack import StrAttack
from sensorium.robustness.attacks.transfer import Transfer

__all__ = [
    "APGD",
    "BIM",
    "CW",
    "EAD",
    "FGSM",
    "PGD",
    "RFGSM",
    "Attack",
    "Attacked",
    "Batched",
    "Ensemble",
    "Loss",
    "Masking",
    "Norm",
    "Square",
    "StrAttack",
    "Transfer",
    "Worst",
    "in_batches",
    "standard",
]
