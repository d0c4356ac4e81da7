from __future__ import annotations

from pathlib import Path

import pytest

from sensorium.store.atomic import clear_unfinished, fresh_folder, remove_folder, write_text


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "one")
    write_text(path, "två")
    assert path.read_text(encoding="utf-8") == "två"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    with fresh_folder(target) as unfinished:
        (unfinished / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with fresh_folder(target) as unfinished:
        (unfinished / "b").write_text("2")
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in target.parent.iterdir()] == ["folder"]


def test_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("1")

    def fail() -> None:
        with fresh_folder(target) as unfinished:
            (unfinished / "new").write_text("2")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [p.name for p in tmp_path.rglob("*")] == ["folder", "old"]


def test_leftovers_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".writing-x").mkdir()
    (tmp_path / ".replaced-x").mkdir()
    (tmp_path / ".writing-file").write_text("")
    (tmp_path / ".git").mkdir()
    (tmp_path / "kept").mkdir()
    clear_unfinished(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".git", "kept"]
    remove_folder(tmp_path / "kept")
    assert [p.name for p in tmp_path.iterdir()] == [".git"]
