import json
from dataclasses import replace

import pytest
import torch

from sensorium.questions.datasets.answers import AnswersData
from sensorium.questions.datasets.questions import QuestionData
from sensorium.questions.executor import execute
from sensorium.questions.metrics import (
    KINDS,
    answer_of,
    kind_of,
    question_meters,
    read_text,
    scene_scores,
    true_scenes,
    write_text,
)
from sensorium.questions.recipes import nsvqa_tiny
from sensorium.questions.vocabulary import PROGRAM_WORDS
from sensorium.seeds import derive, split_seed
from sensorium.training import evaluate
from sensorium.training.building import build
from sensorium.worlds.blocks.building import Plan
from sensorium.worlds.blocks.building import build as build_folder
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import TOKENS, to_tokens
from sensorium.worlds.blocks.rendering import render
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS


def moved(item: Item, by: float) -> Item:
    x, y, z = item.position
    return replace(item, position=(x + by, y, z))


@pytest.fixture(scope="module")
def items():
    return place(5).items


def test_a_scene_seen_rightly_in_another_order(items):
    said = scene_scores([moved(i, 0.05) for i in reversed(items)], items)
    assert said["scene_exact"] == [1.0]
    assert said["recall"] == said["precision"] == [1.0] * len(items)
    assert all(set(said[name]) == {1.0} for name in ("size", "color", "material", "shape"))
    assert said["position_error"] == pytest.approx([0.05] * len(items))


def test_a_scene_with_faults(items):
    wrong = replace(items[0], color="red" if items[0].color != "red" else "blue")
    said = scene_scores([wrong, *items[2:], moved(items[1], 9.0)], items)
    count = len(items)
    assert said["scene_exact"] == [0.0]
    assert sum(said["recall"]) == count - 1
    assert sum(said["precision"]) == count - 1
    assert len(said["recall"]) == len(said["precision"]) == count
    assert sum(said["color"]) == count - 2
    assert sum(said["shape"]) == count - 1


def test_nothing_seen_and_nothing_there(items):
    blind = scene_scores([], items)
    assert blind["scene_exact"] == [0.0]
    assert blind["recall"] == [0.0] * len(items)
    assert blind["precision"] == []
    assert scene_scores([], [])["scene_exact"] == [1.0]


def test_kinds_are_those_of_the_questions():
    engine = Engine(3)
    asked = [q for k in range(20) for q in engine.ask(place(k), 10)]
    assert {kind_of(to_tokens(q.program)[0]) for q in asked} == set(KINDS)
    assert all(kind_of(to_tokens(q.program)[0]) == q.kind for q in asked)


def test_answers_of_programs(items):
    count = sum(i.shape == "cube" for i in items)
    assert answer_of(["count", "filter_shape[cube]", "scene"], items) == str(count)
    assert answer_of(["count", "filter_shape[cube]"], items) is None
    assert answer_of(["scene"], items) is None
    assert answer_of([], items) is None


def test_text_as_bytes():
    text = "What’s left of the café?"
    assert read_text(write_text(text, 40)) == text
    assert write_text("", 4).tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="a question of 9 bytes, expected at most 4"):
        write_text("too long!", 4)


def batch_of(data, count, split="val"):
    examples = data.open(split)
    made = [examples.example(k, k) for k in range(count)]
    return {key: torch.stack([e[key] for e in made]) for key in made[0]}


def figures(system, batch):
    meters = question_meters()
    system.measure(batch, meters)
    return {n: float(m.compute()) for n, m in meters.items() if m.update_called}


@pytest.fixture(scope="module")
def seeing():
    """An untrained system that takes something for blocks everywhere."""
    system = build(nsvqa_tiny()).eval()
    with torch.no_grad():
        system.scenes.finder.heat.bias.fill_(2.0)
        system.scenes.finder.inside.bias.fill_(3.0)
    return system


@pytest.fixture(scope="module")
def pictures():
    return AnswersData(held_out=6, tested=6, questions=4, height=96, width=144)


def test_answers_from_pixels_by_hand(seeing, pictures):
    said = figures(seeing, batch_of(pictures, 6))
    right, on_truth, match, types = [], [], [], {}
    engine = Engine(derive(0, "questions", "val"))
    for index in range(6):
        scene = place(split_seed("val", index))
        pixels = render(scene, 96, 144).pixels
        (seen,) = seeing.see(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])
        assert seen.items
        asked = engine.ask(scene, 4)
        for question, parsed in zip(
            asked, seeing.parser.parse([q.text for q in asked]), strict=True
        ):
            right.append(execute(parsed.program, seen.items).answer == question.answer)
            on_truth.append(execute(parsed.program, scene.items).answer == question.answer)
            match.append(parsed.tokens == tuple(to_tokens(question.program)))
            types.setdefault(question.kind, []).append(right[-1])
    assert said["accuracy"] == pytest.approx(sum(right) / 24)
    assert said["true_scene"] == pytest.approx(sum(on_truth) / 24)
    assert said["program_match"] == pytest.approx(sum(match) / 24)
    for kind, hits in types.items():
        assert said[f"accuracy/{kind}"] == pytest.approx(sum(hits) / len(hits))
    assert 0 <= said["precision"] <= 1
    assert said["scene_exact"] == 0


def test_missing_questions_and_programs_do_not_count(seeing, pictures):
    batch = batch_of(pictures, 6)
    whole = figures(seeing, batch)
    padded = {k: v.clone() for k, v in batch.items()}
    for key, fill in (("text", 0), ("answer", -1), ("program", -1)):
        extra = torch.full_like(padded[key][:, :1], fill)
        padded[key] = torch.cat([padded[key], extra], 1)
    assert figures(seeing, padded) == pytest.approx(whole)
    bare = {**batch, "program": torch.full_like(batch["program"], -1)}
    said = figures(seeing, bare)
    assert said["accuracy"] == pytest.approx(whole["accuracy"])
    assert "program_match" not in said
    assert not any("/" in name for name in said)


