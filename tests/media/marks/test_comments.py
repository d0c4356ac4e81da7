import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from sensorium.media.marks.comments import comments, kind_of, with_comment
from sensorium.media.marks.provenance import read_json
from sensorium.media.stills import read_picture

PICTURES = (".png", ".jpg", ".gif", ".webp")
TEXT = json.dumps({"generator": "sensorium", "synthetic": True, "note": "x" * 700})


def pixels(path):
    """As an independent reader sees them."""
    with Image.open(path) as image:
        shown = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            shown.append(np.asarray(image.convert("RGB")))
        return np.stack(shown)


@pytest.mark.parametrize("suffix", PICTURES)
def test_a_comment_is_read_back_and_no_pixel_changes(plain_file, tmp_path, suffix):
    path = plain_file(tmp_path, suffix)
    before = pixels(path)
    assert comments(path) == []
    path.write_bytes(with_comment(path.read_bytes(), TEXT))
    assert comments(path) == [TEXT]
    assert np.array_equal(pixels(path), before)
    assert read_picture(path).shape[1:] == before.shape[1:3]


def test_others_find_it_too(plain_file, tmp_path):
    found = {}
    for suffix in PICTURES:
        path = plain_file(tmp_path, suffix)
        path.write_bytes(with_comment(path.read_bytes(), TEXT))
        with Image.open(path) as image:
            image.load()
            found[suffix] = image.info.get("Comment") or image.info.get("comment")
            if suffix == ".webp":
                found[suffix] = image.getexif()[0x010E]
    texts = {k: v.decode() if isinstance(v, bytes) else v for k, v in found.items()}
    assert texts == dict.fromkeys(PICTURES, TEXT)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_films_tag(plain_file, tmp_path, suffix):
    path = plain_file(tmp_path, suffix, comment=TEXT)
    assert comments(path) == [TEXT]
    command = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "format_tags=comment",
        "-of",
        "json",
        path,
    ]
    try:
        told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("ffprobe is not installed")
    assert json.loads(told)["format"]["tags"]["comment"] == TEXT


def test_a_still_webp_gets_an_extended_head(plain_file, tmp_path):
    path = plain_file(tmp_path, ".webp", frames=1)
    assert path.read_bytes()[12:16] == b"VP8 "
    before = pixels(path)
    path.write_bytes(with_comment(path.read_bytes(), TEXT))
    assert path.read_bytes()[12:16] == b"VP8X"
    assert comments(path) == [TEXT]
    assert np.array_equal(pixels(path), before)


def test_gifs_without_a_common_palette_and_of_the_old_version(tmp_path):
    path = tmp_path / "local.gif"
    head = b"GIF87a" + (2).to_bytes(2, "little") * 2 + b"\0\0\0"  # no global colours
    image = b",\0\0\0\0\x02\0\x02\0\x80" + bytes(6) + b"\x02\x02\x84\x51\0"
    path.write_bytes(with_comment(head + image + b";", "hi"))
    assert path.read_bytes()[:6] == b"GIF89a"
    assert comments(path) == ["hi"]
    assert pixels(path).shape == (1, 2, 2, 3)


def test_comments_of_others_are_read_too(tmp_path):
    blank = Image.new("RGB", (8, 8))
    blank.save(tmp_path / "a.gif", comment=b"a" * 300)
    blank.save(tmp_path / "a.jpg", comment="from elsewhere")
    exif = Image.Exif()
    exif[0x010E] = "in big order"
    blank.save(tmp_path / "a.webp", exif=b"Exif\0\0" + exif.tobytes()[6:])
    assert comments(tmp_path / "a.gif") == ["a" * 300]
    assert comments(tmp_path / "a.jpg") == ["from elsewhere"]
    assert comments(tmp_path / "a.webp") == ["in big order"]


def test_only_generated_ones_say_so():
    assert read_json(TEXT) == json.loads(TEXT)
    for other in ("made by hand", "[1, 2]", '{"generator": "x"}', "{", "[" * 100_000, "1"):
        assert read_json(other) is None


@pytest.mark.parametrize("suffix", PICTURES)
def test_damage_is_no_crash(plain_file, tmp_path, suffix):
    path = plain_file(tmp_path, suffix)
    whole = with_comment(path.read_bytes(), TEXT)
    draw = np.random.default_rng(0)
    for end in [*range(0, 120, 3), len(whole) // 2]:
        path.write_bytes(whole[:end])
        assert all(isinstance(text, str) for text in comments(path))
    for _ in range(200):
        data = bytearray(whole[:1500])
        data[draw.integers(8, len(data))] = draw.integers(256)
        path.write_bytes(data)
        assert len(comments(path)) <= 3


def test_what_takes_no_comment():
    with pytest.raises(ValueError, match="goes into PNG, JPEG, GIF or WebP"):
        with_comment(b"hello", "x")
    with pytest.raises(ValueError, match="at most 65533 bytes"):
        with_comment(b"\xff\xd8\xff\xd9", "x" * 70_000)
    assert kind_of(b"") == ""
