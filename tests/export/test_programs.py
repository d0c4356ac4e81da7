"""Programs of `torch.export`: the system's answers and gradients; in integers, those of its levels.

What needs torchao or a C++ compiler is skipped where there is none.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
import torch

from sensorium.actions.systems import ActionSystem
from sensorium.export import Exported, Pt2Actions, Pt2Pictures, export
from sensorium.export.action_programs import LEAST
from sensorium.export.picture_programs import integers
from sensorium.export.programs import load, program
from sensorium.export.pt2e import quantised
from sensorium.robustness.attacks import PGD
from sensorium.robustness.classifier import Classifier
from sensorium.robustness.datasets.objects import ObjectsData
from sensorium.robustness.integers import integer_network
from sensorium.robustness.systems import DQConfig, DQSystem
from sensorium.store import Card

DATA = ObjectsData(length=8, held_out=24)
BASE = DQConfig("small", 4, 8, bits=4)
RESNET = replace(BASE, network="resnet", depth=8, convex=True)

torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs sensorium[torchao]")
compiler = pytest.mark.skipif(
    which(os.environ.get("CXX", "g++")) is None, reason="needs a C++ compiler"
)


def system_of(config: DQConfig) -> DQSystem:
    """With statistics and logits of about 1, as after training."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        system = DQSystem(DATA.adapt(config)).train()
        x = DATA.all("val").x
        with torch.no_grad():
            for _ in range(30):
                system(x)
        torch.nn.init.normal_(system.network.head.weight, std=1.0)
    system.weights, system.card = "dq-test", Card(recipe="dq-tiny")
    return system.eval()


