import torch

from sensorium.robustness.pse.cells import grid
from sensorium.robustness.pse.contributions import contributions
from sensorium.robustness.pse.keeping import Judged, keep_by_kind, random_cells, with_cells
from sensorium.robustness.pse.ratio import Kind, classify, used_cells


def test_kept_cells_are_attacked_and_the_rest_is_clean(noise):
    x = torch.rand(1, 3, 4, 4, generator=noise)
    cells = grid(x.shape, 2)
    mixed = with_cells(x, 1 - x, cells, torch.tensor([[True, False, False, True]]))
    assert torch.equal(mixed[..., :2, :2], (1 - x)[..., :2, :2])
    assert torch.equal(mixed[..., :2, 2:], x[..., :2, 2:])


def test_random_cells_are_as_many_of_the_used_ones(noise):
    used = torch.tensor([[True, True, False, True, False]] * 3)
    count = torch.tensor([0, 2, 3])
    found = random_cells(used, count, noise)
    assert found.sum(1).tolist() == [0, 2, 3]
    assert not (found & ~used).any()


def test_on_a_linear_network_changes_add_up(linear, noise):
    x = torch.rand(4, 3, 6, 8, generator=noise)
    attacked = (x + 0.2 * torch.randn(x.shape, generator=noise)).clamp(0, 1)
    cells = grid(x.shape, 2)
    true, target = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 2])
    m = contributions(linear, x, attacked, torch.stack([target, true], 1), cells)
    kinds = classify(m[:, 0], m[:, 1], used_cells(cells.norms(attacked - x)))
    found = keep_by_kind(Judged(linear, x, attacked, true, target, cells), kinds, noise)
    for kind in ("suppression", "balanced", "promotion", "adverse"):
        only, without = found[f"only {kind}"], found[f"without {kind}"]
        torch.testing.assert_close(
            only.target + without.target, found["all"].target, atol=1e-4, rtol=1e-3
        )
        assert torch.equal(only.cells, found[f"only {kind}, random"].cells)
        assert torch.equal(only.cells, (kinds == int(Kind[kind.upper()])).sum(1))
        assert torch.equal(only.cells + without.cells, found["all"].cells)
    assert bool((found["only promotion"].target >= 0).all())
    assert bool((found["only suppression"].true <= 0).all())
    answers = linear(attacked).argmax(1)
    assert torch.equal(found["all"].hits, answers == target)
    assert torch.equal(found["all"].fooled, answers != true)
    assert found["all"].mean()["cells"] == 12
