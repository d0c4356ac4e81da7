import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sounds_metrics.py"


def test_both_are_timed_on_one_thread_and_agree(tmp_path):
    short = ["--rounds", "1", "--mixtures", "1", "--seconds", "1", "--sources", "2"]
    done = subprocess.run(
        [sys.executable, BENCHMARK, *short, "--out", tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "sounds_metrics.json").read_text())
    assert results["machine"]["torch_threads"] == 1
    row = results["mixtures"]["2 sources"]
    assert row["largest_difference_db"] < 0.01
    assert row["mir_eval_ms"] > 0
    assert row["sensorium_ms"] > 0
    assert results["least_times_mir_eval"] == row["times_mir_eval"]
