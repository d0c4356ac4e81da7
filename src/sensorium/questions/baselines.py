"""What NS-VQA is compared with: networks from pixels and words straight to one of 28 answers.

`CNNLSTMSystem` is CLEVR's own baseline (arXiv:1612.06890, section 4.1): a vector of the picture
beside a vector of the question, and a perceptron. `FiLMSystem` is FiLM (Perez et al.,
arXiv:1709.07871, section 3): the question scales and shifts the channels of residual blocks that
look at the picture. Both learn from pictures, questions and answers alone.

Ours differ from the papers in that the pictures' features are learnt from the pixels (the papers
take a ResNet-101's, FiLM also has such a variant), and in size: the defaults fit a CPU.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from sensorium import images
from sensorium.questions.vocabulary import NULL, SPECIALS, Words, tokenise
from sensorium.system import Batch, Meter, Result, System
from sensorium.types import Clip
from sensorium.worlds.blocks.vocabulary import ANSWERS


class EndToEndSystem(System):
    """A network from a picture and a question to an answer.

    A batch holds ``picture``: ``uint8 [B, 3, H, W]``; ``question``: ``int64 [B, Q, L]``, words of Q
    questions about each picture, filled up with `vocabulary.NULL`; ``answer``: ``int64 [B, Q]``,
    numbers of `ANSWERS`. The picture's features are computed once for its questions.
    """

    limits: ClassVar[str] = (
        "A baseline: it gives one of CLEVR's 28 answers to whatever it is asked, without reasons."
    )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.words = Words(config.words)

    @abstractmethod
    def look(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B ..."]:
        """Features of pictures."""

    @abstractmethod
    def reply(self, seen: Float[Tensor, "N ..."], question: Int[Tensor, "N L"]) -> Tensor:
        """Logits ``[N, 28]`` of the answers to one question about each picture's features."""

    def forward(
        self, picture: UInt8[Tensor, "B 3 H W"], question: Int[Tensor, "B Q L"]
    ) -> Float[Tensor, "B Q 28"]:
        """Logits of the answers to every question."""
        device = next(self.parameters()).device
        pixels = images.normalise(picture.to(device))
        seen = self.look(pixels.contiguous(memory_format=torch.channels_last))
        count = question.shape[1]
        logits: Tensor = self.reply(
            seen.repeat_interleave(count, 0), question.to(device).flatten(0, 1)
        )
        return logits.view(len(picture), count, -1).float()  # [B*Q, A] -> [B, Q, A]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropy of the answers."""
        logits = self(batch["picture"], batch["question"])
        answer = batch["answer"].to(logits.device)
        return {"loss": F.cross_entropy(logits.flatten(0, 1), answer.flatten())}

    def metrics(self) -> dict[str, Meter]:
        """``accuracy``: the share of right answers."""
        from torchmetrics.classification import MulticlassAccuracy

        return {"accuracy": MulticlassAccuracy(len(ANSWERS), average="micro")}

    def measure(self, batch: Batch, meters: Mapping[str, Meter]) -> None:
        """Answer a batch's questions."""
        logits = self(batch["picture"], batch["question"]).flatten(0, 1)
        for meter in meters.values():
            meter.update(logits.cpu(), batch["answer"].cpu().flatten())

    @torch.no_grad()
    def answer(self, picture: UInt8[Tensor, "3 H W"], questions: Sequence[str]) -> list[str]:
        """The likeliest answer to each question; the picture may have any size and aspect."""
        fitted = images.resize(picture[None], (self.config.height, self.config.width))
        rows = [torch.tensor(self.words.encode(tokenise(q))) for q in questions]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=NULL)
        best = self(fitted, padded[None])[0].argmax(-1)
        return [ANSWERS[k] for k in best.tolist()]

    def predict(self, clip: Clip) -> Result:
        """Nothing: without a question there is no answer.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{clip.name}: {self.weights} is a baseline that answers questions and sees no scene; "
            "use answer(picture, questions), or nsvqa"
        )


class Trunk(nn.Module):
    """Convolutions 3x3 that halve the picture each, with batch normalisation and ReLU.

    Shape:
        ``[B, 3, H, W] -> [B, widths[-1], H / 2**n, W / 2**n]``.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, width in zip((3, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(inputs, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width)]
            layers += [nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """Feature maps."""
        maps: Tensor = self.layers(pictures)
        return maps


def last_state(
    states: Float[Tensor, "N L D"], question: Int[Tensor, "N L"]
) -> Float[Tensor, "N D"]:
    """What a recurrent network knows after each question's last word."""
    last = (question != NULL).sum(1).clamp_min(1) - 1
    return states[torch.arange(len(states), device=states.device), last]


# --- CNN+LSTM -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CNNLSTMConfig:
    """Config of `CNNLSTMSystem`.

    Attributes:
        words: of the questions; the data give them.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        trunk: channels of the picture network's layers.
        embedding: numbers per word.
        hidden: of the LSTM's two layers.
        perceptron: hidden units.
        blind: whether the picture is left out, which shows how much the questions give away
            (the paper's baseline "LSTM").
    """

    words: tuple[str, ...] = SPECIALS
    height: int = 96
    width: int = 144
    trunk: tuple[int, ...] = (32, 64, 96, 128, 128)
    embedding: int = 128
    hidden: int = 256
    perceptron: int = 512
    blind: bool = False


class CNNLSTMSystem(EndToEndSystem):
    """CLEVR's baseline CNN+LSTM: pooled picture beside the question's last state."""

    name: ClassVar[str] = "cnn-lstm"
    paper: ClassVar[str] = (
        "Johnson, Hariharan, van der Maaten, Fei-Fei, Zitnick, Girshick: CLEVR, CVPR 2017, "
        "https://arxiv.org/abs/1612.06890"
    )
    Config: ClassVar[type] = CNNLSTMConfig
    config: CNNLSTMConfig

    def __init__(self, config: CNNLSTMConfig) -> None:
        super().__init__(config)
        self.trunk = None if config.blind else Trunk(config.trunk)
        self.embedding = nn.Embedding(len(config.words), config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, 2, batch_first=True)
        inputs = config.hidden + (0 if config.blind else config.trunk[-1])
        self.perceptron = nn.Sequential(
            nn.Linear(inputs, config.perceptron),
            nn.ReLU(inplace=True),
            nn.Linear(config.perceptron, len(ANSWERS)),
        )

    def look(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C"]:
        """The mean of the feature maps; nothing when blind."""
        if self.trunk is None:
            return pictures.new_zeros(len(pictures), 0)
        maps: Tensor = self.trunk(pictures)
        return maps.mean((2, 3))

    def reply(
        self, seen: Float[Tensor, "N C"], question: Int[Tensor, "N L"]
    ) -> Float[Tensor, "N 28"]:
        """Logits of the answers."""
        asked = last_state(self.lstm(self.embedding(question))[0], question)
        logits: Tensor = self.perceptron(torch.cat((seen, asked), 1))
        return logits


# --- FiLM -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FiLMConfig:
    """Config of `FiLMSystem`; the paper's sizes in brackets.

    Attributes:
        words: of the questions; the data give them.
        height: of the pictures, in pixels (224).
        width: of the pictures, in pixels (224).
        trunk: channels of the picture network's layers (four of 128, 4x4).
        embedding: numbers per word (200).
        hidden: of the GRU (4096).
        channels: of the residual blocks (128).
        blocks: how many (4).
        head: channels of the 1x1 convolution before pooling (512).
        perceptron: hidden units of the classifier (1024).
    """

    words: tuple[str, ...] = SPECIALS
    height: int = 96
    width: int = 144
    trunk: tuple[int, ...] = (32, 64, 64)
    embedding: int = 128
    hidden: int = 256
    channels: int = 64
    blocks: int = 4
    head: int = 256
    perceptron: int = 256


class FiLMBlock(nn.Module):
    """A residual block whose branch the question modulates (arXiv:1709.07871, figure 3).

    Shape:
        ``x``: ``[N, C + 2, H, W]``, the last two channels coordinates; ``gamma`` and ``beta``:
        ``[N, C]``; returns ``[N, C, H, W]``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels + 2, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=False)  # the question gives scale and shift

    def forward(
        self,
        x: Float[Tensor, "N D H W"],
        gamma: Float[Tensor, "N C"],
        beta: Float[Tensor, "N C"],
    ) -> Float[Tensor, "N C H W"]:
        """The block's output."""
        x = F.relu(self.conv1(x))
        h = self.norm(self.conv2(x))
        h = h * gamma[:, :, None, None].to(h.dtype) + beta[:, :, None, None].to(h.dtype)
        return x + F.relu(h)


def with_coordinates(x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D H W"]:
    """Two more channels: each cell's column and row, from -1 to 1."""
    height, width = x.shape[2:]
    rows = torch.linspace(-1, 1, height, dtype=x.dtype, device=x.device)
    columns = torch.linspace(-1, 1, width, dtype=x.dtype, device=x.device)
    grid = torch.stack((columns.expand(height, width), rows[:, None].expand(height, width)))
    return torch.cat((x, grid.expand(len(x), 2, height, width)), 1)


class FiLMSystem(EndToEndSystem):
    """FiLM: a GRU's last state modulates residual blocks over the picture's features."""

    name: ClassVar[str] = "film"
    paper: ClassVar[str] = (
        "Perez, Strub, de Vries, Dumoulin, Courville: FiLM: Visual Reasoning with a General "
        "Conditioning Layer, AAAI 2018, https://arxiv.org/abs/1709.07871"
    )
    Config: ClassVar[type] = FiLMConfig
    config: FiLMConfig

    def __init__(self, config: FiLMConfig) -> None:
        super().__init__(config)
        c = config.channels
        self.trunk = Trunk(config.trunk)
        self.stem = nn.Conv2d(config.trunk[-1] + 2, c, 3, 1, 1)
        self.embedding = nn.Embedding(len(config.words), config.embedding)
        self.gru = nn.GRU(config.embedding, config.hidden, batch_first=True)
        self.film = nn.Linear(config.hidden, config.blocks * 2 * c)
        self.blocks = nn.ModuleList(FiLMBlock(c) for _ in range(config.blocks))
        self.head = nn.Sequential(
            nn.Conv2d(c + 2, config.head, 1, bias=False),
            nn.BatchNorm2d(config.head),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Sequential(
            nn.Linear(config.head, config.perceptron, bias=False),
            nn.BatchNorm1d(config.perceptron),
            nn.ReLU(inplace=True),
            nn.Linear(config.perceptron, len(ANSWERS)),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def look(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """Feature maps, before anything is asked."""
        return F.relu(self.stem(with_coordinates(self.trunk(pictures))))

    def reply(
        self, seen: Float[Tensor, "N C h w"], question: Int[Tensor, "N L"]
    ) -> Float[Tensor, "N 28"]:
        """Logits of the answers; gammas are predicted as distances from 1 (section 7.2)."""
        asked = last_state(self.gru(self.embedding(question))[0], question)
        per_block = self.film(asked).unflatten(1, (len(self.blocks), 2, -1))  # -> [N, K, 2, C]
        x = seen
        for block, (gamma, beta) in zip(
            self.blocks, (p.unbind(1) for p in per_block.unbind(1)), strict=True
        ):
            x = block(with_coordinates(x), 1 + gamma, beta)
        pooled = self.head(with_coordinates(x)).amax((2, 3))
        logits: Tensor = self.classifier(pooled)
        return logits
