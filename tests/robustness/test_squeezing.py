"""Feature squeezing against SciPy, and its gradient."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import median_filter

from sensorium.robustness.classifier import ModuleClassifier
from sensorium.robustness.squeezing import Squeezed, fewer_colours, median
from sensorium.seeds import torch_generator


def pictures(size: int = 9) -> torch.Tensor:
    return torch.rand(2, 3, size, size + 2, generator=torch_generator(0, "pictures"))


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_median_is_scipys(window: int) -> None:
    x = pictures()
    expected = median_filter(x.numpy(), size=(1, 1, window, window), mode="reflect")
    assert torch.equal(median(x, window), torch.from_numpy(expected))


def test_colours_are_counted() -> None:
    x = torch.linspace(0, 1, 1001)
    assert fewer_colours(x, 5).unique().shape == (32,)
    assert fewer_colours(x, 1).unique().tolist() == [0, 1]
    assert torch.equal(fewer_colours(x, 0), x)


def test_attacks_see_through_it() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 9 * 11, 2))
    squeezed = Squeezed(ModuleClassifier(network, ("a", "b")))
    assert squeezed.classes == ("a", "b")
    x = pictures().requires_grad_()
    squeezed(x).sum().backward()
    assert x.grad is not None
    assert float((x.grad != 0).float().mean()) > 0.3


def test_a_window_larger_than_the_picture_is_one_line() -> None:
    with pytest.raises(ValueError, match="window must be 1 to 9 pixels, got 10"):
        median(pictures(), 10)
