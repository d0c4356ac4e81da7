import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from sensorium.actions.sampling import Sampling
from sensorium.actions.systems import TSMSystem, TSMSystemConfig
from sensorium.actions.tsm import TSMConfig
from sensorium.actions.view import View
from sensorium.media import read, write, write_audio
from sensorium.store import Card
from sensorium.system import Result
from sensorium.types import Clip
from sensorium.watch import Report, preview, watch

CLASSES = ("rise", "sink", "slide_left", "rest")
MakeFrames = Callable[..., torch.Tensor]
WriteFilm = Callable[..., Path]


@pytest.fixture(scope="module")
def system() -> TSMSystem:
    """Untrained weights, not calibrated."""
    torch.manual_seed(0)
    view = View(size=32, fit="squash", sampling=Sampling("uniform", 4), window_seconds=1.0, fps=8.0)
    network = TSMConfig(backbone="resnet_tiny", width=0.5, classes=4)
    return TSMSystem(TSMSystemConfig(network, view, CLASSES)).eval()


def calibrated(system: TSMSystem, frames: torch.Tensor) -> TSMSystem:
    """The same, knowing clips like ``frames`` (``[B, T, 3, H, W]``)."""
    other = TSMSystem(system.config).eval()
    other.load_state_dict(system.state_dict())
    other.calibrate([{"frames": frames}])
    other.card = Card(trained_on="procedural stage videos", recipe="tsm", metrics={"top1": 0.98})
    return other


def noise(count: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 4, 3, 32, 32), generator=generator, dtype=torch.uint8)


class Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.scripts: dict[str | None, str] = {}
        self._inside: str | None = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") if tag == "script" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data
        elif self.cdata_elem is None:
            self.words += data

    def all(self, name: str) -> list[str]:
        return [v for _, attrs in self.tags for k, v in attrs.items() if k == name and v]


def read_page(report: Report) -> Page:
    assert report.page is not None
    return Page(report.page.read_text(encoding="utf-8"))


