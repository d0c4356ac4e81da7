import json

import pytest
import torch

from sensorium import media, store, training
from sensorium.expressions.curves import hold, keyframes, mixing, ramp, transition
from sensorium.expressions.results import Animation
from sensorium.expressions.sheet import chosen
from sensorium.expressions.systems import ExpressionsSystem
from sensorium.media import MediaError
from sensorium.media.marks import Marking, has_label, labelled, read_marks
from sensorium.media.stills import read_picture
from sensorium.worlds import portraits

NAMES = ("happy", "sad", "surprised", "angry", "disgusted", "afraid", "contemptuous")


def true_video(frames=6, size=64, expression="happy", far=None):
    """What a perfect system would make: the world's own drawings."""
    degrees = mixing(ramp(frames), {expression: 1.0}, NAMES)
    person = portraits.identity(5)
    drawn = [portraits.draw(portraits.Face(person, tuple(d.tolist())), size) for d in degrees]
    pictures = torch.stack([portrait.frame for portrait in drawn])
    return Animation("face.png", "truth", pictures, degrees, NAMES, 12.0, far)


@pytest.fixture(scope="module")
def video():
    return true_video()


def test_what_it_says(video):
    said = video.to_dict()
    assert json.loads(json.dumps(said)) == said
    assert said == {
        "file": "face.png",
        "system": "truth",
        "out_of_domain": None,
        "unfamiliarity": None,
        "path": None,
        "frames": 6,
        "rate": 12.0,
        "expression": "happy",
        "peaks": {"happy": 1.0},
    }
    assert video.seconds == 0.5
    assert true_video(2, far=0.7).out_of_domain is True
    assert true_video(2, far=0.2).to_dict()["out_of_domain"] is False


def test_degrees_and_frames_must_agree(video):
    with pytest.raises(ValueError, match=r"got \[6, 7\], expected \[5, 7\]"):
        Animation("a", "b", video.frames[:5], video.degrees, NAMES)
    with pytest.raises(ValueError, match="at least one frame"):
        Animation("a", "b", video.frames[:0], video.degrees[:0], NAMES)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.gif", "a.webp", "a.png", "a.jpg", "frames"])
def test_every_format_has_every_mark(video, tmp_path, name):
    written = video.write(tmp_path / "new" / name, consent="synthetic", size=128)
    assert written.path == str(tmp_path / "new" / name)
    assert [p.name for p in (tmp_path / "new").iterdir()] == [name]
    marks = read_marks(written.path)
    assert marks.label is True
    assert marks.metadata["consent"] == "synthetic"
    assert marks.metadata["expression"] == "happy"
    assert marks.metadata["peaks"] == {"happy": 1.0}
    assert marks.metadata["frames"] == 6
    assert marks.credentials.state == "trusted"
    assert marks.credentials.provenance == marks.metadata
    assert marks.credentials.source == "trainedAlgorithmicMedia"


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.gif"])
def test_what_is_written_is_what_was_made(video, tmp_path, name):
    path = video.write(tmp_path / name, consent="synthetic").path
    found = media.probe(path)
    assert (found.video.width, found.video.height) == (64, 64 + 12)
    assert found.seconds == pytest.approx(0.5, abs=0.02)
    back = media.read(path).need_video()
    frames = back.frames(back.times(12.0))
    assert len(frames) == 6
    assert (frames[:, :, :64].int() - video.frames.int()).abs().float().mean() < 6
    assert all(has_label(frame) for frame in frames)


