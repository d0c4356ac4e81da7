"""Trains the small system: ``python run_tiny.py FOLDER '{"seed": 1}' [resume] [pause SECONDS]``.

Started by tests as a process of its own, to be killed or to be one of several.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tiny
import torch

from sensorium.training import fit, train
from sensorium.training.log import Log

torch.set_num_threads(1)

if __name__ == "__main__":
    folder, changes = Path(sys.argv[1]), json.loads(sys.argv[2])
    words = sys.argv[3:]
    if "width" in changes:
        width = tiny.Width(**changes.pop("width"))
        changes["system"] = tiny.TinyConfig(width=width, dropout=changes.pop("dropout"))
    recipe = tiny.recipe(**changes)
    resume = "resume" in words
    try:
        if "pause" in words:
            steps = fit(recipe, folder, resume=resume, device="cpu", system=tiny.Tiny)
            with Log(folder) as log:
                for step in steps:
                    log(step)
                    time.sleep(float(words[words.index("pause") + 1]))
        else:
            train(recipe, folder, resume=resume, device="cpu", system=tiny.Tiny, bar=False)
    except ValueError as error:
        sys.exit(f"error: {error}")
