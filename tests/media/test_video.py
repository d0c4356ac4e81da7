import pickle
import threading
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from sensorium.media import probe, problems, read
from sensorium.media.sharing import MAX_OPEN


def test_variable_rate_shows_frames_by_their_time_stamps(make_film, film_number):
    stamps = [0, 40, 50, 300, 310, 900, 1000]
    path = make_film("vfr.mkv", frames=7, stamps=stamps, time_base=Fraction(1, 1000))
    video = read(path).need_video()
    assert video.span.start == 0
    assert video.span.end == pytest.approx(1.04, abs=0.05)
    wanted = {0.0: 0, 0.039: 0, 0.0401: 1, 0.2: 2, 0.305: 3, 0.6: 4, 0.8999: 4, 0.9001: 5, 1.0: 6}
    got = [film_number(image) for image in video.frames(list(wanted))]
    assert got == list(wanted.values())


def test_times_outside_take_the_nearest_and_any_order_is_kept(make_film, film_number):
    video = read(make_film("a.mp4")).need_video()
    got = video.frames([99.0, -5.0, 0.5, 0.5, 0.1, 1e300, -1e300])
    assert [film_number(image) for image in got] == [39, 0, 12, 12, 2, 39, 0]
    assert video.frames([]).shape == (0, 3, 64, 96)
    assert got.dtype == torch.uint8
    assert got.is_contiguous()
    with pytest.raises(ValueError, match="finite"):
        video.frames([0.1, float("nan")])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_rotation_is_applied(make_film, film_picture, degrees, flip):
    path = make_film("turned.mp4", frames=2, rotation=degrees, flip=flip, options={"crf": "5"})
    video = read(path).need_video()
    upright = np.rot90(film_picture(0, 96, 64), degrees // 90)  # counter-clockwise, as written
    if flip:
        upright = upright[:, ::-1]
    got = video.frames([0.0])[0].permute(1, 2, 0).numpy()
    assert (video.height, video.width) == upright.shape[:2]
    assert got.shape == upright.shape
    assert np.abs(got.astype(int) - upright).mean() < 12
    clockwise = -degrees % 360
    if not flip:
        info = probe(path)
        assert info.video.rotation == clockwise
        assert bool(clockwise) == any("turned" in note for note in info.notes)


@pytest.mark.parametrize("width", [66, 72, 80, 82, 88, 90, 95, 96, 97])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p"])
def test_every_column_is_converted(make_film, film_picture, width, pixels):
    if pixels == "yuv420p" and width % 2:
        pytest.skip("no odd sizes in 4:2:0")
    fields = {"width": width, "frames": 1, "pixels": pixels, "options": {"crf": "1"}}
    video = read(make_film("columns.mp4", **fields)).need_video()
    got = video.frames([0.0])[0].permute(1, 2, 0).numpy().astype(int)
    wanted = film_picture(0, width, 64)
    smooth = wanted[10:60, :, 1].astype(int)  # green is smooth along columns
    assert np.abs(got[10:60, :, 1] - smooth).mean(0).max() < 12


def test_pickled_videos_work_elsewhere(make_film):
    video = read(make_film("a.mp4")).need_video()
    wanted = video.frames([0.1, 1.1])
    again = pickle.loads(pickle.dumps(video))
    assert torch.equal(again.frames([0.1, 1.1]), wanted)
    assert (again.span, again.fps, again.height, again.width) == (video.span, 25.0, 64, 96)


class Films(Dataset):
    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return 12

    def __getitem__(self, index):
        clip = self.clips[index % len(self.clips)]
        sound = clip.need_audio().samples(rate=8000)
        return clip.need_video().frames([index / 25 + 0.01])[0], sound


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_data_loader_workers_share_nothing_with_their_parent(make_film, film_number):
    clips = [read(make_film("a.mp4", sound="aac")) for _ in range(2)]
    for clip in clips:  # the parent's decoders are open, in the middle of the file
        clip.need_video().frames([0.9])
        clip.need_audio().samples()
    loader = DataLoader(Films(clips), batch_size=1, num_workers=2, multiprocessing_context="fork")
    got = [(film_number(image[0]), sound) for image, sound in loader]
    assert [number for number, _ in got] == list(range(12))
    assert all(torch.equal(sound, got[0][1]) for _, sound in got)
    assert film_number(clips[0].need_video().frames([0.92])[0]) == 23


def test_threads_may_share_a_video(make_film, film_number):
    clip = read(make_film("a.mp4", sound="aac"))
    wrong = []

    def work(seed):
        for i in range(15):
            number = (seed * 7 + i * 5) % 40
            if film_number(clip.need_video().frames([number / 25 + 0.01])[0]) != number:
                wrong.append(number)
            clip.need_audio().samples(rate=16000)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_videos_do_not_use_up_file_handles(make_film, film_number):
    path = make_film("a.mp4", frames=3)
    videos = [read(path).need_video() for _ in range(MAX_OPEN + 20)]
    for video in videos:
        assert film_number(video.frames([0.05])[0]) == 1
    open_ones = [video for video in videos if video._shared._decoder is not None]
    assert len(open_ones) <= MAX_OPEN
    assert film_number(videos[0].frames([0.09])[0]) == 2


def test_a_size_that_changes_is_scaled_and_reported(make_film, tmp_path):
    parts = [make_film("a.ts", frames=10), make_film("b.ts", frames=10, width=128, height=96)]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = read(path)
    frames = clip.need_video().frames(clip.need_video().times())
    assert frames.shape[2:] == (64, 96)
    assert any("size changes" in line for line in problems(clip))


def test_repr_says_what_it_is(make_film):
    text = repr(read(make_film("a.mp4", frames=3)).need_video())
    assert "96x64" in text
    assert "fps=25" in text
