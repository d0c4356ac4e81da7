import pytest
import torch

from sensorium import training
from sensorium.events.describing import Found, describe
from sensorium.events.systems import WSDECSystem
from sensorium.types import Clip, FrameVideo, Span

ASKED = ("the violin plays", "a zebra bows", "a drum")


@pytest.fixture(scope="module")
def system():
    """Untrained."""
    recipe = training.recipe("wsdec-tiny")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WSDECSystem(recipe.data.adapt(recipe.system)).eval()


class Counted(FrameVideo):
    """Frames that count how often they are looked at."""

    looks = 0

    def frames(self, times):
        type(self).looks += len(times)
        return super().frames(times)


@pytest.fixture
def clip():
    frames = torch.randint(0, 255, (80, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    Counted.looks = 0
    return Clip(Counted(frames.to(torch.uint8), 4.0, start=3.0), None, "noise.mp4")


def test_story_and_sentences_are_those_of_the_system(system, clip):
    story, found = describe(system, clip, ASKED)
    assert story == system.predict(clip)
    assert [(f.sentence, f.span) for f in found] == [(s, system.find(clip, s)[0]) for s in ASKED]
    assert [f.score for f in found] == pytest.approx([system.find(clip, s)[1] for s in ASKED])
    assert [f.unknown for f in found] == [(), ("zebra",), ()]
    assert all(3.0 <= f.span.start <= f.span.end <= 23.0 for f in found)


def test_the_video_is_read_once(system, clip):
    describe(system, clip)
    alone = Counted.looks
    assert alone > 0
    describe(system, clip, ASKED)
    assert Counted.looks == 2 * alone


@pytest.mark.parametrize("sentences", [(), ASKED])
def test_what_is_done_grows_to_all(system, clip, sentences):
    shares = []
    describe(system, clip, sentences, shares.append)
    assert shares == sorted(shares)
    assert shares[0] < 0.6
    assert shares[-1] == 1.0


def test_plain_words():
    assert Found("a drum", Span(1.00004, 2.5), 0.25).to_dict() == {
        "sentence": "a drum", "start": 1.0, "end": 2.5, "score": 0.25, "unknown": [],
    }  # fmt: skip
