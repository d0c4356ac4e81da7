"""NS-VQA (arXiv:1810.02338) as a system: picture to scene, question to program, to answer.

The three networks share nothing and never exchange gradients, as in the paper, so each can be
trained alone and they can be put together afterwards.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from sensorium import images
from sensorium.layers.domain import STATISTICS, DomainGauge, frame_statistics, unfamiliarity
from sensorium.questions.attributes import AttributesConfig
from sensorium.questions.confidence import scene_confidence
from sensorium.questions.executor import execute
from sensorium.questions.finder import Finder, FinderConfig
from sensorium.questions.letterbox import Letterbox
from sensorium.questions.metrics import measure, question_meters
from sensorium.questions.parser import Parsed, ParserConfig, QuestionParser
from sensorium.questions.results import Answer, Sight
from sensorium.questions.scene_parser import SceneParser, SeenScene
from sensorium.questions.steps import unsettled
from sensorium.questions.vocabulary import tokenise
from sensorium.system import Batch, Meter, System
from sensorium.types import Clip

_ENOUGH = 16  # pictures, to calibrate the domain gauge
_LONG = 30  # letters of an unknown word that are repeated
_CHANGE = 10  # of `frame_statistics`: over time, which a picture does not have


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

    What a batch trains is chosen by its keys: ``crop`` the attribute network (`AttributeNet`),
    ``question`` the parser, from programs or from answers (`QuestionParser`), ``picture`` the
    finder (`Finder`). A batch to be measured may instead hold ``picture`` and ``text``, see
    `sensorium.questions.datasets.answers`.
    """

    name: ClassVar[str] = "nsvqa"
    paper: ClassVar[str] = (
        "Yi, Wu, Gan, Torralba, Kohli, Tenenbaum: Neural-Symbolic VQA: Disentangling Reasoning "
        "from Vision and Language Understanding, NeurIPS 2018, https://arxiv.org/abs/1810.02338"
    )
    limits: ClassVar[str] = (
        "Sees blocks (cubes, spheres, cylinders of two sizes, eight colors, two materials) and "
        "nothing else: other pictures get blocks all the same, and only `out_of_domain` says that "
        "the answer means nothing. Understands questions of CLEVR's 90 families in its words; a "
        "question with other words is refused, a sentence of another form may be misread, which "
        "its steps show. A question about the only thing of a kind where there are several is "
        "answered for the surest one, with a note."
    )
    Config: ClassVar[type] = NSVQAConfig

    def __init__(self, config: NSVQAConfig) -> None:
        super().__init__(config)
        self.scenes = SceneParser(config.finder, config.attributes)
        self.parser = QuestionParser(config.parser)
        self.gauge = DomainGauge((config.finder.channels, STATISTICS))

    # --- training ---------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the network that the batch's keys speak of.

        Raises:
            ValueError: when they speak of none.
        """
        if "crop" in batch:
            return self.scenes.attributes.losses(batch)
        if "question" in batch:
            return self.parser.losses(batch)
        if "picture" in batch and "ids" in batch:
            return self.scenes.finder.losses(batch)
        raise ValueError(
            f"nsvqa learns from 'picture' with 'ids', from 'crop' or from 'question', got a batch "
            f"of {', '.join(sorted(batch))}; give each stage of the recipe its own data"
        )

    def metrics(self) -> dict[str, Meter]:
        """``accuracy``, ``accuracy/<type>``, ``program_match``, ``scene_exact`` and the rest."""
        return question_meters()

    @torch.no_grad()
    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Feeds one batch of any kind to the meters that it tells something."""
        measure(self.scenes, self.parser, batch, meters)

    def start_from(self, state: Mapping[str, Tensor]) -> list[str]:
        """Weights of the networks that are in ``state``; the domain gauge is not taken over."""
        return super().start_from({k: v for k, v in state.items() if not k.startswith("gauge.")})

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch], clips: Iterable[Clip] = ()) -> None:
        """Fit the domain gauge to validation pictures; without pictures nothing happens.

        With fewer than 16 it stays uncalibrated and says so.
        """
        rows = [self._domain_features(batch["picture"]) for batch in batches if "picture" in batch]
        groups = [torch.cat(group) for group in zip(*rows, strict=True)]
        if groups and len(groups[0]) >= _ENOUGH:
            self.gauge.fit(groups)
        elif groups:
            logging.getLogger(__name__).warning(
                "%d validation pictures are too few to say what is out of domain (at least %d)",
                len(groups[0]),
                _ENOUGH,
            )

    # --- use --------------------------------------------------------------------------------------

    def see(self, pictures: UInt8[Tensor, "B 3 H W"]) -> list[SeenScene]:
        """What is in each picture. Call in ``eval()`` mode."""
        return self.scenes.parse(pictures)

    def look(self, picture: UInt8[Tensor, "3 H W"], name: str = "picture") -> Sight:
        """What is seen in one picture; ``name`` is what results call it."""
        (scene,) = self.see(picture[None])
        return Sight(name, self.weights, scene, picture, self._unfamiliarity(picture))

    def answer(
        self,
        picture: UInt8[Tensor, "3 H W"],
        questions: Sequence[str],
        scene: SeenScene | None = None,
    ) -> list[Answer]:
        """Answers to questions about one picture; ``scene``, when given, is not parsed again."""
        if scene is None:
            return self.ask(self.look(picture), questions)
        far = self._unfamiliarity(picture)
        return self.ask(Sight("picture", self.weights, scene, picture, far), questions)

    @torch.no_grad()
    def ask(
        self,
        sight: Sight,
        questions: Sequence[str],
        *,
        guess: bool = False,
        strict: bool = False,
        beam: int = 1,
    ) -> list[Answer]:
        """Answers to questions about what was seen; the picture is not looked at again.

        Args:
            sight: by `look` or `predict`.
            questions: in plain words.
            guess: read words that the parser has never met as ``<UNK>`` instead of refusing them.
            strict: refuse to choose where the only thing of a kind is asked for and there are
                several; by default the surest is taken, as published.
            beam: programs that the parser follows at a time.
        """
        parsed = self.parser.parse(questions, beam=beam)
        return [
            self._answer(sight, question, one, guess=guess, strict=strict)
            for question, one in zip(questions, parsed, strict=True)
        ]

    def _answer(
        self, sight: Sight, question: str, parsed: Parsed, *, guess: bool, strict: bool
    ) -> Answer:
        """The answer that a program gives."""
        unknown = parsed.unknown

        def failed(why: str) -> Answer:
            return Answer(sight, question, None, why, parsed.tokens, (), 0.0, unknown)

        if not tokenise(question) or (parsed.error and not unknown):
            return failed(parsed.error)
        if unknown and not guess:
            return failed(unknown_words(unknown, self.parser.words.words))
        if parsed.error or parsed.program is None:
            return failed(parsed.error or "the parser wrote no program")
        if not sight.scene.items:
            return failed("sees no objects in the picture, so there is nothing to ask about")
        done = execute(parsed.program, sight.scene.items)
        several = unsettled(done.trace)
        answer, error = done.answer, done.error
        if strict and several:
            number, count = several[0]
            token = done.trace[number].step.token
            answer = None
            error = f"step {number} ({token}): found {count} objects, expected exactly one"
        sure = 0.0
        if answer is not None:
            sure = parsed.score * scene_confidence(
                parsed.program, sight.scene.items, sight.scene.scores, answer
            )
            sure /= math.prod(count for _, count in several)
        return Answer(sight, question, answer, error, parsed.tokens, done.trace, sure, unknown)

    @torch.no_grad()
    def predict(self, clip: Clip) -> Sight:
        """What is seen in the clip's first frame.

        Raises:
            ValueError: when the clip has no pictures.
        """
        video = clip.need_video()
        return self.look(video.frames([video.span.start])[0], clip.name)

    # --- what is familiar -------------------------------------------------------------------------

    @torch.no_grad()
    def _unfamiliarity(self, picture: UInt8[Tensor, "3 H W"]) -> float | None:
        """0..1, above 0.5 for a picture unlike those of the training; ``None``: not calibrated."""
        if not self.gauge.calibrated:
            return None
        groups = self._domain_features(picture[None])
        return float(unfamiliarity(self.gauge.distances(groups))[0])

    def _domain_features(self, pictures: UInt8[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor]:
        """What the gauge looks at: the finder's features and plain statistics at its scale."""
        finder = self.scenes.finder
        device = next(self.parameters()).device
        config: FinderConfig = self.config.finder
        tall, wide = pictures.shape[-2:]
        box = Letterbox(tall, wide, config.height, config.width)
        small = images.resize(pictures, box.size).to(device)
        # [B, 3, h, w] -> [B, 1, 3, h, w]
        plain = frame_statistics(small[:, None].float() / 255)
        plain[:, _CHANGE] = _coarse(small)
        if not isinstance(finder, Finder):
            return plain.new_zeros(len(plain), config.channels), plain
        maps = finder.features(pictures)
        (row, column), (height, width) = box.corner, box.size
        rows = slice(row // 4, max(row // 4 + 1, (row + height) // 4))
        columns = slice(column // 4, max(column // 4 + 1, (column + width) // 4))
        return maps[:, :, rows, columns].mean((2, 3)), plain


def _coarse(pictures: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B"]:
    """How much the brightness of an eighth of the picture differs from that of others, as a log."""
    grey = pictures.float().mean(1, keepdim=True) / 255
    parts = F.adaptive_avg_pool2d(grey, 8).flatten(1)
    return parts.std(1).add(0.02).log()


def unknown_words(unknown: Sequence[str], words: Sequence[str]) -> str:
    """One line that names unknown words, each with the nearest known one."""
    import difflib

    lower = {w.lower(): w for w in words if not w.startswith("<")}
    said = []
    for word in unknown[:5]:
        short = word if len(word) <= _LONG else f"{word[:_LONG]}…"
        near = difflib.get_close_matches(short.lower(), lower, n=1, cutoff=0.6)
        said.append(f"{short!r} (did you mean {lower[near[0]]!r}?)" if near else repr(short))
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    which = "word" if len(unknown) == 1 else "words"
    return f"unknown {which} {', '.join(said)}{more}; ask in other words"
