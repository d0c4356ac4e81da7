import pytest

from sensorium.questions.vocabulary import (
    END,
    NULL,
    PROGRAM_WORDS,
    SPECIALS,
    START,
    UNK,
    Words,
    tokenise,
)

TEXT = "There is a big cube; what color is it, please?"


def test_tokens_follow_the_published_rules():
    assert tokenise(TEXT) == [
        "There",
        "is",
        "a",
        "big",
        "cube",
        ";",
        "what",
        "color",
        "is",
        "it",
        ",",
        "please",
    ]
    assert tokenise("How many things are there?") == ["How", "many", "things", "are", "there"]
    assert tokenise("  two   spaces. ") == ["two", "spaces"]
    assert tokenise("?.") == []


def test_special_words_come_first_and_programs_have_44_words():
    assert (NULL, START, END, UNK) == (0, 1, 2, 3)
    assert SPECIALS == ("<NULL>", "<START>", "<END>", "<UNK>")
    assert len(PROGRAM_WORDS) == 44
    assert PROGRAM_WORDS.words[4:7] == ("count", "equal_color", "equal_integer")
    assert PROGRAM_WORDS.words[-1] == "unique"


def test_words_there_and_back():
    words = Words.of([TEXT, "Is it big?"])
    assert words.words[:4] == SPECIALS
    assert list(words.words[4:]) == sorted(words.words[4:])
    numbers = words.encode(tokenise(TEXT))
    assert numbers[0] == START
    assert numbers[-1] == END
    assert words.decode([*numbers, NULL, NULL]) == tokenise(TEXT)


def test_unknown_words_are_told_and_case_is_forgiven():
    words = Words.of(["How many Cubes"])
    assert words.encode(["how", "MANY", "cubes"]) == words.encode(["How", "many", "Cubes"])
    assert words.unknown(["how", "zebra", "lion", "zebra"]) == ("zebra", "lion")
    assert words.encode(["zebra"]) == [START, UNK, END]


def test_case_counts_where_both_are_known():
    words = Words.of(["Are there", "are"])
    assert words.number("Are") != words.number("are")


def test_british_spelling_is_read_where_only_the_american_is_known():
    words = Words.of(["What color is the gray cube"])
    assert words.unknown(tokenise("what Colour is the grey cube?")) == ()
    assert words.number("Grey") == words.number("gray")
    assert Words.of(["grey gray"]).number("grey") != Words.of(["grey gray"]).number("gray")


def test_a_special_word_in_a_question_is_no_word():
    words = Words.of(["cube"])
    assert words.unknown(["<UNK>"]) == ("<UNK>",)
    assert words.number("<END>") == UNK


@pytest.mark.parametrize(
    ("given", "message"),
    [(("cube",), "a vocabulary starts with"), ((*SPECIALS, "a", "b", "a"), "'a' is twice")],
)
def test_bad_vocabularies_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Words(given)
