import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from sensorium.worlds.portraits import EXPRESSIONS, MIRROR, Face, Pose, draw, identity
from sensorium.worlds.portraits.people import BEARDS, GLASSES, HAIR_STYLES
from sensorium.worlds.portraits.sheets import REST, degrees_of, degrees_sheet, expressions_sheet
from sensorium.worlds.portraits.surroundings import PATTERNS

PRINT_DIGEST = """
import hashlib
from sensorium.worlds.portraits import draw, sit
digest = hashlib.sha256()
for seed in range(24):
    sitting = sit(seed, frames=5, onset_only=seed % 2 == 0)
    for size in (64, 101, 128):
        portrait = draw(sitting.face(2 + seed % 3), size)
        for made in (portrait.frame, portrait.landmarks, portrait.mouth_mask()):
            digest.update(made.numpy().tobytes())
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


def face(seed: int, expression: str | None = None, degree: float = 1.0, **more) -> Face:
    degrees = REST if expression is None else degrees_of(expression, degree)
    return Face(identity(seed), degrees, **more)


def spread(marks: torch.Tensor) -> torch.Tensor:
    """Every landmark's distance to every other one."""
    return (marks[:, None] - marks[None]).norm(dim=-1)


def at(frame: torch.Tensor, point) -> np.ndarray:
    """Colour of the pixel in which a point lies."""
    x, y = (int(v) for v in point)
    return frame[:, y, x].numpy().astype(int)


def test_the_same_bytes_without_the_processors_vector_instructions():
    plain = digest_with()
    assert len(plain) == 64
    older = digest_with(
        OPENCV_CPU_DISABLE="AVX512-SKX,AVX2,FMA3,AVX,SSE4.2,SSE4.1,SSSE3,FP16,POPCNT",
        NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL",
        OPENBLAS_CORETYPE="Nehalem",
    )
    assert older == plain


def test_the_look_is_settled():
    """Data sets, benchmarks and bundled weights depend on these very pixels."""
    digest = hashlib.sha256()
    for seed in range(16):
        portrait = draw(face(seed, EXPRESSIONS[seed % 7], 0.8), 64)
        digest.update(portrait.frame.numpy().tobytes())
        digest.update(portrait.landmarks.numpy().tobytes())
    assert digest.hexdigest() == "38caa2ed680f7de68f3ecb5568008c39ed06a5dc13c0c4e3fb9a2409eb509c11"


def test_frames_do_not_depend_on_what_was_drawn_before():
    first = draw(face(5, "happy"), 64).frame
    for seed in range(70):  # more than are kept
        draw(face(seed), 64)
    assert torch.equal(draw(face(5, "happy"), 64).frame, first)
    assert not torch.equal(draw(face(6, "happy"), 64).frame, first)


@pytest.mark.parametrize("size", [48, 64, 65, 100, 256])
def test_any_size_shows_the_same(size):
    portrait = draw(face(3, "surprised"), size)
    assert portrait.frame.dtype == torch.uint8
    assert tuple(portrait.frame.shape) == (3, size, size)
    assert portrait.size == size
    large = draw(face(3, "surprised"), 512)
    assert torch.allclose(portrait.landmarks / size, large.landmarks / 512, atol=1e-4)
    small = torch.nn.functional.adaptive_avg_pool2d(large.frame[None].float(), size)[0]
    assert (small - portrait.frame.float()).abs().mean() < 8.0


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_degree_0_is_the_face_at_rest(expression):
    rest = draw(face(9), 64)
    assert torch.equal(draw(face(9, expression, 0.0), 64).frame, rest.frame)
    shown = draw(face(9, expression), 64)
    assert (shown.frame.float() - rest.frame.float()).abs().mean() > 1.0
    assert (shown.landmarks - rest.landmarks).abs().max() > 0.8  # pixels of 64


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_face_changes_smoothly_and_more_and_more(expression):
    steps = torch.linspace(0, 1, 11).tolist()
    made = [draw(face(21, expression, round(d, 3)), 96) for d in steps]
    marks = torch.stack([p.landmarks for p in made])
    away = (marks - marks[0]).norm(dim=(1, 2))
    assert (away.diff() > 0).all()
    frames = torch.stack([p.frame for p in made]).float()
    changes = frames.diff(dim=0).abs().mean((1, 2, 3))
    assert changes.max() < 4.0 * changes.mean()


