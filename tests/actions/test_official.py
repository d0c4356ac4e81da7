"""Checkpoints with the published names come back as the networks that they were."""

import hashlib
import re

import pytest
import torch
from torch import Tensor

from sensorium.actions.baselines import TSN, TSNConfig
from sensorium.actions.official import JESTER, read_published
from sensorium.actions.streaming import StreamingTSM
from sensorium.actions.tsm import TSM, TSMConfig

R50 = "TSM_kinetics_RGB_resnet50_shift8_blockres_avg_segment8_e50.pth"


def state_of(config: TSMConfig) -> dict[str, Tensor]:
    """Distinguishable weights, cheap to make: no initialisation."""
    with torch.device("meta"):
        network = TSM(config)
    generator = torch.Generator().manual_seed(0)
    return {
        k: torch.rand(v.shape, generator=generator) if v.is_floating_point() else torch.tensor(3)
        for k, v in network.state_dict().items()
    }


def official(config: TSMConfig) -> dict[str, Tensor]:
    """Our weights under the release's names, from the release's rules."""
    with torch.device("meta"):
        shifted = TSM(config).shifted
    out = {}
    for name, tensor in state_of(config).items():
        if name.startswith("head."):
            out["module.new_fc." + name[5:]] = tensor
            continue
        if match := re.fullmatch(r"non_local\.(layer\d)_(\d)\.(\w+)\.(\w+)", name):
            stage, index, part, leaf = match.groups()
            part = {"g": "g.0", "phi": "phi.0", "out": "W.0", "bn": "W.1"}.get(part, part)
            conv = leaf == "weight" and tensor.ndim == 4
            key = f"module.base_model.{stage}.{index}.nl.{part}.{leaf}"
            out[key] = tensor.unsqueeze(2) if conv else tensor
            continue
        name = name.removeprefix("backbone.")
        block = ".".join(name.split(".")[:2])
        rest = name[len(block) + 1 :]
        if block in shifted and config.placement == "block":
            name = f"{block}.net.{rest}"
        elif block in shifted and rest in ("conv1.weight", "conv.0.weight"):
            name = f"{block}.{rest[:-7]}.net.weight"
        if config.non_local and block in (
            "layer2.0",
            "layer2.2",
            "layer3.0",
            "layer3.2",
            "layer3.4",
        ):
            name = name.replace(block, block + ".block")
        if config.temporal_pool:
            name = re.sub(r"^layer2\.", "layer2.net.", name)
        out["module.base_model." + name] = tensor
    return out


def mmaction(config: TSMConfig) -> dict[str, Tensor]:
    """Our weights under MMAction2's names."""
    with torch.device("meta"):
        shifted = TSM(config).shifted
    first = {1: 1, 2: 2, 4: 3, 7: 4, 11: 5, 14: 6, 17: 7}
    out = {}
    for name, tensor in state_of(config).items():
        if name.startswith("head."):
            out["cls_head.fc_cls." + name[5:]] = tensor
            continue
        if match := re.fullmatch(r"non_local\.(layer\d)_(\d)\.(\w+)\.(\w+)", name):
            stage, index, part, leaf = match.groups()
            if (part, leaf) == ("out", "bias"):
                continue  # no bias in front of a norm
            names = {"g": "g.0.conv", "phi": "phi.0.conv", "out": "conv_out.conv"}
            part = {**names, "bn": "conv_out.bn", "theta": "theta.conv"}[part]
            key = f"backbone.{stage}.{index}.non_local_block.{part}.{leaf}"
            out[key] = tensor.unsqueeze(2) if tensor.ndim == 4 else tensor
            continue
        name = name.removeprefix("backbone.")
        part = name.split(".")
        block = ".".join(part[:2])
        if part[0] == "features" and "conv" in part:
            k, j, leaf = int(part[1]), int(part[3]), part[4]
            start = max(f for f in first if f <= k)
            net = "net." if block in shifted and j < 3 else ""
            kind = "conv" if j % 3 == 0 else "bn"
            out[f"backbone.layer{first[start]}.{k - start}.conv.{j // 3}.{net}{kind}.{leaf}"] = (
                tensor
            )
            continue
        if part[0] == "features":
            stem = "conv1" if part[1] == "0" else "conv2"
            out[f"backbone.{stem}.{'conv' if part[2] == '0' else 'bn'}.{part[3]}"] = tensor
            continue
        name = re.sub(r"conv(\d)\.weight", r"conv\1.conv.weight", name)
        name = re.sub(r"(^|\.)bn(\d)\.", r"\1conv\2.bn.", name)
        name = name.replace("downsample.0", "downsample.conv").replace(
            "downsample.1", "downsample.bn"
        )
        if block in shifted:
            name = name.replace(".conv1.conv.weight", ".conv1.conv.net.weight")
        if config.non_local and block in (
            "layer2.0",
            "layer2.2",
            "layer3.0",
            "layer3.2",
            "layer3.4",
        ):
            name = name.replace(block, block + ".block")
        out["backbone." + name] = tensor
    return out


