import pytest
import torch

from sensorium.robustness.attacks import CW, EAD, PGD, StrAttack
from sensorium.robustness.attacks.adam import Adam
from sensorium.robustness.attacks.constant_search import ConstantSearch
from sensorium.robustness.attacks.ead import shrunk
from sensorium.robustness.attacks.strattack import group_lengths, shrunk_groups

ALL = [
    CW(steps=60, searches=5, lr=0.03),
    CW("linf", steps=60, searches=6),
    EAD(steps=60, searches=5),
    EAD(steps=60, searches=5, rule="l1"),
    StrAttack(steps=40, searches=3, tau=1.5, gamma=1),
]


@pytest.mark.parametrize("attack", ALL, ids=lambda a: type(a).__name__)
def test_break_most_and_stay_in_range_and_support(attack, net, some):
    x, y = some.x[:30], some.y[:30]
    free = attack(net, x, y)
    assert free.rate > 0.8
    support = torch.zeros(8, 8)
    support[:, 2:6] = 1
    held = attack(net, x, y, support=support)
    assert held.rate > 0.5
    for made in (free, held):
        assert float(made.x.min()) >= 0
        assert float(made.x.max()) <= 1
        assert torch.equal(net(made.x).argmax(1) != y, made.success)
    assert not bool((held.x - x)[..., support == 0].any())


def nearest_line(lines, x, y):
    """The distance to the nearest class on straight lines, without the box."""
    logits, found = lines(x), torch.full((len(x),), torch.inf)
    for other in range(3):
        w = (lines.weight[other] - lines.weight[y]).flatten(1).norm(dim=1)
        gap = logits.gather(1, y[:, None])[:, 0] - logits[:, other]
        found = torch.where(y == other, found, torch.minimum(found, gap / w))
    return found


def test_cw_finds_the_nearest_line(lines):
    x = 0.5 + 0.1 * (torch.rand(20, 3, 4, 4, generator=torch.Generator().manual_seed(0)) - 0.5)
    y = lines(x).argmax(1)
    made = CW(steps=200, searches=9, lr=0.01)(lines, x, y)
    expected = nearest_line(lines, x, y)
    assert bool(made.success.all())
    assert torch.all(made.norms["l2"] >= expected - 1e-4)
    assert torch.all(made.norms["l2"] <= 1.05 * expected + 2e-3)


def test_cw_in_linf_finds_about_what_pgd_finds_by_trying_budgets(net, some):
    x, y = some.x[:40], some.y[:40]
    made = CW("linf", steps=60, searches=8)(net, x, y)
    tried = torch.full((len(x),), 1.0)
    for eps in torch.arange(30, 0, -1) / 100:
        tried[PGD(float(eps), loss="margin")(net, x, y).success] = float(eps)
    assert bool(made.success.all())
    assert float((made.norms["linf"] - tried).median()) < 0.02


def test_confidence_is_kept(net, some):
    made = CW(steps=60, searches=4, lr=0.03, confidence=2.0)(net, some.x[:20], some.y[:20])
    logits = net(made.x).detach()
    own = logits.gather(1, some.y[:20, None])[:, 0]
    gap = logits.scatter(1, some.y[:20, None], -torch.inf).amax(1) - own
    assert made.rate > 0.5
    assert float(gap[made.success].min()) >= 2.0


@pytest.mark.parametrize(
    "attack",
    [
        CW(steps=150, searches=6, lr=0.1, abort_early=False),
        CW(steps=50, searches=6, space="pixels"),
    ],
    ids=["tanh", "pixels"],
)
def test_black_and_white_pixels_can_change(lines, attack):
    x = torch.zeros(2, 3, 4, 4)
    x[1] = 1
    y = lines(x).argmax(1)
    made = attack(lines, x, y)
    assert bool(made.success.all())


def test_ead_changes_fewer_pixels_than_cw(net, some):
    x, y = some.x[:30], some.y[:30]
    sparse = EAD(steps=60, searches=5, beta=0.03)(net, x, y)
    dense = CW(steps=60, searches=5, lr=0.03)(net, x, y)
    both = sparse.success & dense.success
    assert float(sparse.norms["l0"][both].mean()) < 0.5 * float(dense.norms["l0"][both].mean())
    assert float(sparse.norms["l1"][both].mean()) < float(dense.norms["l1"][both].mean())


