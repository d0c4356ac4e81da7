"""The square attack (arXiv:1912.00049): random search, without gradients.

Stripes of the whole budget, then squares of one colour at random places, which shrink as the
search goes on; a square stays where it raises the margin. A network that it breaks and gradients
do not has its gradients masked. The frames of a clip are treated as further colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from sensorium.robustness.attacks.attacked import Attacked, Attempt
from sensorium.robustness.attacks.ball import Ball
from sensorium.robustness.classifier import Classifier, evaluating
from sensorium.seeds import torch_generator

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10,000 queries


@dataclass(frozen=True)
class Square:
    """Random search in the Linf ball.

    Attributes:
        eps: budget in units of pixel values (0..1).
        queries: forward passes, at most.
        share: of the picture that the first squares cover.

    Raises:
        ValueError: for no queries, or a share that is not 0..1.
    """

    eps: float = 8 / 255
    queries: int = 1000
    share: float = 0.8

    def __post_init__(self) -> None:
        if self.queries < 1 or not 0 < self.share <= 1:
            raise ValueError(
                f"queries must be 1 or more and share in 0..1, got {self.queries}, {self.share}"
            )

    def side(self, query: int, height: int, width: int) -> int:
        """Of the squares at a query, in pixels; the stripes are query 0."""
        at = int(max(0, query - 1) / self.queries * 10_000)
        share = self.share / 2 ** sum(at > limit for limit in _HALVINGS)
        side: int = round((share * height * width) ** 0.5)
        return min(max(1, side), height, width)

    @torch.no_grad()
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
        """See `Attack`."""
        ball = Ball(x, self.eps, "linf", support)
        random = torch_generator(seed, "square")
        with evaluating(classifier):
            attempt = Attempt(classifier, x, y, target)
            index = attempt.open
            goal, ball = attempt.goal.take(index), ball.take(index)
            best = ball.x
            lead = goal.lead(attempt.logits[index])
            for query in range(self.queries):
                if not len(index):
                    break
                tried = self._try(best, ball, query, random)
                logits = goal.look(tried)
                now = goal.lead(logits)
                reached = goal.reached(logits)
                attempt.offer(index, tried, reached, now)
                better = (now > lead) | (query == 0)
                best = torch.where(better.view(-1, *[1] * (x.ndim - 1)), tried, best)
                lead = torch.where(better, now, lead)
                if bool(reached.any()):
                    on = ~reached
                    index, best, lead = index[on], best[on], lead[on]
                    goal, ball = goal.take(on), ball.take(on)
        return attempt.result()

    def _try(
        self, best: Float[Tensor, "n ..."], ball: Ball, query: int, random: torch.Generator
    ) -> Float[Tensor, "n ..."]:
        """Stripes at first, then ``best`` with a square of the whole budget on each sample."""
        height, width = best.shape[-2:]
        lead = best.shape[:-2]
        if query == 0:
            signs = _signs((*lead, 1, width), random).to(best)
            return ball.project(ball.x + self.eps * signs)
        side = self.side(query, height, width)
        count = len(best)
        top = torch.randint(height - side + 1, (count, 1), generator=random)
        left = torch.randint(width - side + 1, (count, 1), generator=random)
        across = (torch.arange(width) >= left) & (torch.arange(width) < left + side)
        down = (torch.arange(height) >= top) & (torch.arange(height) < top + side)
        inside = (down[:, :, None] & across[:, None, :]).to(best.device)
        inside = inside.view(count, *[1] * (best.ndim - 3), height, width)
        signs = _signs((*lead, 1, 1), random).to(best)
        return torch.where(inside, ball.project(ball.x + self.eps * signs), best)


def _signs(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=random) * 2.0 - 1
