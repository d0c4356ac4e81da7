"""Films with cuts: windows, places and identities keep to their shots."""

import itertools

import pytest
import torch

from sensorium.optical_flow import DISFlow, FlowGrid
from sensorium.sounds.heat import shares_at
from sensorium.sounds.separation import Options, separate
from sensorium.sounds.separation.identity import Sighting, join
from sensorium.sounds.separation.looks import Looks
from sensorium.sounds.separation.moving import MovingPictures
from sensorium.sounds.separation.regions import Follower, regions_of
from sensorium.sounds.separation.sources import Cast, Source
from sensorium.sounds.separation.windows import CrossFade, Windows
from sensorium.sounds.shots import find_shots
from sensorium.sounds.spectra import SpectraConfig
from sensorium.sounds.view import SoundView
from sensorium.types import Clip, FrameVideo, Span
from sensorium.worlds import stage

from .conftest import Held, scene, tones

CONFIG = SpectraConfig(rate=1000, window=64, hop=16, frames=32)  # 0.511 s a window
A, B = torch.eye(2)
SWAPPED = ({"red": (0.25, 0.5), "green": (0.75, 0.5)}, {"green": (0.25, 0.5), "red": (0.75, 0.5)})


def two_stages(seconds=4.0, rate=8000):
    """Two episodes of the stage, one after the other; the first's and the second's clip."""
    clips = [
        stage.clip(stage.compose(seed, seconds, ["violin", "drum"]), 64, 96, fps=12.0, rate=rate)
        for seed in (3, 8)
    ]
    videos = [clip.need_video() for clip in clips]
    frames = torch.cat([video.frames(video.times()) for video in videos])
    sound = torch.cat([clip.need_audio().samples() for clip in clips], -1)
    return Clip(FrameVideo(frames, 12.0), Held(sound, rate), "two stages")


def cut_film(seconds=3.0, rate=16000):
    """Red and green change places, and the light, at a cut."""
    dark, light = (scene(boxes) for boxes in SWAPPED)
    light = torch.where(light == 90, torch.tensor(30, dtype=torch.uint8), light)
    frames = torch.stack([dark] * round(8 * seconds) + [light] * round(8 * seconds))
    tracks = tones(("red", "green"), 2 * seconds, rate)
    return Clip(FrameVideo(frames, 8.0), Held(tracks.sum(0), rate), "cut"), tracks


def test_one_shot_changes_nothing():
    span = Span(2.0, 9.3)
    plain = Windows.over(span, CONFIG)
    one = Windows.over(span, CONFIG, (span,))
    assert plain.firsts == one.firsts
    total = 1 + int(span.duration * 1000) // 16
    assert plain.firsts == (*range(0, total - 32, 16), total - 32)
    assert {one.shot(k) for k in range(len(one))} == {0}


@pytest.mark.parametrize("cuts", [[3.0], [1.0, 4.7], [3.0, 3.2], [0.1], [9.9], [2.0, 2.1, 2.2]])
def test_windows_do_not_reach_over_cuts_of_long_shots(cuts):
    edges = [0.0, *cuts, 10.0]
    shots = tuple(Span(a, b) for a, b in itertools.pairwise(edges))
    windows = Windows.over(Span(0.0, 10.0), CONFIG, shots)
    assert list(windows.firsts) == sorted(set(windows.firsts))
    fade = CrossFade(0, windows.frames)
    done = [fade.add(f, torch.ones(1, 32)) for f in windows.firsts]
    assert torch.allclose(torch.cat([*done, fade.finish()], -1), torch.ones(1, windows.frames))
    long = [s for s in shots if s.duration > 0.6]
    across = [
        (k, cut)
        for k, cut in itertools.product(range(len(windows)), cuts)
        if windows.stretch(k).start + 0.02 < cut < windows.stretch(k).end - 0.02
    ]
    assert all(
        any(s.duration < 0.6 and cut in (s.start, s.end) for s in shots) for _, cut in across
    )
    assert {windows.shot(k) for k in range(len(windows))} >= {shots.index(s) for s in long}


def test_two_stages_are_separated_shot_by_shot(tiny):
    clip = two_stages()
    (first, second) = find_shots(clip.need_video())
    assert first.end == pytest.approx(4.0, abs=0.05)
    stems = separate(tiny, clip, Options(sources=2))
    assert (stems.samples().sum(0) - clip.audio.data).abs().max() < 1e-6
    windows = stems.separator.windows
    assert windows.shots == (first, second)
    slack = windows.frame_seconds
    whole = [windows.stretch(k) for k in range(len(windows))]
    assert not any(s.start + slack < first.end < s.end - slack for s in whole)
    looks = Looks(tiny, clip.need_video(), windows)
    step = tiny.config.view.stride / tiny.config.view.fps
    for index in range(len(windows)):
        times = [(n + 0.5) * step for n in looks._pictures(index)]
        assert all((t < first.end) == (windows.shot(index) == 0) for t in times)


