import itertools

import pytest
import torch

from sensorium.sounds.separation.identity import Sighting, assign, join, price
from sensorium.sounds.separation.looks import Looks
from sensorium.sounds.separation.places import (
    energy_map,
    place_features,
    positions,
    representatives,
)
from sensorium.sounds.separation.regions import Follower, around, regions_of
from sensorium.sounds.separation.sources import Cast, Source, pick
from sensorium.sounds.separation.spool import Spool
from sensorium.sounds.separation.windows import Windows
from sensorium.types import FrameVideo, Span

from .conftest import scene

A, B, C = torch.eye(3)


def test_a_place_whose_sound_is_a_sum_of_others_is_no_source():
    a, b = torch.zeros(2, 12)
    a[:5], b[6:] = torch.rand(5) + 1, torch.rand(6) + 1
    prints = torch.stack([a + b, a, 0.9 * a, b, 0.4 * a + 0.7 * b])
    energy = prints.square().sum(1)
    places = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    assert sorted(pick(prints, energy, places, None)) == [1, 3]
    assert sorted(pick(prints, energy, places, 2)) == [1, 3]
    assert len(pick(prints, energy, places, 1)) == 1
    assert len(pick(prints, energy, places, 5)) == 5


def test_twins_are_told_apart_by_place_when_two_are_wanted():
    prints = torch.ones(3, 8) + 0.01 * torch.eye(3, 8)
    places = torch.tensor([[0.2, 0.5], [0.25, 0.5], [0.8, 0.5]])
    assert len(pick(prints, torch.tensor([1.0, 0.9, 0.8]), places, None)) == 1
    kept = pick(prints, torch.tensor([1.0, 0.9, 0.8]), places, 2)
    assert 2 in kept


def test_assignment_is_the_cheapest_within_reach():
    prices = torch.tensor([[0.1, 0.2, 9.0], [0.15, 0.6, 9.0], [9.0, 9.0, 0.9]])
    slow = min(
        (p for p in itertools.permutations(range(3))),
        key=lambda p: sum(min(float(prices[i, p[i]]), 1.4) for i in range(3)),
    )
    assert assign(prices) == [(i, slow[i]) for i in range(3) if prices[i, slow[i]] <= 0.7]
    assert assign(torch.zeros(0, 3)) == []


def test_tracks_follow_looks_and_places():
    def sighting(window, x, look):
        return Sighting(window, (x, 0.5), 1.0, look)

    windows = [
        [sighting(0, 0.2, A), sighting(0, 0.8, B)],
        [sighting(1, 0.75, B), sighting(1, 0.3, A)],
        [],
        [sighting(3, 0.9, A), sighting(3, 0.1, B)],  # a cut moves everybody
        [sighting(4, 0.5, C)],
    ]
    tracks = join(windows)
    assert [len(t.sightings) for t in tracks] == [3, 3, 1]
    assert all(len({tuple(s.look.tolist()) for s in t.sightings}) == 1 for t in tracks)


def test_twins_stay_two_and_one_who_comes_back_is_one():
    twins = [[Sighting(w, (x, 0.5), 1.0, A) for x in (0.2, 0.8)] for w in range(3)]
    tracks = join(twins)
    assert [[s.place[0] for s in t.sightings] for t in tracks] in (
        [[0.2] * 3, [0.8] * 3],
        [[0.8] * 3, [0.2] * 3],
    )
    back = [[Sighting(0, (0.2, 0.5), 1.0, A)], [Sighting(1, (0.2, 0.5), 1.0, B)]]
    back += [[Sighting(2, (0.9, 0.5), 1.0, A + 0.1 * B)]]
    assert sorted(len(t.sightings) for t in join(back)) == [1, 2]
    assert len(join([[Sighting(0, (0.2, 0.5), 1.0, A)]], least=3)) == 1


def test_distance_costs_no_more_than_a_cut():
    near = price(A[None], torch.zeros(1, 2), A[None], torch.tensor([[0.1, 0.0]]))
    far = price(A[None], torch.zeros(1, 2), A[None], torch.tensor([[1.0, 1.0]]))
    assert float(near) == pytest.approx(0.1)
    assert float(far) == pytest.approx(0.4)


