"""Make a film of performers on a stage, and read the truth about it.

python examples/stage_world.py [SEED] [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from sensorium import media
from sensorium.worlds import stage

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())

episode = stage.compose(seed, seconds=12.0)
for performer in episode.performers:
    print(f"a {performer.colour} {performer.kind} with {len(performer.notes)} notes")
for event in episode.events:
    print(f"{event.start:6.2f} to {event.start + event.duration:6.2f} s  {event.sentence}")

clip = stage.clip(episode, height=112, width=112, fps=8.0)  # lazy, like a clip from a file
video, audio = clip.need_video(), clip.need_audio()
print("frames at 1 s and 2.5 s:", list(video.frames([1.0, 2.5]).shape))
print("the whole sound:", list(audio.samples().shape), "at", audio.rate, "Hz")
print("whose pixels at 1 s:", stage.masks(episode, [1.0], 112, 112).shape)

frames = (video.frames([time])[0] for time in video.times())
film = media.write(folder / "stage.mp4", frames, video.fps, audio=audio.samples(), rate=audio.rate)
print("written:", film)
