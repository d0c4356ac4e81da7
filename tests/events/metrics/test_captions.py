"""CIDEr-D, BLEU, ROUGE-L and METEOR of sentences, each beside an independent implementation."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sensorium.events.metrics.bleu import bleu
from sensorium.events.metrics.cider_d import cider_d
from sensorium.events.metrics.meteor import Meteor
from sensorium.events.metrics.rouge_l import longest_common, rouge_l
from sensorium.events.metrics.tokeniser import tokenise


def coco(corpus):
    """Corpora as the COCO caption code takes them."""
    predictions, references = corpus
    gts = {i: [" ".join(other) for other in wanted] for i, wanted in enumerate(references)}
    res = {i: [" ".join(words)] for i, words in enumerate(predictions)}
    return gts, res


def test_cider_d_is_its_formula(corpus, independent) -> None:
    mine = cider_d(*corpus)
    assert len(mine) == 30
    assert np.ptp(mine) > 1
    np.testing.assert_allclose(mine, independent.cider_d(*corpus), rtol=1e-9, atol=1e-12)


def test_cider_d_of_the_references_themselves_is_ten_and_of_one_place_zero() -> None:
    texts = [tokenise(f"a {w} {w}s in the middle of the stage") for w in ("drum", "cat", "bird")]
    np.testing.assert_allclose(cider_d(texts, [[t] for t in texts]), 10)
    assert cider_d(texts[:1], [texts[:1]]) == [0]


def test_bleu_is_nltks(corpus) -> None:
    from nltk.translate.bleu_score import corpus_bleu

    # nltk counts a 4-gram in sentences that are too short for one
    kept = [(words, wanted) for words, wanted in zip(*corpus, strict=True) if len(words) > 3]
    predictions, references = (list(column) for column in zip(*kept, strict=True))
    assert len(kept) > 20
    mine = bleu(predictions, references)
    for n in range(1, 5):
        weights = (1 / n,) * n
        assert mine[n - 1] == pytest.approx(corpus_bleu(references, predictions, weights), rel=1e-6)
    short = [words[:4] for words in predictions]  # with the brevity penalty
    assert bleu(short, references)[1] == pytest.approx(
        corpus_bleu(references, short, (0.5, 0.5)), rel=1e-6
    )
    assert bleu(short, references)[0] < mine[0]


def test_bleu_without_a_shared_four_gram_is_next_to_nothing_and_empty_is_zero() -> None:
    one, two = tokenise("a man plays the drum"), tokenise("a man plays a drum")
    scores = bleu([one], [[two]])
    assert scores[0] == pytest.approx(0.8)
    assert 0 < scores[3] < 1e-3
    assert bleu([()], [[two]]) == [0, 0, 0, 0]


def test_rouge_l_shares_the_longest_of_all_subsequences(corpus, independent) -> None:
    predictions, references = corpus
    mine = rouge_l(predictions, references)
    for score, words, wanted in zip(mine, predictions, references, strict=True):
        shared = [independent.longest_common(words, other) for other in wanted]
        assert [longest_common(words, other) for other in wanted] == shared
        precision = max(n / len(words) for n in shared)
        recall = max(n / len(other) for n, other in zip(shared, wanted, strict=True))
        expected = 0.0
        if precision:
            expected = 2.44 * precision * recall / (recall + 1.44 * precision)
        assert score == pytest.approx(expected)


def test_the_longest_subsequence_by_bits_on_random_words(independent) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = (tuple("abcd"[i] for i in rng.integers(0, 4, rng.integers(0, 9))) for _ in range(2))
        assert longest_common(a, b) == independent.longest_common(a, b)


def test_meteor_is_its_formula() -> None:
    meteor = Meteor(synonyms=False)
    assert meteor.name == "meteor_exact_stem"
    said, wanted = tokenise("the woman throws the ball"), tokenise("the man throws the ball")
    # 4 matches in 2 chunks: P = R = 0.8, times 1 - 0.5 (2/4)^3
    assert meteor([said], [[wanted]]) == [pytest.approx(0.8 * (1 - 0.5 * 0.125))]
    stemmed = meteor([tokenise("a man runs")], [[tokenise("a man running")]])
    assert stemmed == [pytest.approx(1 - 0.5 / 27)]
    assert meteor([tokenise("dogs")], [[tokenise("a cat"), tokenise("one dog")]])[0] > 0.2
    assert meteor([()], [[wanted]]) == [0]


def small_wordnet(folder: Path) -> None:
    """A WordNet in its own file format that knows one thing: a car is an auto."""
    root = folder / "corpora" / "wordnet"
    root.mkdir(parents=True)
    parts = ("adj", "adv", "noun", "verb")
    names = [f"{kind}.{part}" for kind in ("index", "data") for part in parts]
    for name in (*names, *(f"{part}.exc" for part in parts), "cntlist.rev", "index.sense"):
        (root / name).write_text("")
    (root / "lexnames").write_text("".join(f"{i:02d}\tnoun.x\t1\n" for i in range(45)))
    (root / "index.noun").write_text("".join(f"{w} n 1 0 1 0 00000000\n" for w in ("auto", "car")))
    (root / "data.noun").write_text("00000000 06 n 02 car 0 auto 0 000 | a motor vehicle  \n")


def test_meteor_knows_synonyms_where_wordnet_is(tmp_path: Path) -> None:
    small_wordnet(tmp_path)
    script = """