def save(content, tmp_path, name):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def same(got: dict[str, Tensor], config: TSMConfig, skip: str = " ") -> bool:
    expected = state_of(config)
    assert got.keys() == expected.keys()
    return all(torch.equal(got[k], v) for k, v in expected.items() if not k.endswith(skip))


@pytest.mark.parametrize(
    ("config", "name", "tensors"),
    [
        (TSMConfig("resnet50", 174), R50.replace("kinetics", "something"), 320),
        (TSMConfig("resnet101", 5), R50.replace("resnet50", "resnet101"), 626),
        (TSMConfig("mobilenet_v2", 5), R50.replace("resnet50", "mobilenetv2"), 314),
        (TSMConfig("resnet50", 5, non_local=True), R50.replace("e50", "e100_dense_nl"), 385),
        (TSMConfig("resnet18", 5, shift_div=4), R50.replace("shift8", "shift4"), 122),
        (TSMConfig("resnet18", 5, placement="block"), R50.replace("blockres", "block"), 122),
        (TSMConfig("resnet18", 5, temporal_pool=True), R50.replace("_avg", "_tpool_avg"), 122),
        (TSMConfig("resnet18", 5, in_channels=10), R50.replace("RGB", "Flow"), 122),
    ],
)
def test_the_release(tmp_path, config, name, tensors):
    state = official(config)
    assert len(state) == tensors
    content = {"epoch": 50, "arch": "resnet", "state_dict": state, "best_prec1": 71.2}
    published = read_published(save(content, tmp_path, name))
    assert published.config == config
    assert published.system == "tsm"
    assert same(published.state, config)
    assert published.source.project == "TSM release"
    assert published.source.segments == 8
    assert published.source.modality == ("Flow" if config.in_channels == 10 else "RGB")


def test_the_names_of_the_release(tmp_path):
    names = set(official(TSMConfig("resnet50", 5, non_local=True)))
    assert {
        "module.base_model.conv1.weight",
        "module.base_model.layer1.0.conv1.net.weight",
        "module.base_model.layer2.0.block.conv1.net.weight",
        "module.base_model.layer2.0.nl.g.0.weight",
        "module.base_model.layer3.4.nl.W.1.running_mean",
        "module.new_fc.bias",
    } <= names
    deep = set(official(TSMConfig("resnet101", 5)))
    assert "module.base_model.layer3.1.conv1.weight" in deep
    assert "module.base_model.layer3.2.conv1.net.weight" in deep


def test_facts_in_the_file_name(tmp_path):
    config = TSMConfig("resnet18", 5)
    path = save({"state_dict": official(config)}, tmp_path, R50.replace("e50", "e100_dense"))
    source = read_published(path).source
    assert (source.dataset, source.sampling, source.protocol) == ("kinetics", "dense", "dense")
    assert source.average == "logits"
    path = save(official(config), tmp_path, "TSM_somethingv2_RGB_resnet50_avg_segment16_e45.pth")
    source = read_published(path).source
    assert (source.dataset, source.segments, source.protocol) == ("something-v2", 16, "accurate")
    assert any("does not tell the shift" in note for note in source.notes)
    path = save(official(config), tmp_path, "model_best.pth")
    source = read_published(path).source
    assert (source.dataset, source.segments) == (None, None)
    assert any("number of frames" in note for note in source.notes)


def test_tsn_has_no_shift(tmp_path):
    config = TSMConfig("resnet18", 5, shift_div=0)
    path = save(
        {"state_dict": official(config)}, tmp_path, "TSM_kinetics_RGB_resnet50_avg_segment5_e50.pth"
    )
    published = read_published(path)
    assert published.system == "tsn"
    assert published.config == TSNConfig("resnet18", 5)
    TSN(published.config).load_state_dict(published.state)
    assert same(published.state, config)


def test_old_files_without_counters(tmp_path):
    config = TSMConfig("resnet18", 5)
    state = {k: v for k, v in official(config).items() if "num_batches" not in k}
    published = read_published(save({"state_dict": state}, tmp_path, R50))
    assert same(published.state, config, skip="num_batches_tracked")
    TSM(published.config).load_state_dict(published.state)


