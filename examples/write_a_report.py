"""Write a report about a video, and read what it says.

    python examples/write_a_report.py [FILE] [FOLDER] [SYSTEM]

The same by command line: sensorium watch FILE --out FOLDER
"""

import sys
import tempfile
from pathlib import Path

import sensorium

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("stage.mp4")
folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())
systems = [sensorium.load(name) for name in sys.argv[3:]] or None  # None: the bundled ones

report = sensorium.watch(path, folder, systems=systems)

for section in report.sections:
    print(section.notice or section.summary)
for stage, seconds in report.seconds_per_stage.items():
    print(f"{stage}: {seconds:.2f} s")
print("open in a browser:", report.page)
