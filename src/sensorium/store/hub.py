"""Saved systems on the Hugging Face Hub: ``hf://owner/name`` or ``hf://owner/name@revision``."""

from __future__ import annotations

import re
from pathlib import Path

from sensorium.store.saving import CONFIG, MODEL, README

SCHEME = "hf://"
_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def parse(source: str) -> tuple[str, str | None]:
    """``hf://owner/name@revision`` as ``("owner/name", "revision")``.

    Raises:
        ValueError: when it is written otherwise.
    """
    match = _ID.fullmatch(source.removeprefix(SCHEME))
    if match is None or ".." in source:
        raise ValueError(f"{source!r} is no Hub id; write hf://owner/name or hf://owner/name@tag")
    return match["repo"], match["revision"]


def download(source: str, *, only_weights: bool = False) -> Path:
    """The repository's system files in the local cache (nothing else is fetched).

    Args:
        source: ``hf://owner/name`` with an optional ``@revision``.
        only_weights: the repository need not hold a ``config.json`` of ours.

    Raises:
        ValueError: when the repository cannot be had or is none of ours.
    """
    from huggingface_hub import snapshot_download

    repo, revision = parse(source)
    try:
        files = [CONFIG, MODEL, README]
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=files))
    except Exception as error:  # the Hub's client raises its own and its HTTP library's errors
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{source}: cannot be fetched ({type(error).__name__}: {reason}); "
            "check the name and the network, or give a local folder"
        ) from error
    for name in (MODEL,) if only_weights else (CONFIG, MODEL):
        if not (folder / name).is_file():
            raise ValueError(f"{source} holds no {name}; expected a system saved by sensorium")
    return folder


def publish(folder: str | Path, repo_id: str, *, private: bool = False) -> str:
    """Upload a saved system to the Hub (made if missing); returns its address.

    Needs a token (``hf auth login``). Only the system's three files are sent.

    Raises:
        ValueError: when the folder is no saved system, or the Hub refuses.
    """
    from huggingface_hub import HfApi

    from sensorium.store.loading import read_header

    folder = Path(folder)
    parse(SCHEME + repo_id)
    read_header(folder)
    try:
        api = HfApi()
        api.create_repo(repo_id, private=private, exist_ok=True)
        files = [CONFIG, MODEL, README]
        api.upload_folder(repo_id=repo_id, folder_path=folder, allow_patterns=files)
    except Exception as error:  # the Hub's client raises its own and its HTTP library's errors
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{repo_id}: the Hub did not take it ({type(error).__name__}: {reason}); "
            "check the name, the network and your token (hf auth login)"
        ) from error
    return f"https://huggingface.co/{repo_id}"
