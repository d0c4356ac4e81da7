import json
from pathlib import Path

import pytest


@pytest.fixture
def bundled(system, tmp_path, monkeypatch):
    """A working folder in which ``tsm`` is the untrained system."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tsm").symlink_to(system)
    monkeypatch.setattr("sensorium.store.sources.bundled_names", list)


@pytest.mark.usefixtures("bundled")
def test_a_report_is_written_and_named(run, video, tmp_path):
    ran = run("watch", video, tmp_path / "none.mp4", "--out", "reports", "--json")
    assert ran.code == 1
    good, bad = ran.records
    assert set(bad) == {"file", "error"}
    assert good["file"] == str(video)
    page = Path(good["path"])
    assert page == Path("reports/0/report.html")
    assert "<html" in page.read_text()
    assert json.loads((page.parent / "report.json").read_text())["file"] == str(video)
    assert ran.err.splitlines()[-1] == "1 of 2 failed"


@pytest.mark.usefixtures("bundled")
def test_people_read_sentences_and_where_the_report_is(run, video):
    ran = run("watch", video)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == str(video)
    assert lines[-1].strip() == f"report: {Path('report/0/report.html')}"
    assert len(lines) > 2