def test_representatives_leave_nothing_unlike_out():
    features = torch.rand(60, 4, 2, generator=torch.Generator().manual_seed(0))
    features[20:40] = features[3] + 1e-4
    chosen, nearest = representatives(features, 30)
    assert len(chosen) == 30
    flat = features.flatten(1)
    distance = (flat - flat[chosen[nearest]]).norm(dim=1)
    slow = torch.cdist(flat, flat[chosen]).amin(1)
    assert torch.allclose(distance, slow, atol=1e-3)
    every, same = representatives(features, 60)
    assert torch.equal(every, torch.arange(60))
    assert torch.equal(same, every)


def test_energy_map_peaks_where_the_sound_is(colours, duet):
    clip, tracks = duet()
    windows = Windows.over(clip.audio.span, colours.config.spectra)
    maps = Looks(colours, clip.video, windows).maps([2])[0]
    magnitude = colours.spectra.stft(tracks[1, :1, ::2]).abs()  # at 8 kHz
    heat = energy_map(colours, maps, colours.hear(magnitude), magnitude[0])
    assert heat.shape == (8, 8)
    x, y = positions(8, 8)[int(heat.argmax())].tolist()
    assert (x, y) == pytest.approx((0.75, 0.5), abs=0.1)
    masks = colours.masks(place_features(maps)[None], colours.hear(magnitude))[0]
    slow = (masks * magnitude).square().sum((1, 2)) / magnitude.square().sum()
    assert torch.allclose(heat.flatten(), slow, rtol=1e-4, atol=1e-6)


def test_where_sources_are():
    looks = torch.zeros(3, 8, 8)
    looks[0, 2:5, 1:3] = looks[1, 2:5, 5:7] = 1.0
    cast = Cast(
        (Source(A[None], (0.2, 0.4)), Source(B[None], (0.7, 0.4)), Source(C[None], (0.5, 0.9))),
        torch.zeros(3),
        torch.zeros(1, 3),
    )
    regions = regions_of(Follower(cast).shares(looks))
    assert torch.equal(regions[0], looks[0] > 0)
    assert torch.equal(regions[1], looks[1] > 0)
    assert not regions[2].any()  # not there


def test_twins_share_places_by_nearness_and_may_walk():
    cast = Cast(
        (Source(A[None], (0.2, 0.4)), Source(A[None], (0.8, 0.4))),
        torch.zeros(3),
        torch.zeros(1, 3),
    )
    follower = Follower(cast)
    for step in range(3):
        looks = torch.zeros(3, 8, 8)
        looks[0, 3, 1 + step] = looks[0, 3, 6 + min(step, 1)] = 1.0
        regions = regions_of(follower.shares(looks))
        assert torch.nonzero(regions[0]).tolist() == [[3, 1 + step]]
        assert torch.nonzero(regions[1]).tolist() == [[3, 6 + min(step, 1)]]


def test_points_have_their_neighbours_and_no_place_twice():
    shares = around(((0.0, 0.0), (1.0, 1.0), (0.8, 0.8)), 8, 8)
    assert shares.sum(0).max() == 1
    assert torch.nonzero(shares[0]).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert shares[1, 7, 7] == 1
    assert shares[2, 6, 6] == 1


def test_no_picture_is_looked_at_twice(colours):
    video = FrameVideo(torch.stack([scene({"red": (0.3, 0.5)})] * 80), 8.0)
    windows = Windows.over(Span(0, 10), colours.config.spectra)
    looks = Looks(colours, video, windows)
    for at in range(0, len(windows), 4):
        looks.maps(range(at, min(at + 4, len(windows))))
    assert looks.seen <= 80
    before = looks.seen
    looks.maps([0, 5, len(windows) - 1])
    assert looks.seen == before


def test_a_spool_gives_back_what_it_took(monkeypatch):
    from sensorium.sounds.separation import spool

    monkeypatch.setattr(spool, "_IN_MEMORY", 64)
    kept = Spool((2, 3))
    tensors = torch.rand(20, 2, 3)
    for tensor in tensors:
        kept.append(tensor)
    assert all(torch.equal(kept[k], tensors[k]) for k in (19, 0, 7))
    assert len(kept) == 20
    with pytest.raises(IndexError):
        kept[20]
