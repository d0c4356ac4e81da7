"""Learning-rate and weight-decay factors per kind of parameter, as TSN and TSM are trained.

Weights (1, 1), biases (2, 0), norms (1, 0); the classifier of a new data set (5, 1) and (10, 0);
the first convolution of a flow network (5, 1) and (10, 0). Parameters that do not want a gradient,
as the norms that partial BN froze, are left out.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

FACTORS = {
    "first weight": (1.0, 1.0),
    "first bias": (2.0, 0.0),
    "flow weight": (5.0, 1.0),
    "flow bias": (10.0, 0.0),
    "weights": (1.0, 1.0),
    "biases": (2.0, 0.0),
    "norms": (1.0, 0.0),
    "head weight": (5.0, 1.0),
    "head bias": (10.0, 0.0),
}


def parameter_groups(
    network: nn.Module, *, head: nn.Module, new_head: bool = True, flow: bool = False
) -> list[dict[str, Any]]:
    """Every trainable parameter of ``network`` once.

    Args:
        network: with its classifier.
        head: the classifier.
        new_head: whether the classifier starts from nothing (no checkpoint of the same data set).
        flow: whether the first convolution reads optical flow.

    Returns:
        Groups with ``name``, ``params``, ``lr_factor`` and ``weight_decay_factor``.
    """
    members: dict[str, list[nn.Parameter]] = {}
    first = True
    for module in network.modules():
        convolution = isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        for leaf, parameter in module.named_parameters(recurse=False):
            kind = "weight" if leaf.endswith("weight") else "bias"
            if isinstance(module, _BatchNorm):
                name = "norms"
            elif convolution and first:
                name = f"flow {kind}" if flow else f"first {kind}"
            elif module is head and new_head:
                name = f"head {kind}"
            else:
                name = "weights" if kind == "weight" else "biases"
            if parameter.requires_grad:
                members.setdefault(name, []).append(parameter)
        first = first and not convolution
    return [
        {
            "name": name,
            "params": members[name],
            "lr_factor": lr,
            "weight_decay_factor": decay,
        }
        for name, (lr, decay) in FACTORS.items()
        if name in members
    ]
