"""Feed frames one at a time, as they come from a camera, and get an answer for each.

    python examples/stream_frames.py [FILE] [SYSTEM]

The system must look only into the past, as ``tsm-online`` does.
"""

import sys
from pathlib import Path

import sensorium

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("stage.mp4")
name = sys.argv[2] if len(sys.argv) > 2 else "tsm-online"

stream = sensorium.load(name).stream()
video = sensorium.read(path).need_video()

said = ""
for time in video.times(stream.fps or video.fps):
    frame = video.frames([time])[0]  # uint8 [3, H, W]; from a camera: the RGB picture
    action = stream(frame).actions[0]
    if action.label != said:
        print(f"{time:6.2f} s  {action.label}  ({action.score:.0%} sure)")
        said = action.label
