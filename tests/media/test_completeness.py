import pytest

from sensorium.media.completeness import cut_short
from sensorium.media.opening import open_input

FILMS = {
    "a.mp4": {"sound": "aac"},
    "a.mov": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "a.mkv": {"sound": "libopus"},
    "a.avi": {"codec": "mpeg4"},
    "a.wav": {"codec": None, "sound": "pcm_s16le"},
    "a.ogg": {"codec": None, "sound": "libopus"},
    "a.gif": {"codec": "gif", "pixels": "rgb8", "frames": 4},
    "a.ts": {"sound": "mp2"},
}


@pytest.mark.parametrize("name", FILMS)
def test_whole_files_are_whole_and_cut_ones_are_not(make_film, tmp_path, name):
    path = make_film(name, **FILMS[name])
    with open_input(str(path)) as container:
        form = container.format.name
    assert cut_short(str(path), form) is None
    data = path.read_bytes()
    cut = tmp_path / name
    for missing in (1, 7, 500, len(data) // 3):
        if name == "a.ts" and missing == len(data) // 3:
            missing -= missing % 188 - 5  # whole packets may go unnoticed
        cut.write_bytes(data[:-missing])
        remark = cut_short(str(cut), form)
        assert remark is not None, missing
        assert "cut short" in remark
        if name in ("a.mp4", "a.mkv", "a.avi", "a.wav"):
            assert remark.endswith(f"{missing} bytes are missing") or name == "a.mp4"


@pytest.mark.parametrize("form", ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "ogg", "gif"])
@pytest.mark.parametrize("data", [b"", b"\x00", bytes(300), b"\xff" * 300, b"RIFF", b"OggS" * 9])
def test_nonsense_is_no_trouble(tmp_path, form, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    remark = cut_short(str(path), form)
    assert remark is None or remark.startswith("the file is cut short")


def test_unknown_formats_say_nothing(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"anything")
    assert cut_short(str(path), "flv") is None
