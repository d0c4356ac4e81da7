"""Data sets of videos whose events are told in sentences."""
