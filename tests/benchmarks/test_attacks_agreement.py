import json
import os
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_libraries_are_compared_and_timed(tmp_path):
    short = ["--attack-steps", "6", "--steps", "40", "--samples", "30", "--timed", "10"]
    short += ["--rounds", "1", "--networks", "digits", "--searched", "10", "--seeds", "2"]
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "attacks_agreement.py", *short, "--out", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "attacks_agreement.json").read_text())
    for found in results["networks"].values():
        rows = {row["attack"]: row for row in found["rows"]}
        for name in ("FGSM", "FGSM, L2", "BIM, same rule"):
            ours, theirs = rows[name]["sensorium"], rows[name]["foolbox"]
            assert ours["broken"] == theirs["broken"]
            assert abs(ours["largest_norm"] - theirs["largest_norm"]) < 1e-6
        for name in ("C&W, L2, every step", "EAD, every step"):
            ours, theirs = rows[name]["sensorium"], rows[name]["foolbox"]
            assert abs(ours["median_norm"] - theirs["median_norm"]) < 1e-3
        for row in rows.values():
            assert row["sensorium"]["outside"] == 0
            if row["eps"] is not None:
                assert row["sensorium"]["largest_norm"] <= row["eps"] + 1e-6
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import attacks_tables
        from write_docs import table
    finally:
        sys.path.pop(0)
    for _, make in attacks_tables.TABLES.values():
        assert "| FGSM" in make(table, results) or "digits: FGSM" in make(table, results)
