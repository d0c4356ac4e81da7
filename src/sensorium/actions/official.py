"""Published TSM and TSN checkpoints -> our networks: parameter names, configuration, source.

Read are: the TSM release (mit-han-lab/temporal-shift-module: ResNet-50/101, MobileNetV2,
non-local, TSN without shift; RGB and flow), its online Jester MobileNetV2, and MMAction2's TSM and
TSN. What the weights do not tell (shift fraction, data set, frames) is in the file name, or beside
the weights.

A bi-directional checkpoint stays bi-directional: its first channels have learnt to hold the future.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from sensorium.actions.baselines import TSNConfig
from sensorium.actions.official_names import Named, mmaction_name, official_name, online_name
from sensorium.actions.tsm import TSM, Backbone, TSMConfig, shifted_blocks
from sensorium.checkpoint import read_state
from sensorium.layers.resnet import RESNETS

Project = Literal["TSM release", "TSM online demo", "MMAction2"]

JESTER = (
    "Doing other things",
    "Drumming Fingers",
    "No gesture",
    "Pulling Hand In",
    "Pulling Two Fingers In",
    "Pushing Hand Away",
    "Pushing Two Fingers Away",
    "Rolling Hand Backward",
    "Rolling Hand Forward",
    "Shaking Hand",
    "Sliding Two Fingers Down",
    "Sliding Two Fingers Left",
    "Sliding Two Fingers Right",
    "Sliding Two Fingers Up",
    "Stop Sign",
    "Swiping Down",
    "Swiping Left",
    "Swiping Right",
    "Swiping Up",
    "Thumb Down",
    "Thumb Up",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "Zooming In With Full Hand",
    "Zooming In With Two Fingers",
    "Zooming Out With Full Hand",
    "Zooming Out With Two Fingers",
)
"""In the TSM release's order, which is alphabetical."""

DATASETS = {
    "something-v2": ("somethingv2", "sthv2", "something-something-v2"),
    "something-v1": ("something", "sthv1", "something-something-v1"),
    "kinetics": ("kinetics400", "kinetics", "k400"),
    "jester": ("jester",),
    "ucf101": ("ucf101", "ucf-101"),
    "hmdb51": ("hmdb51", "hmdb-51"),
    "diving48": ("diving48",),
}


