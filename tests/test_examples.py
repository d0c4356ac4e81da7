"""Every file in ``examples/`` runs as it stands, as a process of its own."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sensorium import media, store, training
from sensorium.actions.systems import TSMSystem
from sensorium.events.systems import WSDECSystem
from sensorium.expressions.systems import ExpressionsSystem
from sensorium.robustness.systems import DQSystem
from sensorium.worlds import stage

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: object) -> str:
    """What an example prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = stage.clip(stage.compose_clip(5, "rise"), height=64, width=64).need_video()
    path = tmp_path_factory.mktemp("video") / "rise.mp4"
    return media.write(path, clip.frames(clip.times()), clip.fps)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained system that looks only into the past."""
    recipe = training.recipe("tsm-tiny")
    network = replace(recipe.system.network, width=0.25, direction="past")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = TSMSystem(replace(recipe.system, network=network, classes=("rise", "sink")))
    return store.save(made, tmp_path_factory.mktemp("system") / "past", store.Card())


def test_every_example_is_run_here():
    text = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in text


def test_recognize_a_file(video, system):
    out = run("recognize_a_file.py", video, system)
    assert f"{video}: 2.0 s" in out
    assert "% sure" in out


def test_stream_frames(video, system):
    out = run("stream_frames.py", video, system)
    assert out.startswith("  0.")
    assert "rise" in out or "sink" in out


def test_train_on_my_videos():
    out = run("train_on_my_videos.py")
    assert "knows rise, sink" in out
    assert "'top1': " in out


def test_stage_world(tmp_path):
    out = run("stage_world.py", 7, tmp_path)
    assert "frames at 1 s and 2.5 s: [2, 3, 112, 112]" in out
    assert media.read(tmp_path / "stage.mp4").duration == pytest.approx(12.0, abs=0.2)


def test_write_a_report(video, system, tmp_path):
    out = run("write_a_report.py", video, tmp_path, system)
    page = tmp_path / "rise" / "report.html"
    assert f"open in a browser: {page}" in out
    assert page.stat().st_size > 1000


def test_export_onnx(video, system):
    out = run("export_onnx.py", video, system)
    assert "logits as in PyTorch within" in out
    assert "% sure" in out


def test_separate_a_duet() -> None:
    said = run("separate_a_duet.py", 5)
    print(said)
    assert "stems sum to the mixture: True" in said
    pairs = [line.split() for line in said.splitlines() if " SDR " in line]
    gains = {words[0]: float(words[2]) - float(words[-2]) for words in pairs}
    assert gains.keys() == {"violin", "drum"}
    assert min(gains.values()) > 2.0


def test_ask_a_picture() -> None:
    said = run("ask_a_picture.py")
    assert "large yellow metal sphere, sure to " in said
    assert "What color is the large sphere? yellow (" in said
    assert "Do not trust this" not in said


def test_describe_a_stage(tmp_path: Path) -> None:
    """Untrained weights; what they tell is not looked at."""
    recipe = training.recipe("wsdec-tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = WSDECSystem(recipe.data.adapt(recipe.system))
    system = store.save(made, tmp_path / "teller", store.Card())
    said = run("describe_a_stage.py", 5, system, tmp_path / "story")
    assert said.count(", IoU 0.") + said.count(", IoU 1.") == 3
    assert sorted(p.name for p in (tmp_path / "story").iterdir()) == [
        *("chapters.txt", "story.json", "story.png", "story.srt", "story.vtt")
    ]


def test_animate_a_portrait(tmp_path: Path) -> None:
    """Untrained weights: what they paint is not looked at, but how it is marked is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = ExpressionsSystem(training.recipe("expressions-tiny").system)
    system = store.save(made, tmp_path / "actor", store.Card())
    said = run("animate_a_portrait.py", tmp_path / "made", system)
    assert "smile.mp4: happy, 24 frames, {'happy': 1.0}" in said
    assert "turn.mp4: surprised>happy, 48 frames" in said
    assert "signed and unchanged; the signer is known here" in said
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == [
        f"{name}.{suffix}" for name in ("gasp", "smile", "turn") for suffix in ("mp4", "png")
    ]


def test_explain_an_attack(tmp_path: Path) -> None:
    """Untrained weights: what is said of them is not looked at."""
    recipe = training.recipe("dq-tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = DQSystem(recipe.data.adapt(recipe.system))
    system = store.save(made, tmp_path / "shapes", store.Card())
    said = run("explain_an_attack.py", system, tmp_path / "why")
    assert said.count("cells are changed") == 2
    assert (tmp_path / "why" / "PGD" / "explanation.png").exists()
    assert (tmp_path / "why" / "CW" / "explanation.json").exists()


def test_attack_my_network(tmp_path):
    out = run("attack_my_network.py", 2, tmp_path)
    assert "eps 0.1: worst case" in out
    assert "sign of masked gradients" in out
    assert (tmp_path / "curve.png").is_file()
