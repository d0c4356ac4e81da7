import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from sensorium import media
from sensorium.sounds.results import Stem, Stems
from sensorium.sounds.systems import PixelsSystem
from sensorium.types import Clip, FrameVideo, Span
from sensorium.watch import sounds_section as sounds_module
from sensorium.watch import spectrogram, stem_tracks, watch
from sensorium.watch.clock import Clock
from sensorium.watch.section import Setting
from sensorium.watch.sounds_section import sounds_section
from sensorium.watch.stem_sound import StemSound
from sensorium.watch.stem_tracks import make_tracks
from sensorium.watch.weights import Weights

MakeFrames = Callable[..., torch.Tensor]


@pytest.fixture(scope="module")
def clip(concert: Path) -> Clip:
    return media.read(concert)


@pytest.fixture(scope="module")
def stems(pointed: PixelsSystem, clip: Clip) -> Stems:
    found = pointed.predict(clip)
    assert isinstance(found, Stems)
    return found


@pytest.fixture
def setting(clip: Clip, weights: Weights, tmp_path: Path) -> Setting:
    return Setting(clip, Clock.of(clip.span), weights, tmp_path)


def decoded(data: bytes) -> tuple[np.ndarray, int]:
    with av.open(BytesIO(data)) as container:
        frames = list(container.decode(audio=0))
        return np.concatenate([f.to_ndarray() for f in frames], 1), frames[0].sample_rate


def sounds_of(body: str) -> list[bytes]:
    found = re.findall(r'<script type="text/plain" data-sounds="sound">([^<]+)</script>', body)
    return [base64.b64decode(text) for text in found]


def payload_of(body: str) -> dict[str, object]:
    match = re.search(r'data-sounds="data">([^<]+)</script>', body)
    assert match
    data: dict[str, object] = json.loads(match[1])
    return data


def test_the_tracks_together_are_the_original_sound(
    stems: Stems, setting: Setting, clip: Clip
) -> None:
    tracks = [decoded(data) for data in sounds_of(sounds_section(stems, setting).body)]
    assert {rate for _, rate in tracks} == {22050}
    assert len(tracks) == 3
    original = clip.need_audio().samples().numpy()
    count = min(original.shape[1], *(t.shape[1] for t, _ in tracks))
    assert count > original.shape[1] - 1024
    # AAC's priming is 1024 samples, which the file's edit list cuts: nothing may be late
    error = sum(t[:, :count] for t, _ in tracks) - original[:, :count]
    sdr = 10 * np.log10((original[:, :count] ** 2).sum() / (error**2).sum())
    assert sdr > 15


def test_the_page_knows_what_belongs_to_each_place(stems: Stems, setting: Setting) -> None:
    data = payload_of(sounds_section(stems, setting).body)
    shares = np.frombuffer(base64.b64decode(str(data["shares"])), np.uint8) / 255
    assert data["size"] == list(stems.shares.shape[-2:])
    np.testing.assert_allclose(shares.reshape(stems.shares.shape), stems.shares, atol=1 / 255)
    times = [w.centre for w in stems.windows]
    assert data["times"] == pytest.approx(times, abs=1e-3)
    assert data["labels"] == ["source 1", "source 2", "rest"]
    assert data["hues"] == [250.0, 30.0, None]
    loudness = np.frombuffer(base64.b64decode(str(data["loudness"])), np.uint8).reshape(3, -1)
    assert loudness.max() == 255


def test_a_map_ends_where_its_shot_does(
    pointed: PixelsSystem, clip: Clip, setting: Setting
) -> None:
    video = clip.need_video()
    frames = video.frames(video.times())
    turned = torch.cat([frames, 255 - frames.flip(-1)])
    sound = clip.need_audio().samples()
    path = setting.folder / "cut.mp4"
    rate = clip.need_audio().rate
    media.write(path, turned, video.fps, audio=torch.cat([sound, sound], -1), rate=rate)
    film = media.read(path)
    stems = pointed.predict(film)
    assert isinstance(stems, Stems)
    longer = replace(setting, clip=film, clock=Clock.of(film.span))
    (first, second) = stems.separator.windows.shots
    data = payload_of(sounds_section(stems, longer).body)
    times = data["times"]
    assert isinstance(times, list)
    cut = round(second.start, 4)
    assert times == sorted(times)
    assert times.count(cut) == 2
    assert cut == pytest.approx(first.end, abs=1e-4)
    place = times.index(cut)
    shares = np.frombuffer(base64.b64decode(str(data["shares"])), np.uint8)
    maps = shares.reshape(len(times), -1)
    assert (maps[place] == maps[place - 1]).all()
    assert (maps[place + 1] == maps[place + 2]).all()