@pytest.mark.parametrize("expression", ["happy", "surprised", "disgusted", "afraid"])
def test_the_mouth_opens_with_the_degree(expression):
    for seed in range(8):
        gaps = [
            float(marks[66, 1] - marks[62, 1])
            for marks in (
                draw(face(seed, expression, d), 128).landmarks for d in (0, 0.2, 0.4, 0.6, 0.8, 1)
            )
        ]
        assert gaps[0] == 0.0
        assert all(a < b for a, b in pairwise(gaps)), gaps


def test_action_units_move_what_they_are_named_after():
    for seed in range(10):
        rest = draw(face(seed), 128).landmarks
        happy, sad, surprised, angry = (
            draw(face(seed, name), 128).landmarks for name in EXPRESSIONS[:4]
        )
        assert happy[54, 1] < rest[54, 1] < sad[54, 1]  # corners of the mouth up, down
        assert happy[54, 0] - happy[48, 0] > rest[54, 0] - rest[48, 0]
        assert surprised[8, 1] > rest[8, 1] + 2  # the chin drops
        assert surprised[19, 1] < rest[19, 1] < angry[21, 1] + 20
        assert angry[22, 0] - angry[21, 0] < rest[22, 0] - rest[21, 0]  # brows come together
        assert angry[21, 1] > rest[21, 1]
        assert sad[21, 1] < rest[21, 1]
        contempt = draw(face(seed, "contemptuous"), 128).landmarks
        lifted = (rest[[48, 54], 1] - contempt[[48, 54], 1]).tolist()
        left = identity(seed).smirk_left
        assert lifted[0 if left else 1] > 2 > 1 > abs(lifted[1 if left else 0])


def test_pupils_are_dark_and_lids_bright_beside_them():
    for seed in range(12):
        portrait = draw(face(seed, "surprised"), 128)
        eye = portrait.landmarks[36:42]
        around = portrait.frame[:, int(eye[:, 1].min()) : int(eye[:, 1].max()) + 1]
        around = around[:, :, int(eye[0, 0]) : int(eye[3, 0])].float().mean(0)
        assert around.min() < 60
        assert around.max() > around.min() + 90


def test_lips_have_the_lips_colour():
    for seed in (1, 4, 6, 12):
        who = replace(identity(seed), beard="none", mole=None)
        portrait = draw(Face(who, REST), 256)
        lower = 0.5 * (portrait.landmarks[66] + portrait.landmarks[57]) + torch.tensor([9.0, 0.0])
        cheek = 0.5 * (portrait.landmarks[48] + portrait.landmarks[3])
        lip, skin = at(portrait.frame, lower), at(portrait.frame, cheek)
        assert lip[0] / lip[1] > 1.05 * skin[0] / skin[1]  # redder


def test_an_open_mouth_is_dark_or_has_teeth():
    portrait = draw(face(3, "surprised"), 128)
    middle = 0.6 * portrait.landmarks[66] + 0.4 * portrait.landmarks[62]
    assert at(portrait.frame, middle).sum() < 260
    grin = draw(face(3, "happy"), 256)
    teeth = 0.7 * grin.landmarks[62] + 0.3 * grin.landmarks[66]
    assert at(grin.frame, teeth).min() > 170


def test_brows_are_darker_than_the_forehead():
    for seed in range(12):
        portrait = draw(face(seed), 128)
        for point in (19, 24):
            brow = at(portrait.frame, portrait.landmarks[point]).sum()
            below = portrait.landmarks[point] + torch.tensor([0.0, 5.0])
            assert brow < at(portrait.frame, below).sum()


def test_a_blink_shuts_the_eyes():
    opened, shut = draw(face(8), 128), draw(face(8, blink=1.0), 128)
    gap = opened.landmarks[41, 1] - opened.landmarks[37, 1]
    assert shut.landmarks[41, 1] - shut.landmarks[37, 1] < 0.15 * gap
    eye = opened.landmarks[36:42].mean(0)
    assert at(shut.frame, eye).sum() > at(opened.frame, eye).sum()  # lid, not iris
    assert torch.equal(opened.landmarks[48:], shut.landmarks[48:])


def test_a_pose_moves_turns_and_scales_everything():
    rest = draw(face(2), 128).landmarks
    moved = draw(face(2, pose=Pose(dx=0.05, dy=-0.02)), 128).landmarks
    assert torch.allclose(moved, rest + torch.tensor([6.4, -2.56]), atol=2e-3)
    large = draw(face(2, pose=Pose(scale=1.1)), 128).landmarks
    assert torch.allclose(spread(large), 1.1 * spread(rest), atol=0.01)
    turned = draw(face(2, pose=Pose(roll=0.2)), 128).landmarks
    assert torch.allclose(spread(turned), spread(rest), atol=0.01)
    assert turned[45, 1] > turned[36, 1]  # clockwise


