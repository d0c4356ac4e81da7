"""Parameter names of the TSM release, its online demo and MMAction2 -> ours.

In their files a shifted layer is wrapped, which puts ``.net`` into its name: behind a convolution's
in the residual placement, a block's in the block placement, ``layer2``'s for temporal pooling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# MobileNetV2: MMAction2's layer -> number of its first block
_FIRST_BLOCK = {1: 1, 2: 2, 3: 4, 4: 7, 5: 11, 6: 14, 7: 17}
_NON_LOCAL = {
    "g.0": "g",
    "g.0.conv": "g",
    "theta": "theta",
    "theta.conv": "theta",
    "phi.0": "phi",
    "phi.0.conv": "phi",
    "W.0": "out",
    "conv_out.conv": "out",
    "W.1": "bn",
    "conv_out.bn": "bn",
}


@dataclass(frozen=True)
class Named:
    """A tensor's name here, and what its name there says of the network.

    Attributes:
        name: ours.
        site: the block that is shifted in front of this tensor's layer.
        block: whether the whole block is (block placement).
        pooled: whether time is pooled in front of its stage.
    """

    name: str
    site: str | None = None
    block: bool = False
    pooled: bool = False


def official_name(name: str) -> Named | None:
    """Ours for a tensor of the TSM release (``None``: not one of a ResNet or MobileNetV2)."""
    if match := re.fullmatch(r"(?:new_fc|base_model\.(?:fc|classifier))\.(weight|bias)", name):
        return Named(f"head.{match[1]}")
    return _backbone(name.removeprefix("base_model.")) if name.startswith("base_model.") else None


def online_name(name: str) -> Named | None:
    """Ours for a tensor of the online demo's bare MobileNetV2."""
    if match := re.fullmatch(r"classifier\.(weight|bias)", name):
        return Named(f"head.{match[1]}")
    return _backbone(name)


def mmaction_name(name: str, *, mobile: bool) -> Named | None:
    """Ours for a tensor of MMAction2's TSM and TSN, where convolution and norm are one module.

    Args:
        name: theirs.
        mobile: whether the backbone is a MobileNetV2, whose stem is named like a ResNet's.
    """
    if match := re.fullmatch(r"cls_head\.fc_cls\.(weight|bias)", name):
        return Named(f"head.{match[1]}")
    if not name.startswith("backbone."):
        return None
    name = name.removeprefix("backbone.")
    if match := re.fullmatch(r"conv(1|2)\.(conv|bn)\.(\w+)", name):
        number, part, leaf = match.groups()
        if mobile:
            place = 0 if number == "1" else 18
            return Named(f"backbone.features.{place}.{0 if part == 'conv' else 1}.{leaf}")
        return Named(f"backbone.{part}1.{leaf}") if number == "1" else None
    if match := re.fullmatch(r"layer(\d)\.(\d+)\.conv\.(\d)\.(net\.)?(conv|bn)\.(\w+)", name):
        layer, index, pair, net, part, leaf = match.groups()
        block = f"features.{_FIRST_BLOCK[int(layer)] + int(index)}"
        flat = 3 * int(pair) + (0 if part == "conv" else 1)
        return Named(f"backbone.{block}.conv.{flat}.{leaf}", block if net else None)
    name = re.sub(r"\.(conv\d)\.conv\.(net\.)?(weight)$", r".\1.\2\3", name)
    name = re.sub(r"\.conv(\d)\.bn\.", r".bn\1.", name)
    name = name.replace(".downsample.conv.", ".downsample.0.")
    name = name.replace(".downsample.bn.", ".downsample.1.")
    return _backbone(name.replace(".non_local_block.", ".nl."))


def _backbone(name: str) -> Named | None:
    """Ours for a tensor of a backbone whose convolutions and norms are named as in the release."""
    pooled = name.startswith("layer2.net.")
    if pooled:
        name = name.replace("layer2.net.", "layer2.")
    name = name.replace(".block.", ".")
    if match := re.fullmatch(r"(layer\d)\.(\d+)\.nl\.([\w.]+)\.(\w+)", name):
        stage, index, part, leaf = match.groups()
        part = _NON_LOCAL.get(part, "")
        ours = f"non_local.{stage}_{index}.{part}.{leaf}"
        return Named(ours, pooled=pooled) if part else None
    match = re.fullmatch(r"((?:layer\d|features)\.\d+)\.(net\.)?([\w.]+?)\.(net\.)?(\w+)", name)
    if match is None:
        stem = re.fullmatch(r"(?:conv1|bn1)\.\w+", name)
        return Named(f"backbone.{name}") if stem else None
    block, whole, layer, inner, leaf = match.groups()
    shifted = block if whole or inner else None
    return Named(f"backbone.{block}.{layer}.{leaf}", shifted, whole is not None, pooled)
