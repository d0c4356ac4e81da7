"""Tell the story of a stage episode, beside what really happened, and search it.

python examples/describe_a_stage.py [SEED] [SYSTEM] [FOLDER]
"""

import sys

import sensorium
from sensorium.events.describing import describe
from sensorium.worlds import stage

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 5
name = sys.argv[2] if len(sys.argv) > 2 else "wsdec"
folder = sys.argv[3] if len(sys.argv) > 3 else "story"

episode = stage.compose(seed, 30.0, order_words=False)
clip = stage.clip(episode, 144, 192, fps=8.0, rate=11025)
happened = sorted(episode.events, key=lambda event: event.start)
asked = [event.sentence for event in happened[:3]]

story, found = describe(sensorium.load(name).eval(), clip, asked)
if story.out_of_domain:
    print(f"Do not trust this: the video is unlike those that {name} was trained on.")
print("told:" if story.events else "told: nothing, the story is empty")
for event in story.events:
    print(f"  {event.start:5.1f} to {event.end:4.1f} s  {event.score:.2f}  {event.sentence}")
print("happened:")
for event in happened:
    print(f"  {event.start:5.1f} to {event.start + event.duration:4.1f} s        {event.sentence}")
print("found:")
for event, answer in zip(happened, found, strict=False):
    truth = sensorium.Span(event.start, event.start + event.duration)
    print(
        f"  {answer.span.start:5.1f} to {answer.span.end:4.1f} s, IoU {answer.span.iou(truth):.2f} "
        f"with when it happened: {answer.sentence}"
    )
for path in story.save(folder):
    print("wrote", path)
