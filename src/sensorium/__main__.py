"""``python -m sensorium``, which is also what ``accelerate launch -m sensorium train …`` runs."""

import sys

from sensorium.cli import main

if __name__ == "__main__":
    sys.exit(main())
