import json
import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.questions.datasets.blocks_words import blocks_words
from sensorium.questions.datasets.question_table import (
    QuestionTable,
    asked_in_blocks,
    by_families,
    tabled,
)
from sensorium.questions.datasets.questions import QuestionData, QuestionExamples
from sensorium.questions.executor import execute
from sensorium.questions.packed import PackedScenes, execute_tokens
from sensorium.questions.parser import ParserConfig, QuestionParser
from sensorium.questions.vocabulary import END, PROGRAM_WORDS, SPECIALS, START, Words, tokenise
from sensorium.seeds import split_seed
from sensorium.worlds.blocks.engine import Engine
from sensorium.worlds.blocks.placing import place
from sensorium.worlds.blocks.programs import from_tokens, to_tokens
from sensorium.worlds.blocks.question_json import write_questions
from sensorium.worlds.blocks.questions import Question
from sensorium.worlds.blocks.scene_json import write_scenes
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import ANSWERS, ATTRIBUTES, VALUES

DATA = QuestionData(count=90, questions=300, held_out=40)


def items(table, scene):
    """A scene's row as items again."""
    return tuple(
        Item(
            *(VALUES[a][v] for a, v in zip(ATTRIBUTES, table.values[scene, k], strict=True)),
            tuple(float(x) for x in table.positions[scene, k]),
        )
        for k in range(table.counts[scene])
    )


def test_programs_on_their_scenes_give_the_answers():
    table = DATA.table("train")
    assert len(table) == 300
    for row in range(0, 300, 7):
        program = from_tokens(PROGRAM_WORDS.decode(table.programs[row].tolist()))
        answer = execute(program, items(table, table.scenes[row])).answer
        assert answer == ANSWERS[table.answers[row]]
    scenes = PackedScenes.from_tensors(
        *(torch.from_numpy(a) for a in (table.values, table.positions, table.counts))
    )
    tokens = torch.from_numpy(table.programs.astype(np.int64)) - len(SPECIALS)
    got = execute_tokens(tokens.clamp(min=-1), scenes.take(torch.from_numpy(table.scenes).long()))
    assert got.tolist() == table.answers.tolist()


def test_splits_share_no_scene():
    train, val, test = (DATA.table(split).positions for split in ("train", "val", "test"))
    seen = [{p.tobytes() for p in positions} for positions in (train, val, test)]
    assert sum(map(len, seen)) == len(seen[0] | seen[1] | seen[2])


def test_the_vocabulary_holds_whatever_the_world_says():
    words = blocks_words()
    assert words.words[:4] == SPECIALS
    for split in ("train", "val", "test"):
        for text in DATA.table(split).texts:
            assert words.unknown(tokenise(text)) == (), text
    # and little else
    said = {w for text in asked_in_blocks("train", 1500).texts for w in tokenise(text)}
    assert len(set(words.words) - said) < 20


def test_programs_are_told_of_as_many_questions_of_each_family():
    families = DATA.table("train").families
    assert Counter(families[DATA_ROWS := by_families(families, 90, 1)]) == dict.fromkeys(
        range(90), 1
    )
    assert len(set(DATA_ROWS)) == 90
    twice = by_families(families, 200, 1)
    counts = Counter(families[twice].tolist())
    assert set(counts.values()) == {2, 3}
    assert len(set(twice)) == 200
    assert by_families(families, 200, 2) != twice
    assert sorted(by_families(families, 300, 0)) == list(range(300))
    with pytest.raises(ValueError, match="got 300 questions to choose 301 from"):
        by_families(families, 301, 0)


def test_what_examples_tell():
    taught = DATA.open("train")
    assert len(taught) == 90
    assert set(taught.example(3, 0)) == {"question", "program"}
    tried = replace(DATA, kind="answers").open("train")
    assert len(tried) == 300
    assert set(tried.example(3, 0)) == {"question", "answer", "values", "positions", "count"}
    held = DATA.open("val")
    assert len(held) == 40
    assert set(held.example(0, 0)) == {"program", *tried.example(0, 0)}
    assert len(replace(DATA, count=0).open("train")) == 300


def test_an_example_is_its_question():
    examples, table = DATA.open("val"), DATA.table("val")
    words = DATA.words()
    for index in (0, 17, 39):
        example = examples.example(index, 0)
        assert words.decode(example["question"].tolist()) == tokenise(table.texts[index])
        assert example["question"].shape == (50,)
        program = example["program"].tolist()
        assert len(program) == 27
        assert program[0] == START
        assert END in program
        assert int(example["answer"]) == table.answers[index]
        assert int(example["count"]) == table.counts[table.scenes[index]]
        assert (example["values"][int(example["count"]) :] == -1).all()
    with pytest.raises(IndexError):
        examples.example(40, 0)


