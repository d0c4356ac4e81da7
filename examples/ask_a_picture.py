"""Ask questions about a picture of blocks, and see how the answers came about.

python examples/ask_a_picture.py [PICTURE] [SYSTEM]
"""

import sys
from pathlib import Path

import sensorium
from sensorium.questions.pictures import read_picture
from sensorium.questions.steps import outcome

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("blocks.png")
name = sys.argv[2] if len(sys.argv) > 2 else "nsvqa"

system = sensorium.load(name)
sight = system.look(read_picture(path), str(path))  # once, for all questions
for thing in sight.objects():
    print("{number}: {size} {color} {material} {shape}, sure to {score:.0%}".format(**thing))
if sight.out_of_domain:
    print(f"Do not trust this: the picture is unlike those that {name} was trained on.")

questions = ["How many cubes are there?", "What color is the large sphere?"]
for answer in system.ask(sight, questions):
    print(f"\n{answer.question} {answer.answer or answer.error} ({answer.confidence:.0%})")
    for step in answer.trace:
        print(f"  {step.number} {step.step.token:24} {outcome(step, sight.scene.items)}")