def test_shrinking_by_hand():
    clean = torch.tensor([[0.5, 0.5, 0.5, 0.9, 0.1]])
    z = torch.tensor([[0.8, 0.55, 0.2, 1.4, -0.5]])
    assert torch.allclose(shrunk(z, clean, 0.1), torch.tensor([[0.7, 0.5, 0.3, 1.0, 0.0]]))


def test_group_lengths_against_a_loop():
    d = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    found = group_lengths(d, 2)
    assert found.shape == (2, 3, 4)
    for b in range(2):
        for i in range(3):
            for j in range(4):
                part = d[b, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                assert float(found[b, i, j]) == pytest.approx(float(part.norm()), rel=1e-5)


def test_groups_shrink_or_vanish():
    d = torch.randn(2, 4, 3, 6, 6, generator=torch.Generator().manual_seed(0))  # clips
    before = group_lengths(d, 3)
    after = group_lengths(shrunk_groups(d, 3, 5.0), 3)
    assert torch.allclose(after, (before - 5.0).clamp(min=0), atol=1e-5)
    assert torch.equal(after == 0, before <= 5.0)
    assert bool((after == 0).any())
    assert torch.equal(shrunk_groups(d, 3, 0.0), d)


def test_strattack_leaves_windows_exactly_as_they_were(net, some):
    x, y = some.x[:30], some.y[:30]
    made = StrAttack(steps=60, searches=3, tau=2.0, gamma=1)(net, x, y)
    alike = StrAttack(steps=60, searches=3, tau=0.0, gamma=1, refine=False)(net, x, y)
    both = made.success & alike.success
    assert int(both.sum()) >= 20

    def used(result):
        return (group_lengths(result.x - x, 2) > 0).flatten(1).float().mean(1)[both]

    assert float(used(made).mean()) < 0.6 * float(used(alike).mean())


def test_refining_shortens_and_adds_no_window(net, some):
    x, y = some.x[:20], some.y[:20]
    settings = {"steps": 80, "searches": 4, "tau": 2.0, "gamma": 1}
    coarse = StrAttack(**settings, refine=False)(net, x, y)
    fine = StrAttack(**settings)(net, x, y)
    assert torch.equal(coarse.success, fine.success)
    done = fine.success
    assert bool((fine.norms["l2"][done] <= coarse.norms["l2"][done] + 1e-6).all())
    assert float(fine.norms["l2"][done].mean()) < float(coarse.norms["l2"][done].mean())
    grown = (group_lengths(fine.x - x, 2) > 0) & (group_lengths(coarse.x - x, 2) == 0)
    assert not bool(grown.any())


def test_the_search_by_hand():
    search = ConstantSearch(2, 1.0, 10.0, torch.zeros(1))
    search.update(torch.tensor([True, False]))
    assert search.constant.tolist() == [0.5, 10.0]
    search.update(torch.tensor([False, False]))
    assert search.constant.tolist() == [0.75, 100.0]
    search.update(torch.tensor([True, True]))
    assert search.constant.tolist() == [0.625, 55.0]
    search.settle()
    assert search.constant.tolist() == [0.75, 100.0]


def test_adam_is_torchs():
    ours = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    theirs = torch.nn.Parameter(ours.clone())
    adam, reference = Adam(ours, 0.03), torch.optim.Adam([theirs], 0.03)
    for k in range(20):
        gradient = torch.randn(3, 4, generator=torch.Generator().manual_seed(k + 1))
        ours = ours + adam.step(gradient)
        theirs.grad = gradient
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CW("l1"), "norm must be l2 or linf"),
        (lambda: CW(confidence=-1), "confidence must be 0 or more"),
        (lambda: EAD(beta=-1), "beta and confidence must be 0 or more"),
        (lambda: EAD(rule="l0"), "rule must be en or l1"),
        (lambda: StrAttack(window=0), "window, steps and searches must be 1 or more"),
        (lambda: StrAttack(limit=8), r"limit in 0..1"),
    ],
)
def test_impossible_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
