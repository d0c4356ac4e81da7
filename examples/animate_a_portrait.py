"""Let a drawn face smile, surprise it, and read what the files say of themselves.

python examples/animate_a_portrait.py [FOLDER] [SYSTEM]
"""

import sys
from pathlib import Path

import sensorium
from sensorium.expressions.curves import keyframes, mixing, pulse, transition
from sensorium.media.marks import read_marks
from sensorium.worlds import portraits

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "animated")
name = sys.argv[2] if len(sys.argv) > 2 else "expressions"

system = sensorium.load(name)
nobody = portraits.Face(portraits.identity(seed=7), degrees=(0.0,) * 7)  # a neutral face
picture = portraits.draw(nobody, size=128).frame  # uint8 [3, 128, 128]
known = system.expressions

rhythms = {
    "smile": mixing(keyframes("0:0,12:1,24:0.3", 24), {"happy": 1.0}, known),
    "gasp": mixing(pulse(24), {"surprised": 0.8}, known),
    "turn": transition("surprised", "happy", 48, known),
}
for title, degrees in rhythms.items():
    video = system.animate(picture, degrees, rate=24.0)
    film = video.write(folder / f"{title}.mp4", consent="synthetic", size=256)
    video.write(folder / f"{title}.png", consent="synthetic")  # all frames on one sheet
    print(f"{film.path}: {video.expression}, {len(video.frames)} frames, {video.peaks()}")

marks = read_marks(folder / "smile.mp4")  # each layer on its own
print(*marks.lines(), sep="\n")
