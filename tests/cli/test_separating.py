import json
from dataclasses import replace

import pytest
import torch

from sensorium import media, store, training
from sensorium.sounds.systems import PixelsSystem


@pytest.fixture(scope="module")
def player(tmp_path_factory):
    """A PixelPlayer of random weights, saved."""
    recipe = training.recipe("pixels-tiny")
    config = replace(recipe.data.adapt(recipe.system), classes=())
    with torch.random.fork_rng():
        torch.manual_seed(1)
        system = PixelsSystem(config)
    folder = tmp_path_factory.mktemp("systems") / "player"
    system.weights = folder.name
    return store.save(system, folder, store.Card(trained_on="nothing", description="untrained"))


def film(path, seconds=2.0, rate=16000, channels=2, sounding=None):
    frames = torch.full((round(8 * seconds), 3, 32, 48), 60, dtype=torch.uint8)
    frames[:, 0, 8:24, 4:20] = 230
    frames[:, 2, 8:24, 28:44] = 230
    t = torch.arange(round((seconds if sounding is None else sounding) * rate)) / rate
    sound = 0.3 * torch.sin(440 * t) + 0.2 * torch.sin(2 * torch.pi * 3 * t) * torch.sin(9000 * t)
    return media.write(path, frames, 8.0, audio=sound.expand(channels, -1), rate=rate)


@pytest.fixture
def duet(tmp_path):
    return film(tmp_path / "duet.mp4")


def test_stems_are_written_and_told(run, duet, player, tmp_path):
    ran = run(
        "separate", duet, "--system", player, "--out", tmp_path / "out", "--sources", 2, "--json"
    )
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert list(record)[:3] == ["file", "system", "out_of_domain"]
    assert (record["file"], record["system"]) == (str(duet), "player")
    assert [s["label"] for s in record["stems"]] == ["source 1", "source 2", "rest"]
    assert all(set(s) == {"path", "label", "score", "at"} for s in record["stems"])
    parts = [media.read(s["path"]).need_audio() for s in record["stems"]]
    mixture = media.read(duet).need_audio()
    assert {(a.rate, a.channels) for a in parts} == {(mixture.rate, mixture.channels)}
    assert (sum(a.samples() for a in parts) - mixture.samples()).abs().max() < 1e-6
    folder = tmp_path / "out" / "duet"
    assert record["folder"] == str(folder)
    assert {p.name for p in folder.iterdir()} == {
        "stems", "heat.mp4", "heat.png", "stems.png", "stems.json",
    }  # fmt: skip
    assert json.loads((folder / "stems.json").read_text())["file"] == str(duet)


def test_a_table_for_people(run, duet, player, tmp_path):
    ran = run(
        "separate", duet, "--system", player, "--out", tmp_path / "out", "--at", "0.25,0.5",
        "--at", "0.75,0.5", "--format", "flac", "--no-film",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"{duet}  (player)" in ran.out
    for part in ("source 2", "0.25,0.50", "0.75,0.50", "rest"):
        assert part in ran.out
    assert "stems/rest.flac" in ran.out
    assert f"in {tmp_path / 'out' / 'duet'}," in ran.out.replace("\n", " ")
    assert not (tmp_path / "out" / "duet" / "heat.mp4").exists()


def test_bad_files_do_not_stop_the_others(run, duet, player, tmp_path):
    mute = media.write(tmp_path / "mute.mp4", torch.zeros(8, 3, 16, 16, dtype=torch.uint8), 8.0)
    radio = media.write_audio(tmp_path / "radio.wav", torch.zeros(1, 8000), 8000)
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "other").mkdir()
    again = film(tmp_path / "other" / "duet.mp4", seconds=1.0)
    files = [duet, mute, radio, tmp_path / "text.mp4", again]
    ran = run(
        "separate", *files, "--system", player, "--out", tmp_path / "out", "--no-film", "--json"
    )
    assert ran.code == 1
    assert [r["file"] for r in ran.records] == [str(f) for f in files]
    assert ["error" in r for r in ran.records] == [False, True, True, True, False]
    assert "got no audio track" in ran.records[1]["error"]
    assert "got sound only" in ran.records[2]["error"]
    assert ran.err.splitlines()[-1] == "3 of 5 failed"
    folders = [r["folder"] for r in ran.records if "folder" in r]
    assert folders == [str(tmp_path / "out" / name) for name in ("duet", "duet-2")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sources", "many"), "takes a number or auto, got 'many'"),
        (("--sources", "0"), "1 or more"),
        (("--at", "left"), "got 'left'"),
        (("--at", "3,0.5"), "0..1 of the picture"),
        (("--sources", "2", "--at", "0.5,0.5"), "not both"),
        (("--format", "mp3"), "mp3"),
    ],
)
def test_wrong_usage(run, duet, player, arguments, message):
    ran = run("separate", duet, "--system", player, *arguments)
    assert ran.code == 2
    assert message in ran.err


def test_no_file_and_another_kind_of_system(run, duet, system):
    assert run("separate").code == 2
    ran = run("separate", duet, "--system", system)
    assert ran.code == 2
    assert "expected a system that separates sound" in ran.complaint


def test_more_sources_than_there_are(run, duet, player, tmp_path):
    ran = run("separate", duet, "--system", player, "--out", tmp_path / "out", "--sources", 99)
    assert ran.code == 1
    assert "ask for fewer" in ran.complaint
