from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorium.robustness.attacks import APGD, BIM, FGSM, PGD, RFGSM, Batched, Square, in_batches

KINDS = [
    FGSM(),
    FGSM(norm="l2"),
    RFGSM(),
    BIM(steps=4, step=0.05),
    PGD(steps=4, restarts=2),
    PGD(norm="l2", steps=4, loss="margin"),
    PGD(steps=4, stop=False),
    PGD(steps=4, best=False, random_start=False),
    APGD(steps=8),
    APGD(norm="l2", steps=8, loss="ce", restarts=2),
    Square(queries=20),
]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(KINDS),
    eps=st.floats(0, 1),
    targeted=st.booleans(),
    masked=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_never_outside_the_budget_the_range_or_the_support(
    lines, kind, eps, targeted, masked, seed
):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(5, 3, 4, 4, generator=generator).mul(1.4).sub(0.2).clamp(0, 1)
    y = torch.randint(3, (5,), generator=generator)
    target = (y + 1) % 3 if targeted else None
    support = torch.rand(1, 1, 4, 4, generator=generator) > 0.5 if masked else None
    made = replace(kind, eps=eps)(lines, x, y, target=target, support=support, seed=seed)
    assert float(made.x.min()) >= 0
    assert float(made.x.max()) <= 1
    d = made.x.double() - x.double()
    if getattr(kind, "norm", "linf") == "linf":
        assert float(d.abs().max()) <= eps
    else:
        assert float(d.flatten(1).norm(dim=1).max()) <= eps + 1e-6
    if support is not None:
        assert not bool(d[~support.expand_as(d)].any())
    answer = lines(made.x).argmax(1)
    assert torch.equal(made.success, answer != y if target is None else answer == target)
    assert torch.equal(made.x[made.already], x[made.already])


def lead(lines, x, y, eps):
    """The largest lead over the truth that any change of at most eps can bring, in the box."""
    best = torch.full((len(x),), -torch.inf)
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    for other in range(3):
        w = lines.weight[other] - lines.weight[y]
        found = torch.where(w > 0, high, low).mul(w).flatten(1).sum(1)
        best = torch.where(y == other, best, torch.maximum(best, found))
    return best


@pytest.mark.parametrize(
    "attack",
    [PGD(0.02, steps=10, loss="margin", restarts=3), APGD(0.02, steps=30, loss="margin")],
)
def test_on_straight_lines_the_best_attack_is_known(lines, attack):
    x = torch.rand(200, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    y = lines(x).argmax(1)
    made = attack(lines, x, y)
    assert torch.equal(made.success, lead(lines, x, y, 0.02) > 0)
    assert 0.2 < made.rate < 0.9  # so that the comparison says something


def test_one_step_is_the_sign_of_the_gradient(net, some):
    x = some.x.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(net(x), some.y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    expected = (some.x + 0.1 * gradient.sign()).clamp(0, 1)
    assert torch.allclose(FGSM(0.1)(net, some.x, some.y).x, expected, atol=1e-6)


def test_the_random_step_of_rfgsm_is_a_share_of_the_budget(lines):
    x = torch.full((4, 3, 4, 4), 0.5)
    y = lines(x).argmax(1)
    made = RFGSM(0.2, start=0.25)(lines, x, y)
    d = (made.x - x).abs().unique()
    assert all(min(abs(float(v) - w) for w in (0.1, 0.2)) < 1e-6 for v in d)  # 0.05 ± 0.15
    with pytest.raises(ValueError, match="start is a share"):
        RFGSM(start=2)


@pytest.mark.parametrize(("eps", "steps"), [(2, 2), (4, 5), (8, 10), (16, 20)])
def test_the_number_of_steps_by_the_papers_rule(eps, steps):
    assert BIM(eps / 255).iterations == steps


def test_finished_samples_leave_the_batch(net, some):
    long = PGD(0.3, steps=20, stop=False)(net, some.x, some.y)
    short = PGD(0.3, steps=20)(net, some.x, some.y)
    assert torch.equal(long.success, short.success)
    assert int(long.gradients.min()) == 20
    assert float(short.gradients[short.success].float().mean()) < 10


def test_the_best_iterate_finds_more_than_the_last_on_a_staircase(coarse, digits):
    x, y = digits[1].x[:200], digits[1].y[:200]
    best = PGD(0.1)(coarse, x, y)
    last = PGD(0.1, best=False, stop=False)(coarse, x, y)
    assert best.accuracy < last.accuracy - 0.03


def test_restarts_never_lose_what_was_found(net, some):
    one = PGD(0.08)(net, some.x, some.y)
    five = PGD(0.08, restarts=5)(net, some.x, some.y)
    assert bool((five.success | ~one.success).all())
    assert five.accuracy <= one.accuracy


def test_targets_are_reached(net, some):
    target = (some.y + 3) % 10
    made = PGD(0.4, steps=40)(net, some.x, some.y, target=target)
    assert made.rate > 0.6
    assert torch.equal(net(made.x).argmax(1)[made.success], target[made.success])


def test_half_the_range_leaves_nothing(net, some):
    assert PGD(0.5, steps=40, restarts=2)(net, some.x, some.y).accuracy <= 0.1


def test_the_seed_decides(net, some):
    attack = PGD(0.08, steps=3, stop=False)
    first, again, other = (attack(net, some.x, some.y, seed=s).x for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_batches_are_put_together(net, some):
    whole = BIM(0.1)(net, some.x, some.y)
    parts = in_batches(BIM(0.1), net, some.x, some.y, batch=33)
    assert torch.equal(whole.success, parts.success)
    assert torch.allclose(whole.x, parts.x, atol=1e-6)
    assert torch.equal(whole.queries, parts.queries)


def test_batches_share_a_support_or_split_it(net, some):
    one = torch.zeros(1, 1, 8, 8)
    one[..., 4:] = 1
    whole = BIM(0.1)(net, some.x, some.y, support=one)
    for support in (one, one.expand(len(some), 1, 8, 8)):
        parts = Batched(BIM(0.1), 33)(net, some.x, some.y, support=support)
        assert torch.allclose(whole.x, parts.x, atol=1e-6)
    with pytest.raises(ValueError, match="batch must be 1 or more"):
        Batched(BIM(), 0)


def test_the_network_is_left_as_it_was(net, some):
    net.train()
    before = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    try:
        PGD(0.1, steps=2)(net, some.x[:4], some.y[:4])
        assert net.training
        assert net.head.training
    finally:
        net.eval()
    for p, old in zip(net.parameters(), before, strict=True):
        assert (p.grad is None) == (old is None)
        assert old is None or torch.equal(p.grad, old)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PGD(steps=0), "steps and restarts must be 1 or more"),
        (lambda: PGD(step=0.0), "step must be above 0"),
        (lambda: APGD(restarts=0), "steps and restarts must be 1 or more"),
        (lambda: Square(queries=0), "queries must be 1 or more"),
    ],
)
def test_impossible_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()
