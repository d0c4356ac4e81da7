"""The story of the committed film against what happens in it."""

from pathlib import Path

import sensorium
from sensorium.events.describing import describe
from sensorium.events.systems import WSDECSystem
from sensorium.worlds import stage

EXAMPLE = Path(__file__).parents[2] / "examples" / "stage.mp4"


def test_story_of_the_example_beside_the_truth(capsys):
    """Spans are mostly right; who it is and in which colour often is not: both are printed."""
    happened = stage.compose(22, 20.0, order_words=False).events
    system = sensorium.load("wsdec")
    assert isinstance(system, WSDECSystem)
    story, _ = describe(system.eval(), sensorium.read(EXAMPLE))
    overlaps = []
    with capsys.disabled():
        print()
        for event in happened:
            best = max(story.events, key=lambda told: told.span.iou(event.span))
            overlaps.append(best.span.iou(event.span))
            print(f"IoU {overlaps[-1]:.2f}  {event.sentence}  |  told: {best.sentence}")
    assert not story.out_of_domain
    assert sum(overlap >= 0.3 for overlap in overlaps) >= len(happened) / 2
    assert all(0 <= told.start < told.end <= 20.0 for told in story.events)
