"""Names in the released code of The Sound of Pixels: of models, and of parameters.

A model's name says all of its hyper-parameters (`ModelName`); its three files hold bare state dicts
of nested modules, whose names are translated here to ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

FRAMES = {"resnet18dilated": 1, "resnet18fc": 0}
"""Video networks of the released code, and how many strides each has undone."""
SOUNDS = {"unet5": 5, "unet6": 6, "unet7": 7}
"""Sound networks, and their levels."""
SYNTHESIZERS = ("linear", "bias")
POOLINGS = {"maxpool": "max", "avgpool": "average"}

_NAME = re.compile(
    r"(?P<data>.+)-(?P<mixed>\d+)mix(?P<log>-LogFreq)?"
    r"-(?P<frame>[^-]+)-(?P<sound>[^-]+)-(?P<synthesizer>[^-]+)"
    r"-frames(?P<frames>\d+)stride(?P<stride>\d+)-(?P<pooling>[^-]+)-(?P<mask>[^-]+)"
    r"(?P<weighted>-weightedLoss)?-channels(?P<channels>\d+)-epoch(?P<epochs>\d+)"
    r"-step(?P<steps>\d+(?:_\d+)*)"
)
RELEASED = (
    "MUSIC-2mix-LogFreq-resnet18dilated-unet7-linear-frames3stride24-maxpool-binary-weightedLoss-"
    "channels32-epoch100-step40_80"
)
"""The model that the authors released."""


@dataclass(frozen=True)
class ModelName:
    """What a model's name says.

    Attributes:
        data: it was trained on.
        mixed: sources in a training mixture.
        log_frequency: whether its frequency axis is logarithmic.
        undone: strides of its ResNet-18 replaced by dilation.
        levels: of its U-Net.
        synthesizer: ``bias`` has all scales fixed to 1.
        frames: pictures of a window.
        stride: pictures at 8 hertz from one to the next.
        pooling: of the maps over pictures and places.
        mask: that it learned.
        weighted: whether loud bins weighed more.
        channels: K.
        epochs: of training.
        steps: epochs after which the learning rate fell.
    """

    data: str
    mixed: int
    log_frequency: bool
    undone: int
    levels: int
    synthesizer: Literal["linear", "bias"]
    frames: int
    stride: int
    pooling: Literal["max", "average"]
    mask: Literal["binary", "ratio"]
    weighted: bool
    channels: int
    epochs: int
    steps: tuple[int, ...]


def read_name(text: str) -> ModelName | None:
    """The hyper-parameters in a model's name; ``None`` when it is not made like one.

    Raises:
        ValueError: for a name made like one that names what the released code does not have.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    for part, known in (
        ("frame", FRAMES),
        ("sound", SOUNDS),
        ("synthesizer", SYNTHESIZERS),
        ("pooling", POOLINGS),
        ("mask", ("binary", "ratio")),
    ):
        if found[part] not in known:
            raise ValueError(
                f"{text}: found {found[part]!r} in the model's name, expected one of "
                f"{', '.join(known)}; no other architecture of the released code is known here"
            )
    return ModelName(
        data=found["data"],
        mixed=int(found["mixed"]),
        log_frequency=found["log"] is not None,
        undone=FRAMES[found["frame"]],
        levels=SOUNDS[found["sound"]],
        synthesizer="bias" if found["synthesizer"] == "bias" else "linear",
        frames=int(found["frames"]),
        stride=int(found["stride"]),
        pooling="average" if found["pooling"] == "avgpool" else "max",
        mask="ratio" if found["mask"] == "ratio" else "binary",
        weighted=found["weighted"] is not None,
        channels=int(found["channels"]),
        epochs=int(found["epochs"]),
        steps=tuple(map(int, found["steps"].split("_"))),
    )


def frame_name(ours: str) -> str:
    """The released name of a tensor of our `VideoNet`."""
    part, _, leaf = ours.removeprefix("trunk.").partition(".")
    if part == "last":
        return f"fc.{leaf}"
    if part.startswith("layer"):
        return f"features.{int(part[5:]) + 3}.{leaf}"
    return f"features.{('conv1', 'bn1').index(part)}.{leaf}"


def sound_name(ours: str, levels: int) -> str:
    """The released name of a tensor of our `AudioUNet` with so many levels.

    Its blocks are nested: each is the second (outermost) or fourth module of the one around it.
    """
    module, _, rest = ours.partition(".")
    if module == "norm":
        return f"bn0.{rest}"
    number, _, leaf = rest.partition(".")
    level = int(number)
    block = "unet_block" + (".model.1" + ".model.3" * (level - 1) if level else "")
    places = {"down": 1, "down_norm": 2, "up": 6, "up_norm": 7}
    if level == 0:
        places = {"down": 0, "up": 4}
    elif level == levels - 1:
        places = {"down": 1, "up": 4, "up_norm": 5}
    return f"{block}.model.{places[module]}.{leaf}"
