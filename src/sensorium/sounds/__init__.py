"""Sounds: who sounds, where in the picture, and each source as its own track.

The Sound of Pixels (arXiv:1804.03160), The Sound of Motions (arXiv:1904.05979), Self-Supervised
Audio-Visual Co-Segmentation (arXiv:1904.09013), and what they are compared with.
"""
