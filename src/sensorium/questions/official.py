"""Published checkpoints of NS-VQA (arXiv:1810.02338) -> our configs and parameters.

The release is three files: ``question_parser.pt``, ``attribute_net.pt`` and ``object_detector.pt``.
The first two become a `QuestionParser` and an `AttributeNet` in their published configuration; the
detector, a Mask R-CNN of a framework that has gone, is not converted. The parser's vocabulary is
not in its file: it comes with the preprocessed questions. No pickle is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensorium.checkpoint import fitted, read_state
from sensorium.questions.attributes import AttributeNet, AttributesConfig, published_attributes
from sensorium.questions.official_names import (
    OUTPUTS,
    ROWS,
    Vocabulary,
    attribute_name,
    read_vocabulary,
)
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.vocabulary import END, PROGRAM_WORDS, START

PARSER, ATTRIBUTES, DETECTOR = "question_parser.pt", "attribute_net.pt", "object_detector.pt"


@dataclass(frozen=True)
class PublishedParser:
    """A published question parser.

    Attributes:
        config: as published; attention looks at padding, and no grammar keeps programs well typed
            (``mask_attention``, ``grammar``).
        state: for ``QuestionParser(config).load_state_dict``.
    """

    config: ParserConfig
    state: dict[str, Tensor]


@dataclass(frozen=True)
class PublishedAttributes:
    """A published attribute network.

    Attributes:
        config: as published: ResNet-34 on block and picture, BGR, whole pictures.
        state: for ``AttributeNet(config).load_state_dict``.
    """

    config: AttributesConfig
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Published:
    """What was found of a release.

    Attributes:
        parser: the question parser, where there is one.
        attributes: the attribute network, where there is one.
        files: that were read.
    """

    parser: PublishedParser | None
    attributes: PublishedAttributes | None
    files: tuple[str, ...]


def read_published(path: str | Path, vocabulary: str | Path | None = None) -> Published:
    """Read what there is of a release.

    Args:
        path: one of the two files, under any name, or the folder that holds them under theirs.
        vocabulary: of the question parser, see `official_names.read_vocabulary`.

    Raises:
        ValueError: in one line, when there is neither file or one is something else.
    """
    path = Path(path)
    files = [path]
    if path.is_dir():
        files = [path / name for name in (PARSER, ATTRIBUTES) if (path / name).is_file()]
        if not files:
            raise ValueError(
                f"{path}: found neither {PARSER} nor {ATTRIBUTES}; give the folder of the unpacked "
                "release, or one of these files"
            )
    parser, attributes = None, None
    for file in files:
        state, beside = read_state(file)
        if "encoder.rnn.weight_ih_l0" in state:
            parser = _parser(file, state, beside, vocabulary)
        elif "main.0.weight" in state:
            attributes = _attributes(file, state, beside)
        else:
            raise ValueError(_neither(file, state))
    return Published(parser, attributes, tuple(file.name for file in files))


def _neither(file: Path, state: Mapping[str, Tensor]) -> str:
    if any(name.startswith(("Conv_Body.", "RPN.")) for name in state):
        return (
            f"{file}: found NS-VQA's Mask R-CNN, which cannot be converted; give {PARSER} or "
            f"{ATTRIBUTES}"
        )
    return (
        f"{file}: found {len(state)} tensors, the first named {next(iter(state))}, expected "
        f"NS-VQA's {PARSER} (encoder.rnn …) or {ATTRIBUTES} (main.0 …)"
    )


# --- the question parser --------------------------------------------------------------------------


def read_published_parser(path: str | Path, vocabulary: str | Path | None) -> PublishedParser:
    """The question parser alone; see `read_published`.

    Raises:
        ValueError: when it is something else, or the vocabulary is not its own.
    """
    published = read_published(path, vocabulary)
    if published.parser is None:
        raise ValueError(f"{path}: found an attribute network, expected {PARSER}")
    return published.parser


def _parser(
    file: Path, state: dict[str, Tensor], beside: Mapping[str, Any], vocabulary: str | Path | None
) -> PublishedParser:
    settings = beside.get("net_params", {})
    if not isinstance(settings, dict):
        raise ValueError(f"{file}: found no settings (net_params), expected {PARSER} as released")
    for name, expected in (
        ("bidirectional", 1),
        ("use_attention", 1),
        ("variable_lengths", 1),
        ("start_id", START),
        ("end_id", END),
    ):
        if settings.get(name, expected) != expected:
            raise ValueError(
                f"{file}: found a question parser with {name}={settings[name]}, expected "
                f"{expected}; this variant cannot be converted"
            )
    known = _words(file, len(state["encoder.embedding.weight"]), vocabulary)
    config = ParserConfig(
        words=known.questions,
        hidden=state["encoder.rnn.weight_hh_l0"].shape[1],
        embedding=state["encoder.embedding.weight"].shape[1],
        layers=sum(
            name.startswith("decoder.rnn.weight_hh_l") and name[-1].isdigit() for name in state
        ),
        longest=int(settings.get("decoder_max_len", 27)),
        longest_question=int(settings.get("encoder_max_len", 50)),
        mask_attention=False,
        grammar=False,
        over_padding=True,
        credit="batch",
    )
    with torch.device("meta"):
        network = QuestionParser(config)
    out = fitted(file, network, {"baseline": torch.zeros(()), **state}, str)
    order = torch.tensor([known.programs.index(word) for word in PROGRAM_WORDS.words])
    for name in (
        "decoder.embedding.weight",
        "decoder.out_linear.weight",
        "decoder.out_linear.bias",
    ):
        out[name] = out[name][order]
    return PublishedParser(config, out)


def _words(file: Path, expected: int, vocabulary: str | Path | None) -> Vocabulary:
    """The vocabulary, which must be as large as the checkpoint's."""
    if vocabulary is None:
        raise ValueError(
            f"{file}: a question parser's file does not hold its {expected} words; give them with "
            "--vocabulary: vocab.json of the preprocessing, or CLEVR_train_questions.json"
        )
    known = read_vocabulary(vocabulary)
    if len(known.questions) != expected:
        raise ValueError(
            f"{vocabulary}: found {len(known.questions)} question words, expected the {expected} "
            f"that {file.name} was trained with; give the vocabulary of its preprocessing"
        )
    if set(known.programs) != set(PROGRAM_WORDS.words):
        other = sorted(set(known.programs) ^ set(PROGRAM_WORDS.words))
        raise ValueError(
            f"{vocabulary}: {len(other)} of its program words are not CLEVR's {len(PROGRAM_WORDS)} "
            f"or missing, such as {other[0]}; only CLEVR's functions can be carried out"
        )
    return known


# --- the attribute network ------------------------------------------------------------------------


def read_published_attributes(path: str | Path) -> PublishedAttributes:
    """The attribute network alone; see `read_published`.

    Raises:
        ValueError: when it is something else.
    """
    state, beside = read_state(path)
    if "main.0.weight" not in state:
        raise ValueError(_neither(Path(path), state))
    return _attributes(Path(path), state, beside)


def _attributes(
    file: Path, state: dict[str, Tensor], beside: Mapping[str, Any]
) -> PublishedAttributes:
    channels = state["main.0.weight"].shape[1]
    last = state.get("final_layer.weight")
    outputs = 0 if last is None else len(last)
    if channels != 6 or outputs != len(OUTPUTS):
        raise ValueError(
            f"{file}: found an attribute network of {channels} channels and {outputs} outputs, "
            f"expected 6 (block and picture) and {len(OUTPUTS)}; this variant cannot be converted"
        )
    config = published_attributes()
    with torch.device("meta"):
        network = AttributeNet(config)
    out = fitted(file, network, state, attribute_name)
    for name in ("fc.weight", "fc.bias"):
        out[name] = out[name][torch.tensor(ROWS)]
    return PublishedAttributes(config, out)
