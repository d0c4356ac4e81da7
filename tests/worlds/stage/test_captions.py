import re

import pytest

from sensorium.seeds import generator
from sensorium.worlds.stage import compose
from sensorium.worlds.stage.captions import (
    DRUMMING_IN_WORDS,
    MOVES_IN_WORDS,
    OPENERS,
    PLAYING_IN_WORDS,
    told,
    who,
)
from sensorium.worlds.stage.looks.paint import COLOURS
from sensorium.worlds.stage.moves import MOVES
from sensorium.worlds.stage.script import INSTRUMENTS

NOUN = (
    rf"(?:an?|the) (?:(?:[a-z]+|marimba player) with an? )?(?:{'|'.join(COLOURS)}) "
    rf"(?:{'|'.join(INSTRUMENTS)})(?: on the left| on the right| in the middle)?"
)
VERBS = "|".join(
    sorted(
        {
            phrase
            for table in (MOVES_IN_WORDS, PLAYING_IN_WORDS, DRUMMING_IN_WORDS)
            for phrases in table.values()
            for phrase in phrases
        },
        key=len,
        reverse=True,
    )
)
CLAUSE = rf"{NOUN} (?:slowly |quickly )?(?:{VERBS})"
OPENER = "|".join(word for words in OPENERS.values() for word in words)
SENTENCE = re.compile(rf"(?:(?:{OPENER}) )?{CLAUSE}(?: while {CLAUSE})?")


@pytest.fixture(scope="module")
def episodes():
    return [compose(seed, 20.0) for seed in range(40)]


def test_every_sentence_follows_the_grammar(episodes):
    sentences = [e.sentence for episode in episodes for e in episode.events]
    assert all(SENTENCE.fullmatch(s) for s in sentences)
    assert len(set(sentences)) > 0.9 * len(sentences)
    assert any(" while " in s for s in sentences)
    assert not any(re.search(r"\ba [aeiou]|\ban [^aeiou]", s) for s in sentences)


def test_sentences_name_kind_and_colour(episodes):
    for episode in episodes:
        for e in episode.events:
            person = episode.performers[e.performer]
            assert f"{person.colour} {person.kind}" in e.sentence


def test_moves_have_at_least_three_wordings():
    assert MOVES_IN_WORDS.keys() == MOVES.keys()
    assert all(len(set(words)) >= 3 for words in MOVES_IN_WORDS.values())
    everything = [w for words in MOVES_IN_WORDS.values() for w in words]
    assert len(everything) == len(set(everything))


def test_order_words_can_be_switched_off(episodes):
    opened = re.compile(rf"^(?:{OPENER}) ")
    said = [e.sentence for episode in episodes for e in episode.events]
    plain = [e.sentence for s in range(40) for e in compose(s, 20.0, order_words=False).events]
    assert 0.2 < sum(bool(opened.match(s)) for s in said) / len(said) < 0.5
    assert not any(opened.match(s) for s in plain)


def test_order_words_tell_the_truth(episodes):
    for episode in episodes:
        for i, e in enumerate(episode.events):
            if e.sentence.startswith(tuple(f"{w} " for w in OPENERS["first"])):
                assert i == 0
            if e.sentence.startswith(tuple(f"{w} " for w in OPENERS["last"])):
                assert i == len(episode.events) - 1


def test_what_happens_meanwhile_does(episodes):
    for episode in episodes:
        for e in episode.events:
            if " while " not in e.sentence:
                continue
            meanwhile = e.sentence.split(" while ")[1]
            others = [
                o
                for o in episode.events
                if o.span.overlap(e.span) > 0 and o.performer != e.performer
            ]
            names = [
                f"{episode.performers[o.performer].colour} {episode.performers[o.performer].kind}"
                for o in others
            ]
            assert any(name in meanwhile for name in names)


def test_those_who_look_alike_are_told_apart_by_place():
    for seed in range(10):
        episode = compose(seed, 20.0, ("drum", "drum", "drum"), alike=True)
        for event in episode.events:
            assert re.search(
                "on the left|on the right|in the middle", who(episode, event, generator(0))
            )
        assert [e.sentence for e in told(episode, generator(1)).events] == [
            e.sentence for e in told(episode, generator(1)).events
        ]
