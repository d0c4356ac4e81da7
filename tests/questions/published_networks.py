"""NS-VQA's question parser and attribute network, rebuilt from the facts of the release.

Packed sequences, attention over padding, greedy decoding that goes on after the end; ResNet-34 as a
numbered list of its children. Weights are drawn at random and saved in the release's layout.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PROGRAMS = [
    "<NULL>",
    "<START>",
    "<END>",
    "<UNK>",
    "count",
    "equal_color",
    "equal_integer",
    "equal_material",
    "equal_shape",
    "equal_size",
    "exist",
    "filter_color[blue]",
    "filter_color[brown]",
    "filter_color[cyan]",
    "filter_color[gray]",
    "filter_color[green]",
    "filter_color[purple]",
    "filter_color[red]",
    "filter_color[yellow]",
    "filter_material[metal]",
    "filter_material[rubber]",
    "filter_shape[cube]",
    "filter_shape[cylinder]",
    "filter_shape[sphere]",
    "filter_size[large]",
    "filter_size[small]",
    "greater_than",
    "intersect",
    "less_than",
    "query_color",
    "query_material",
    "query_shape",
    "query_size",
    "relate[behind]",
    "relate[front]",
    "relate[left]",
    "relate[right]",
    "same_color",
    "same_material",
    "same_shape",
    "same_size",
    "scene",
    "union",
    "unique",
]


class Part(nn.Module):
    """What holds parameters under a name."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class PublishedParser(nn.Module):
    def __init__(self, words: int, hidden: int = 256, vector: int = 300, longest: int = 27) -> None:
        super().__init__()
        self.params = {
            "input_vocab_size": words,
            "output_vocab_size": 44,
            "hidden_size": hidden,
            "word_vec_dim": vector,
            "n_layers": 2,
            "bidirectional": 1,
            "variable_lengths": 1,
            "use_attention": 1,
            "encoder_max_len": 50,
            "decoder_max_len": longest,
            "start_id": 1,
            "end_id": 2,
            "word2vec_path": None,
            "fix_embedding": 0,
        }
        lstm = {"num_layers": 2, "batch_first": True}
        self.encoder = Part(
            embedding=nn.Embedding(words, vector),
            rnn=nn.LSTM(vector, hidden, bidirectional=True, **lstm),
        )
        self.decoder = Part(
            embedding=nn.Embedding(44, vector),
            rnn=nn.LSTM(vector, 2 * hidden, **lstm),
            out_linear=nn.Linear(2 * hidden, 44),
            attention=Part(linear_out=nn.Linear(4 * hidden, 2 * hidden)),
        )

    def encoded(self, question: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``question`` is sorted by length, the longest first."""
        lengths = (question == 2).float().argmax(1) + 1
        packed = pack_padded_sequence(self.encoder.embedding(question), lengths, batch_first=True)
        output, hidden = self.encoder.rnn(packed)
        memory, _ = pad_packed_sequence(output, batch_first=True)
        return memory, tuple(torch.cat([h[::2], h[1::2]], 2) for h in hidden)

    def step(self, token: Tensor, hidden: tuple, memory: Tensor) -> tuple[Tensor, tuple]:
        output, hidden = self.decoder.rnn(self.decoder.embedding(token), hidden)
        weights = F.softmax(torch.bmm(output, memory.transpose(1, 2)), 2)
        mixed = torch.cat([torch.bmm(weights, memory), output], 2)
        output = torch.tanh(self.decoder.attention.linear_out(mixed))
        return F.log_softmax(self.decoder.out_linear(output), 2), hidden

    @torch.no_grad()
    def sample(self, question: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens ``[B, 27]`` and log-probabilities ``[B, 27, 44]``."""
        memory, hidden = self.encoded(question)
        token = torch.ones(len(question), 1, dtype=torch.int64)
        tokens, logs = [], []
        for _ in range(self.params["decoder_max_len"]):
            log, hidden = self.step(token, hidden, memory)
            token = log.argmax(2)
            tokens.append(token)
            logs.append(log)
        return torch.cat(tokens, 1), torch.cat(logs, 1)

    def save(self, path: Path) -> Path:
        torch.save({"net_params": self.params, "net_state": self.state_dict()}, path)
        return path


class Residual(nn.Module):
    def __init__(self, below: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(below, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride > 1 or below != width:
            conv = nn.Conv2d(below, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class PublishedAttributes(nn.Module):
    def __init__(self, channels: int = 6, outputs: int = 18) -> None:
        super().__init__()
        self.sizes = channels, outputs
        parts = [nn.Conv2d(channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        parts.append(nn.MaxPool2d(3, 2, 1))
        below = 64
        for width, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
            stage = []
            for k in range(count):
                stage.append(Residual(below, width, 2 if k == 0 and width > 64 else 1))
                below = width
            parts.append(nn.Sequential(*stage))
        self.main = nn.Sequential(*parts, nn.AvgPool2d(7))
        self.final_layer = nn.Linear(512, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.final_layer(self.main(x).flatten(1))

    @torch.no_grad()
    def looked(self, picture: Tensor, mask: Tensor) -> Tensor:
        """Of an RGB picture ``uint8 [3, 149, 224]`` and a mask, as the release reads them."""
        bgr = picture.flip(0).float() / 255
        mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        canvas = torch.zeros(1, 6, 224, 224)
        canvas[0, :3, 38:187] = (bgr * mask - mean) / std
        canvas[0, 3:, 38:187] = (bgr - mean) / std
        return self(canvas)[0]

    def save(self, path: Path, *, counters: bool = True) -> Path:
        """``counters``: whether the norms count their batches, as files since torch 0.4.1 do."""
        state = self.state_dict()
        if not counters:
            state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
        channels, outputs = self.sizes
        content = {"input_channels": channels, "output_dim": outputs, "model_state": state}
        torch.save(content, path)
        return path


def at_random(network: nn.Module, seed: int, scale: float = 3.0) -> nn.Module:
    """New weights, norms included, large enough that outputs differ."""
    random = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=random))
        elif tensor.is_floating_point():
            spread = 0.3 if tensor.ndim == 1 else (scale / tensor[0].numel()) ** 0.5
            tensor.copy_(spread * torch.randn(tensor.shape, generator=random))
    return network.eval()


def write_vocabulary(path: Path, words: list[str], programs: list[str] = PROGRAMS) -> Path:
    tables = {"question_token_to_idx": words, "program_token_to_idx": programs}
    content = {name: {w: k for k, w in enumerate(listed)} for name, listed in tables.items()}
    path.write_text(json.dumps(content))
    return path
