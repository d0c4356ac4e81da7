"""Labelled clips to train and test on: the stage world, your own folders, published sets."""

from sensorium.actions.datasets.data import ActionData
from sensorium.actions.datasets.stage import StageClips, StageExamples
from sensorium.actions.datasets.video_examples import Look, VideoExamples

__all__ = ["ActionData", "Look", "StageClips", "StageExamples", "VideoExamples"]
