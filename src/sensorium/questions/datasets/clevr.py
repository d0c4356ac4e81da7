"""CLEVR v1.0 (Johnson et al., arXiv:1612.06890) by its published layout.

::

    CLEVR_v1.0/images/train/CLEVR_train_000000.png      70,000 / 15,000 / 15,000 pictures, 480 x 320
    CLEVR_v1.0/questions/CLEVR_train_questions.json     ten questions about each
    CLEVR_v1.0/scenes/CLEVR_train_scenes.json           not for the test split

The test split has neither scenes nor programs nor answers. What ``sensorium build`` writes has the
same layout and is read in the same way. All questions of a split are held in memory: 60,000 take 6
seconds and 0.4 GB while they are read, so the 700,000 of the training split about 5 GB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sensorium.worlds.blocks.question_json import read_questions
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scene_json import read_scenes
from sensorium.worlds.blocks.scenes import Item, Scene

ARCHIVE = "CLEVR_v1.0"


@dataclass(frozen=True)
class Asked:
    """A question and what it is about.

    Attributes:
        question: with its program and answer, where they are known.
        picture: file; whether it is there is not looked at.
        scene: the true one; ``None`` where it is not known.
    """

    question: Question
    picture: Path
    scene: Scene | None


@dataclass(frozen=True)
class ClevrSplit:
    """The questions of one split, each with its picture and its scene.

    Attributes:
        name: of the split.
        questions: in the order of the file.
        scenes: by number of the picture; empty where the split has none.
        folder: of the pictures.
    """

    name: str
    questions: tuple[Question, ...] = field(repr=False)
    scenes: Mapping[int, Scene] = field(repr=False, hash=False)
    folder: Path

    def __len__(self) -> int:
        return len(self.questions)

    def __getitem__(self, number: int) -> Asked:
        question = self.questions[number]
        return Asked(question, self.picture(question), self.scenes.get(question.image))

    def __iter__(self) -> Iterator[Asked]:
        return (self[number] for number in range(len(self)))

    def picture(self, question: Question) -> Path:
        """The file of a question's picture."""
        return self.folder / (question.filename or f"CLEVR_{self.name}_{question.image:06d}.png")

    def with_places(self) -> tuple[list[tuple[int, Question]], list[tuple[Item, ...]]]:
        """Each question with the place of its scene in a list of scenes, and that list.

        Only scenes that are asked about are in it.

        Raises:
            ValueError: when the split has no scenes.
        """
        if not self.scenes and self.questions:
            raise ValueError(
                f"{self.folder.name}: this split has no scenes; choose train or val, whose scenes "
                "are published"
            )
        places: dict[int, int] = {}
        asked = [(places.setdefault(q.image, len(places)), q) for q in self.questions]
        return asked, [self.scenes[image].items for image in places]


def read_clevr(folder: str | Path, split: str, *, count: int | None = None) -> ClevrSplit:
    """A split of CLEVR, or of anything in its layout.

    Args:
        folder: ``CLEVR_v1.0``, or the folder that holds it.
        split: ``train``, ``val`` or ``test``.
        count: of questions, the first of the file; default: all.

    Raises:
        ValueError: when a folder, a file or a scene is missing or malformed, in one line.
    """
    folder = archive(folder, ARCHIVE)
    path = folder / "questions" / f"CLEVR_{split}_questions.json"
    if not path.is_file():
        raise ValueError(f"{path}: no such file; {_splits(folder)}")
    questions = tuple(read_questions(path)[:count])
    return ClevrSplit(
        split, questions, scenes_of(folder, split, questions), pictures(folder, split)
    )


def archive(folder: str | Path, name: str) -> Path:
    """The unpacked archive, or the one of this name inside.

    Raises:
        ValueError: when there is no such folder, or no questions in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: {what}; give the unpacked {name}, which holds questions/")
    inside = folder / name
    found = inside if inside.is_dir() else folder
    if not (found / "questions").is_dir():
        raise ValueError(
            f"{found}: has no folder 'questions'; give the unpacked {name} (images, questions, "
            "scenes)"
        )
    return found


def pictures(folder: Path, split: str) -> Path:
    """The folder of a split's pictures."""
    return folder / "images" / split


def scenes_of(folder: Path, split: str, questions: Sequence[Question]) -> dict[int, Scene]:
    """A split's scenes by number of the picture; none where there is no file.

    Raises:
        ValueError: when a picture has two scenes, or one that is asked about has none.
    """
    path = folder / "scenes" / f"CLEVR_{split}_scenes.json"
    if not path.is_file():
        return {}
    scenes: dict[int, Scene] = {}
    for scene in read_scenes(path):
        if scenes.setdefault(scene.index, scene) is not scene:
            raise ValueError(f"{path}: picture {scene.index} has two scenes; is the file whole?")
    for number, question in enumerate(questions):
        if question.image not in scenes:
            raise ValueError(
                f"{path}: has no scene of picture {question.image}, about which question {number} "
                "asks; are questions and scenes of the same data set?"
            )
    return scenes


def _splits(folder: Path) -> str:
    """Which splits there are."""
    names = sorted(
        path.name.removeprefix("CLEVR_").removesuffix("_questions.json")
        for path in (folder / "questions").glob("CLEVR_*_questions.json")
    )
    return f"there are questions of {', '.join(names)}" if names else "there are no questions there"
