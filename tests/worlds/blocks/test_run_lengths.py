import numpy as np
import pytest

from sensorium.worlds.blocks.run_lengths import decode, encode


def slow(text):
    """COCO's counts, letter by letter, as its C code reads them."""
    runs, value, place = [], 0, 0
    for letter in text:
        digit = ord(letter) - 48
        value += (digit & 31) * 32**place
        place += 1
        if digit < 32:
            value -= 32**place if digit & 16 else 0
            runs.append(value + (runs[len(runs) - 2] if len(runs) > 2 else 0))
            value, place = 0, 0
    return runs


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 3), (33, 64)])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
def test_a_mask_survives(shape, share):
    mask = np.random.default_rng(0).random(shape) < share
    written = encode(mask)
    assert written["size"] == list(shape)
    assert decode(written).tolist() == mask.tolist()
    flat = [bool(k % 2) for k, run in enumerate(slow(written["counts"])) for _ in range(run)]
    assert flat == mask.T.ravel().tolist()


def test_an_empty_mask_reads_as_in_coco():
    assert encode(np.zeros((10, 10), bool))["counts"] == "T3"
    assert encode(np.ones((10, 10), bool))["counts"] == "0T3"


def test_plain_counts_are_read():
    mask = decode({"size": [2, 3], "counts": [1, 2, 3]})
    assert mask.tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, "a mask must be"),
        ({"counts": "T3"}, "a mask must be"),
        ({"size": [3], "counts": "T3"}, "a mask must be"),
        ({"size": [10, 9], "counts": "T3"}, "do not fill 10x9"),
        ({"size": [10, 10], "counts": "T"}, "break off"),
        ({"size": [10, 10], "counts": "T3 "}, "' '"),
        ({"size": [2, 2], "counts": [5, -1]}, "do not fill"),
    ],
)
def test_what_is_no_mask_is_one_line(written, message):
    with pytest.raises(ValueError, match=message):
        decode(written)
