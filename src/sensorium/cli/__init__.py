"""The command line: parses, calls, prints. ``sensorium --help`` lists the jobs."""

from sensorium.cli.entry import main

__all__ = ["main"]
