"""Published layouts filled with drawn portraits, whose landmarks are exact."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from sensorium.worlds.portraits import Sitting, draw, sit

SIZE = 96


def sitting(person: int, expression: str, frames: int = 6) -> Sitting:
    return sit(person * 31 + 7, expression, frames, identity_seed=person)


def frame(sitting: Sitting, number: int, height: int = SIZE, width: int = 128) -> np.ndarray:
    """``uint8 [height, width, 3]`` BGR: a portrait in the middle of a wider frame."""
    portrait = draw(sitting.face(number), SIZE).frame.numpy().transpose(1, 2, 0)[..., ::-1]
    out = np.full((height, width, 3), 90, np.uint8)
    left = (width - SIZE) // 2
    out[:SIZE, left : left + SIZE] = portrait
    return out


def landmarks(sitting: Sitting, number: int, width: int = 128) -> torch.Tensor:
    """``[68, 2]`` in pixels of `frame`."""
    points = draw(sitting.face(number), SIZE).landmarks
    return points + torch.tensor([(width - SIZE) / 2, 0.0])


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def scientific(*rows: tuple[float, ...]) -> str:
    """Numbers as CK+'s files write them."""
    return "".join("".join(f"   {value:.7e}" for value in row) + "\n" for row in rows)


CODES = {"angry": 1, "contemptuous": 2, "happy": 5, "surprised": 7}


def ck_plus(root: Path, people: int = 6, expressions: tuple[str, ...] = tuple(CODES)) -> Path:
    """CK+ of few people: three sequences each, and one without a label."""
    images, landmark = root / "cohn-kanade-images", root / "Landmarks" / "Landmarks"
    emotion, facs = root / "Emotion_labels" / "Emotion", root / "FACS_labels" / "FACS"
    for person in range(people):
        subject = f"S{person + 5:03d}"
        for number, expression in enumerate([*expressions, "none"], 1):
            place = f"{subject}/{number:03d}"
            shown = sitting(person, "happy" if expression == "none" else expression)
            stems = []
            for k in range(len(shown)):
                stem = f"{subject}_{number:03d}_{3 + 2 * k:08d}"  # neither from 1 nor without gaps
                stems.append(stem)
                grey = cv2.cvtColor(frame(shown, k), cv2.COLOR_BGR2GRAY)
                cv2.putText(grey, f"{k:02d}", (2, 94), cv2.FONT_HERSHEY_PLAIN, 0.8, 255)
                save(images / place / f"{stem}.png", grey)
                (landmark / place).mkdir(parents=True, exist_ok=True)
                (landmark / place / f"{stem}_landmarks.txt").write_text(
                    scientific(*landmarks(shown, k).tolist())
                )
            (emotion / place).mkdir(parents=True, exist_ok=True)
            (facs / place).mkdir(parents=True, exist_ok=True)
            (facs / place / f"{stems[-1]}_facs.txt").write_text(scientific((12, 4), (25, 0)))
            if expression != "none":  # an empty folder is no label
                (emotion / place / f"{stems[-1]}_emotion.txt").write_text(
                    scientific((CODES[expression],))
                )
        (images / subject / ".DS_Store").write_bytes(b"\0")
        (emotion / subject / ".DS_Store").write_bytes(b"\0")
    (images / ".DS_Store").write_bytes(b"\0")
    return root


def oulu_casia(root: Path, people: int = 4) -> Path:
    words = {"Anger": "angry", "Happiness": "happy", "Surprise": "surprised", "Sadness": "sad"}
    for person in range(people):
        for word, expression in words.items():
            shown = sitting(person, expression)
            for k in range(len(shown)):
                top = root / "OriginalImg" / "VL" / "Strong" / f"P{person + 1:03d}" / word
                save(top / f"{k:03d}.jpeg", frame(shown, k))
    (root / "OriginalImg" / "NI" / "Dark" / "P001" / "Anger").mkdir(parents=True)
    return root


def mug(root: Path, people: int = 4) -> Path:
    words = {"anger": "angry", "happiness": "happy", "surprise": "surprised"}
    for person in range(people):
        subject = root / "subjects3" / f"{person + 1:03d}"
        inner = subject / subject.name if person % 2 else subject
        for word, expression in words.items():
            shown = sitting(person, expression)
            order = [0, 0, 1, 2, 3, 4, 5, 5, 5, 3, 2, 0]  # there and back
            for k, number in enumerate(order):
                save(inner / word / "take000" / f"img_{k:04d}.jpg", frame(shown, number))
        save(inner / "neutral" / "take000" / "img_0000.jpg", frame(sitting(person, "happy"), 0))
    return root
