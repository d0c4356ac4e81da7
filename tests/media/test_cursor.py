import random
from pathlib import Path

import av
import pytest
import torch

from sensorium.media import problems, read

X265 = "log-level=none:keyint=12:min-keyint=12:bframes=4"
FILMS = {
    "h264.mp4": {"options": {"x264-params": "bframes=3:b-pyramid=2:keyint=12"}},
    "h264_open.mp4": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=12:min-keyint=12"}},
    "h264_open.mkv": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=12:min-keyint=12"}},
    "h264_open.ts": {"options": {"x264-params": "open-gop=1:bframes=3:keyint=12:min-keyint=12"}},
    "h264_refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}},
    "h264_long.mp4": {"options": {"x264-params": "keyint=250:bframes=5"}},
    "h264.avi": {"options": {"bf": "2"}},
    "h264.flv": {"options": {"bf": "2"}},
    "h264.h264": {"options": {"bf": "2"}},
    "hevc_open.mp4": {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=1"}},
    "hevc_open.ts": {"codec": "libx265", "options": {"x265-params": f"{X265}:open-gop=1"}},
    "hevc_10bit.mkv": {
        "codec": "libx265",
        "pixels": "yuv420p10le",
        "options": {"x265-params": X265},
    },
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2, "frames": 90},
    "vp9.webm": {
        "codec": "libvpx-vp9",
        "options": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "10"},
    },
    "vp8.webm": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "mjpeg.mov": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1"},
    "animation.gif": {"codec": "gif", "pixels": "rgb8"},
    "prores.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "odd_444.mp4": {"pixels": "yuv444p", "width": 97, "height": 67},
}


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_time_gives_the_frame_of_a_full_decode(make_film, film_number, name, threads):
    count = FILMS[name].get("frames", 40)
    path = make_film(name, **FILMS[name])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        video = read(path).need_video()
        # Just after each time stamp (AVI and others count whole frames, Matroska milliseconds).
        times = [i / 25 + 0.002 for i in range(count)]
        forward = video.frames(times)
        assert [film_number(image) for image in forward] == list(range(count))
        dice = random.Random(0)
        for turn in range(12):
            wanted = dice.sample(range(count), dice.choice([1, 2, 5]))
            wanted = sorted(wanted) if turn % 3 == 0 else wanted
            got = video.frames([times[i] + dice.uniform(0, 0.035) for i in wanted])
            assert [film_number(image) for image in got] == wanted
            assert torch.equal(got, forward[wanted])  # not a bit of what was not decoded
    finally:
        torch.set_num_threads(before)
    assert video.span.start == 0
    assert video.span.end == pytest.approx(count / 25, abs=0.041)
    assert problems(read(path)) == ()


def test_frames_equal_those_of_ffmpeg_in_order(make_film):
    path = make_film("h264.mp4", options={"bf": "3"})
    with av.open(str(path)) as container:
        whole = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    video = read(path).need_video()
    ours = video.frames(video.times()).permute(0, 2, 3, 1).numpy()
    assert len(whole) == len(ours)
    assert all((a == b).all() for a, b in zip(whole, ours, strict=True))


def test_dense_times_decode_each_packet_once(make_film):
    video = read(make_film("h264.mp4", frames=60)).need_video()
    with video._shared.use() as cursor:
        seeks = []
        original = cursor._seek
        cursor._seek = lambda tick: (seeks.append(tick), original(tick))
    video.frames(video.times())
    for i in range(10):
        video.frames([1.0 + i / 25])
    assert len(seeks) == 2  # to the start, and back to 1 s


def test_far_times_seek_instead_of_decoding_all(make_film):
    video = read(make_film("h264.mp4", frames=250, gop=12)).need_video()
    decoded = []
    with video._shared.use() as cursor:
        original = cursor._take
        cursor._take = lambda frame: (decoded.append(frame.pts), original(frame))
    video.frames([0.02, 5.02, 9.02])
    assert len(decoded) < 60


def test_long_holds_show_the_last_frame_before(make_film, film_number):
    """Skipping what nothing refers to must not lose the frame on display."""
    stamps = [*range(10), *range(100, 110), *range(300, 310)]
    path = make_film("holds.mp4", frames=30, stamps=stamps, options={"bf": "3"}, gop=250)
    for seconds, shown in [(3.9, 9), (11.9, 19), (2.0, 9), (4.0 + 1e-4, 10), (12.21, 25)]:
        video = read(path).need_video()  # anew, so that nothing is decoded yet
        assert film_number(video.frames([seconds])[0]) == shown
    video = read(path).need_video()
    assert [film_number(f) for f in video.frames([11.9, 3.9, 0.05, 12.05])] == [19, 9, 1, 21]


def test_the_file_may_go_and_the_decoder_stays_usable_after_an_error(make_film, tmp_path):
    path = tmp_path / "gone.mp4"
    path.write_bytes(Path(make_film("h264.mp4")).read_bytes())
    video = read(path).need_video()
    first = video.frames([0.5])
    video.close()
    data = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match="no such file"):
        video.frames([0.5])
    path.write_bytes(data)
    assert torch.equal(video.frames([0.5]), first)
