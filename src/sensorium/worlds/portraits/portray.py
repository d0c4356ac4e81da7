"""A sitting as files: a film, pictures, masks and the truth about every frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from sensorium import media
from sensorium.worlds.portraits.actions import EXPRESSIONS
from sensorium.worlds.portraits.portrait import Face, Portrait, draw
from sensorium.worlds.portraits.sheets import REST, Picture, expressions_sheet
from sensorium.worlds.portraits.sitting import Sitting, sit

VERSION = 1
FACE, EYES, MOUTH = 1, 2, 3
"""What a pixel of a mask says; 0 is everything else."""


@dataclass(frozen=True)
class Portrayed:
    """What was written.

    Attributes:
        film: the sitting.
        truth: expression, degrees, landmarks.
        rest: the person at rest, for `animate`.
        height: the person at the expression's height.
        sheet: the person at rest and with each expression.
        masks: folder with a mask per frame.
        expression: which was shown.
        frames: how many.
    """

    film: Path
    truth: Path
    rest: Path
    height: Path
    sheet: Path
    masks: Path
    expression: str
    frames: int

    @property
    def paths(self) -> list[Path]:
        """Every file and the folder of masks, the film first."""
        return [self.film, self.truth, self.rest, self.height, self.sheet, self.masks]


def portray(
    seed: int,
    folder: str | Path,
    *,
    expression: str | None = None,
    frames: int = 48,
    size: int = 256,
    onset_only: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Portrayed:
    """Has the person of a seed sit, and writes it.

    Written are ``portrait.mp4``; ``rest.png`` and ``height.png``, the person without and with the
    expression; ``expressions.png``, the person at rest and with each expression; ``masks/*.png``
    with 1 on the face, 2 on the eyes, 3 on the mouth; ``truth.json``: who, which expression, and
    for each frame the degree, the label from time alone, blink, pose and 68 landmarks. Pictures
    carry the mark of what shows nobody, so that `sensorium animate` asks for no consent.

    Args:
        seed: who sits and how.
        folder: made if missing.
        expression: one of `EXPRESSIONS`; ``None`` draws one.
        frames: how many, at 24 per second.
        size: width and height in pixels.
        onset_only: end at the expression's height.
        progress: called with the share that is done, 0..1.

    Raises:
        ValueError: for an unknown expression, fewer than 2 frames, or an impossible size.
    """
    sitting = sit(seed, expression, frames, onset_only)
    rest = Face(sitting.identity, REST)
    resting = draw(rest, size)  # an impossible size is refused before anything is written
    top = sitting.face(int(sitting.degrees.argmax()))
    folder = Path(folder)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    facts: list[dict[str, Any]] = []
    pictures = _drawn(sitting, size, folder / "masks", facts, progress or (lambda share: None))
    # more threads would code the pictures in other ways each time
    encoding = media.Encoding(crf=18, threads=1)
    made = Portrayed(
        film=media.write(folder / "portrait.mp4", pictures, sitting.rate, encoding=encoding),
        truth=folder / "truth.json",
        rest=_save(folder / "rest.png", resting.frame),
        height=_save(folder / "height.png", draw(Face(top.identity, top.degrees), size).frame),
        sheet=_save(folder / "expressions.png", expressions_sheet([sitting.identity], size)),
        masks=folder / "masks",
        expression=sitting.expression,
        frames=len(sitting),
    )
    truth = _truth(seed, sitting, made, size) | {
        "rest": {"landmarks": _numbers(resting)},
        "frames": facts,
    }
    made.truth.write_text(json.dumps(truth, indent=1) + "\n")
    return made


def _truth(seed: int, sitting: Sitting, made: Portrayed, size: int) -> dict[str, Any]:
    """What holds for all frames, as plain JSON types."""
    return {
        "version": VERSION,
        "seed": seed,
        "expression": sitting.expression,
        "expressions": list(EXPRESSIONS),
        "rate": sitting.rate,
        "size": size,
        "files": {
            "video": made.film.name,
            "rest": made.rest.name,
            "height": made.height.name,
            "sheet": made.sheet.name,
            "masks": made.masks.name,
        },
        "identity": asdict(sitting.identity),
        "groups": sitting.identity.groups(),
    }


def _drawn(
    sitting: Sitting,
    size: int,
    masks: Path,
    facts: list[dict[str, Any]],
    progress: Callable[[float], None],
) -> Iterator[UInt8[Tensor, "3 S S"]]:
    """Frame after frame, each leaving its mask in a file and its facts in the list."""
    for i in range(len(sitting)):
        portrait = draw(sitting.face(i), size)
        name = f"{i:06d}.png"
        _, png = cv2.imencode(".png", labelled(portrait).numpy())
        (masks / name).write_bytes(png.tobytes())
        facts.append(
            {
                "time": round(i / sitting.rate, 6),
                "degree": round(float(sitting.degrees[i]), 6),
                "label": round(float(sitting.label[i]), 6),
                "blink": sitting.blinks[i],
                "pose": asdict(sitting.poses[i]),
                "landmarks": _numbers(portrait),
                "mask": f"{masks.name}/{name}",
            }
        )
        yield portrait.frame
        progress((i + 1) / len(sitting))


def labelled(portrait: Portrait) -> UInt8[Tensor, "S S"]:
    """`FACE`, `EYES` and `MOUTH` without their surroundings, in one picture."""
    mask = portrait.face_mask().to(torch.uint8) * FACE
    mask[portrait.eyes_mask(0.0)] = EYES
    mask[portrait.mouth_mask(0.0)] = MOUTH
    return mask


def _numbers(portrait: Portrait) -> list[list[float]]:
    return [[round(float(v), 3) for v in point] for point in portrait.landmarks]


def _save(path: Path, picture: Picture) -> Path:
    """As PNG, which says of itself that it shows nobody."""
    from sensorium.media.marks.comments import with_comment
    from sensorium.media.marks.provenance import Provenance

    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy()[..., ::-1])  # RGB -> BGR
    _, png = cv2.imencode(".png", pixels)
    said = Provenance("portraits", "synthetic", made="")  # the same bytes every time
    path.write_bytes(with_comment(png.tobytes(), said.to_json()))
    return path
