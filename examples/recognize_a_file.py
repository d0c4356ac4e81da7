"""Say what happens when in a video.

python examples/recognize_a_file.py [FILE] [SYSTEM]
"""

import sys
from pathlib import Path

import sensorium

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("stage.mp4")
name = sys.argv[2] if len(sys.argv) > 2 else "tsm"

clip = sensorium.read(path)  # lazy: nothing is decoded yet
system = sensorium.load(name)
result = system.predict(clip)

print(f"{clip.name}: {clip.duration:.1f} s")
for action in result.actions:
    span = action.span
    print(f"{span.start:6.2f} to {span.end:6.2f} s  {action.label}  ({action.score:.0%} sure)")
if result.out_of_domain:
    print(f"Do not trust this: the video is unlike anything {name} was trained on.")
