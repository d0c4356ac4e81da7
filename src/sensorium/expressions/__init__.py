"""Faces that move as told: controllable image-to-video translation of facial expressions."""
