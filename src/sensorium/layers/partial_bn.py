"""Partial batch norm (TSN, arXiv:1608.00859): all norms but the first stay as pre-trained."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def freeze_later_norms(network: nn.Module) -> None:
    """Put every batch norm after the first in ``eval()`` mode and stop training its affine part.

    Call it again after each ``train()``, which undoes the first half.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    for norm in norms[1:]:
        norm.eval()
        for parameter in norm.parameters(recurse=False):
            parameter.requires_grad_(False)
