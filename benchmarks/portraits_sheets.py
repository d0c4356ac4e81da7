"""Draws the sheets of portraits in ``docs/figures``.

    python benchmarks/portraits_sheets.py [--out DIR]

The people are the first ones of the validation split, none left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from jaxtyping import UInt8
from torch import Tensor

from sensorium.worlds.portraits import identity, split_seed
from sensorium.worlds.portraits.sheets import degrees_sheet, expressions_sheet

FIGURES = Path(__file__).parent.parent / "docs" / "figures"
DEGREES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def save(path: Path, sheet: UInt8[Tensor, "3 H W"], zoom: int = 1) -> None:
    """As PNG; enlarged without smoothing."""
    pixels = sheet.permute(1, 2, 0).numpy()[..., ::-1].repeat(zoom, 0).repeat(zoom, 1)
    if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{path} could not be written")
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FIGURES, help="folder of the pictures")
    out = parser.parse_args().out
    people = [identity(split_seed("val", i)) for i in range(20)]
    save(out / "portraits.png", expressions_sheet(people[:6], 112))
    save(out / "portraits_64.png", expressions_sheet(people[6:14], 64))
    save(out / "portraits_degrees.png", degrees_sheet(people[13:], DEGREES, 112))


if __name__ == "__main__":
    main()
