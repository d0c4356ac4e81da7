"""One adversarial example explained: which cells do what, and where the network looks.

`explain` puts the parts of this package together for a picture or a clip whose perturbation is
given, whatever made it; the attack is none of its business.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.robustness.classifier import (
    check_input,
    check_labels,
    check_logits,
    check_weights,
    class_names,
    evaluating,
)
from sensorium.robustness.pse.cam import ActivationMaps, Method, activation_maps
from sensorium.robustness.pse.cells import grid, side_for
from sensorium.robustness.pse.contributions import (
    Network,
    contributions,
    first_order,
    logits_of,
    rank_correlation,
)
from sensorium.robustness.pse.interpretability import (
    PERCENTILE,
    boolean_map,
    chance,
    interpretability,
)
from sensorium.robustness.pse.keeping import Judged, keep_by_kind
from sensorium.robustness.pse.ratio import Whole, classify, ratio, used_cells
from sensorium.robustness.pse.results import Explanation, Look, Names
from sensorium.seeds import torch_generator


@dataclass(frozen=True)
class Looking:
    """How to look at an adversarial example.

    Attributes:
        side: of a cell in pixels; ``None`` chooses by the picture's size (`cells.side_for`; twice
            that for clips, which have so many more cells).
        tube: in a clip, a cell goes through all frames.
        percentile: of the activation maps, above which a place counts.
        method: class activation maps or Grad-CAM.
        layer: whose maps (then Grad-CAM); ``None``: the last ones.
        batch: inputs in one forward pass.
        seed: of the random controls.
    """

    side: int | None = None
    tube: bool = False
    percentile: float = PERCENTILE
    method: Method = "auto"
    layer: nn.Module | None = None
    batch: int = 256
    seed: int = 0


def explain(
    network: Network,
    clean: Float[Tensor, "*T C H W"],
    attacked: Float[Tensor, "*T C H W"],
    true: int,
    target: int,
    *,
    names: Names | None = None,
    looking: Looking | None = None,
) -> Explanation:
    """What the change from ``clean`` to ``attacked`` does to the two labels, and where.

    Args:
        network: logits of inputs in 0..1.
        clean: one picture ``[C, H, W]`` or clip ``[T, C, H, W]``, 0..1.
        attacked: of the same shape.
        true: number of the true label.
        target: of the label that the attack wants.
        names: what to call things.
        looking: how to look.

    Raises:
        ValueError: when shapes, values or labels do not fit, the labels are the same, nothing is
            changed, or the network has no feature maps.
    """
    how = looking or Looking()
    x, changed = _checked(clean, attacked, true, target)
    with evaluating(network):
        both = torch.cat([x, changed])
        logits = _logits(network, both, torch.tensor([true, target]), how.batch)
        known = names or Names(classes=class_names(network, logits.shape[1]))
        side = how.side or side_for(x.shape[-2], x.shape[-1]) * (x.ndim - 3)
        cells = grid(x.shape, side, tube=how.tube)
        labels = torch.tensor([[target, true]], device=x.device)
        exact = contributions(network, x, changed, labels, cells, batch=how.batch)[0]
        used = used_cells(cells.norms(changed - x))
        kinds = classify(exact[:1], exact[1:], used)
        judged = Judged(network, x, changed, labels[:, 1], labels[:, 0], cells)
        generator = torch_generator(how.seed, "explain", "controls")
        kept = keep_by_kind(judged, kinds, generator)
        proxy = first_order(network, x, changed, labels, cells)[0]
        look = _look(network, x, changed, labels, how)
    return Explanation(
        names=known,
        true=true,
        target=target,
        clean=x[0].cpu(),
        attacked=changed[0].cpu(),
        logits=logits.cpu(),
        cells=cells,
        target_contributions=exact[0].cpu(),
        true_contributions=exact[1].cpu(),
        ratios=ratio(exact[0], exact[1]).masked_fill(~used[0], torch.nan).cpu(),
        kinds=kinds[0].cpu(),
        whole=_whole(logits, true, target),
        look=look,
        kept={name: seen.mean() for name, seen in kept.items()},
        proxy_rank=_proxy_rank(exact, proxy, used),
    )


def _checked(clean: Tensor, attacked: Tensor, true: int, target: int) -> tuple[Tensor, Tensor]:
    """Both as batches of one."""
    if clean.shape != attacked.shape or clean.ndim not in (3, 4):
        raise ValueError(
            f"expected two pictures [C, H, W] or clips [T, C, H, W] of one shape, got "
            f"{list(clean.shape)} and {list(attacked.shape)}"
        )
    if true == target:
        raise ValueError(f"the target must be another label than the true one, got {true} for both")
    if torch.equal(clean, attacked):
        raise ValueError("the two are the same: there is no perturbation to explain")
    return clean[None], attacked[None]


def _logits(network: Network, pair: Tensor, labels: Tensor, batch: int) -> Float[Tensor, "2 K"]:
    """Of both, after everything that can be wrong was looked at."""
    check_input(pair)
    check_weights(network)
    logits = logits_of(network, pair, batch)
    check_logits(logits, 2)
    check_labels(labels, 2, logits.shape[1])
    return logits


def _whole(logits: Float[Tensor, "2 K"], true: int, target: int) -> Whole:
    """What the perturbation does to both logits."""
    change = (logits[1] - logits[0]).tolist()
    return Whole(change[target], change[true])


def _proxy_rank(
    exact: Float[Tensor, "2 N"], proxy: Float[Tensor, "2 N"], used: Tensor
) -> tuple[float, float]:
    """How well the first-order proxy orders the cells: for the target, for the true label."""
    found = rank_correlation(exact, proxy, used.expand(2, -1)).tolist()
    return found[0], found[1]


def _look(network: Network, x: Tensor, changed: Tensor, labels: Tensor, how: Looking) -> Look:
    """Maps of both labels before and after, and the four scores."""
    pair = torch.cat([x, changed])
    seen: ActivationMaps = activation_maps(
        network,
        pair,
        labels.expand(2, -1),
        method=how.method,
        layer=how.layer,
        batch=how.batch,
    )
    large = seen.over(pair).cpu()  # [2, L, *T, H, W]
    maps = {
        f"C({when}, {what})": large[row, column]
        for row, when in enumerate(("x0", "x'"))
        for column, what in ((1, "t0"), (0, "t"))
    }
    clip = x.ndim == 5
    masks = {name: boolean_map(value, how.percentile, clip=clip) for name, value in maps.items()}
    d = (changed - x).cpu()
    return Look(
        method=seen.method,
        percentile=how.percentile,
        maps=maps,
        masks=masks,
        scores={name: float(interpretability(d, mask[None])) for name, mask in masks.items()},
        chances={name: float(chance(mask[None])) for name, mask in masks.items()},
    )
