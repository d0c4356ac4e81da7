from itertools import pairwise

import numpy as np
import pytest

from sensorium.seeds import generator
from sensorium.worlds.stage.looks.gestures import HIGHEST, LOWEST
from sensorium.worlds.stage.scores import STYLES, phrase
from sensorium.worlds.stage.script import INSTRUMENTS, TICK


@pytest.mark.parametrize("kind", INSTRUMENTS)
@pytest.mark.parametrize("style", STYLES)
def test_phrases_stay_in_their_time_and_range(kind, style):
    for seed in range(10):
        notes = phrase(kind, STYLES[style], 1.0, 5.0, generator(seed))
        assert notes
        for a, b in pairwise(notes):
            assert a.end <= b.start
        for n in notes:
            assert 1.0 <= n.start < n.end <= 5.0
            assert LOWEST <= n.pitch <= HIGHEST
            assert 0.0 < n.velocity <= 1.0
            assert n.stroke in (-1, 1)
            assert n.start / TICK == round(n.start / TICK)


def test_styles_differ_in_pace():
    pace = {
        style: [len(phrase("drum", STYLES[style], 0.0, 6.0, generator(i))) for i in range(20)]
        for style in STYLES
    }
    assert max(pace["play slowly"]) < min(pace["play"]) <= max(pace["play"])
    assert max(pace["play"]) < min(pace["play quickly"])


def test_the_register_gives_no_kind_away():
    means = []
    for kind in INSTRUMENTS:
        notes = [
            n for s in range(60) for n in phrase(kind, STYLES["play"], 0, 6, generator(s, kind))
        ]
        means.append(np.mean([n.pitch for n in notes]))
    assert np.ptp(means) < 3.0
