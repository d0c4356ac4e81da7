"""Classifiers of pictures as ONNX: the same answers simulated, integers that are real."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from sensorium.export import Exported, OnnxActions, OnnxPictures, export
from sensorium.robustness.attacks import PGD
from sensorium.robustness.classifier import Classifier
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.systems import DQConfig, DQSystem
from sensorium.store import Card

DATA = ObjectsData(length=8, held_out=24)
BASE = DQConfig("small", 5, 8, bits=4)
KINDS = {"small": BASE, "resnet": replace(BASE, network="resnet", depth=8, convex=True)}


def system_of(config: DQConfig) -> DQSystem:
    """With statistics and logits of about 1, as after training."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        system = DQSystem(DATA.adapt(config)).train()
        x = DATA.all("val").x
        with torch.no_grad():
            for _ in range(30):
                system(x)
        nn.init.normal_(system.network.head.weight, std=1.0)
    system.weights, system.card = "dq-test", Card(recipe="dq-tiny")
    return system.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    @cache
    def of(kind: str, int8: bool) -> tuple[DQSystem, Exported]:
        system = system_of(KINDS[kind])
        path = tmp_path_factory.mktemp("pictures") / "dq.onnx"
        return system, export(system, path, int8=int8, calibration=DATA, max_drop=1.0)

    return of


def test_simulated_it_answers_as_in_python(exported) -> None:  # type: ignore[no-untyped-def]
    system, done = exported("small", False)
    assert (done.form, done.precision) == ("picture", "fp32")
    session = OnnxPictures(done.path)
    assert isinstance(session, Classifier)
    assert session.classes == system.classes
    assert session.about.bits == system.config.bits
    x = (DATA.all("test").x * 255).round() / 255
    gaps = (session(x) - system(x).detach()).abs().amax(1)
    assert float((gaps < 1e-3).float().mean()) > 0.8  # the others: one value on an edge
    assert torch.equal(session((x * 255).to(torch.uint8)), session(x))


@pytest.mark.parametrize(("kind", "convolutions"), [("small", 5), ("resnet", 9)])
def test_every_convolution_runs_in_integers(exported, kind: str, convolutions: int) -> None:  # type: ignore[no-untyped-def]
    _, done = exported(kind, True)
    assert (done.int8, done.floats) == (convolutions, 0)
    assert done.float_ms is not None


@pytest.mark.parametrize("kind", KINDS)
def test_integers_stay_near_the_simulation(exported, kind: str) -> None:  # type: ignore[no-untyped-def]
    system, done = exported(kind, True)
    x = (DATA.all("test").x * 255).round() / 255
    ours, theirs = OnnxPictures(done.path)(x), system(x).detach()
    share = float((ours - theirs).norm() / theirs.norm())
    assert 0 < share < 0.4  # random weights: trained ones are nearer
    assert done.accuracy is not None
    assert done.accuracy.agreement > 0.6


def test_levels_and_weights_lie_in_the_file_as_integers(exported) -> None:  # type: ignore[no-untyped-def]
    _, done = exported("small", True)
    graph = onnx.load(done.path).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Conv") == 5
    assert kinds.count("QuantizeLinear") == 5
    after = {node.input[0]: node.op_type for node in graph.node}
    levels = [after[n.output[0]] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert set(levels) <= {"Clip", "Min"}, "integers are clipped, not floats"
    stored = [t for t in graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert len([t for t in stored if len(t.dims) == 4]) == 5


def test_the_card_says_what_was_measured(exported) -> None:  # type: ignore[no-untyped-def]
    _, done = exported("small", True)
    text = done.card.read_text()
    assert "5 of 5" in text
    assert "top-1 in integers" in text
    assert "4 bits" in text
    assert "# dq.onnx" in text
    said = done.to_dict()
    assert said["int8_convolutions"] == 5
    assert said["float_ms"] > 0


def test_integers_can_be_attacked_with_the_simulations_gradient(exported) -> None:  # type: ignore[no-untyped-def]
    system, done = exported("small", True)
    integers = OnnxPictures(done.path)
    data = DATA.all("test")
    y = integers(data.x).argmax(1)
    attack = PGD(eps=32 / 255, steps=10, loss="margin", surrogate=system)
    assert float(attack(integers, data.x, y).success.float().mean()) > 0.5


def test_refusals_are_one_line(tmp_path: Path) -> None:
    system = system_of(replace(BASE, bits=0))
    path = tmp_path / "dq.onnx"
    for options, says in (
        ({"streaming": True}, "looks at single pictures"),
        ({"int8": True}, "activations of this network are floats"),
        (
            {"int8": True, "calibration": ObjectsData(cue="texture", held_out=4)},
            "no pictures of its",
        ),
        ({"int8": True, "calibration": tmp_path / "none"}, "none"),
    ):
        with pytest.raises(ValueError, match=says) as caught:
            export(system, path, **{"calibration": DATA, **options})  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    system.card = None
    with pytest.raises(ValueError, match="names no recipe of ours"):
        export(system, path, int8=True)
    export(system, path)
    with pytest.raises(ValueError, match="none that sensorium exported|metadata"):
        OnnxActions(path)