def test_masks_hold_what_they_are_named_after():
    for seed in range(10):
        portrait = draw(face(seed, EXPRESSIONS[seed % 7]), 64)
        mouth, eyes, skin = portrait.mouth_mask(), portrait.eyes_mask(), portrait.face_mask()
        assert mouth.dtype == torch.bool
        assert tuple(mouth.shape) == (64, 64)
        for x, y in portrait.landmarks[48:68].tolist():
            assert mouth[int(y), int(x)]
        for x, y in portrait.landmarks[36:48].tolist():
            assert eyes[int(y), int(x)]
        for x, y in portrait.landmarks[17:48].tolist():
            assert skin[int(y), int(x)]
        assert not (mouth & eyes).any()
        assert 0.004 < mouth.float().mean() < 0.12
        assert 0.3 < skin.float().mean() < 0.7
        assert portrait.mouth_mask(0.0).sum() < mouth.sum() < portrait.mouth_mask(1.0).sum()


def test_landmarks_lie_in_the_frame():
    for seed in range(60):
        marks = draw(face(seed, EXPRESSIONS[seed % 7]), 64).landmarks
        assert marks.dtype == torch.float32
        assert tuple(marks.shape) == (68, 2)
        assert marks.min() > 0
        assert marks.max() < 64


def test_mirror_names_the_mirror_image_of_each_landmark():
    assert sorted(MIRROR) == list(range(68))
    assert all(MIRROR[MIRROR[i]] == i for i in range(68))
    for name in ("happy", "surprised"):
        who = replace(identity(4), style=(1.0,) * len(identity(4).style))
        marks = draw(Face(who, degrees_of(name)), 128).landmarks
        flipped = torch.stack([128 - marks[:, 0], marks[:, 1]], 1)[list(MIRROR)]
        assert torch.allclose(flipped, marks, atol=2e-3)


def test_every_look_is_drawn():
    base = identity(0)
    seen = set()
    looks = [replace(base, hair_style=s) for s in HAIR_STYLES]
    looks += [replace(base, beard=s) for s in BEARDS]
    looks += [replace(base, glasses=s) for s in GLASSES]
    looks += [replace(base, setting=replace(base.setting, backdrop=s)) for s in PATTERNS]
    looks += [replace(base, age=1.0), replace(base, freckles=1.0), replace(base, mole=(0.1, 0.1))]
    for who in looks:
        seen.add(draw(Face(who, REST), 64).frame.numpy().tobytes())
    assert len(seen) >= len(looks) - 4  # each differs but where it is what the base has anyway


def test_mixtures_are_drawn_and_lie_between():
    rest, happy, surprised, both = (
        draw(Face(identity(7), d), 128).landmarks
        for d in (
            REST,
            degrees_of("happy"),
            degrees_of("surprised"),
            tuple(0.5 * (n in ("happy", "surprised")) for n in EXPRESSIONS),
        )
    )
    assert rest[8, 1] < both[8, 1] < surprised[8, 1]
    assert rest[54, 0] < happy[54, 0]
    assert surprised[54, 0] < both[54, 0] < happy[54, 0]


def test_bad_input_is_one_clear_line():
    who = identity(1)
    with pytest.raises(ValueError, match="7 degrees .*got 3"):
        Face(who, (0.0, 1.0, 0.0))
    for wrong in (1.2, -0.1, float("nan")):
        with pytest.raises(ValueError, match="0 to 1"):
            Face(who, degrees_of("happy", wrong))
    with pytest.raises(ValueError, match="blink must be 0 to 1, got 2"):
        Face(who, REST, blink=2.0)
    for wrong in (0, 15, 5000):
        with pytest.raises(ValueError, match=f"size must be 16 to 1024 pixels, got {wrong}"):
            draw(Face(who, REST), wrong)
    with pytest.raises(ValueError, match="dilate"):
        draw(Face(who, REST), 64).mouth_mask(-1.0)


def test_sheets_have_a_portrait_in_every_place():
    people = [identity(0), identity(1)]
    sheet = expressions_sheet(people, 32, gap=1)
    assert tuple(sheet.shape) == (3, 2 * 33 + 1, 8 * 33 + 1)
    assert torch.equal(sheet[:, 34:66, 34:66], draw(face(1, "happy"), 32).frame)
    rows = degrees_sheet(people, (0.0, 0.5, 1.0), 32, gap=0)
    assert tuple(rows.shape) == (3, 7 * 32, 3 * 32)
    assert torch.equal(rows[:, 32:64, 64:], draw(face(1, "sad"), 32).frame)
