import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sensorium.worlds.stage import Renderer, compose, compose_clip, frames, masks
from sensorium.worlds.stage.backdrops import PATTERNS, PROPS
from sensorium.worlds.stage.script import INSTRUMENTS, Backdrop, Episode, Performer, Pose

PRINT_DIGEST = """
import hashlib
from sensorium.worlds.stage import compose, compose_clip, frames, masks, truth
import json
digest = hashlib.sha256()
for seed in range(6):
    episode = compose(seed, 12.0)
    digest.update(json.dumps(truth(episode)).encode())
    digest.update(frames(episode, [0.5, 3.3, 7.7], 72, 90).tobytes())
    digest.update(masks(episode, [3.3], 72, 90).tobytes())
    digest.update(frames(compose_clip(seed), [0.1, 0.9], 64, 64).tobytes())
print(digest.hexdigest())
"""


def digest_with(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_same_bytes_without_the_processors_vector_instructions():
    plain = digest_with()
    assert len(plain) == 64
    older = digest_with(
        OPENCV_CPU_DISABLE="AVX512-SKX,AVX2,FMA3,AVX,SSE4.2,SSE4.1,SSSE3,FP16,POPCNT",
        NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL",
    )
    assert older == plain


def test_frames_do_not_depend_on_what_else_is_asked():
    episode = compose(2, 10.0)
    renderer = Renderer(episode, 40, 50)
    together = renderer.frames([1.0, 4.0, 7.5])
    assert np.array_equal(renderer.frames([7.5])[0], together[2])
    assert np.array_equal(frames(episode, [4.0, 1.0], 40, 50), together[[1, 0]])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (37, 3), (64, 64), (91, 160)])
def test_any_size(height, width):
    episode = compose(1, 10.0)
    assert frames(episode, [0.0, 5.0], height, width).shape == (2, height, width, 3)
    shown = masks(episode, [0.0, 5.0], height, width)
    assert shown.shape == (2, len(episode.performers), height, width)


@pytest.mark.parametrize(("height", "width"), [(0, 10), (10, -1), (10, 9000)])
def test_impossible_sizes(height, width):
    with pytest.raises(ValueError, match="1 to 8192 pixels"):
        Renderer(compose(1, 10.0), height, width)


def test_times_outside_show_the_first_and_last_state():
    episode = compose_clip(3, "open")
    still = replace(episode, camera=replace(episode.camera, drift=(0.0, 0.0), zoom=1.0, sway=0.0))
    shown = frames(still, [-5.0, 0.0, 2.0, 50.0], 32, 32)
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[2], shown[3])


def solo(kind, **home):
    performer = Performer(kind, 0, "red", "grey", 1, Pose(**home))
    return Episode(0, 4.0, (performer,), backdrop=Backdrop(grain=0.0))


@pytest.mark.parametrize("kind", INSTRUMENTS)
@pytest.mark.parametrize("design", [0, 1, 2])
def test_masks_are_where_the_picture_changes(kind, design):
    episode = solo(kind, size=0.6, fan=0.5)
    person = replace(episode.performers[0], design=design)
    episode = replace(episode, performers=(person,))
    bare = replace(episode, performers=())
    changed = (frames(episode, [1.0], 96, 96)[0] != frames(bare, [1.0], 96, 96)[0]).any(-1)
    mask = masks(episode, [1.0], 96, 96)[0, 0]
    assert 0.06 < mask.mean() < 0.4
    agreed = (changed & mask).sum() / (changed | mask).sum()
    assert agreed > 0.85


def test_who_stands_in_front_hides_who_stands_behind():
    behind, before = (Performer("drum", 0, c, "grey", 1, Pose(size=0.6)) for c in ("red", "blue"))
    episode = Episode(0, 4.0, (behind, before))
    shown = masks(episode, [1.0], 64, 64)[0]
    assert shown[1].sum() > 200
    assert shown[0].sum() < 0.1 * shown[1].sum()
    assert not (shown[0] & shown[1]).any()


def test_the_absent_have_no_mask():
    episode = solo("flute", presence=0.0)
    assert not masks(episode, [1.0], 48, 48).any()
    assert np.array_equal(
        frames(episode, [1.0], 48, 48), frames(replace(episode, performers=()), [1.0], 48, 48)
    )


def test_masks_move_with_the_performer():
    clip = compose_clip(11, "slide right")
    event = clip.events[0]
    shown = masks(clip, [event.start, event.end], 64, 64)[:, event.performer]
    left, right = (np.argwhere(mask)[:, 1].mean() for mask in shown)
    assert right - left > 10


def test_players_of_one_look_differ_only_in_when_they_move():
    episode = compose(4, 10.0, ("violin", "violin"), alike=True)
    first, second = episode.performers
    assert (first.colour, first.design, first.look) == (second.colour, second.design, second.look)
    assert first.notes != second.notes


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_backdrop_is_drawn(pattern):
    base = Episode(0, 4.0, ())
    props = tuple((name, -0.4 + 0.2 * i, 0.3) for i, name in enumerate(PROPS))
    drawn = frames(replace(base, backdrop=Backdrop(pattern, grain=0.4, props=props)), [1.0], 48, 64)
    plain = frames(replace(base, backdrop=Backdrop(pattern, grain=0.4)), [1.0], 48, 64)
    assert drawn.std() > 1.0
    assert (drawn != plain).any()


def test_light_and_grain_change_the_picture():
    base = Episode(0, 4.0, (), backdrop=Backdrop(grain=0.0, light=1.0))
    bright = replace(base, backdrop=replace(base.backdrop, light=1.3))
    warm = replace(base, backdrop=replace(base.backdrop, warmth=1.0))
    a, b, c = (frames(e, [1.0], 32, 32).mean((0, 1, 2)) for e in (base, bright, warm))
    assert (b > a).all()
    assert c[0] > a[0]
    assert c[2] < a[2]
