"""Labelled pictures to train classifiers on, to attack them on, and to dissect them with."""
