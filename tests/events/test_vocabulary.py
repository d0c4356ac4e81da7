import pytest
import torch

from sensorium.events.vocabulary import BOS, EOS, Words, tokenise


def test_full_stops_and_commas_stand_alone_and_case_is_lost() -> None:
    assert tokenise("A man waves,then bows. He's done!") == [
        *("a", "man", "waves", ",", "then", "bows", ".", "he's", "done!")
    ]
    assert tokenise("  \t") == []


def test_words_come_by_count_then_by_the_alphabet_and_rare_ones_are_out() -> None:
    words = Words.of(["b a c", "b a d", "B e"])
    assert words.words == ("<bos>", "<eos>", "b", "a", "<oov>")
    assert Words.of(["b a c", "b a"], least=1).words[2:-1] == ("a", "b", "c")
    assert (words.numbers["<bos>"], words.numbers["<eos>"]) == (BOS, EOS) == (0, 1)
    assert words.oov == len(words) - 1 == 4


def test_no_more_words_than_asked_for() -> None:
    words = Words.of(["a a b b b c c"], most=5)
    assert words.words == ("<bos>", "<eos>", "b", "a", "<oov>")
    assert len(Words.of(f"w{i} w{i}" for i in range(7000))) == 6000


def test_what_is_encoded_comes_back_but_for_unknown_words() -> None:
    words = Words.of(["the cat sits , and purrs ."] * 2)
    numbers = words.encode("The dog sits, and purrs.")
    assert numbers[0] == BOS
    assert numbers[-1] == EOS
    assert words.decode(numbers) == "the <oov> sits, and purrs."
    assert words.unknown("A dog and a cat") == ("a", "dog")


def test_decoding_ends_with_the_sentence() -> None:
    words = Words.of(["a b"] * 2)
    assert words.decode([BOS, 2, EOS, 3, 3]) == "a"
    assert words.decode([]) == ""


def test_a_table_is_filled_up_with_the_end() -> None:
    words = Words.of(["a b c"] * 2)
    table, count = words.padded(["a b", "c", "a b c a b c"], 4, 6)
    assert table.dtype == count.dtype == torch.int64
    assert table.tolist() == [
        [0, 2, 3, 1, 1, 1],
        [0, 4, 1, 1, 1, 1],
        [0, 2, 3, 4, 2, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert count.tolist() == [4, 3, 6, 0]
    assert words.padded(["a b c a"], 1, 6)[0].tolist() == [[0, 2, 3, 4, 2, 1]]
    with pytest.raises(ValueError, match="got 2 sentences for 1 rows"):
        words.padded(["a", "b"], 1, 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "got nothing"),
        (("a", "b"), "starts with <bos> <eos>"),
        (("<bos>", "<eos>", "a"), "ends with <oov>"),
        (("<bos>", "<eos>", "a", "a", "<oov>"), "'a' is twice"),
    ],
)
def test_a_vocabulary_in_another_order_is_refused(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Words(given)
