from dataclasses import replace

import pytest
import torch

from sensorium.questions.confidence import scene_confidence
from sensorium.questions.recipes import RECIPES, nsvqa_tiny
from sensorium.questions.systems import NSVQASystem, unknown_words
from sensorium.store import Card, load, save
from sensorium.training.building import build
from sensorium.types import Clip, FrameVideo


@pytest.fixture(scope="module")
def tiny():
    return build(nsvqa_tiny()).eval()


def ask(system, sight, question, **how):
    (answer,) = system.ask(sight, [question], **how)
    return answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many cubes are there?", "2"),
        ("how many cubes are there", "2"),
        ("What color is the sphere?", "green"),
        ("Are there any red things?", "yes"),
        ("Are there more cubes than spheres?", "yes"),
        ("How many things are left of the sphere?", "2"),
    ],
)
def test_answers(taught, sight, question, answer):
    said = ask(taught, sight, question)
    assert (said.answer, said.error) == (answer, "")
    assert said.question == question
    assert said.trace[-1].value == answer
    assert 0.5 < said.confidence < 1


def test_confidence_is_that_of_program_scene_and_choice(taught, sight):
    question = "What color is the sphere?"
    sure = ask(taught, sight, question)
    (parsed,) = taught.parser.parse([question])
    scene = scene_confidence(parsed.program, sight.scene.items, sight.scene.scores, "green")
    assert sure.confidence == pytest.approx(parsed.score * scene)
    torn = ask(taught, sight, "What size is the cube?")
    (parsed,) = taught.parser.parse(["What size is the cube?"])
    scene = scene_confidence(parsed.program, sight.scene.items, sight.scene.scores, "large")
    assert torn.answer == "large"  # the first, which is the surest
    assert torn.confidence == pytest.approx(parsed.score * scene / 2)


def test_strict_refuses_to_choose(taught, sight):
    said = ask(taught, sight, "What size is the cube?", strict=True)
    assert said.answer is None
    assert said.error == "step 2 (unique): found 2 objects, expected exactly one"
    assert said.confidence == 0
    assert len(said.trace) == 4
    fine = ask(taught, sight, "What color is the sphere?", strict=True)
    assert fine.answer == "green"


def test_a_unique_that_finds_nothing_says_where(taught, sight):
    said = ask(taught, sight, "What material is the cylinder?")
    assert said.answer is None
    assert said.error == "step 2 (unique): found no object, expected one"
    assert said.program == ("query_material", "unique", "filter_shape[cylinder]", "scene")
    assert [s.step.function for s in said.trace] == ["scene", "filter_shape", "unique"]


def test_unknown_words_are_named_with_the_nearest(taught, sight):
    said = ask(taught, sight, "What colur is the spere?")
    assert said.answer is None
    assert said.unknown == ("colur", "spere")
    assert "unknown words 'colur' (did you mean 'color'?)" in said.error
    assert "'spere' (did you mean 'sphere'?)" in said.error
    guessed = ask(taught, sight, "What colur is the sphere?", guess=True)
    assert guessed.answer is not None or guessed.trace  # a program was tried


def test_many_unknown_words_are_counted():
    said = unknown_words([f"xq{k}" for k in range(9)], ["<UNK>", "cube"])
    assert said.startswith("unknown words 'xq0', 'xq1'")
    assert "and 4 more" in said
    assert unknown_words(["zzz"], ["cube"]).startswith("unknown word 'zzz';")
    assert len(unknown_words(["z" * 9999], ["cube"])) < 90


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("", "empty"),
        ("  ?? ", "empty"),
        ("how many cubes " * 100, "300 words"),
        ("Zyx wvu tsr", "unknown words 'Zyx', 'wvu', 'tsr'"),
        ("Combien?", "unknown word 'Combien'"),
    ],
)
def test_questions_that_are_none_are_one_line(taught, sight, question, why):
    said = ask(taught, sight, question)
    assert said.answer is None
    assert why in said.error
    assert "\n" not in said.error
    assert said.program == () or said.confidence == 0


def test_a_picture_without_blocks(taught, empty):
    for question in ("How many cubes are there?", "Are there any red things?"):
        said = ask(taught, empty, question)
        assert said.answer is None
        assert "sees no objects" in said.error


def test_good_questions_are_answered_beside_bad_ones(taught, sight):
    said = taught.ask(sight, ["", "How many cubes are there?", "Quoi?"])
    assert [a.answer for a in said] == [None, "2", None]
    assert taught.ask(sight, []) == []


