import json
from pathlib import Path

from sensorium.watch.folder import choose, file_key, stem_of


def write_report(folder: Path, key: object) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"key": key}))


def test_the_first_report_is_called_after_the_file(tmp_path: Path) -> None:
    assert choose(tmp_path / "my film.mp4", tmp_path / "out") == tmp_path / "out" / "my film"


def test_the_same_file_gets_the_same_folder(tmp_path: Path) -> None:
    out, film = tmp_path / "out", tmp_path / "a.mp4"
    write_report(out / "a", file_key(film, out))
    assert choose(film, out) == out / "a"


def test_another_file_of_the_same_stem_gets_another(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_report(out / "a", file_key(tmp_path / "a.mp4", out))
    assert choose(tmp_path / "a.mkv", out) == out / "a-2"
    write_report(out / "a-2", file_key(tmp_path / "a.mkv", out))
    assert choose(tmp_path / "a.mkv", out) == out / "a-2"
    assert choose(tmp_path / "sub" / "a.mp4", out) == out / "a-3"


def test_what_is_not_a_report_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("mine")
    write_report(tmp_path / "a-2", None)
    (tmp_path / "a-3").write_text("a file")
    (tmp_path / "a-4").mkdir()
    (tmp_path / "a-4" / "report.json").write_text("[1, 2")
    assert choose(Path("a.mp4"), tmp_path) == tmp_path / "a-5"


def test_names_without_a_stem_have_a_folder(tmp_path: Path) -> None:
    assert stem_of(tmp_path / ".mp4") == "mp4"
    frames = tmp_path / "take.2"
    frames.mkdir()
    assert stem_of(frames) == "take.2"
    assert stem_of(frames / "..") == tmp_path.name
    assert stem_of(Path("/")) == "report"
