"""Measured on the mixtures that a set publishes."""

from dataclasses import replace

import pytest
import torch

from sensorium.cli.entry import main
from sensorium.sounds.datasets.data import SoundData
from sensorium.sounds.datasets.mixing import Mixing
from sensorium.sounds.datasets.recordings import open_mixtures
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.store import Card, save
from sensorium.training import evaluate, protocol_test, recipe
from sensorium.training.building import build

SPECTRA = SpectraConfig(bins=32, frames=32)
VIEW = SoundView(size=32, frames=2, stride=2)


@pytest.fixture
def listed(make, tmp_path):
    """Three sounds, and as mixtures two pairs and all three."""
    for name, label, hz in (("a", "flute", 300.0), ("b", "tuba", 900.0), ("c", "cello", 1500.0)):
        make.sound(f"{label}/{name}.wav", 3.0 if name == "a" else 2.0, hz=hz)
        make.frames(f"{label}/{name}.mp4", 24, fps=8.0)
    rows = [f"/{c}.wav,/{c}.mp4,24" for c in ("flute/a", "tuba/b", "cello/c")]
    make.text("test.csv", *rows)
    a, b, c = "/flute/a.wav", "/tuba/b.wav", "/cello/c.wav"
    make.text("test_sep.csv", f"{a}, {b}", f"{c}, {a}", f"{a}, {b}, {c}")
    return tmp_path


def data(root, sources=2):
    testing = Mixing(sources=sources)
    return SoundData("auto", root, spectra=SPECTRA, view=VIEW, testing=testing)


def untrained(of):
    made = recipe("pixels-tiny")
    return build(replace(made, data=of))


def test_each_mixture_is_heard_from_the_middle_of_the_shortest(listed):
    test = protocol_test("published", untrained(data(listed)), data(listed))
    examples = test.open("test")
    assert len(examples) == 2
    first, again = examples.example(0, 0), examples.example(0, 9)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert first["waves"].shape == (2, SPECTRA.samples)
    assert first["frames"].shape == (2, 2, 3, 32, 32)
    assert first["label"].tolist() == [1, 2]
    flute, tuba = open_mixtures(listed)[0]
    start = (2.0 - SPECTRA.seconds) / 2
    for part, wave in zip((flute, tuba), first["waves"], strict=True):
        assert torch.equal(part.samples(start, SPECTRA.samples), wave)
    assert len(protocol_test("published", None, data(listed, 3)).open("test")) == 1


def test_what_cannot_be_is_said(listed):
    with pytest.raises(ValueError, match="none of the 3 published mixtures has 4 sources.*2, 3"):
        protocol_test("published", None, data(listed, 4))
    with pytest.raises(ValueError, match="no test protocol is called 'best'; known: published"):
        protocol_test("best", None, data(listed))
    with pytest.raises(ValueError, match="test split, got 'val'"):
        protocol_test("published", None, data(listed)).open("val")
    with pytest.raises(ValueError, match="stage publishes no mixtures"):
        protocol_test("published", None, SoundData())


def test_evaluate_by_the_protocol(listed, tmp_path, capsys):
    system = untrained(data(listed))
    metrics = evaluate(system, data(listed), protocol="published", batch=2)
    assert metrics["n_scored"] == 4
    folder = save(system, tmp_path / "system", Card(recipe="pixels-tiny"))
    words = ["--data.kind", "auto", "--data.root", str(listed), "--workers", "0"]
    words += ["--data.view.size", "32", "--data.view.stride", "2", "--protocol", "published"]
    code = main(["evaluate", str(folder), *words, "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert '"n_scored": 4' in said.out
