import pytest
import torch
from torch.nn import functional as F

import sensorium
from sensorium import images
from sensorium.events.performers import COLOUR_NAMES, names
from sensorium.events.seen import Seen, SeenConfig, changes, colours
from sensorium.worlds.stage import Renderer, compose, compose_solo

TIMES = [0.125 + 0.25 * i for i in range(10)]


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    episode = compose(5, 8.0, 2)
    return torch.from_numpy(Renderer(episode, 64, 64).frames(TIMES)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def seen() -> Seen:
    made = Seen(SeenConfig(size=64)).eval()
    made.start_from_bundled()
    return made


@torch.no_grad()
def test_the_maps_of_moves_are_those_of_the_bundled_tsm(seen: Seen, pictures: torch.Tensor) -> None:
    tsm = sensorium.load("tsm").network.eval()
    looked = images.normalise(pictures)
    assert seen.moves is not None
    maps = seen.moves(looked)
    assert maps.shape == (10, 128, 4, 4)
    assert torch.allclose(maps.mean((2, 3)), tsm.features(looked[None])[0], atol=1e-4)


@torch.no_grad()
def test_places_are_means_of_the_maps(seen: Seen, pictures: torch.Tensor) -> None:
    assert seen.moves is not None
    rows = seen(pictures)
    assert rows.shape == (10, seen.dim)
    places = rows[:, : 6 * (seen.channels + 1)].unflatten(1, (seen.channels + 1, 2, 3))
    maps = seen.moves(images.normalise(pictures))
    expected = F.adaptive_avg_pool2d(maps, (2, 3))
    assert (places[:, :128] - expected).abs().mean() < 0.05 * expected.abs().mean()  # bfloat16


@torch.no_grad()
def test_who_moves_is_told_from_who_stands_still(seen: Seen) -> None:
    """Of two things, the one that moves changes more, whatever it looks like."""
    grey = torch.full((3, 3, 64, 64), 120, dtype=torch.uint8)
    moving = grey.clone()
    for i in range(3):
        moving[i, 0, 20:40, 4 + 8 * i : 20 + 8 * i] = 220
    change = changes(moving, (8, 8))
    assert change.shape == (3, 1, 8, 8)
    assert change[:, :, :, :5].sum() > 0.99 * change.sum()
    assert changes(grey, (8, 8)).abs().max() == 0
    assert changes(grey[:1], (8, 8)).shape == (1, 1, 8, 8)


def test_colours_are_told_by_hue_and_pale_ones_by_lightness() -> None:
    paints = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
    rows = []
    for paint in (*paints.values(), (250, 250, 250), (5, 5, 5), (128, 128, 128)):
        picture = torch.tensor(paint, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32)
        found = colours(picture, (2, 2))
        assert found.shape == (1, 16, 2, 2)
        rows.append(found.mean((0, 2, 3)))
    assert [int(row[:12].argmax()) for row in rows[:3]] == [0, 4, 8]
    assert [int(row[12:15].argmax()) for row in rows[3:]] == [0, 1, 2]
    assert all(row[:12].max() < 0.05 for row in rows[3:])


@torch.no_grad()
def test_things_are_named_better_than_by_chance() -> None:
    made = Seen(SeenConfig(size=112)).eval()
    made.start_from_bundled()
    assert made.things is not None
    right, named = 0, names()
    for seed in range(24):
        episode = compose_solo(3 * seed + 1, ("drum", "piano", "flute")[seed % 3], 4.0)
        picture = torch.from_numpy(Renderer(episode, 112, 112).frames([2.0])).permute(0, 3, 1, 2)
        there = made.things(images.normalise(picture)).sum((0, 2, 3))
        colour, kind = named[int(there.argmax())].split()
        person = episode.performers[0]
        right += (colour == person.colour) + (kind == person.kind)
    assert len(named) == 64
    assert set(COLOUR_NAMES) == {name.split()[0] for name in named}
    assert right > 24  # of 48; by chance 6


@pytest.mark.parametrize(
    "config",
    [
        SeenConfig(size=32, places=(0, 0)),
        SeenConfig(size=32, moved=False),
        SeenConfig(size=32, moves=False),
        SeenConfig(size=48, things=False, places=(1, 2)),
        SeenConfig(size=32, colours=False, moves=False),
    ],
)
@torch.no_grad()
def test_parts_can_be_left_out(config: SeenConfig, pictures: torch.Tensor) -> None:
    made = Seen(config).eval()
    rows = made(images.resize(pictures, (config.size, config.size)))
    assert rows.shape == (10, made.dim)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 8}, "multiple of 16"),
        ({"size": 100}, "multiple of 16"),
        ({"moves": False, "things": False, "colours": False}, "none of them"),
        ({"moved": False, "places": (0, 3)}, "got neither"),
    ],
)
def test_nothing_to_see_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SeenConfig(**changes)  # type: ignore[arg-type]
