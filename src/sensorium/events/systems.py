"""WSDEC as a system: localiser and generator, their losses, describing and finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from sensorium.events.generator import GeneratorConfig
from sensorium.events.localiser import LocaliserConfig
from sensorium.system import System


@dataclass(frozen=True)
class WSDECConfig:
    """Config of `WSDECSystem`.

    Attributes:
        words: vocabulary, as `Words`; data put it here by ``adapt``.
        dim: length of a feature vector; data put it here by ``adapt``.
        rate: feature vectors per second; data put it here by ``adapt``.
        seconds: length of the windows in which longer videos are described.
        longest: words of a sentence, ``<bos>`` and ``<eos>`` included.
    """

    words: tuple[str, ...] = ("<bos>", "<eos>", "<oov>")
    dim: int = 500
    rate: float = 4.0
    seconds: float = 30.0
    longest: int = 22
    localiser: LocaliserConfig = field(default_factory=LocaliserConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)


class WSDECSystem(System):
    """Weakly supervised dense event captioning."""

    name: ClassVar[str] = "wsdec"
    Config: ClassVar[type] = WSDECConfig
