"""Train on videos of your own: a folder per class, with the videos of that class in it.

    python examples/train_on_my_videos.py [VIDEOS] [RUN]

Without a folder it makes a small one first, of two moves on the stage. The same by command line:

    sensorium train tsm-tiny --data.kind folder --data.root VIDEOS --folder RUN
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import sensorium
from sensorium import media, training
from sensorium.worlds import stage


def make_videos(root: Path) -> Path:
    """``rise/*.mp4`` and ``sink/*.mp4``: six clips each, of two seconds."""
    for k, label in enumerate(("rise", "sink")):
        (root / label).mkdir(parents=True)
        for i in range(6):
            clip = stage.clip(stage.compose_clip(100 * k + i, label), height=64, width=64)
            video = clip.need_video()
            media.write(root / label / f"{i}.mp4", video.frames(video.times()), video.fps)
    return root


def main() -> None:
    here = Path(tempfile.mkdtemp())
    videos = Path(sys.argv[1]) if len(sys.argv) > 1 else make_videos(here / "videos")
    run = Path(sys.argv[2]) if len(sys.argv) > 2 else here / "run"

    recipe = training.recipe("tsm-tiny")
    recipe = replace(
        recipe,
        name="my-videos",
        data=replace(recipe.data, kind="folder", root=videos),
        stages=(replace(recipe.stages[0], steps=10),),
        batch=8,
    )
    saved = sensorium.train(recipe, run, device="cpu")

    system = sensorium.load(saved)
    print(f"{saved} knows {', '.join(system.config.classes)}")
    print(sensorium.evaluate(system, recipe.data, split="val"))


if __name__ == "__main__":
    main()