def test_some_files_keep_the_classifier_in_the_backbone(tmp_path):
    config = TSMConfig("mobilenet_v2", 5)
    state = {k.replace("new_fc", "base_model.classifier"): v for k, v in official(config).items()}
    assert same(read_published(save({"state_dict": state}, tmp_path, R50)).state, config)


def test_the_online_demo(tmp_path):
    config = TSMConfig("mobilenet_v2", 27, direction="past")
    state = {
        k.removeprefix("backbone.").replace("head.", "classifier."): v
        for k, v in state_of(config).items()
    }
    assert len(state) == 314
    published = read_published(save(state, tmp_path, "mobilenetv2_jester_online.pth.tar"))
    assert published.config == config
    assert same(published.state, config)
    assert published.classes == JESTER
    assert published.source.dataset == "jester"
    network = TSM(published.config).eval()
    network.load_state_dict(published.state)
    assert StreamingTSM(network)(torch.zeros(1, 3, 32, 32)).shape == (1, 27)


def test_jester_s_classes_are_in_order():
    assert list(JESTER) == sorted(JESTER)
    assert len(JESTER) == 27
    assert JESTER[7] == "Rolling Hand Backward"
    assert JESTER[26] == "Zooming Out With Two Fingers"


@pytest.mark.parametrize(
    "config",
    [
        TSMConfig("resnet50", 174),
        TSMConfig("mobilenet_v2", 5),
        TSMConfig("resnet50", 5, non_local=True),
        TSMConfig("resnet18", 5, shift_div=0),
    ],
)
def test_mmaction(tmp_path, config):
    name = "tsm_imagenet-pretrained-r50-nl-embedded-gaussian_8xb16-1x1x8-50e_sthv1-rgb_20210203.pth"
    content = {"meta": {"config": "shift_div=8"}, "state_dict": mmaction(config)}
    published = read_published(save(content, tmp_path, name))
    assert published.config == (config if config.shift_div else TSNConfig("resnet18", 5))
    assert same(published.state, config, skip=".out.bias" if config.non_local else " ")
    assert published.source.project == "MMAction2"
    assert (published.source.dataset, published.source.segments) == ("something-v1", 8)
    assert published.source.average == "probabilities"
    assert any("labels file" in note for note in published.source.notes)


def test_the_names_of_mmaction():
    names = set(mmaction(TSMConfig("mobilenet_v2", 5)))
    assert {"backbone.conv1.bn.weight", "backbone.conv2.conv.weight"} <= names
    assert {"backbone.layer2.1.conv.0.net.conv.weight", "backbone.layer7.0.conv.2.bn.bias"} <= names
    assert "backbone.layer1.0.conv.1.conv.weight" in names
    names = set(mmaction(TSMConfig("resnet50", 5, non_local=True)))
    assert "backbone.layer2.0.block.conv1.conv.net.weight" in names
    assert "backbone.layer1.0.downsample.bn.running_var" in names


@pytest.mark.parametrize("mark", ["nl-dot-product", "nl_gaussian"])
def test_mmaction_s_other_similarities_are_refused(tmp_path, mark):
    config = TSMConfig("resnet50", 5, non_local=True)
    path = save({"state_dict": mmaction(config)}, tmp_path, f"tsm_r50-{mark}_1x1x8.pth")
    with pytest.raises(ValueError, match="another similarity than embedded Gaussian"):
        read_published(path)


def test_class_names(tmp_path):
    config = TSMConfig("resnet18", 5)
    path = save({"state_dict": official(config)}, tmp_path, R50)
    assert read_published(path).classes is None
    assert read_published(path, list("abcde")).classes == tuple("abcde")
    with pytest.raises(ValueError, match="got 3 class names, expected 5"):
        read_published(path, list("abc"))
    content = {"meta": {"CLASSES": list("vwxyz")}, "state_dict": mmaction(config)}
    assert read_published(save(content, tmp_path, "tsm.pth")).classes == tuple("vwxyz")


def bare(config: TSMConfig) -> dict[str, Tensor]:
    return {k.removeprefix("backbone."): v for k, v in state_of(config).items()}


