"""The same network and budget under Foolbox: as many broken, by as much."""

import pytest
import torch

from sensorium.robustness.attacks import BIM, CW, EAD, FGSM, PGD

foolbox = pytest.importorskip("foolbox", reason="pip install sensorium[test]")
fa = foolbox.attacks

STEPS = {"steps": 20, "random_start": False}


@pytest.fixture(scope="module")
def model(net):
    return foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")


@pytest.mark.parametrize("eps", [0.03, 0.1])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda e: FGSM(e), fa.FGSM()),
        (lambda e: FGSM(6 * e, "l2"), fa.L2FastGradientAttack()),
        (
            lambda e: BIM(e, steps=20, step=0.1 * e),
            fa.LinfBasicIterativeAttack(rel_stepsize=0.1, **STEPS),
        ),
        (
            lambda e: PGD(6 * e, "l2", 20, 0.6 * e, random_start=False),
            fa.L2ProjectedGradientDescentAttack(rel_stepsize=0.1, **STEPS),
        ),
    ],
    ids=["fgsm", "fgsm l2", "bim", "pgd l2"],
)
def test_the_same_share_within_the_same_bound(model, net, some, eps, ours, theirs):
    attack = ours(eps)
    made = attack(net, some.x, some.y)
    _, clipped, broken = theirs(model, some.x, some.y, epsilons=attack.eps)
    assert abs(float(broken.float().mean()) - made.rate) <= 0.01 + 1e-6
    norm = getattr(attack, "norm", "linf")
    order = float("inf") if norm == "linf" else 2
    reach = torch.linalg.vector_norm((clipped - some.x).double().flatten(1), order, dim=1)
    assert float(made.norms[norm].max()) <= attack.eps + 1e-6
    assert float(made.norms[norm].max()) == pytest.approx(float(reach.max()), abs=1e-4)


def test_one_step_gives_the_same_picture(model, net, some):
    _, clipped, _ = fa.FGSM()(model, some.x, some.y, epsilons=0.1)
    assert torch.allclose(FGSM(0.1)(net, some.x, some.y).x, clipped, atol=1e-6)


def test_carlini_wagner(model, net, some):
    x, y = some.x[:20], some.y[:20]
    theirs = fa.L2CarliniWagnerAttack(4, 40, stepsize=0.1, initial_const=0.01, abort_early=False)
    _, clipped, broken = theirs(model, x, y, epsilons=None)
    made = CW(steps=40, searches=4, lr=0.1, constant=0.01, abort_early=False)(net, x, y)
    assert torch.equal(made.success, broken)
    reach = (clipped - x).flatten(1).norm(dim=1)
    assert torch.allclose(made.norms["l2"][broken], reach[broken], atol=1e-3, rtol=0.02)


@pytest.mark.parametrize("rule", ["en", "l1"])
def test_elastic_net(model, net, some, rule):
    x, y = some.x[:20], some.y[:20]
    theirs = fa.EADAttack(5, 60, regularization=0.01, abort_early=False, decision_rule=rule.upper())
    _, clipped, broken = theirs(model, x, y, epsilons=None)
    made = EAD(0.01, steps=60, searches=5, rule=rule, abort_early=False)(net, x, y)
    assert torch.equal(made.success, broken)
    reach = (clipped - x).abs().flatten(1).sum(1)
    assert torch.allclose(made.norms["l1"][broken], reach[broken], atol=1e-3, rtol=0.02)