def test_both_kinds_of_batch_train_the_parser():
    parser = QuestionParser(DATA.adapt(ParserConfig(hidden=8, embedding=8)))
    for kind in ("programs", "answers"):
        examples = replace(DATA, kind=kind).open("train")
        rows = [examples.example(i, 0) for i in range(6)]
        batch = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
        parser.losses(batch)["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parser.parameters())


def test_the_config_learns_the_words():
    config = DATA.adapt(ParserConfig(hidden=8))
    assert config.words == blocks_words().words
    assert config.hidden == 8


def test_questions_are_kept_and_made_anew_when_the_world_speaks_otherwise(tmp_path):
    first = asked_in_blocks("val", 60, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    again = asked_in_blocks("val", 60, cache=tmp_path)
    assert path.stat().st_mtime_ns == written
    assert again.texts == first.texts
    for name in ("programs", "answers", "families", "scenes", "values", "positions", "counts"):
        assert np.array_equal(getattr(again, name), getattr(first, name)), name
    fresh = asked_in_blocks("val", 60)
    assert fresh.texts == first.texts
    stale = replace(first, texts=("What?", *first.texts[1:]))
    stale.write(path)
    assert asked_in_blocks("val", 60, cache=tmp_path).texts == first.texts
    assert QuestionTable.read(path).texts == first.texts


def test_data_are_plain_and_say_what_they_are():
    assert pickle.loads(pickle.dumps(DATA)) == DATA
    assert str(DATA) == "300 questions about the blocks world, with the programs of 90"
    assert "with the answers of all" in str(replace(DATA, kind="answers"))
    with pytest.raises(ValueError, match="questions must be at least 1, got 0"):
        replace(DATA, questions=0)


def asked(text="Is it?", program="exist scene", answer="yes"):
    return Question(text, from_tokens(program.split()) if program else (), answer, 0, 0)


def test_questions_that_cannot_be_told_are_refused():
    words = Words.of(["Is it"])
    long = tabled([(0, asked("is " * 49))], [()])
    with pytest.raises(ValueError, match="got a question of 49 words, expected at most 48"):
        QuestionExamples(long, words, ("program",))
    deep = tabled([(0, asked(program="exist " + "filter_size[small] " * 24 + "scene"))], [()])
    with pytest.raises(ValueError, match="got a program of 26 functions, expected at most 25"):
        QuestionExamples(deep, words, ("program",))
    silent = tabled([(0, asked(program="", answer=""))], [()])
    assert silent.answers.tolist() == [-1]
    for name in ("program", "answer"):
        with pytest.raises(ValueError, match=f"some questions have no {name}"):
            QuestionExamples(silent, words, (name,))
    with pytest.raises(ValueError, match="has the answer 'maybe', expected one of yes, no"):
        tabled([(0, asked(answer="maybe"))], [()])
    item = Item("large", "red", "metal", "cube", (0.0, 0.0, 0.7))
    with pytest.raises(ValueError, match="scene 0 has 11 blocks, expected at most 10"):
        tabled([], [(item,) * 11])


def test_a_table_keeps_programs_and_scenes():
    item = Item("large", "red", "metal", "cube", (1.5, -0.5, 0.7))
    table = tabled([(1, asked(program="count scene", answer="1"))], [(), (item,)])
    assert PROGRAM_WORDS.decode(table.programs[0].tolist()) == to_tokens(
        from_tokens(["count", "scene"])
    )
    assert items(table, 1) == (item,) or items(table, 1)[0].position == pytest.approx(item.position)
    assert table.counts.tolist() == [0, 1]


# --- CLEVR's own files ----------------------------------------------------------------------------


def clevr(folder):
    """A little CLEVR: eight scenes for training, six for validation."""
    for split, count in (("train", 8), ("val", 6)):
        engine = Engine(5)
        scenes = [replace(place(split_seed(split, k)), index=k, split=split) for k in range(count)]
        questions = [q for scene in scenes for q in engine.ask(scene, 5)]
        for name in ("questions", "scenes"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_scenes(folder / "scenes" / f"CLEVR_{split}_scenes.json", scenes)
        write_questions(folder / "questions" / f"CLEVR_{split}_questions.json", questions)
    return folder


def test_clevrs_files_are_read_as_the_same_kind_of_data(tmp_path):
    data = QuestionData(count=20, questions=40, held_out=15, folder=clevr(tmp_path / "CLEVR_v1.0"))
    assert str(data) == "40 questions about CLEVR_v1.0, with the programs of 20"
    assert len(data.open("train")) == 20
    assert len(replace(data, kind="answers").open("train")) == 40
    val, test = data.table("val"), data.table("test")
    assert len(val) == len(test) == 15
    assert val.texts[0] != test.texts[0]
    for table in (val, test):
        for row in range(15):
            tokens = PROGRAM_WORDS.decode(table.programs[row].tolist())
            items_seen = items(table, table.scenes[row])
            answer = execute(from_tokens(tokens), items_seen).answer
            assert answer == ANSWERS[table.answers[row]]
    said = {word for text in data.table("train").texts for word in tokenise(text)}
    assert set(data.words().words) == said | set(SPECIALS)
    assert data.adapt(ParserConfig()).words == data.words().words


def test_a_split_that_is_too_small_says_so(tmp_path):
    data = QuestionData(questions=40, held_out=40, folder=clevr(tmp_path))
    assert len(data.open("val")) == 30
    with pytest.raises(ValueError, match="no questions are left for test; take a smaller held_out"):
        data.open("test")


def test_peoples_questions_have_answers_only_and_words_of_their_own(tmp_path):
    folder, people = clevr(tmp_path / "CLEVR_v1.0"), tmp_path / "humans"
    people.mkdir()
    for split, count in (("train", 8), ("val", 6)):
        rows = [
            {"question": "How many doohickeys are there?", "answer": "3", "image_index": k % count}
            for k in range(12)
        ]
        path = people / f"CLEVR-Humans-{split}.json"
        path.write_text(json.dumps({"questions": rows}))
    data = QuestionData(count=20, questions=40, held_out=6, folder=folder, humans=people)
    assert set(data.open("train").example(0, 0)) == {"question", "program"}
    tried = replace(data, kind="answers")
    assert "asked by people" in str(tried)
    assert "doohickeys" in tried.words().words
    assert tried.words() == data.words()
    assert len(tried.open("train")) == 12
    held = data.open("val").example(0, 0)
    assert "program" not in held
    assert ANSWERS[int(held["answer"])] == "3"
    with pytest.raises(ValueError, match="humans needs folder"):
        QuestionData(humans=people)
