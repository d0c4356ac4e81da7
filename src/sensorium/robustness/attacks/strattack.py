"""StrAttack (arXiv:1808.01664): the least perturbation in few windows of the picture, by ADMM.

Minimises ``c f(x + d) + gamma ||d||_2^2 + tau sum_g ||d_g||_2``, where a group ``g`` is a window of
a frame, all colours together. Three copies of the perturbation carry the length, the box and the
groups, and are tied to the one that the gradient moves. What is tested and given back is the copy
of the groups, clipped to 0..1: outside the windows that it needs it is exactly zero. Then the
perturbation is refined: again without groups, on the pixels that changed.

How ours differs from the published program: it stops at the last whole window, here what is left
at the right and lower edge is a group, too; pixels that hardly changed are told by a threshold for
each sample, not the batch; the refinement's step has the consistent denominator. Windows do not
overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import lengths, per_sample
from sensorium.robustness.attacks.constant_search import Descend, Smallest, search_constants
from sensorium.robustness.classifier import Classifier, evaluating

_SMALL = 0.03  # share of the changed pixels that the refinement leaves out


@dataclass(frozen=True)
class StrAttack:
    """The perturbation of the fewest windows that changes the answer.

    Attributes:
        window: side of the groups, in pixels.
        tau: weight of the groups; 0 leaves the length alone.
        gamma: weight of the squared length.
        rho: how tightly the copies are tied.
        alpha: of the gradient's step; larger is slower.
        steps: in each round.
        searches: rounds of the search for the constant, and of the refinement's.
        constant: to begin with.
        limit: of a pixel's change.
        confidence: by how much the wanted logit must lead.
        refine: whether to refine.

    Raises:
        ValueError: for a setting that makes no sense.
    """

    window: int = 2
    tau: float = 3.0
    gamma: float = 2.0
    rho: float = 15.0
    alpha: float = 5.0
    steps: int = 250
    searches: int = 6
    constant: float = 1.0
    limit: float = 0.5
    confidence: float = 0.0
    refine: bool = True

    def __post_init__(self) -> None:
        if min(self.window, self.steps, self.searches) < 1:
            raise ValueError(
                "window, steps and searches must be 1 or more, got "
                f"{self.window}, {self.steps} and {self.searches}"
            )
        if min(self.tau, self.gamma, self.confidence) < 0 or not 0 < self.limit <= 1:
            raise ValueError(
                "tau, gamma and confidence must be 0 or more and limit in 0..1, got "
                f"{self.tau}, {self.gamma}, {self.confidence} and {self.limit}"
            )
        if not min(self.rho, self.alpha, self.constant) > 0:
            raise ValueError(
                "rho, alpha and constant must be above 0, got "
                f"{self.rho}, {self.alpha} and {self.constant}"
            )

    def __call__(
        self,
        classifier: Classifier,
        x: Float[Tensor, "B ..."],
        y: Int64[Tensor, "B"],
        *,
        target: Int64[Tensor, "B"] | None = None,
        support: Tensor | None = None,
        seed: int = 0,
    ) -> Attacked:
        """See `Attack`; nothing is random."""
        with evaluating(classifier):
            attempt = Attempt(classifier, x, y, target)
            index = attempt.open
            if len(index):
                found = Smallest(attempt, index, support, self.confidence)
                self._search(found, self._groups, self.constant)
                done = attempt.found[index]
                if self.refine and bool(done.any()):
                    # only where something was found, and only where it changed the sample
                    left = attempt.x[index[done]] - attempt.clean[index[done]]
                    whole = torch.zeros_like(attempt.clean, dtype=torch.bool)
                    whole[index[done]] = _changed(left)
                    finer = Smallest(attempt, index[done], whole, self.confidence)
                    self._search(finer, self._refined, 5.0)
        return attempt.result()

    def _search(self, found: Smallest, descend: Descend, first: float) -> None:
        """Rounds of one of the two procedures."""
        search_constants(found, descend, self.searches, first=first, growth=5.0)

    def _groups(self, found: Smallest, constants: Float[Tensor, "n"]) -> None:
        """ADMM with three copies: of the length, of the box, of the groups."""
        rho, clean = self.rho, found.x
        low, high = self._box(found)
        z = u = v = s = torch.zeros_like(clean)
        for k in range(self.steps):
            delta = rho / (rho + 2 * self.gamma) * (z - u)
            box = torch.clamp(z - s, low, high)
            free = z - v if found.support is None else (z - v) * found.support
            groups = shrunk_groups(free, self.window, self.tau / rho)
            gradient = self._gradient(found, z, constants)
            step = self.alpha * (k + 1) ** 0.5
            pulled = step * z + 2 * rho * (delta + u) + rho * (box + s + groups + v)
            z = (pulled - gradient) / (step + 4 * rho)
            u, v, s = u + delta - z, v + groups - z, s + box - z
            self._test(found, torch.clamp(groups, low, high))

    def _refined(self, found: Smallest, constants: Float[Tensor, "n"]) -> None:
        """ADMM with one copy, that of the length and the box, on the support."""
        rho, clean = self.rho, found.x
        low, high = self._box(found)
        z = u = torch.zeros_like(clean)
        for _ in range(self.steps):
            d = torch.clamp(rho / (rho + self.gamma / 100) * (z - u), low, high)
            gradient = self._gradient(found, z, constants)
            z = (self.alpha * z + rho * (d + u) - gradient) / (self.alpha + rho)
            u = u + d - z
            self._test(found, d)

    def _box(self, found: Smallest) -> tuple[Tensor, Tensor]:
        """How far each pixel may change."""
        low = (-found.x).clamp(min=-self.limit)
        high = (1 - found.x).clamp(max=self.limit)
        if found.support is None:
            return low, high
        return low * found.support, high * found.support

    def _gradient(self, found: Smallest, z: Tensor, constants: Tensor) -> Tensor:
        """Of the constant times what the wanted logit lacks, at the clipped sample."""
        goal = found.goal
        x = (found.x + z).clamp(0, 1)
        gradient = goal.pushed(x, lambda logits: constants * found.shortfall(logits, goal)).gradient
        return gradient if found.support is None else gradient * found.support

    def _test(self, found: Smallest, d: Tensor) -> None:
        """Keep a perturbation that breaks its sample and is shorter than the last."""
        x = torch.where(d == 0, found.x, (found.x + d).clamp(0, 1))
        rows: Int64[Tensor, "n"] = torch.arange(len(d), device=d.device)
        found.offer(rows, x, found.goal.look(x), lengths(x - found.x), found.goal)


def group_lengths(d: Float[Tensor, "B ..."], window: int) -> Float[Tensor, "B ..."]:
    """The Euclidean length of each group.

    Shape:
        ``[..., C, H, W] -> [..., ceil(H / window), ceil(W / window)]``.
    """
    height, width = d.shape[-2:]
    energy = d.square().sum(-3)
    lead = energy.shape[:-2]
    energy = F.pad(energy.reshape(-1, 1, height, width), (0, -width % window, 0, -height % window))
    summed = F.avg_pool2d(energy, window) * window**2
    # [N, 1, h, w] -> [..., h, w]
    return summed.clamp(min=0).sqrt().reshape(*lead, *summed.shape[-2:])


def shrunk_groups(d: Float[Tensor, "B ..."], window: int, by: float) -> Float[Tensor, "B ..."]:
    """Each group made shorter by ``by``; those that are no longer become exactly zero.

    Shape:
        ``[..., C, H, W] -> [..., C, H, W]``.
    """
    height, width = d.shape[-2:]
    length = group_lengths(d, window)
    factor = (1 - by / length.clamp(min=1e-12)).clamp(min=0)
    if by == 0:
        return d
    wide = factor.repeat_interleave(window, -2).repeat_interleave(window, -1)
    return d * wide[..., None, :height, :width]


def _changed(d: Float[Tensor, "B ..."]) -> Tensor:
    """Where a sample changed by more than the smallest 3 % of its changes."""
    size = d.abs().flatten(1)
    size = torch.where(size == 0, torch.nan, size)
    least = size.nanquantile(_SMALL, dim=1)
    return d.abs() > per_sample(least.nan_to_num(nan=0.0), d)