from sensorium.events.metrics.meteor import Meteor
a, b = ("a", "car", "stops"), ("an", "auto", "stops")
for synonyms in (None, True, False):
    meteor = Meteor(synonyms)
    print(meteor.name, round(meteor.score(a, b), 6))
"""
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "NLTK_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    # 2 of 3 words in one chunk: 2/3 (1 - 0.5 / 8); without synonyms 1 of 3: 1/3 (1 - 0.5)
    assert said == ["meteor 0.625", "meteor 0.625", "meteor_exact_stem 0.166667"]


def test_meteor_says_what_it_lacks() -> None:
    if Meteor().name == "meteor":
        assert Meteor(synonyms=True).name == "meteor"
    else:
        with pytest.raises(ValueError, match="wordnet"):
            Meteor(synonyms=True)


def test_the_same_as_the_coco_caption_code(corpus) -> None:
    module = pytest.importorskip(
        "pycocoevalcap", reason="pycocoevalcap is not installed: not compared with the COCO code"
    )
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer
    from pycocoevalcap.cider.cider_scorer import CiderScorer
    from pycocoevalcap.rouge.rouge import Rouge

    assert module is not None
    gts, res = coco(corpus)
    cider, scorer = CiderScorer(n=4, sigma=6.0), BleuScorer(n=4)
    for i in gts:
        cider += (res[i][0], gts[i])
        scorer += (res[i][0], gts[i])
    np.testing.assert_allclose(cider_d(*corpus), cider.compute_score()[1], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(bleu(*corpus), scorer.compute_score(option="closest")[0], rtol=1e-9)
    np.testing.assert_allclose(rouge_l(*corpus), Rouge().compute_score(gts, res)[1], rtol=1e-9)


def test_rouge_l_is_googles_where_that_is_installed(corpus) -> None:
    scorer = pytest.importorskip(
        "rouge_score.rouge_scorer", reason="rouge-score is not installed: not compared with it"
    ).RougeScorer(["rougeL"])
    for words, wanted in zip(*corpus, strict=True):
        other = [w for w in wanted[0] if w.isalnum()]  # it splits "'s" and hyphens further
        said = [w for w in words if w.isalnum()]
        theirs = scorer.score(" ".join(other), " ".join(said))["rougeL"]
        assert longest_common(tuple(said), tuple(other)) == round(theirs.recall * len(other))


def test_nothing_to_compare_is_one_line() -> None:
    for metric in (cider_d, bleu, rouge_l, Meteor(synonyms=False)):
        for said, wanted in (([], []), ([("a",)], []), ([("a",)], [[]])):
            with pytest.raises(ValueError, match="give (at least )?one") as error:
                metric(said, wanted)
            assert "\n" not in str(error.value)


def test_ten_thousand_pairs_take_seconds(independent) -> None:
    rng = np.random.default_rng(1)
    said = [tokenise(independent.sentence(rng) + f" w{rng.integers(300)}") for _ in range(10_000)]
    wanted = [[words] for words in np.roll(np.array(said, dtype=object), 1)]
    start = time.process_time()
    for metric in (cider_d, bleu, rouge_l, Meteor(synonyms=False)):
        metric(said, wanted)
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The man's dog doesn't bark, it sits.", "the man 's dog does n't bark it sits"),
        ("Two boys -- in T-shirts -- can't stop!", "two boys in t-shirts ca n't stop"),
        (
            "He cannot wait (3.5 s); they're gonna go…",
            "he can not wait -lrb- 3.5 s -rrb- they 're gon na go",
        ),
        ("Mr. Smith plays at 10:30 a.m. and “wins”", "mr. smith plays at 10:30 a.m. and wins"),
        ("1,000 people,and & a 50% café", "1,000 people and & a 50 % café"),
        ("... ?! -", "?!"),
        ("", ""),
    ],
)
def test_words_are_those_of_the_java_tokenizer(sentence: str, words: str) -> None:
    assert " ".join(tokenise(sentence)) == words
