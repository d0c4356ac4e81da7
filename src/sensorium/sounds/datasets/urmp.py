"""URMP (Li et al., 2018): 44 chamber pieces, every player recorded alone, one film of all.

A piece is a folder ``01_Jupiter_vn_vc`` with ``AuMix_01_Jupiter_vn_vc.wav``,
``AuSep_1_vn_01_Jupiter.wav`` per player and ``Vid_01_Jupiter_vn_vc.mp4``. Each track is a recording
(``01_Jupiter_vn_vc/1_vn``) with the film of the whole piece, the mix is one of several classes
(``violin+cello``), and the tracks of a piece are one of the listing's mixtures. Everything is
``test``: the set is what systems trained elsewhere are measured on.
"""

from __future__ import annotations

import re
from pathlib import Path

from sensorium.sounds.datasets.locating import need_folder
from sensorium.sounds.datasets.manifest import MISSING, TOGETHER, Item, Listing, Source, marked

INSTRUMENTS = {
    "vn": "violin",
    "va": "viola",
    "vc": "cello",
    "db": "double_bass",
    "fl": "flute",
    "ob": "oboe",
    "cl": "clarinet",
    "sax": "saxophone",
    "bn": "bassoon",
    "tpt": "trumpet",
    "hn": "horn",
    "tbn": "trombone",
    "tba": "tuba",
}
_PIECE = re.compile(r"\d+_\w+")
_TRACK = re.compile(r"AuSep_(?P<number>\d+)_(?P<code>[a-z]+)_.*\.wav")


def read_urmp(source: Source) -> Listing:
    """URMP: a folder of pieces, or one piece."""
    folders = pieces(need_folder(source.data))
    if not folders:
        raise ValueError(
            f"{source.data}: no URMP piece, expected folders like 01_Jupiter_vn_vc with "
            "AuSep_1_vn_01_Jupiter.wav in them"
        )
    items: list[Item] = []
    mixtures = []
    for folder in folders:
        tracks = _tracks(folder)
        mixtures.append(tuple(track.uid for track in tracks))
        items += [_mix(folder, tracks), *tracks]
    return Listing("urmp", tuple(items), tuple(mixtures))


def pieces(folder: Path) -> list[Path]:
    """The folders of pieces: those in ``folder``, or itself."""
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and _is_piece(path)]
    return inner or ([folder] if _is_piece(folder) else [])


def _is_piece(folder: Path) -> bool:
    return (
        bool(_PIECE.fullmatch(folder.name)) and next(folder.glob("AuSep_*.wav"), None) is not None
    )


def _film(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("Vid_*.mp4"))), None)


def _tracks(folder: Path) -> list[Item]:
    found = []
    for path in folder.glob("AuSep_*.wav"):
        match = _TRACK.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: expected a name like AuSep_1_vn_01_Jupiter.wav")
        number, code = int(match["number"]), match["code"]
        label = INSTRUMENTS.get(code, code)
        uid = f"{folder.name}/{number}_{code}"
        found.append((number, _item(uid, label, path, folder)))
    return [item for _, item in sorted(found, key=lambda pair: (pair[0], pair[1].uid))]


def _mix(folder: Path, tracks: list[Item]) -> Item:
    sound = next(iter(sorted(folder.glob("AuMix_*.wav"))), None)
    label = TOGETHER.join(track.label for track in tracks)
    return _item(folder.name, label, sound or folder / f"AuMix_{folder.name}.wav", folder)


def _item(uid: str, label: str, sound: Path, folder: Path) -> Item:
    film = _film(folder)
    if film is None:
        lost = f"{MISSING}: {folder / f'Vid_{folder.name}.mp4'}"
        return Item(uid, label, audio_path=sound, split="test", status=lost)
    return marked(Item(uid, label, audio_path=sound, video_path=film, split="test"))