def test_frames_in_a_folder(video, tmp_path):
    folder = tmp_path / "frames"
    video.write(folder, consent="synthetic")
    names = sorted(p.name for p in folder.iterdir())
    assert names == [f"frame-{k:04d}.png" for k in range(6)]
    for name, frame in zip(names, video.frames, strict=True):
        assert torch.equal(read_picture(folder / name), labelled(frame))
        assert read_marks(folder / name).credentials.state == "trusted"
    (folder / "notes.txt").write_text("mine")
    true_video(2).write(folder, consent="synthetic")  # a shorter one leaves no old frames behind
    assert sorted(p.name for p in folder.iterdir()) == [*names[:2], "notes.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="is a file, expected a folder"):
        video.write(tmp_path / "file", consent="synthetic")


def test_marks_are_left_out_only_when_told(video, tmp_path):
    bare = Marking(label=False, credentials=False)
    path = video.write(tmp_path / "a.gif", consent="self", marking=bare).path
    marks = read_marks(path)
    assert marks.label is False
    assert marks.credentials.state == "none"
    assert marks.metadata["consent"] == "self"  # the plain metadata always stay
    assert read_picture(path).shape == (3, 64, 64)


def test_a_photograph_is_only_partly_made(video, tmp_path):
    path = video.write(tmp_path / "a.png", consent="written").path
    assert read_marks(path).credentials.source == "compositeWithTrainedAlgorithmicMedia"


@pytest.mark.parametrize(("size", "shape"), [(None, (76, 64)), (32, (44, 32)), (200, (212, 200))])
def test_sizes(video, tmp_path, size, shape):
    path = video.write(tmp_path / "a.gif", consent="self", size=size).path
    assert read_picture(path).shape[1:] == shape


def test_what_cannot_be_written(video, tmp_path):
    with pytest.raises(TypeError):
        video.write(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="whose face is this"):
        video.write(tmp_path / "a.mp4", consent="")
    with pytest.raises(ValueError, match=r"cannot be written as .avi; .*known: .gif, .jpeg"):
        video.write(tmp_path / "a.avi", consent="self")
    with pytest.raises(ValueError, match="a size is 1 to 4096 pixels, got 0"):
        video.write(tmp_path / "a.mp4", consent="self", size=0)
    with pytest.raises(ValueError, match="too narrow for a label"):
        video.write(tmp_path / "a.mp4", consent="self", size=6)
    assert list(tmp_path.iterdir()) == []


def test_saving(video, tmp_path):
    data, sheet = video.save(tmp_path / "out")
    said = json.loads(data.read_text())
    assert said["expressions"] == list(NAMES)
    assert torch.allclose(torch.tensor(said["degrees"]), video.degrees, atol=1e-4)
    marks = read_marks(sheet)
    assert marks.label is True
    assert marks.metadata["consent"] == "not stated"


def test_the_figure_shows_frames_and_curves(video):
    figure = video.figure()
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 6
    assert [axes.get_title() for axes in pictures][::5] == ["0: 0.00", "5: 1.00"]
    (curves,) = [axes for axes in figure.axes if axes.lines]
    assert curves.lines[0].get_ydata() == pytest.approx(video.degrees[:, 0].numpy())
    warning = true_video(2, far=0.9).figure()
    assert "unlike the pictures of the training" in warning._suptitle.get_text()


def test_long_ones_are_shown_in_part():
    assert chosen(5) == [0, 1, 2, 3, 4]
    picked = chosen(100)
    assert len(picked) == 24
    assert picked[0] == 0
    assert picked[-1] == 99
    assert picked == sorted(set(picked))
    neutral = Animation(
        "a", "b", torch.zeros(30, 3, 8, 8, dtype=torch.uint8), torch.zeros(30, 7), NAMES
    )
    assert neutral.expression == "neutral"
    assert sum(bool(axes.images) for axes in neutral.figure().axes) == 24


@pytest.fixture(scope="module")
def system():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ExpressionsSystem(training.recipe("expressions-tiny").system).eval()


def test_a_system_makes_them(system, tmp_path):
    face = portraits.draw(portraits.Face(portraits.identity(1), (0.0,) * 7), 64).frame
    curve = keyframes("0:0,4:1,8:0.3", 8)
    made = system.animate(face, system.degrees("happy", curve), 8.0, "me.png")
    assert made.file == "me.png"
    assert made.degrees[:, 0].tolist() == pytest.approx(curve.tolist())
    assert made.frames.shape == (8, 3, system.config.size, system.config.size)
    path = made.write(tmp_path / "a.mp4", consent="synthetic", size=64).path
    assert media.probe(path).video.frames == 8
    turn = transition("happy", "surprised", 5, system.expressions)
    assert system.animate(face, turn).expression == "happy>surprised"


def test_a_saved_system_makes_the_same(system, tmp_path):
    back = store.load(store.save(system, tmp_path / "saved", store.Card()))
    face = portraits.draw(portraits.Face(portraits.identity(1), (0.0,) * 7), 64).frame
    ours = system.animate(face, system.degrees("happy", hold(2)))
    assert torch.equal(back.animate(face, back.degrees("happy", hold(2))).frames, ours.frames)