def test_data_have_the_shared_keys(stems: Stems, setting: Setting) -> None:
    section = sounds_section(stems, setting)
    assert {"file", "system", "out_of_domain", "unfamiliarity", "stems"} <= section.data.keys()
    assert section.data["inside_page"] is True
    assert section.files == ()
    for stem in section.data["stems"]:
        assert stem.keys() == {"path", "label", "score", "at", "sounds", "loudness"}
        assert stem["path"] is None
        assert all(0 <= a < b <= 4.01 for a, b in stem["sounds"])
        assert all(0 <= v <= 1 for _, v in stem["loudness"])
    json.dumps(section.data)


def test_every_source_has_a_lane_with_its_loudness(stems: Stems, setting: Setting) -> None:
    section = sounds_section(stems, setting)
    assert [lane.label for lane in section.lanes] == ["source 1", "source 2"]
    assert all(lane.curve and lane.segments for lane in section.lanes)
    assert section.legend == "its loudness"
    assert len(section.moments) >= 2
    assert "2 sources: source 1 (on the left) and source 2 (on the right)" in section.summary
    assert "no calibration" in section.remark


def test_tracks_that_are_hardly_told_apart_are_said(stems: Stems, setting: Setting) -> None:
    sources, rest = stems.stems[:-1], stems.stems[-1]
    says = []
    for score in (0.9, 0.3):
        changed = tuple(replace(stem, score=score) for stem in sources)
        result = replace(stems, stems=(*changed, rest))
        says.append(sounds_section(result, setting).summary)
    assert "hardly" not in says[0]
    assert says[1].endswith("hardly tell what is whose: the tracks are 30 % decided on average.")


def test_many_sources_without_a_name_are_counted() -> None:
    labels = ("violin", *(f"source {k}" for k in range(2, 6)), "rest")
    stems = [Stem(label, 0.9, (0.1, 0.5)) for label in labels]
    spans = [[Span(0.0, 1.0)]] * 5 + [[]]
    said = sounds_module._summary(stems, spans)
    assert said == "The weights hear 5 sources: violin (on the left) and 4 without a name."


def test_out_of_domain_is_said_and_nothing_is_asserted(stems: Stems, setting: Setting) -> None:
    section = sounds_section(replace(stems, unfamiliarity=0.93), setting)
    assert section.warning == "Do not trust this separation"
    assert "unlike anything" in section.notice
    assert "procedural stage videos" in section.notice
    assert section.summary == ""
    assert section.moments == ()
    assert all(lane.hue is None for lane in section.lanes)
    assert payload_of(section.body)["hues"] == [None, None, None]
    assert len(sounds_of(section.body)) == 3


def test_labels_are_escaped(stems: Stems, setting: Setting) -> None:
    hostile = replace(stems.stems[0], label='</script><img src=x onerror="alert(1)">')
    body = sounds_section(replace(stems, stems=(hostile, *stems.stems[1:])), setting).body
    assert "<img" not in body
    assert "&lt;img" in body


def test_long_sound_stays_beside_the_page(
    concert: Path, pointed: PixelsSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stem_tracks, "EMBEDDED_SECONDS", 3.0)
    report = watch(concert, tmp_path / "out", systems=[pointed])
    assert report.folder is not None
    assert report.page is not None
    names = [stem["path"] for stem in report.sections[0].data["stems"]]
    page = report.page.read_text()
    assert "longer than" in page
    assert '<input type="range" data-do="volume"' not in page
    for name in names:
        assert f'href="{name}"' in page
        audio = media.read(report.folder / name).need_audio()
        assert audio.span.duration == pytest.approx(4.0, abs=0.06)
    copied = report.save(tmp_path / "copy")
    assert [p.relative_to(tmp_path / "copy").as_posix() for p in copied[2:]] == names
    assert all(p.stat().st_size > 100 for p in copied)


