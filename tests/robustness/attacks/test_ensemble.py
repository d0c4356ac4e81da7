import torch
from torch import nn

from sensorium.robustness.attacks import PGD, Ensemble, Square, Transfer, standard
from sensorium.robustness.attacks.ensemble import MaskingRun
from sensorium.robustness.attacks.masking import Masking


def run_of(network, data, count=60):
    return MaskingRun(network, data.x[:count], data.y[:count], 10)


def test_the_worst_of_all(net, some):
    x, y = some.x[:50], some.y[:50]
    worst = standard(0.08, steps=20, restarts=2, queries=100)(net, x, y)
    alone = [PGD(0.08, steps=20)(net, x, y, seed=0), Square(0.08, 100)(net, x, y)]
    for made in alone[:1]:  # the ensemble starts with the very same attack
        assert bool((worst.success | ~made.success).all())
    assert worst.accuracy <= min(made.accuracy for made in alone) + 0.02
    assert float(worst.norms["linf"].max()) <= 0.08 + 1e-6
    assert torch.equal(net(worst.x).argmax(1) != y, worst.success)
    broken = [int((worst.broken_by == n).sum()) for n in range(len(worst.attacks))]
    assert sum(broken) == int(worst.success.sum())
    assert sum(worst.shares.values()) == worst.success.float().mean()


def test_the_order_does_not_change_the_figure_much(net, some):
    x, y = some.x[:50], some.y[:50]
    attacks = (PGD(0.08, loss="margin"), PGD(0.08), Square(0.08, 100))
    there = Ensemble(attacks)(net, x, y).accuracy
    back = Ensemble(attacks[::-1])(net, x, y).accuracy
    assert abs(there - back) <= 0.04


def test_a_coarse_network_shows_the_signs_and_a_smooth_one_does_not(net, coarse, digits):
    signs = {}
    for name, network, other in (("smooth", net, coarse), ("coarse", coarse, net)):
        run = run_of(network, digits[1], 100)
        ensemble = standard(0.1, steps=20, restarts=1, queries=200, surrogates=(other,))
        worst = ensemble(network, run.x, run.y)
        signs[name] = ensemble.masking(worst, PGD(0.1), run)
    assert signs["smooth"].signs == ()
    assert any("last iterate hides" in sign for sign in signs["coarse"].signs)
    assert signs["coarse"].search_only > signs["smooth"].search_only
    assert signs["smooth"].whole_range <= 0.1


class Rounded(nn.Module):
    """Rounds its input, with the gradient that rounding has: none but zeros."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.classes = network, network.classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x * 16).round() / 16)


def test_rounding_hides_from_gradients_and_nothing_else(net, some):
    run = run_of(Rounded(net), some)
    ensemble = standard(0.1, steps=5, restarts=1, queries=200, surrogates=(net,), sources=(net,))
    worst = ensemble(run.classifier, run.x, run.y)
    report = ensemble.masking(worst, PGD(0.1, steps=5, random_start=False), run)
    assert report.zero_gradients > 0.5
    assert report.transfer_only > 0.3
    assert report.whole_range > report.chance
    assert len(report.signs) >= 3


def test_transfer_is_weaker_than_the_gradients_of_a_smooth_network(net, coarse, some):
    direct = PGD(0.1)(net, some.x, some.y)
    black_box = Transfer(coarse, PGD(0.1, stop=False))(net, some.x, some.y)
    assert direct.rate > black_box.rate > 0.05
    assert int(black_box.queries.max()) <= 2
    assert int(black_box.gradients.sum()) == 0


def test_targets_go_through(net, some):
    x, y = some.x[:30], some.y[:30]
    target = (y + 1) % 10
    worst = Ensemble((PGD(0.3), Square(0.3, 100)))(net, x, y, target=target)
    assert worst.rate > 0.3
    assert torch.equal(net(worst.x).argmax(1) == target, worst.success)


def test_signs_are_said_in_words():
    clean = Masking(0.0, 0.4, 0.39, 0.0, None, 0.0, 0.1)
    assert clean.signs == ()
    bad = Masking(0.9, 0.6, 0.4, 0.2, 0.1, 0.5, 0.1)
    assert len(bad.signs) == 5
    assert "random search broke 20% that gradients did not" in bad.signs
    assert bad.to_dict()["signs"] == list(bad.signs)