def test_other_checkpoints_are_named(tmp_path):
    small = TSMConfig("resnet18", 5)
    some = torch.zeros(1)
    images = {k.replace("head", "fc"): v for k, v in bare(small).items()}
    solid = {"backbone.conv1.conv.weight": torch.zeros(8, 3, 1, 7, 7)}
    cases = {
        "an image classifier": images,
        "a StNet checkpoint": {"xception_bn.w_0": some, "fc_0.w_0": some},
        "a 3D video network": {"stem.0.weight": torch.zeros(2, 3, 3, 7, 7)},
        "a transformer": {"blocks.0.attn.qkv.weight": some},
        "weights of our own": {f"network.{k}": v for k, v in state_of(small).items()},
        "2 tensors, the first named a": {"a": some, "b": some},
        "a network on BN-Inception": {"module.base_model.conv1_7x7_s2.weight": some},
        "found a dict with hyper": {"hyper": 3},
        "found a list of 2": [1, 2],
        "found a single tensor": some,
        "without its classifier": {
            k: v for k, v in official(small).items() if not k.startswith("module.new_fc")
        },
        "2D convolutions": {**solid, "cls_head.fc_cls.weight": torch.zeros(2, 2)},
    }
    for message, content in cases.items():
        path = save(content, tmp_path, "other.pth")
        with pytest.raises(ValueError, match=message) as caught:
            read_published(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_variants_and_damage_are_named(tmp_path):
    config = TSMConfig("resnet18", 5)
    good = official(config)
    key = "module.base_model.layer2.0.conv1.net.weight"
    plain = {k.replace("layer2.0.conv1.net", "layer2.0.conv1"): v for k, v in good.items()}
    gone = {k: v for k, v in good.items() if k != key}
    wide = {**good, key: torch.zeros(256, 64, 3, 3)}
    nan = {**good, key: torch.full_like(good[key], torch.nan)}
    deep = {k.replace("layer1.1.", "layer1.5."): v for k, v in good.items()}
    longer = {**good, "module.base_model.layer1.2.bn1.bias": torch.zeros(64)}
    cases = [
        (plain, "other shifted blocks"),
        (gone, "1 tensors missing"),
        (wide, "a wider or grouped variant"),
        (nan, "not finite"),
        (deep, "missing"),
        (longer, r"basic ResNet of \(3, 2, 2, 2\) blocks"),
    ]
    for state, message in cases:
        with pytest.raises(ValueError, match=message):
            read_published(save({"state_dict": state}, tmp_path, R50))


class Hostile:
    """Unpickling this would run a command."""

    def __reduce__(self):
        import os

        return os.system, ("echo unpickled > owned",)


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = save({"state_dict": {"conv1.weight": Hostile()}}, tmp_path, "hostile.pth")
    with pytest.raises(ValueError, match=r"refused, loading it would run \w+\.system"):
        read_published(path)
    assert not (tmp_path / "owned").exists()


def test_flipped_bytes_in_an_archive_are_noticed(tmp_path):
    path = save({"state_dict": official(TSMConfig("resnet18", 5))}, tmp_path, R50)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"found damaged bytes \(in .*data/\d+\)"):
        read_published(path)


def test_the_checksum_in_mmaction_s_names(tmp_path):
    path = save({"state_dict": mmaction(TSMConfig("resnet18", 5))}, tmp_path, "tsm_r18.pth")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    right = path.rename(tmp_path / f"tsm_r18_1x1x8_20210203-{digest}.pth")
    assert read_published(right).source.notes == ()
    wrong = right.rename(tmp_path / "tsm_r18_1x1x8_20210203-00000000.pth")
    assert any("checksum" in note for note in read_published(wrong).source.notes)


def test_files_that_are_no_checkpoints(tmp_path):
    whole = save({"state_dict": official(TSMConfig("resnet18", 5))}, tmp_path, "whole.pth")
    heads = {
        "an empty file": b"",
        "a web page": b"<!doctype html>",
        "a safetensors file": (40).to_bytes(8, "little") + b'{"a":',
        "a video or sound file": b"\x00\x00\x00\x20ftypisom",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1",
        "a damaged or foreign archive": whole.read_bytes()[:5000],
        "a file of another kind": b"hello",
    }
    for kind, content in heads.items():
        path = tmp_path / "file.pth"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=kind):
            read_published(path)
    (tmp_path / "st.pdparams").write_bytes(b"\x80\x02x")
    with pytest.raises(ValueError, match="a Paddle checkpoint"):
        read_published(tmp_path / "st.pdparams")
    with pytest.raises(ValueError, match="no such file"):
        read_published(tmp_path / "none.pth")
    with pytest.raises(ValueError, match="a folder"):
        read_published(tmp_path)
