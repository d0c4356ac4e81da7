"""How far an input lies from what the weights were trained on.

A Gaussian is fitted to feature vectors of held-out inputs (Mahalanobis distance: Lee et al. 2018,
arXiv:1807.03888, section 2, with one Gaussian for all classes), and a threshold is set on others, so
that a stated share of familiar inputs lies below it. Ours adds shrinkage of the covariance, since
some features hardly vary.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DomainGauge(nn.Module):
    """Mahalanobis distance with a calibrated threshold, saved with the weights.

    Args:
        width: length of the feature vectors.

    Shape:
        features: ``[N, D]``; distances: ``[N]``, in units of ``sqrt(D)`` standard deviations.
    """

    mean: Tensor
    whiten: Tensor
    threshold: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("whiten", torch.eye(width))
        self.register_buffer("threshold", torch.tensor(0.0))  # 0: not calibrated

    @property
    def calibrated(self) -> bool:
        """Whether `fit` has run (or calibrated buffers were loaded)."""
        return bool(self.threshold > 0)

    @torch.no_grad()
    def fit(
        self, features: Float[Tensor, "N D"], *, shrinkage: float = 0.05, margin: float = 1.25
    ) -> None:
        """Fit the Gaussian to the even rows, the threshold to the odd ones.

        Args:
            features: of familiar inputs that the weights were not trained on.
            shrinkage: weight of the diagonal ``mean(variance) * I`` in the covariance.
            margin: the threshold is this times the largest distance of the odd rows.

        Raises:
            ValueError: with fewer than 8 rows, or values that are not finite.
        """
        if len(features) < 8 or not torch.isfinite(features).all():
            raise ValueError(
                f"calibration needs at least 8 finite feature vectors, got {list(features.shape)}"
            )
        fitted, held_out = features[::2].double(), features[1::2].double()
        mean = fitted.mean(0)
        spread = fitted - mean
        covariance = spread.T @ spread / (len(fitted) - 1)
        variance = covariance.diagonal().mean().clamp_min(1e-12)
        eye = torch.eye(len(mean), dtype=torch.float64, device=features.device)
        covariance = (1 - shrinkage) * covariance + shrinkage * variance * eye
        values, vectors = torch.linalg.eigh(covariance)
        self.mean.copy_(mean)
        self.whiten.copy_(vectors / values.sqrt())
        self.threshold.copy_(margin * self.distance(held_out.to(features.dtype)).max())

    def distance(self, features: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
        """Mahalanobis distance over ``sqrt(D)``: about 1 for familiar inputs."""
        white = (features - self.mean) @ self.whiten
        return white.square().mean(1).sqrt()

    def unfamiliarity(self, features: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
        """Distance mapped to 0..1; above 0.5 lies beyond the calibrated threshold."""
        distance = self.distance(features)
        return distance / (distance + self.threshold)


def frame_statistics(frames: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B 12"]:
    """What a picture is like before any network looks: colour, contrast, edges, change over time.

    Log-compressed so that a Gaussian fits. ``frames`` are in 0..1.

    Shape:
        returns ``[B, 12]``: mean and deviation per channel, horizontal and vertical gradient,
        share of flat pixels, fine detail, change between frames, and saturation.
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
