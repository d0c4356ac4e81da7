"""Dense captioning and the story score by their protocols, beside slow versions of both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.events.metrics import dense_captioning, soda
from sensorium.events.metrics.dense import TIOUS
from sensorium.events.metrics.meteor import Meteor
from sensorium.events.metrics.soda import best_in_order, soda_of
from sensorium.events.metrics.tokeniser import tokenise
from sensorium.types import Span

EXACT = Meteor(synonyms=False)
TRUE = {
    "v_1": [(Span(0, 10), "a man plays the drum"), (Span(12, 20), "the woman jumps to the left")],
    "v_2": [(Span(0, 4), "two boys walk in the middle"), (Span(3, 9), "a red dog barks loudly")],
}


def story(rng, independent, count):
    out = []
    for _ in range(count):
        start = float(rng.integers(0, 40))
        out.append((Span(start, start + float(rng.integers(1, 20))), independent.sentence(rng)))
    return out


def random_stories(independent):
    """Two annotations that do not share all videos, and predictions that miss one of them."""
    rng = np.random.default_rng(8)
    files = [
        {f"v_{k}": story(rng, independent, int(rng.integers(1, 5))) for k in ids}
        for ids in (range(8), range(2, 10))
    ]
    told = {f"v_{k}": story(rng, independent, int(rng.integers(1, 7))) for k in range(9)}
    return told, files


def as_json(stories):
    return {
        video: {
            "timestamps": [[s.start, s.end] for s, _ in events],
            "sentences": [text for _, text in events],
        }
        for video, events in stories.items()
    }


def test_all_figures_are_those_of_the_protocol_by_loops(independent) -> None:
    from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu
    from nltk.translate.meteor_score import single_meteor_score

    told, files = random_stories(independent)

    class NoWords:
        def synsets(self, word: str) -> list[str]:
            return []

    def score_video(pairs):
        said = [tokenise(a) for a, _ in pairs]
        wanted = [[tokenise(b)] for _, b in pairs]
        tiny = SmoothingFunction(epsilon=1e-15).method1
        bleus = [
            corpus_bleu(wanted, said, (1 / n,) * n, smoothing_function=tiny) for n in range(1, 5)
        ]
        rouges = []
        for words, (other,) in zip(said, wanted, strict=True):
            n = independent.longest_common(words, other)
            p, r = n / len(words), n / len(other)
            rouges.append(2.44 * p * r / (r + 1.44 * p) if n else 0.0)
        meteors = [
            single_meteor_score(b, a, wordnet=NoWords())
            for a, (b,) in zip(said, wanted, strict=True)
        ]
        return [*bleus, np.mean(rouges), np.mean(meteors), independent.cider_d(said, wanted).mean()]

    submission = {
        video: [{"timestamp": [s.start, s.end], "sentence": text} for s, text in events]
        for video, events in told.items()
    }
    captions, recall, precision = independent.server(
        submission, [as_json(f) for f in files], TIOUS, score_video
    )
    mine = dense_captioning(told, files, meteor=EXACT)
    names = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "meteor_exact_stem", "cider_d")
    # without any match nltk says 0 where the COCO code has its 1e-15, up to 0.02 of 100
    np.testing.assert_allclose([mine[n] for n in names], captions, rtol=1e-6, atol=0.02)
    assert mine["cider_d"] == pytest.approx(captions[-1], rel=1e-9)
    assert mine["recall"] == pytest.approx(recall)
    assert mine["precision"] == pytest.approx(precision)
    assert mine["videos"] == 10
    assert mine["predictions"] == pytest.approx(sum(map(len, told.values())) / 10)
    at = [(mine[f"recall_iou{t}"], mine[f"precision_iou{t}"]) for t in TIOUS]
    f1 = [2 * r * p / (r + p) if r + p else 0 for r, p in at]
    assert mine["f1"] == pytest.approx(np.mean(f1))


def test_the_truth_itself_scores_best() -> None:
    mine = dense_captioning(TRUE, [TRUE], meteor=EXACT)
    for name in ("recall", "precision", "f1", "bleu4", "rouge_l"):
        assert mine[name] == pytest.approx(100, abs=1e-3)
    assert mine["cider_d"] == pytest.approx(1000)
    assert mine["soda"] == pytest.approx(100, abs=1)
    assert mine["meteor_exact_stem"] > 99
    assert mine["predictions"] == 2


def test_precision_like_scores_forgive_what_recall_and_soda_do_not() -> None:
    one = {video: events[:1] for video, events in TRUE.items()}
    mine = dense_captioning(one, [TRUE], meteor=EXACT)
    assert mine["rouge_l"] == pytest.approx(100)
    assert mine["precision"] == 100
    assert mine["recall"] == 50
    assert mine["soda"] < 70
    assert mine["predictions"] == 1


def test_pairs_need_the_iou_and_recall_needs_more() -> None:
    half = {"v": [(Span(0, 5), "a man jumps")]}
    true = [{"v": [(Span(0, 10), "a man jumps")]}]
    # the server adds 1e-8 to the union: an IoU of one half does not reach 0.5
    assert dense_captioning(half, true, (0.5,), EXACT)["rouge_l"] == 0
    assert dense_captioning(half, true, (0.49,), EXACT)["rouge_l"] == pytest.approx(100)
    assert dense_captioning(half, true, (0.5,), EXACT)["recall"] == 0


def test_videos_without_events_are_told_apart() -> None:
    true = [{**TRUE, "still": [], "quiet": []}]
    told = {**TRUE, "still": [(Span(0, 1), "a man jumps")]}
    mine = dense_captioning(told, true, meteor=EXACT)
    assert mine["videos"] == 2
    assert mine["recall"] == 100
    assert mine["empty_videos"] == 2
    assert mine["predictions_on_empty"] == 0.5


def test_a_video_without_predictions_scores_nothing() -> None:
    mine = dense_captioning({"v_1": TRUE["v_1"]}, [TRUE], meteor=EXACT)
    assert mine["recall"] == mine["precision"] == 50
    assert mine["predictions"] == 1
    nothing = dense_captioning({}, [TRUE], meteor=EXACT)
    assert nothing["soda"] == nothing["f1"] == nothing["cider_d"] == 0


@pytest.mark.parametrize(
    ("told", "true", "what"),
    [
        ({}, [], "without any event"),
        ({}, [{"v": []}], "without any event"),
        ({"1": []}, [TRUE], "first predicted: '1', first annotated: 'v_1'"),
        ({}, TRUE, "put it in a list"),
    ],
)
def test_what_cannot_be_scored_is_one_line(told, true, what) -> None:
    for metric in (dense_captioning, soda):
        with pytest.raises(ValueError, match=what) as error:
            metric(told, true)
        assert "\n" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 1000))
def test_the_best_matching_in_order_is_that_of_all(rows, columns, seed) -> None:
    import itertools

    worth = np.random.default_rng(seed).uniform(0, 1, (rows, columns)).round(2)
    worth[worth < 0.3] = 0
    best = 0.0
    for size in range(1, min(rows, columns) + 1):
        for i in itertools.combinations(range(rows), size):
            for j in itertools.combinations(range(columns), size):
                best = max(best, float(worth[list(i), list(j)].sum()))
    assert best_in_order(worth) == pytest.approx(best)


def test_the_story_score_by_hand() -> None:
    true = [(Span(0, 10), "a man jumps"), (Span(10, 20), "a dog barks")]
    told = [(Span(0, 10), "a man jumps"), (Span(10, 15), "a dog barks"), (Span(0, 20), "one cat")]
    same = EXACT.score(tokenise("a man jumps"), tokenise("a man jumps"))
    total = same * (1 + 0.5)
    expected = 2 * (total / 3) * (total / 2) / (total / 3 + total / 2)
    f1, precision, recall = soda_of(told, [true], EXACT)
    assert (precision, recall) == (pytest.approx(total / 3), pytest.approx(total / 2))
    assert f1 == pytest.approx(expected)
    assert soda_of(told[::-1], [true[::-1]], EXACT)[0] == pytest.approx(f1)
    assert soda_of(told, [[(Span(50, 60), "no")], true], EXACT)[0] == pytest.approx(f1)
    swapped = [(true[0][0], true[1][1]), (true[1][0], true[0][1])]
    assert soda_of(swapped, [true], EXACT)[0] < 0.5
    assert soda({"v": told}, [{"v": true}], EXACT)["soda"] == pytest.approx(100 * f1)
