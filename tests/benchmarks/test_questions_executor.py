import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "questions_executor.py"


def test_all_forms_are_compared_and_timed(tmp_path):
    short = ["--scenes", "12", "--each", "4", "--sizes", "100", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, BENCHMARK, *short, "--out", tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "questions_executor.json").read_text())
    assert results["agreement"]["programs"] == 48
    assert set(results["agreement"]["answers_that_differ"].values()) == {0}
    assert len(results["agreement"]["answers_that_differ"]) == 15
    row = results["speed"]["at"]["100"]
    assert row["questions"] == 100
    assert row["compiled_run"] > row["everything"] > 0
    assert results["machine"]["torch_threads"] == 1
