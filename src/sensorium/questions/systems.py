"""NS-VQA (arXiv:1810.02338) as a system: picture to scene, question to program, to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium.questions.attributes import AttributesConfig
from sensorium.questions.finder import FinderConfig
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.results import Answer, Sight
from sensorium.questions.scene_parser import SceneParser, SeenScene
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip


@dataclass(frozen=True)
class NSVQAConfig:
    """Config of `NSVQASystem`.

    Attributes:
        finder: finds the blocks and their masks.
        attributes: looks at each block.
        parser: turns a question into a program.
    """

    finder: FinderConfig = field(default_factory=FinderConfig)
    attributes: AttributesConfig = field(default_factory=AttributesConfig)
    parser: ParserConfig = field(default_factory=ParserConfig)


class NSVQASystem(System):
    """Neural-symbolic visual question answering.

    What a batch trains is chosen by its keys: ``picture`` the finder, ``crop`` the attribute
    network, ``question`` with ``program`` the parser under supervision, ``question`` with
    ``answer`` and a scene (``values``, ``positions``, ``count``) the parser by REINFORCE.
    """

    name: ClassVar[str] = "nsvqa"
    paper: ClassVar[str] = (
        "Yi, Wu, Gan, Torralba, Kohli, Tenenbaum: Neural-Symbolic VQA: Disentangling Reasoning "
        "from Vision and Language Understanding, NeurIPS 2018, https://arxiv.org/abs/1810.02338"
    )
    Config: ClassVar[type] = NSVQAConfig

    def __init__(self, config: NSVQAConfig) -> None:
        super().__init__(config)
        self.scenes = SceneParser(config.finder, config.attributes)  # .finder, .attributes
        self.parser = QuestionParser(config.parser)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the network that the batch's keys speak of."""
        raise NotImplementedError

    def see(self, pictures: UInt8[Tensor, "B 3 H W"]) -> list[SeenScene]:
        """What is in each picture."""
        raise NotImplementedError

    def answer(
        self,
        picture: UInt8[Tensor, "3 H W"],
        questions: Sequence[str],
        scene: SeenScene | None = None,
    ) -> list[Answer]:
        """Answers to questions about one picture; ``scene``, when given, is not parsed again."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, clip: Clip) -> Sight:
        """What is seen in the clip's first frame."""
        raise NotImplementedError

    def metrics(self) -> dict[str, Meter]:
        """``accuracy``, per type of question, ``program_match``, those of the scene."""
        raise NotImplementedError

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feeds one batch to the meters."""
        raise NotImplementedError