def test_silence_has_a_section(
    pointed: PixelsSystem, tmp_path: Path, moving_frames: MakeFrames
) -> None:
    film = media.write(
        tmp_path / "still.mp4", moving_frames(20), 10, audio=torch.zeros(1, 16000), rate=8000
    )
    report = watch(film, tmp_path / "out", systems=[pointed])
    (section,) = report.sections
    assert "no source" in section.summary
    assert all(stem["sounds"] == [] for stem in section.data["stems"])


def test_sound_that_begins_late_lies_where_it_is(
    stems: Stems, setting: Setting, clip: Clip
) -> None:
    later = replace(setting, clock=Clock(clip.span.start - 2.0, clip.duration + 2.0))
    body = sounds_section(stems, later).body
    assert payload_of(body)["start"] == pytest.approx(2.0)
    left, width = map(float, re.findall(r'<i style="left:([\d.]+)%;width:([\d.]+)%', body)[0])
    assert left == pytest.approx(100 * 2 / 6, abs=0.5)
    assert width == pytest.approx(100 * 4 / 6, abs=0.5)


def test_pictures_only_are_said(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = watch(film, tmp_path / "out")
    names = [s.name for s in report.sections]
    assert "actions" in names
    assert "sounds" not in names
    line = "Nothing is said about sounds: that needs pictures and sound"
    assert report.unanswered[0].startswith(line)
    assert report.page is not None
    assert line in report.page.read_text()


def test_two_sections_share_scripts_and_no_id(
    concert: Path, pointed: PixelsSystem, tmp_path: Path
) -> None:
    report = watch(concert, tmp_path / "out", systems=[pointed, pointed])
    assert report.page is not None
    page = report.page.read_text()
    assert page.count("class Mixer extends") == 1
    assert page.count('data-sounds="tracks"') == 2
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_progress_goes_from_nothing_to_all(stems: Stems, tmp_path: Path) -> None:
    told: list[float] = []
    make_tracks(stems, tmp_path, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("rate", "channels", "coded"), [(8000, 1, 8000), (44100, 2, 44100), (96000, 6, 48000)]
)
def test_a_stem_is_coded_in_step(rate: int, channels: int, coded: int) -> None:
    """A burst keeps its time, whatever the rate, the channels and the blocks."""
    burst = torch.zeros(channels, rate)
    length = rate // 100
    wave = torch.hann_window(length) * torch.sin(torch.arange(length) / rate * 2 * torch.pi * 900)
    burst[:, rate // 2 : rate // 2 + length] = wave
    sound = StemSound(None, rate, channels)
    for block in burst.split(997, -1):
        sound.feed(block)
    data, got = decoded(sound.close())
    assert (got, len(data)) == (coded, min(channels, 2))
    power = (data**2).sum(0)
    centre = float((power * np.arange(len(power))).sum() / power.sum()) / coded
    assert centre == pytest.approx(0.505, abs=0.003)


def test_a_spectrogram_is_opaque_where_it_is_loud() -> None:
    power = torch.zeros(2, 8, 12)
    power[0, 2, 3] = 1.0
    power[1, 7, 5] = 10**-2.9
    first, second = [
        cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)[..., 3]
        for png in spectrogram.pictures(power)
    ]
    assert first[8 - 1 - 2, 3] == 255
    assert int((first > 0).sum()) == 1
    assert second[0, 5] == pytest.approx(255 / 2, abs=8)
    blank = spectrogram.pictures(torch.zeros(1, 8, 12))[0]
    assert not cv2.imdecode(np.frombuffer(blank, np.uint8), cv2.IMREAD_UNCHANGED).any()


def test_stretches_join_over_short_gaps() -> None:
    loudness = torch.zeros(1, 40)
    loudness[0, 4:10] = loudness[0, 12:20] = loudness[0, 30] = 0.9
    span = FrameVideo(torch.zeros(40, 3, 2, 2, dtype=torch.uint8), 10).span
    tracks = stem_tracks.Tracks(span, (), (), (), loudness, 5512.5)
    (only,) = tracks.stretches(0)
    assert (only.start, only.end) == pytest.approx((0.4, 2.0))
