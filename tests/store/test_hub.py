"""The Hub's client, as far as it goes without a network: its cache on disk is the real one."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import huggingface_hub.constants
import pytest

from sensorium.store import load, publish, read_weights
from sensorium.store.hub import parse


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and no network."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def keep(cache: Path, repo: str, folder: Path) -> None:
    """Put files into the cache as a download would."""
    place = cache / f"models--{repo.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(folder, place / "snapshots" / commit)
    (place / "refs").mkdir()
    for ref in ("main", "v1"):
        (place / "refs" / ref).write_text(commit)


def test_ids() -> None:
    assert parse("hf://owner/name") == ("owner/name", None)
    assert parse("hf://owner/na.me-2@v1.0") == ("owner/na.me-2", "v1.0")


@pytest.mark.parametrize("source", ["hf://name", "hf://a/b/c", "hf://a/b@", "hf://../b", "hf://"])
def test_wrong_ids(source: str) -> None:
    with pytest.raises(ValueError, match=r"is no Hub id; write hf://owner/name"):
        load(source)


def test_load_from_the_cache(offline: Path, folder: Path, tiny: ModuleType) -> None:
    keep(offline, "someone/tiny", folder)
    for source in ("hf://someone/tiny", "hf://someone/tiny@v1"):
        assert load(source, systems={"tiny": tiny.Tiny}).weights == "tiny-best"
    assert "body.weight" in read_weights("hf://someone/tiny")


def test_weights_of_another_project_need_no_config(
    offline: Path, folder: Path, tiny: ModuleType
) -> None:
    (folder / "config.json").unlink()
    keep(offline, "timm/resnet", folder)
    assert "body.weight" in read_weights("hf://timm/resnet")
    with pytest.raises(ValueError, match=r"holds no config.json; expected a system saved by"):
        load("hf://timm/resnet", systems={"tiny": tiny.Tiny})


def test_unreachable_hub_is_one_line(offline: Path) -> None:
    with pytest.raises(ValueError, match=r"hf://someone/nothing: cannot be fetched") as caught:
        load("hf://someone/nothing")
    assert "\n" not in str(caught.value)
    assert "or give a local folder" in str(caught.value)


def test_publish_checks_before_it_sends(folder: Path, tmp_path: Path, offline: Path) -> None:
    with pytest.raises(ValueError, match="is no Hub id"):
        publish(folder, "just-a-name")
    with pytest.raises(ValueError, match=r"config.json is missing"):
        publish(tmp_path, "someone/tiny")
    with pytest.raises(ValueError, match="someone/tiny: the Hub did not take it") as caught:
        publish(folder, "someone/tiny")
    assert "\n" not in str(caught.value)