def test_a_report_is_a_page_and_its_numbers(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    told: list[tuple[str, float]] = []
    report = watch(film, tmp_path / "out", systems=[system], on_stage=lambda *s: told.append(s))
    assert report.folder == tmp_path / "out" / "walk"
    assert sorted(p.name for p in report.folder.iterdir()) == ["report.html", "report.json"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["walk"]
    assert list(dict.fromkeys(name for name, _ in told)) == list(report.seconds_per_stage)
    assert all(0 <= share <= 1 for _, share in told)
    assert all(seconds >= 0 for seconds in report.seconds_per_stage.values())


def test_report_json_keeps_its_schema(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    report = watch(film, tmp_path, systems=[system])
    assert report.folder is not None
    data = json.loads((report.folder / "report.json").read_text())
    assert data == json.loads(json.dumps(report.to_dict()))
    assert set(data) == {
        *("file", "key", "duration", "start", "out_of_domain", "media", "damage"),
        *("sections", "weights", "key_frames", "seconds", "unanswered"),
    }
    assert data["file"] == str(film)
    assert data["duration"] == pytest.approx(4.0)
    assert data["out_of_domain"] is False
    assert data["media"]["video"]["codec"] == "h264"
    assert data["weights"][0]["system"] == "tsm"
    (section,) = data["sections"]
    assert section["section"] == "actions"
    for action in section["actions"]:
        assert 0 <= action["start"] < action["end"] <= 4.001
        assert 0 <= action["score"] <= 1


def test_the_page_loads_nothing(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    report = watch(film, tmp_path, systems=[system])
    page = read_page(report)
    loads = [*page.all("src"), *page.all("href"), *page.all("poster"), *page.all("srcset")]
    assert all(link.startswith(("data:", "#")) for link in loads)
    assert report.page is not None
    text = re.sub(r"[A-Za-z0-9+/=]{200,}", "", report.page.read_text())
    assert "@import" not in text
    assert not re.search(r"url\((?!data:)", text)
    assert re.findall(r"https?://[^\s'\"<>]+", text) == []
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_the_video_is_inside_the_page(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    import base64

    page = read_page(watch(film, tmp_path, systems=[system]))
    assert base64.b64decode(page.scripts["video"]) == film.read_bytes()
    embedded = json.loads(page.scripts["report"])
    assert embedded["duration"] == pytest.approx(4.0)


def test_what_can_be_clicked_lies_in_the_video(
    film: Path, tmp_path: Path, system: TSMSystem
) -> None:
    page = read_page(watch(film, tmp_path, systems=[system]))
    seeks = [float(t) for t in page.all("data-seek")]
    assert len(seeks) >= 2
    assert all(0 <= t <= 4.001 for t in seeks)
    (slider,) = [a for _, a in page.tags if a.get("role") == "slider"]
    assert slider["tabindex"] == "0"
    assert slider["aria-label"]
    bars = [a for t, a in page.tags if t == "button" and a.get("class") == "segment"]
    assert bars
    assert all(a["aria-label"] for a in bars)
    ids = page.all("id")
    assert len(ids) == len(set(ids))


def test_an_unknown_world_is_said_plainly(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    report = watch(film, tmp_path, systems=[calibrated(system, noise())])
    assert report.out_of_domain
    page = read_page(report)
    assert "Do not trust these labels" in page.words
    assert "unlike anything" in page.words
    assert "trained on procedural stage videos" in page.words
    assert any("untrusted" in (a.get("class") or "") for _, a in page.tags)
    assert not any("summary" in (a.get("class") or "") for _, a in page.tags)


def test_a_known_world_gets_no_warning(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    view = replace(system.config.view, hop_seconds=0.1)
    video = read(film).need_video()
    known = torch.cat(list(view.batches(video, view.windows(video.span))))
    report = watch(film, tmp_path, systems=[calibrated(system, known)])
    assert not report.out_of_domain
    page = read_page(report)
    assert "Do not trust" not in page.words
    assert not any("untrusted" in (a.get("class") or "") for _, a in page.tags)
    assert "procedural stage videos" in page.words
    assert "top1 0.98" in page.words


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)<",
        "\"' onload=alert(1) x=",
        "&amp; {{json}} $title",
        "\u202etxt.\u00fc\u2028",
    ],
)
def test_hostile_file_names_are_words(
    tmp_path: Path, system: TSMSystem, name: str, write_film: WriteFilm
) -> None:
    film = write_film(tmp_path / "films" / f"{name}.mp4", count=4)
    report = watch(film, tmp_path / "out", systems=[system])
    page = read_page(report)
    assert [t for t, _ in page.tags].count("script") == 3
    assert "onload" not in {k for _, attrs in page.tags for k in attrs}
    assert f"{name}.mp4" in page.words
    assert json.loads(page.scripts["report"])["file"] == str(film)


def test_a_name_that_is_no_text_has_a_report(
    tmp_path: Path, system: TSMSystem, write_film: WriteFilm
) -> None:
    film = write_film(tmp_path / "plain.mp4", count=4)
    odd = tmp_path / "odd\udcff.mp4"
    try:
        film.rename(odd)
    except OSError:
        pytest.skip("this file system takes text names only")
    report = watch(odd, tmp_path / "out", systems=[system])
    assert "odd?.mp4" in read_page(report).words


def test_two_files_of_one_stem_keep_two_reports(
    film: Path, tmp_path: Path, system: TSMSystem
) -> None:
    other = tmp_path / "other" / "walk.mp4"
    other.parent.mkdir()
    shutil.copyfile(film, other)
    folders = [watch(f, tmp_path / "out", systems=[system]).folder for f in (film, other, film)]
    assert [f.name for f in folders if f] == ["walk", "walk-2", "walk"]
    reports = [json.loads((f / "report.json").read_text())["file"] for f in folders if f]
    assert reports == [str(film), str(other), str(film)]


def test_a_failure_leaves_the_earlier_report(
    film: Path, tmp_path: Path, system: TSMSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = watch(film, tmp_path / "out", systems=[system])
    assert first.page is not None
    before = first.page.read_bytes()

    def fail(self: Report, folder: str | Path) -> list[Path]:
        (Path(folder) / "report.html").write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Report, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        watch(film, tmp_path / "out", systems=[system])
    assert first.page.read_bytes() == before
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["walk"]


def test_a_film_of_one_frame_has_a_report(
    tmp_path: Path, system: TSMSystem, write_film: WriteFilm
) -> None:
    film = write_film(tmp_path / "still.mp4", count=1)
    report = watch(film, tmp_path / "out", systems=[system])
    assert len(report.frames) == 1
    assert len(report.strip) == 1
    assert report.clock.duration == pytest.approx(0.1, abs=0.01)


def test_a_folder_of_pictures_has_a_report_with_a_preview(
    tmp_path: Path, system: TSMSystem, moving_frames: MakeFrames
) -> None:
    import cv2

    frames = tmp_path / "take.1"
    frames.mkdir()
    for i, frame in enumerate(moving_frames(12)):
        cv2.imwrite(str(frames / f"img_{i:05d}.png"), frame.permute(1, 2, 0).numpy())
    report = watch(frames, tmp_path / "out", systems=[system])
    assert report.folder == tmp_path / "out" / "take.1"
    assert report.preview.note.startswith("A preview")
    assert "folder of pictures" in read_page(report).words


def test_a_long_video_stays_beside_the_page(
    film: Path, tmp_path: Path, system: TSMSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "EMBEDDED", 100)
    report = watch(film, tmp_path / "out", systems=[system])
    assert report.folder is not None
    names = sorted(p.name for p in report.folder.iterdir())
    assert names == ["preview.mp4", "report.html", "report.json"]
    page = read_page(report)
    assert [a["src"] for t, a in page.tags if t == "video"] == ["preview.mp4"]
    assert page.scripts.get("video", "") == ""
    assert report.preview.path == report.folder / "preview.mp4"
    copied = report.save(tmp_path / "copy")
    assert [p.name for p in copied] == ["report.json", "report.html", "preview.mp4"]
    assert copied[2].stat().st_size == report.preview.path.stat().st_size


def test_silence_is_a_fact_and_sound_is_kept(
    tmp_path: Path, system: TSMSystem, moving_frames: MakeFrames, write_film: WriteFilm
) -> None:
    silent = write_film(tmp_path / "silent.mp4", count=10)
    assert "no sound" in read_page(watch(silent, tmp_path / "out", systems=[system])).words
    tone = 0.3 * torch.sin(torch.arange(16000) / 16000 * 2 * torch.pi * 440)
    loud = write(tmp_path / "loud.mp4", moving_frames(10), 10, audio=tone[None], rate=16000)
    words = read_page(watch(loud, tmp_path / "out", systems=[system])).words
    assert "with sound" in words
    assert "AAC, mono, 16 kHz" in words


def test_sound_alone_is_one_clear_line(tmp_path: Path, system: TSMSystem) -> None:
    path = write_audio(tmp_path / "tone.wav", torch.zeros(1, 8000), 8000)
    with pytest.raises(
        ValueError, match="got sound only.*give a file with a video stream$"
    ) as caught:
        watch(path, tmp_path / "out", systems=[system])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_result_without_a_section_is_refused(
    film: Path, tmp_path: Path, system: TSMSystem
) -> None:
    class Silent(Result):
        def to_dict(self) -> dict[str, object]:
            return {}

        def save(self, folder: str | Path) -> list[Path]:
            return []

        def figure(self) -> object:
            return None

    class Mute(TSMSystem):
        def predict(self, clip: Clip) -> Silent:
            return Silent()

    with pytest.raises(ValueError, match="gives Silent, which no section"):
        watch(film, tmp_path / "out", systems=[Mute(system.config)])


def test_two_systems_give_two_sections(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    report = watch(film, tmp_path, systems=[system, system])
    assert len(report.sections) == len(report.weights) == 2
    page = read_page(report)
    assert page.words.count("What happens when") >= 4


def test_the_figure_draws_every_lane(film: Path, tmp_path: Path, system: TSMSystem) -> None:
    report = watch(film, tmp_path, systems=[system])
    (axes,) = report.figure().axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [lane.label for lane in report.sections[0].lanes]
