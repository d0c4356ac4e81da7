import pytest
import torch

from sensorium.robustness.pse.quantiles import Quantiles


@pytest.mark.parametrize("share", [0.005, 0.02, 0.5, 0.99])
def test_ranks_are_close_to_exact(share, noise):
    values = torch.randn(40_000, 3, generator=noise) * torch.tensor([1.0, 5, 0.1])
    stream = Quantiles(3, size=1024)
    for part in values.split(777):
        stream.add(part)
    found = stream.above(share)
    above = (values > found).double().mean(0)
    torch.testing.assert_close(above, torch.full((3,), share).double(), atol=2e-3, rtol=0)
    kept = sum(level.shape[1] for level in stream._levels)
    assert kept < 1024 * 12


def test_exact_while_all_fits():
    values = torch.arange(100.0)[:, None]
    stream = Quantiles(1)
    stream.add(values.flip(0))
    assert float(stream.above(0.05)) == 94
    assert float(stream.above(0)) == 99
    assert float(stream.above(1)) == 0
    assert int((values > stream.above(0.05)).sum()) == 5


def test_the_order_does_not_matter_much(noise):
    values = torch.rand(20_000, 1, generator=noise)
    found = []
    for ordered in (values, values.sort(0).values, values.sort(0, descending=True).values):
        stream = Quantiles(1, size=512)
        for part in ordered.split(1000):
            stream.add(part)
        found.append(float(stream.above(0.01)))
    assert found == pytest.approx([0.99] * 3, abs=6e-3)


def test_refuses_nonsense():
    stream = Quantiles(2)
    with pytest.raises(ValueError, match="nothing"):
        stream.above(0.1)
    with pytest.raises(ValueError, match="NaN"):
        stream.add(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match=r"expected numbers \[N, 2\]"):
        stream.add(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="even size"):
        Quantiles(1, size=3)
    stream.add(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="within 0..1"):
        stream.above(5)
