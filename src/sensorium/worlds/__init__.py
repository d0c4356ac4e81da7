"""Procedural worlds with known truth."""
