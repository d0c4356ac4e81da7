"""Sounds with their pictures: the stage world, your own films, published sets."""