@dataclass(frozen=True)
class Source:
    """Where a published checkpoint comes from, as far as its file tells.

    Attributes:
        file: its name.
        project: who wrote it.
        dataset: that it was trained on, a key of `DATASETS`.
        modality: of the input.
        segments: frames that it was trained on.
        sampling: of the frames.
        protocol: name of the test protocol that its figures were published for.
        average: what that project averages over crops and clips.
        notes: for the card.
    """

    file: str
    project: Project
    dataset: str | None
    modality: Literal["RGB", "Flow"]
    segments: int | None
    sampling: Literal["uniform", "dense"]
    protocol: Literal["efficient", "accurate", "dense"]
    average: Literal["logits", "probabilities"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """A published checkpoint, ready to become one of ours.

    Attributes:
        config: of the network; a `TSNConfig` when nothing is shifted.
        state: for the network's ``load_state_dict``.
        classes: in the order of the logits, where known.
        source: and its facts.
    """

    config: TSMConfig | TSNConfig
    state: dict[str, Tensor]
    classes: tuple[str, ...] | None
    source: Source

    @property
    def system(self) -> Literal["tsm", "tsn"]:
        """The system whose network this is."""
        return "tsm" if isinstance(self.config, TSMConfig) else "tsn"


def read_published(path: str | Path, classes: Sequence[str] | None = None) -> Published:
    """Read a published TSM or TSN checkpoint.

    Args:
        path: the file, under the name that it was published with.
        classes: names in the order of the logits, where the file does not tell them.

    Raises:
        ValueError: in one line, when the file is something else, naming what was found.
    """
    path = Path(path)
    published, beside = read_state(path)
    project, named = _rename(published, path)
    _refuse_other_non_local(path, named, beside)
    state = {n.name: _as_2d(n.name, published[original]) for original, n in named.items()}
    sites = {n.site for n in named.values() if n.site is not None}
    config = _config(path, project, state, sites, named, beside)
    state = _checked(path, config, state)
    with torch.device("meta"):
        network = TSM(config)
    expected = set(shifted_blocks(config, network.backbone))
    if project != "TSM online demo" and expected != sites:
        odd = sorted(expected ^ sites)
        raise ValueError(
            f"{path}: found other shifted blocks than {config.backbone} has in the release "
            f"(they differ in {', '.join(odd[:3])}); this variant is not known here"
        )
    names = _classes(path, config.classes, classes, project, beside)
    source = _source(path, project, config)
    told = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    if told and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(told[1]):
        doubt = "the file does not have the checksum in its name: changed or damaged"
        source = replace(source, notes=(*source.notes, doubt))
    return Published(config if config.shift_div else _tsn(config), state, names, source)


def _rename(published: Mapping[str, Tensor], path: Path) -> tuple[Project, dict[str, Named]]:
    """Who wrote the checkpoint, and each tensor's name here."""
    if any(k.startswith("base_model.") for k in published):
        project: Project = "TSM release"
        translate: Callable[[str], Named | None] = official_name
    elif "cls_head.fc_cls.weight" in published:
        mobile = "backbone.conv2.conv.weight" in published
        project, translate = "MMAction2", partial(mmaction_name, mobile=mobile)
    elif {"features.0.0.weight", "features.1.conv.3.weight", "classifier.weight"} <= set(published):
        project, translate = "TSM online demo", online_name
    else:
        raise ValueError(
            f"{path}: found {what_is(published)}, expected a TSM or TSN checkpoint of the TSM "
            "release or MMAction2"
        )
    named = {}
    for original in published:
        name = translate(original)
        if name is None:
            raise ValueError(
                f"{path}: found {what_is(published)}, with the tensor {original}, "
                "which neither TSM nor TSN on a ResNet or MobileNetV2 has"
            )
        named[original] = name
    return project, named


def what_is(state: Mapping[str, Tensor]) -> str:
    """In words, what a state dict of another kind most likely is."""
    names = set(state)

    def some(pattern: str) -> bool:
        return any(re.search(pattern, name) for name in names)

    if some(r"xception|conv3d_\d|^txb\.|temp\d\.conv"):
        return "a StNet checkpoint"
    if some(r"^network\.|^backbone\.layer1\.0\.conv1\.weight$") and some(r"head\.weight$"):
        return "weights of our own"
    if some(r"conv1_7x7_s2|inception_3a"):
        return "a network on BN-Inception"
    if some(r"attn|self_attn|encoder\.layers?\.\d"):
        return "a transformer"
    if some(r"\.tam\.|consensus\.classifier|tpn|\.net1\."):
        return "a video model of another kind"
    if any(t.ndim == 5 and ".nl." not in n and "non_local" not in n for n, t in state.items()):
        return "a 3D video network"
    if {"conv1.weight", "layer1.0.conv1.weight"} <= names or {
        "features.0.0.weight",
        "classifier.1.weight",
    } <= names:
        return "an image classifier"
    return f"{len(names)} tensors, the first named {next(iter(state))}"


def _as_2d(name: str, tensor: Tensor) -> Tensor:
    """Pointwise 3D kernels of the non-local blocks become 2D; all floats become 32-bit."""
    if name.startswith("non_local.") and tensor.ndim == 5:
        tensor = tensor.squeeze(2)
    return tensor.float() if tensor.is_floating_point() else tensor


def _refuse_other_non_local(path: Path, named: Mapping[str, Named], beside: Any) -> None:
    """MMAction2 has three similarities; two of them share their parameters' names."""
    if not any(n.name.startswith("non_local.") for n in named.values()):
        return
    text = path.name.replace("-", "_").lower() + str(beside.get("meta", ""))
    without_theta = not any(".theta." in n.name for n in named.values())
    if without_theta or re.search(r"dot_product|(?<!embedded_)gaussian", text):
        raise ValueError(
            f"{path}: found non-local blocks with another similarity than embedded Gaussian, "
            "the only one built here; use the checkpoint named embedded_gaussian"
        )


def _config(
    path: Path,
    project: Project,
    state: Mapping[str, Tensor],
    sites: set[str],
    named: Mapping[str, Named],
    beside: Mapping[str, Any],
) -> TSMConfig:
    """The network that the weights and the file's name describe."""
    head = state.get("head.weight")
    mobile = "backbone.features.0.0.weight" in state
    stem = state.get("backbone.features.0.0.weight" if mobile else "backbone.conv1.weight")
    if head is None or stem is None:
        missing = "first convolution" if stem is None else "classifier"
        raise ValueError(f"{path}: found a checkpoint without its {missing}; it is not whole")
    if stem.ndim != 4 or head.ndim != 2:
        raise ValueError(
            f"{path}: found {what_is(state)}, expected 2D convolutions and one classifier"
        )
    backbone: Backbone = "mobilenet_v2" if mobile else _resnet(path, state)
    shifts = bool(sites) or project == "TSM online demo"
    told = re.search(r"_shift(\d+)", path.stem) or re.search(
        r"shift_div\D{0,3}(\d+)", str(beside.get("meta", ""))
    )
    return TSMConfig(
        backbone=backbone,
        classes=len(head),
        shift_div=(int(told[1]) if told else 8) if shifts else 0,
        placement="block" if any(n.block for n in named.values()) else "residual",
        direction="past" if project == "TSM online demo" else "both",
        non_local=any(name.startswith("non_local.") for name in state),
        temporal_pool=any(n.pooled for n in named.values()),
        in_channels=stem.shape[1],
    )


def _resnet(path: Path, state: Mapping[str, Tensor]) -> Backbone:
    """Which ResNet has these blocks."""
    found = {m[0] for name in state if (m := re.search(r"layer\d\.\d+", name))}
    blocks = tuple(sum(b.startswith(f"layer{i}.") for b in found) for i in range(1, 5))
    kind = "bottleneck" if "backbone.layer1.0.conv3.weight" in state else "basic"
    known: tuple[Backbone, ...] = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
    for name in known:
        if (RESNETS[name].blocks, RESNETS[name].block) == (blocks, kind):
            return name
    raise ValueError(f"{path}: found a {kind} ResNet of {blocks} blocks, expected ResNet-18 to 152")


def _checked(path: Path, config: TSMConfig, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict, complete: old files lack the norms' counters, MMAction2 one bias."""
    with torch.device("meta"):
        expected = TSM(config).state_dict()
    state = dict(state)
    for name, like in expected.items():
        optional = name.endswith((".num_batches_tracked", ".out.bias"))
        if name not in state and optional:
            state[name] = torch.zeros(like.shape, dtype=like.dtype)
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys())
    if missing or extra:
        said = f"without {missing[0]}" if missing else f"with {extra[0]}"
        raise ValueError(
            f"{path}: found a {config.backbone} {said} "
            f"({len(missing)} tensors missing, {len(extra)} unknown); it is not whole, or a variant"
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"{path}: found {name} as {list(tensor.shape)}, expected "
                f"{list(expected[name].shape)} for {config.backbone}; a wider or grouped variant?"
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: found {name} not finite (NaN or inf); download it again")
    return {name: state[name] for name in expected}


def _classes(
    path: Path,
    count: int,
    given: Sequence[str] | None,
    project: Project,
    beside: Mapping[str, Any],
) -> tuple[str, ...] | None:
    """Class names: given, beside the weights, or Jester's; else unknown."""
    if given is not None:
        if len(given) != count:
            raise ValueError(
                f"{path}: got {len(given)} class names, expected {count}, one a line, "
                "in the order of training"
            )
        return tuple(given)
    meta = beside.get("meta")
    inside = meta.get("CLASSES") if isinstance(meta, Mapping) else None
    if isinstance(inside, list | tuple) and len(inside) == count:
        return tuple(map(str, inside))
    jester = project == "TSM online demo" or _dataset(path) == "jester"
    if jester and project != "MMAction2" and count == len(JESTER):
        return JESTER
    return None


def _dataset(path: Path) -> str | None:
    """The data set in a file's name."""
    words = set(re.split(r"[_.]", path.stem.lower())) | set(re.split(r"[_.-]", path.stem.lower()))
    return next((k for k, marks in DATASETS.items() if words & set(marks)), None)


def _source(path: Path, project: Project, config: TSMConfig) -> Source:
    """The facts in a file's name."""
    stem = path.stem.lower()
    segments = re.search(r"segment(\d+)|1x1x(\d+)", stem)
    dataset = "jester" if project == "TSM online demo" else _dataset(path)
    dense = "dense" in stem
    notes = []
    if segments is None:
        notes.append("the file's name does not tell the number of frames")
    if config.shift_div and not re.search(r"_shift\d", stem) and project == "TSM release":
        notes.append("the file's name does not tell the shift; taken as 1/8")
    if project == "MMAction2" and dataset in ("something-v1", "jester"):
        notes.append("MMAction2 keeps the order of the labels file, the TSM release sorts it")
    something = dataset is not None and dataset.startswith("something")
    return Source(
        file=path.name,
        project=project,
        dataset=dataset,
        modality="Flow" if config.in_channels != 3 else "RGB",
        segments=int(next(g for g in segments.groups() if g)) if segments else None,
        sampling="dense" if dense else "uniform",
        protocol="dense" if dense else "accurate" if something else "efficient",
        average="probabilities" if project == "MMAction2" else "logits",
        notes=tuple(notes),
    )


def _tsn(config: TSMConfig) -> TSNConfig:
    """A TSM that shifts nothing, as TSN."""
    return TSNConfig(
        backbone=config.backbone, classes=config.classes, in_channels=config.in_channels
    )
