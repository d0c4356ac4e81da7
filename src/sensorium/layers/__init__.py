"""Bricks that two or more systems share, one idea a file."""
