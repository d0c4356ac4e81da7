"""How far an input lies from what the weights were trained on.

A Gaussian is fitted to feature vectors of held-out inputs (Mahalanobis distance: Lee et al. 2018,
arXiv:1807.03888, section 2, with one Gaussian for all classes), and a threshold is set on other
familiar inputs, best on whole ones (`DomainGauge.fit_threshold`). Ours standardises and shrinks,
since some features hardly vary, and takes the worst of several groups of features, each with a
Gaussian of its own: what a network has learnt to ignore shows in plain picture statistics, and the
other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

STATISTICS = 12
"""How many numbers `frame_statistics` gives."""


class Gaussian(nn.Module):
    """Mahalanobis distance in units of the one that a share of familiar inputs stays below.

    Args:
        width: length of the feature vectors.

    Shape:
        features ``[N, D]``, distances ``[N]``.
    """

    mean: Tensor
    whiten: Tensor
    threshold: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("whiten", torch.eye(width))
        self.register_buffer("threshold", torch.tensor(0.0))  # 0: not calibrated

    def fit(
        self, features: Float[Tensor, "N D"], *, share: float, margin: float, shrinkage: float
    ) -> None:
        """Fit mean and covariance to the even rows, the threshold to the odd ones."""
        fitted, held_out = features[::2].double(), features[1::2]
        deviation = fitted.std(0).clamp_min(1e-6)
        standard = (fitted - fitted.mean(0)) / deviation
        correlation = standard.T @ standard / (len(fitted) - 1)
        eye = torch.eye(len(deviation), dtype=torch.float64, device=features.device)
        values, vectors = torch.linalg.eigh((1 - shrinkage) * correlation + shrinkage * eye)
        self.mean.copy_(fitted.mean(0))
        self.whiten.copy_(vectors / deviation[:, None] / values.sqrt())
        self.threshold.fill_(1.0)
        self.threshold.copy_(margin * torch.quantile(self(held_out), share).clamp_min(1e-6))

    def forward(self, features: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
        """The distance; above 1 lies beyond the threshold."""
        white = (features - self.mean) @ self.whiten
        distance: Tensor = white.square().mean(1).sqrt() / self.threshold
        return distance


class DomainGauge(nn.Module):
    """The greatest distance over groups of features, calibrated and saved with the weights.

    Args:
        widths: of the feature groups.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.groups = nn.ModuleList(Gaussian(width) for width in widths)

    @property
    def calibrated(self) -> bool:
        """Whether `fit` has run (or calibrated buffers were loaded)."""
        return all(bool(gaussian.threshold > 0) for gaussian in self._gaussians())

    def _gaussians(self) -> Iterator[Gaussian]:
        for module in self.groups:
            assert isinstance(module, Gaussian)
            yield module

    @torch.no_grad()
    def fit_threshold(self, distances: Float[Tensor, "V G"], margin: float = 1.25) -> None:
        """Put each group's threshold at ``margin`` times the largest of familiar videos.

        A video's distance is the median over its windows, which varies less than a window's.

        Args:
            distances: per video and group, by `distances`.
            margin: how much farther than any of them a video must lie.
        """
        for gaussian, column in zip(self._gaussians(), distances.unbind(1), strict=True):
            gaussian.threshold.mul_(margin * column.max().clamp_min(1e-6))

    @torch.no_grad()
    def fit(
        self,
        groups: Sequence[Float[Tensor, "N D"]],
        *,
        share: float = 0.99,
        margin: float = 1.3,
        shrinkage: float = 0.2,
    ) -> None:
        """Calibrate on familiar inputs that the weights were not trained on.

        Args:
            groups: one ``[N, D]`` tensor per group, with ``D`` of its width.
            share: of the familiar inputs whose distance the threshold is measured by.
            margin: how many times that distance the threshold is.
            shrinkage: weight of the identity in the correlation matrices.

        Raises:
            ValueError: with fewer than 8 rows, or values that are not finite.
        """
        for gaussian, features in zip(self._gaussians(), groups, strict=True):
            if len(features) < 8 or not torch.isfinite(features).all():
                raise ValueError(
                    "calibration needs at least 8 finite feature vectors, "
                    f"got {list(features.shape)}; give more validation clips"
                )
            gaussian.fit(features, share=share, margin=margin, shrinkage=shrinkage)

    def distances(self, groups: Sequence[Float[Tensor, "N D"]]) -> Float[Tensor, "N G"]:
        """Of each input in each group, in units of the group's threshold."""
        pairs = zip(self._gaussians(), groups, strict=True)
        return torch.stack([gaussian(features) for gaussian, features in pairs], 1)


def unfamiliarity(distances: Float[Tensor, "... G"]) -> Float[Tensor, "..."]:
    """The worst group's distance mapped to 0..1; above 0.5 lies beyond its threshold."""
    worst = distances.amax(-1)
    return worst / (worst + 1)


def frame_statistics(frames: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B 12"]:
    """What a picture is like before any network looks: colour, contrast, edges, change over time.

    Logarithms of non-negative quantities, so that a Gaussian fits and ratios count.

    Shape:
        frames in 0..1; returns ``[B, STATISTICS]``: mean and deviation per channel, horizontal and
        vertical gradient, share of flat pixels, fine detail, change between frames, saturation.
    """
    grey = frames.mean(2)
    across = (grey[..., 1:] - grey[..., :-1]).abs()
    down = (grey[..., 1:, :] - grey[..., :-1, :]).abs()
    detail = (across[..., 1:] - across[..., :-1]).abs()
    change = (grey[:, 1:] - grey[:, :-1]).abs() if grey.shape[1] > 1 else torch.zeros_like(grey)
    saturation = frames.amax(2) - frames.amin(2)
    columns = [*frames.mean((1, 3, 4)).unbind(1), *frames.std((1, 3, 4)).unbind(1)]
    flat = (across < 0.01).float()
    columns += [x.mean((1, 2, 3)) for x in (across, down, flat, detail, change, saturation)]
    return torch.stack(columns, 1).clamp_min(0).add(0.02).log()