def test_programs_on_true_scenes(taught):
    data = QuestionData(count=0, questions=50, held_out=50)
    batch = batch_of(data, 50)
    said = figures(taught, batch)
    written = taught.parser.decode(batch["question"]).texts()
    answers = [ANSWERS[k] for k in batch["answer"].tolist()]
    right = [
        answer_of(tokens, items) == answer
        for tokens, items, answer in zip(written, true_scenes(batch), answers, strict=True)
    ]
    assert said["accuracy"] == pytest.approx(sum(right) / 50)
    assert "scene_exact" not in said
    truth = [PROGRAM_WORDS.decode(row) for row in batch["program"].tolist()]
    assert all(
        answer_of(t, i) == a for t, i, a in zip(truth, true_scenes(batch), answers, strict=True)
    )


def test_attributes_of_crops_and_scenes_of_pictures(seeing):
    scenes = nsvqa_tiny().stages[0].data
    crops = figures(seeing, batch_of(nsvqa_tiny().stages[1].data, 6))
    assert sorted(crops) == ["color", "material", "position_error", "shape", "size"]
    seen = figures(seeing, batch_of(scenes, 4))
    assert {"scene_exact", "recall", "precision"} <= set(seen)
    assert "accuracy" not in seen


def test_evaluate_reads_pictures_of_any_batch(seeing, pictures):
    whole = evaluate(seeing, pictures, split="test", batch=6)
    assert evaluate(seeing, pictures, split="test", batch=4) == pytest.approx(whole, abs=1e-5)
    assert evaluate(seeing, pictures, split="val", batch=6) != whole


@pytest.mark.parametrize("name", ["questions", "tested", "longest", "width"])
def test_bad_sizes_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        AnswersData(**{name: 0})


def test_examples_are_the_world_s(pictures):
    examples = pictures.open("test")
    assert len(examples) == 6
    one = examples.example(2, 0)
    scene = place(split_seed("test", 2))
    assert (one["picture"].permute(1, 2, 0).numpy() == render(scene, 96, 144).pixels).all()
    assert int(one["count"]) == len(scene.blocks)
    assert (one["answer"] >= 0).all()
    for text, answer, row in zip(one["text"], one["answer"], one["program"], strict=True):
        tokens = [TOKENS[k] for k in row.tolist() if k >= 0]
        assert answer_of(tokens, scene.items) == ANSWERS[int(answer)]
        assert read_text(text)
    with pytest.raises(IndexError, match="picture 6 of 6"):
        examples.example(6, 0)
    assert "6 pictures of the blocks world at 144 x 96 pixels with 4 questions" in str(pictures)


def test_a_folder_as_clevr_s(seeing, tmp_path):
    """What ``sensorium build`` writes is read back as the world made it."""
    build_folder(Plan(seed=0, scenes=3, split="val", height=96, width=144, questions=4), tmp_path)
    data = AnswersData(root=tmp_path, questions=4, held_out=2, tested=9)
    examples = data.open("val")
    assert len(examples) == 2
    one = examples.example(1, 0)
    scene = place(split_seed("val", 1), height=96, width=144)
    assert (one["picture"].permute(1, 2, 0).numpy() == render(scene, 96, 144).pixels).all()
    assert int(one["count"]) == len(scene.blocks)
    for answer, row in zip(one["answer"], one["program"], strict=True):
        tokens = [TOKENS[k] for k in row.tolist() if k >= 0]
        assert answer_of(tokens, scene.items) == ANSWERS[int(answer)]
    said = evaluate(seeing, data, split="val")
    assert {"accuracy", "true_scene", "recall"} <= set(said)
    assert len(AnswersData(root=tmp_path, part="val", questions=4).open("test")) == 3
    with pytest.raises(ValueError, match="CLEVR_test_questions.json: no such file"):
        data.open("test")


def test_questions_without_answers_or_scenes(seeing, tmp_path):
    build_folder(Plan(seed=0, scenes=2, split="test", height=48, width=72, questions=2), tmp_path)
    (tmp_path / "scenes" / "CLEVR_test_scenes.json").unlink()
    data = AnswersData(root=tmp_path, questions=3)
    said = evaluate(seeing, data, split="test")
    assert "accuracy" in said
    assert "true_scene" not in said
    assert "recall" not in said
    path = tmp_path / "questions" / "CLEVR_test_questions.json"
    content = json.loads(path.read_text())
    for question in content["questions"]:
        del question["answer"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="have no answers"):
        data.open("test")


def test_questions_of_people(seeing, tmp_path):
    build_folder(Plan(seed=0, scenes=2, split="val", height=48, width=72, questions=1), tmp_path)
    asked = [{"question": "Anything red?", "answer": "yes", "image_index": 1}]
    (tmp_path / "CLEVR-Humans-val.json").write_text(json.dumps({"questions": asked}))
    data = AnswersData(root=tmp_path, humans=tmp_path, questions=2)
    (one,) = (data.open("val").example(k, 0) for k in range(len(data.open("val"))))
    assert read_text(one["text"][0]) == "Anything red?"
    assert one["answer"].tolist() == [ANSWERS.index("yes"), -1]
    assert (one["program"] == -1).all()
    scene = place(split_seed("val", 1), height=48, width=72)
    assert int(one["count"]) == len(scene.blocks)
    assert {"accuracy", "true_scene"} <= set(evaluate(seeing, data, split="val"))