def test_a_given_scene_is_not_parsed_again(taught, sight):
    picture = torch.zeros(3, 30, 30, dtype=torch.uint8)
    (said,) = taught.answer(picture, ["How many cubes are there?"], sight.scene)
    assert said.answer == "2"
    (none,) = taught.answer(picture, ["How many cubes are there?"])
    assert "sees no objects" in none.error


def test_each_batch_trains_its_network_alone(tiny):
    recipe = nsvqa_tiny()
    system = build(recipe).train()
    networks = {"find": "scenes.finder.", "attributes": "scenes.attributes."}
    for stage in recipe.stages:
        examples = stage.data.open("train")
        made = [examples.example(k, k) for k in range(2)]
        system.zero_grad()
        system.losses({key: torch.stack([e[key] for e in made]) for key in made[0]})[
            "loss"
        ].backward()
        reached = [n for n, p in system.named_parameters() if p.grad is not None]
        own = networks.get(stage.name, "parser.")
        assert reached
        assert all(name.startswith(own) for name in reached)
        assert not any(name.startswith(tuple(stage.freeze)) for name in reached)
        rest = [n for n, _ in system.named_parameters() if not n.startswith(tuple(stage.freeze))]
        assert sorted(rest) == sorted(reached)


def test_a_batch_that_trains_nothing_is_one_line(tiny):
    picture = torch.zeros(1, 3, 48, 72, dtype=torch.uint8)
    with pytest.raises(ValueError, match="got a batch of picture, text; give each stage"):
        tiny.losses({"picture": picture, "text": torch.zeros(1, 1, 4, dtype=torch.uint8)})


def test_what_is_seen_of_a_clip(tiny):
    frames = torch.randint(0, 256, (3, 3, 40, 60), dtype=torch.uint8)
    sight = tiny.predict(Clip(FrameVideo(frames, fps=5.0, start=1.0), None, "a clip"))
    assert sight.file == "a clip"
    assert torch.equal(sight.picture, frames[0])
    assert (sight.scene.height, sight.scene.width) == (40, 60)
    assert sight.out_of_domain is None


def examples_of(system_recipe, count):
    data = replace(system_recipe.data, held_out=count, questions=1)
    examples = data.open("val")
    return [examples.example(k, 0) for k in range(count)]


def test_the_gauge_knows_the_world_and_not_noise(tmp_path):
    system = build(nsvqa_tiny()).eval()
    made = examples_of(nsvqa_tiny(), 40)
    batch = {key: torch.stack([e[key] for e in made]) for key in made[0]}
    system.calibrate([{k: v[:24] for k, v in batch.items()}])
    assert system.gauge.calibrated
    back = load(save(system, tmp_path / "saved", Card()))
    for picture in batch["picture"][24:]:
        sight = back.look(picture)
        assert sight.unfamiliarity == system.look(picture).unfamiliarity
        assert sight.unfamiliarity < 0.6
    noise = torch.randint(0, 256, (3, 96, 144), dtype=torch.uint8)
    assert back.look(noise).out_of_domain is True
    assert back.look(torch.zeros(3, 96, 144, dtype=torch.uint8)).out_of_domain is True


def test_too_few_pictures_to_calibrate_are_told(caplog):
    system = build(nsvqa_tiny()).eval()
    made = examples_of(nsvqa_tiny(), 4)
    system.calibrate([{key: torch.stack([e[key] for e in made]) for key in made[0]}])
    assert not system.gauge.calibrated
    assert "4 validation pictures are too few" in caplog.text
    caplog.clear()
    system.calibrate([{"question": torch.zeros(2, 3)}])
    assert caplog.text == ""


def test_starting_leaves_the_gauge_alone(tiny):
    state = {k: torch.ones_like(v) for k, v in tiny.state_dict().items()}
    system = NSVQASystem(tiny.config)
    half = {k: v for k, v in state.items() if k.startswith(("parser.", "gauge."))}
    taken = system.start_from(half)
    assert taken
    assert all(name.startswith("parser.") for name in taken)
    assert not system.gauge.calibrated
    assert not torch.equal(
        system.state_dict()["scenes.finder.conv1.weight"], state["scenes.finder.conv1.weight"]
    )


def test_sizes_fit_the_package():
    """Stored as float16 the default networks stay below 8 MB."""
    recipe = RECIPES["nsvqa"]()
    system = NSVQASystem(recipe.data.adapt(recipe.system))
    stored = sum(
        v.numel() * (2 if v.is_floating_point() else 8) for v in system.state_dict().values()
    )
    assert stored < 8e6