def pictures() -> torch.Tensor:
    return (DATA.all("test").x * 255).round() / 255


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[DQSystem, Exported]:
    system = system_of(BASE)
    return system, export(system, tmp_path_factory.mktemp("floats") / "dq.pt2", to="pt2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[DQSystem, Exported]:
    system = system_of(BASE)
    path = tmp_path_factory.mktemp("integers") / "dq.pt2"
    return system, export(system, path, to="pt2", int8=True, calibration=DATA, max_drop=1.0)


def test_simulated_it_answers_as_in_python(simulated: tuple[DQSystem, Exported]) -> None:
    system, done = simulated
    assert (done.form, done.precision, done.check.error) == ("picture", "fp32", 0)
    network = Pt2Pictures(done.path, compiled=False)
    assert isinstance(network, Classifier)
    assert (network.classes, network.about.bits) == (system.classes, 4)
    x = pictures()
    for count in (1, 5, len(x)):
        assert torch.equal(network(x[:count]), system(x[:count]).detach())
    assert torch.equal(network((x * 255).to(torch.uint8)), network(x))


def test_gradients_pass_the_rounding(simulated: tuple[DQSystem, Exported]) -> None:
    system, done = simulated
    program = torch.export.load(done.path).module()
    found = []
    for network in (program, system):
        x = pictures()[:6].requires_grad_()
        network(x).square().sum().backward()
        found.append(x.grad)
    assert float(found[1].abs().max()) > 0.01
    assert torch.allclose(*found, atol=1e-6)


def test_neither_file_nor_card_tells_where_it_was_made(
    simulated: tuple[DQSystem, Exported],
) -> None:
    _, done = simulated
    assert str(Path(__file__).parents[2]).encode() not in done.path.read_bytes()
    text = done.card.read_text()
    assert "not compiled" in text
    assert "`float32 [batch, 3, 32, 32]`, RGB, 0 to 1" in text
    assert "# dq.pt2" in text


@torchao
@compiler
def test_every_convolution_runs_in_integers(whole: tuple[DQSystem, Exported]) -> None:
    system, done = whole
    assert (done.precision, done.int8, done.floats) == ("int8", 4, 0)
    assert done.float_ms is not None
    assert done.megabytes < done.megabytes_fp32
    assert "by torch.compile" in done.card.read_text()
    x = pictures()
    ours, theirs = Pt2Pictures(done.path)(x), system(x).detach()
    assert 0 < float((ours - theirs).norm() / theirs.norm()) < 0.4


@torchao
@compiler
def test_compiled_it_answers_as_operator_by_operator(whole: tuple[DQSystem, Exported]) -> None:
    _, done = whole
    fast, slow = Pt2Pictures(done.path), Pt2Pictures(done.path, compiled=False)
    x = pictures()
    for count in (7, 3):
        gaps = (fast(x[:count]) - slow(x[:count])).abs().amax(1)
        assert float((gaps < 1e-3).float().mean()) > 0.6  # the others: one value on an edge
    assert torch.equal(fast((x * 255).to(torch.uint8)), fast(x))


@torchao
@compiler
def test_integers_can_be_attacked_with_the_simulations_gradient(
    whole: tuple[DQSystem, Exported],
) -> None:
    system, done = whole
    network, data = Pt2Pictures(done.path), DATA.all("test")
    y = network(data.x).argmax(1)
    attack = PGD(eps=32 / 255, steps=10, loss="margin", surrogate=system)
    assert float(attack(network, data.x, y).success.float().mean()) > 0.5


@torchao
@compiler
def test_to_run_it_torchao_is_not_needed(whole: tuple[DQSystem, Exported]) -> None:
    _, done = whole
    code = f"""
import sys, torch
from sensorium.export import Pt2Pictures
print(tuple(Pt2Pictures({str(done.path)!r}, compiled=False)(torch.rand(3, 3, 32, 32)).shape))
assert not any(name.split(".")[0] == "torchao" for name in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, "(3, 8)"), ran.stderr


@torchao
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_levels_are_those_of_the_integer_network(bits: int) -> None:
    """Against the other way to integers, which knows nothing of torchao."""
    system = system_of(replace(BASE, bits=bits))
    x = pictures()
    ours = integers(system, x).module()(x)
    theirs = integer_network(system.network)((x * 255).to(torch.uint8))
    gaps = (ours - theirs).abs().amax(1)
    assert float((gaps < 1e-3).float().mean()) > 0.7  # the others: one value on an edge


@torchao
@pytest.mark.parametrize("bits", [0, 4])
def test_sums_and_float_activations_get_their_ranges_from_pictures(bits: int) -> None:
    system = system_of(replace(RESNET, bits=bits))
    x = pictures()
    theirs = system(x).detach()
    ours = integers(system, x).module()(x)
    assert 0 < float((ours - theirs).norm() / theirs.norm()) < 0.4
    kinds = [str(n.target) for n in integers(system, x).graph.nodes]
    assert sum("quantize_per_tensor" in kind for kind in kinds) >= 2 * 7


@torchao
def test_torchao_says_nothing_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.root.manager.disable
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        integers(system_of(BASE), pictures())
    assert logging.root.manager.disable == before
    assert not [w for w in said if "torchao" in str(w.filename)]
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.skipif(find_spec("torchao") is not None, reason="torchao is here")
def test_without_torchao_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"pip install 'sensorium\[torchao\]'") as caught:
        export(system_of(BASE), tmp_path / "dq.pt2", to="pt2", int8=True, calibration=DATA)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_one_line_says_what_to_install(
    simulated: tuple[DQSystem, Exported],
) -> None:
    from torch._inductor import config

    with (
        config.patch({"cpp.cxx": (None, "/nowhere/g++")}),
        pytest.raises(ValueError, match=r"needs a C\+\+ compiler, and there is none") as caught,
    ):
        Pt2Pictures(simulated[1].path)
    assert "\n" not in str(caught.value)


def test_refusals_are_one_line(
    simulated: tuple[DQSystem, Exported], tmp_path: Path, tsm: ActionSystem
) -> None:
    system, done = simulated
    path = tmp_path / "dq.pt2"
    for options, says in (
        ({"streaming": True}, "looks at single pictures"),
        ({"path": tmp_path / "dq.onnx"}, "end in .pt2"),
        ({"to": "pt3"}, "'onnx' or 'pt2'"),
        ({"system": tsm, "streaming": True}, "onnx only"),
    ):
        given = {"system": system, "path": path, "to": "pt2", **options}
        with pytest.raises(ValueError, match=says) as caught:
            export(**given)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    bad = tmp_path / "bad.pt2"
    bad.write_bytes(b"nothing")
    other = tmp_path / "other.pt2"
    plain = torch.nn.Flatten()
    torch.export.save(torch.export.export(plain, (torch.ones(2, 3, 4),)), other)
    for kind, file, says in (
        (Pt2Pictures, tmp_path / "none.pt2", "no such file"),
        (Pt2Pictures, other, "no picture network that we exported"),
        (Pt2Actions, done.path, "open it with Pt2Pictures"),
    ):
        with pytest.raises(ValueError, match=says) as caught:
            kind(file, compiled=False)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="is no program"):
        load(bad, "picture")


@pytest.mark.parametrize("name", ["tsm", "stnet"])
def test_clips_of_any_number_and_length(
    name: str, tmp_path: Path, make_actions: Callable[[str], ActionSystem]
) -> None:
    system = make_actions(f"{name}-tiny")
    done = export(system, tmp_path / f"{name}.pt2", to="pt2")
    network = Pt2Actions(done.path, compiled=False)
    view = system.config.view
    assert network.about.classes == system.config.classes
    for batch, times in ((1, 1), (3, 2)):
        shape = (batch, times * view.sampling.count, 3, view.size, view.size)
        clips = torch.randint(0, 256, shape, dtype=torch.uint8)
        assert torch.allclose(network(clips), system(clips).detach(), atol=1e-4)


@torchao
def test_actions_in_integers(tsm: ActionSystem) -> None:
    """Not compiled, which takes longer than all other tests; `benchmarks/export_pt2.py` does it."""
    view = tsm.config.view
    shape = (4, view.sampling.count, 3, view.size, view.size)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time", min=LEAST)}
    graph = quantised(program(tsm, clips, sizes).module(), [clips], 8)
    kinds = [str(n.target) for n in graph.graph.nodes]
    convolutions = sum("conv2d" in kind for kind in kinds)
    assert convolutions > 0
    assert sum("dequantize_per_channel" in kind for kind in kinds) == convolutions
    ours, theirs = graph(clips).detach(), tsm(clips).detach()
    assert 0 < float((ours - theirs).norm() / theirs.norm()) < 0.2
