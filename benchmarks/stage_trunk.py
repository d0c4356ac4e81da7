"""Pre-train the picture trunk of the systems for sound: what ImageNet's weights are to the paper.

The Sound of Pixels starts from a ResNet trained on ImageNet, with labels, among them most musical
instruments. No such weights exist for the stage, so a classifier of single pictures of the training
split's solos (the benchmark's ``cam``) lends its trunk. Labels are used here and nowhere else.

    python benchmarks/stage_trunk.py        # writes src/sensorium/weights/stage-trunk.safetensors
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save_file

from sensorium.training import train
from sounds_runs import BASELINES, cam, prepared
from sounds_runs import Run as NetworkToTrain

STEPS = 1200
RUN = Path("runs/sounds/stage-trunk")
TRUNK = Path(__file__).parents[1] / "src/sensorium/weights/stage-trunk.safetensors"


def main() -> None:
    recipe = prepared(NetworkToTrain((), cam), seed=0, factor=1.0)
    recipe = replace(recipe, stages=(replace(recipe.stages[0], steps=STEPS),))
    folder = train(recipe, RUN, system=BASELINES["cam"])
    state = load_file(folder / "model.safetensors")
    trunk = {k.removeprefix("trunk."): v for k, v in state.items() if k.startswith("trunk.")}
    save_file({k: v.half() if v.is_floating_point() else v for k, v in trunk.items()}, TRUNK)
    print(f"{len(trunk)} tensors, {TRUNK.stat().st_size / 1e6:.2f} MB: {TRUNK}")


if __name__ == "__main__":
    main()
