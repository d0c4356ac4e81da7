"""MobileNetV2: sizes, the release's names, torchvision's weights."""

import torch

from sensorium.layers.mobilenet import MobileNetV2, divisible, from_torchvision


def torchvision_name(name: str) -> str:
    """The flat name as torchvision nests it."""
    part = name.split(".")
    if part[2] != "conv":
        return name
    block, index, leaf = part[1], int(part[3]), part[4]
    pairs = 1 if block == "1" else 2
    if index >= 3 * pairs:
        return f"features.{block}.conv.{pairs + index - 3 * pairs}.{leaf}"
    return f"features.{block}.conv.{index // 3}.{index % 3}.{leaf}"


def test_parameter_count_and_names():
    with torch.device("meta"):
        network = MobileNetV2()
        out = network(torch.zeros(1, 3, 224, 224))
    assert sum(p.numel() for p in network.parameters()) == 3_504_872 - 1_281_000
    names = set(network.state_dict())
    assert {"features.0.0.weight", "features.1.conv.3.weight", "features.1.conv.4.bias"} <= names
    assert {"features.3.conv.0.weight", "features.17.conv.7.running_mean"} <= names
    assert "features.18.1.weight" in names
    assert out.shape == (1, 1280, 7, 7)


def test_torchvision_weights_load():
    network = MobileNetV2(0.25)
    ours = network.state_dict()
    theirs = {torchvision_name(k): v for k, v in ours.items()}
    assert "features.2.conv.1.0.weight" in theirs
    assert len(theirs) == len(ours)
    renamed = from_torchvision({**theirs, "classifier.1.weight": torch.zeros(2, 2)})
    assert renamed.keys() == ours.keys()
    assert all(renamed[k] is ours[k] for k in ours)


def test_rounding_never_loses_a_tenth():
    assert [divisible(c) for c in (1, 12, 24, 33.6)] == [8, 16, 24, 32]
