import json
import re
from dataclasses import replace

import pytest
import torch

from sensorium import media, store, training
from sensorium.events.systems import WSDECSystem


def save(folder, search=None, *, far=None):
    """A WSDEC of random weights."""
    recipe = training.recipe("wsdec-tiny")
    config = recipe.data.adapt(recipe.system)
    config = config if search is None else replace(config, search=search(config.search))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = WSDECSystem(config)
    if far is not None:
        size = [torch.randn(32, n) for n in (config.generator.hidden, 16)]
        made.gauge.fit([far * group for group in size])
    made.weights = folder.name
    return store.save(made, folder, store.Card(trained_on="nothing", description="untrained"))


@pytest.fixture(scope="module")
def teller(tmp_path_factory):
    return save(tmp_path_factory.mktemp("systems") / "teller")


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """Tells nothing that is not certain."""
    folder = tmp_path_factory.mktemp("systems") / "silent"
    return save(folder, lambda search: replace(search, least=1.0))


def film(path, seconds=4.0, *, sound=True):
    torch.manual_seed(3)
    frames = torch.randint(0, 255, (max(1, round(8 * seconds)), 3, 32, 48)).to(torch.uint8)
    heard = 0.3 * torch.sin(torch.arange(round(seconds * 8000)) / 3).expand(1, -1)
    return media.write(path, frames, 8.0, audio=heard if sound else None, rate=8000)


@pytest.fixture(scope="module")
def concert(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film") / "concert.mp4", 20.0)


def test_a_table_for_people(run, concert, teller):
    ran = run("describe", concert, "--system", teller)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{concert}  (teller)")
    assert re.search(r"start +end +sentence +score", ran.out)
    assert re.search(r"\d:\d\d\.\d\d +\d:\d\d\.\d\d +\w+", ran.out)


def test_json_and_files(run, concert, teller, tmp_path):
    ran = run(
        "describe", concert, "--system", teller, "--out", tmp_path, "--chapters", "--json",
        "--find", "a violin plays",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    (record,) = ran.records
    assert list(record)[:3] == ["file", "system", "out_of_domain"]
    assert record["events"]
    for event in record["events"]:
        assert set(event) == {"start", "end", "sentence", "score"}
        assert 0 <= event["start"] < event["end"] <= 20
    (found,) = record["found"]
    assert set(found) == {"sentence", "start", "end", "score", "unknown"}
    folder = tmp_path / "concert"
    names = ["story.json", "story.srt", "story.vtt", "chapters.txt", "story.png"]
    assert record["paths"] == [str(folder / n) for n in (*names, "concert-chapters.mp4")]
    story = json.loads((folder / "story.json").read_text())
    assert story["events"] == record["events"]
    assert media.read(folder / "concert-chapters.mp4").duration == pytest.approx(20, abs=0.2)


def test_sentences_are_found(run, concert, teller):
    ran = run(
        "describe", concert, "--system", teller, "--find", "the violin plays", "--find",
        "the voilin floats",
    )  # fmt: skip
    assert ran.code == 0
    assert "the violin plays" in ran.out
    assert len(re.findall(r"^0:", ran.out, re.MULTILINE)) == 2
    assert "never met the word 'voilin' (did you mean 'violin'?)" in ran.complaint


def test_an_empty_story_is_said_to_be_empty(run, concert, silent, tmp_path):
    ran = run("describe", concert, "--system", silent, "--out", tmp_path, "--chapters")
    assert ran.code == 0, ran.err
    assert "the story is empty" in ran.out
    assert json.loads((tmp_path / "concert" / "story.json").read_text())["events"] == []
    assert (tmp_path / "concert" / "concert-chapters.mp4").is_file()


@pytest.mark.parametrize(("far", "trusted"), [(1e-3, False), (1e4, True)])
def test_what_is_out_of_domain_is_said(run, concert, tmp_path, far, trusted):
    system = save(tmp_path / "calibrated", far=far)
    ran = run("describe", concert, "--system", system)
    assert ran.code == 0, ran.err
    assert ("NOT TO BE TRUSTED" in ran.out) is not trusted


def test_odd_files(run, teller, tmp_path):
    short = film(tmp_path / "short.mp4", 0.5)
    frame = film(tmp_path / "frame.mp4", 0.125, sound=False)
    mute = film(tmp_path / "mute.mp4", sound=False)
    radio = media.write_audio(tmp_path / "radio.wav", torch.zeros(1, 8000), 8000)
    (tmp_path / "text.mp4").write_text("this is no video")
    files = [short, frame, mute, radio, tmp_path / "text.mp4"]
    ran = run("describe", *files, "--system", teller, "--json")
    assert ran.code == 1
    assert ["error" in r for r in ran.records] == [False, False, False, True, True]
    assert "got sound only, expected pictures" in ran.records[3]["error"]
    assert ran.err.splitlines()[-1] == "2 of 5 failed"
    said = [line.split(": ")[1] for line in ran.err.splitlines() if "has no sound" in line]
    assert said == [str(frame), str(mute)]
    for record in ran.records[:3]:
        assert all(e["end"] <= record["end"] + 1e-3 for e in record["events"])


def test_files_of_one_stem_do_not_share_a_folder(run, teller, tmp_path):
    (tmp_path / "other").mkdir()
    files = [film(tmp_path / "a.mp4", 0.5), film(tmp_path / "other" / "a.mp4", 0.5)]
    ran = run("describe", *files, "--system", teller, "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "a-2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--chapters",), "--chapters: say with --out DIR"),
        (("--find", "zebras yodel"), "knows none of the words of 'zebras yodel'; ask in words"),
        (("--find", " "), "knows none of the words"),
    ],
)
def test_wrong_usage(run, concert, teller, arguments, message):
    ran = run("describe", concert, "--system", teller, *arguments)
    assert ran.code == 2
    assert message in ran.complaint


def test_no_file_and_another_kind_of_system(run, concert, system):
    assert run("describe").code == 2
    ran = run("describe", concert, "--system", system)
    assert ran.code == 2
    assert "expected a system that describes events" in ran.complaint