def test_who_changes_places_at_a_cut_keeps_the_track(colours):
    clip, tracks = cut_film()
    stems = separate(colours, clip)
    assert len(stems.stems) == 3
    got = stems.samples()
    order = [0, 1] if (got[0] * tracks[0]).sum() > (got[1] * tracks[0]).sum() else [1, 0]
    for source, track in zip(order, tracks, strict=True):
        error = (got[source] - track).square().sum()
        assert 10 * torch.log10(track.square().sum() / error) > 25
    red = order[0]
    for seconds, left in ((2.95, True), (3.05, False)):
        share = shares_at(stems, seconds)[red]
        assert bool(share[:, :4].max() > 0.5) is left
        assert bool(share[:, 4:].max() > 0.5) is not left


def test_twins_are_told_apart_across_a_cut_by_their_sound():
    high, low = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.1])

    def sightings(window, shot, high_at):
        return [
            Sighting(window, (high_at, 0.5), 1.0, A, shot, high),
            Sighting(window, (round(1 - high_at, 6), 0.5), 1.0, A, shot, low),
        ]

    tracks = join([sightings(0, 0, 0.2), sightings(1, 0, 0.2), sightings(2, 1, 0.8)])
    assert len(tracks) == 2
    for track in tracks:
        assert len({tuple(s.timbre.tolist()) for s in track.sightings}) == 1
    nearest = join([sightings(0, 0, 0.2), sightings(1, 0, 0.8)])  # no cut: they stay in place
    assert all(len({s.place for s in track.sightings}) == 1 for track in nearest)


def test_after_a_cut_places_are_those_where_it_was_heard_or_unknown():
    looks = torch.zeros(2, 8, 8)
    looks[0, 3:5, 1:3] = looks[0, 3:5, 5:7] = 1.0
    ground = torch.zeros(1, 2)
    heard = {0: (0.25, 0.5), 1: (0.75, 0.5)}, {0: (0.75, 0.5), 1: (0.25, 0.5)}
    twins = tuple(Source(A[None], places[0], places) for places in heard)
    follower = Follower(Cast(twins, torch.zeros(2), ground))
    for shot, left in ((0, 0), (1, 1)):
        follower.enter(shot)
        regions = regions_of(follower.shares(looks))
        assert regions[left, 3:5, 1:3].all()
        assert regions[1 - left, 3:5, 5:7].all()


def test_who_was_not_heard_in_a_shot_is_found_by_look_alone():
    looks = torch.zeros(2, 8, 8)
    looks[0, 3:5, 1:3] = looks[1, 3:5, 5:7] = 1.0
    places = {0: (0.75, 0.5)}, {0: (0.25, 0.5)}
    sources = tuple(Source(k[None], p[0], p) for k, p in zip((A, B), places, strict=True))
    follower = Follower(Cast(sources, torch.zeros(2), torch.zeros(1, 2)))
    follower.enter(1)
    assert not follower.known.any()
    regions = regions_of(follower.shares(looks))
    assert torch.equal(regions[0], looks[0] > 0)
    assert torch.equal(regions[1], looks[1] > 0)
    assert follower.known.all()
    assert follower.places[0, 0] < 0.5 < follower.places[1, 0]


def test_flow_is_searched_once_and_never_across_a_cut():
    view = SoundView(size=32, fps=12.0, frames=9, stride=1)
    flow = FlowGrid(DISFlow("ultrafast", least=64), stride=2)
    video = two_stages().need_video()
    shots = find_shots(video)
    moving = MovingPictures(video, view, flow, shots)
    sights = [moving.sight(Span(s, s + 0.75)) for s in (3.0, 3.375, 3.75, 3.5)]
    assert moving.searched == 8 + 2 * 4 + 1  # the last window's are all there but one
    last = sights[2]
    times = [t - 0.5 / 12 for t in view.times(Span(3.75, 4.5))]
    across = next(k for k, t in enumerate(times) if t + 1 / 12 >= 4.0 - 1e-6)
    for k, field in enumerate(last["flow"]):
        assert bool(field.abs().max() > 0) is (k != across), k
    alone = flow(last["frames"])
    kept = [k for k in range(8) if k != across]
    assert torch.equal(last["flow"][kept], alone[kept])


def test_beyond_the_ends_of_a_video_nothing_moves():
    view = SoundView(size=32, fps=12.0, frames=9, stride=1)
    flow = FlowGrid(DISFlow("ultrafast", least=64), stride=2)
    one = FrameVideo(two_stages().need_video().frames([0.0]), 12.0)
    sight = MovingPictures(one, view, flow).sight(Span(0.0, 0.75))
    assert sight["frames"].shape == (9, 3, 32, 32)
    assert sight["flow"].shape == (8, 2, 16, 16)
    assert not sight["flow"].any()
