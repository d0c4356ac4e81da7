"""Slow, direct versions of the metrics: another way round than the package's own."""

from __future__ import annotations

import itertools
import math

import numpy as np

SUBJECTS = ["a man", "the woman", "two boys", "a red drum", "the player's dog"]
ACTIONS = ["plays loudly", "is playing the violin", "walks and walked to the left", "jumps"]
PLACES = ["", "in the middle", "on the left, slowly", "near the man"]


def sentence(rng: np.random.Generator) -> str:
    parts = [list_[int(rng.integers(len(list_)))] for list_ in (SUBJECTS, ACTIONS, PLACES)]
    return " ".join(part for part in parts if part)


def occurrences(words, gram):
    n = len(gram)
    return sum(tuple(words[i : i + n]) == gram for i in range(len(words) - n + 1))


def grams(words, n):
    return sorted({tuple(words[i : i + n]) for i in range(len(words) - n + 1)})


def cider_d(predictions, references, sigma=6.0):
    """The formula, term by term, with dense vectors over all n-grams of the corpus."""
    everyone = [*predictions, *itertools.chain(*references)]
    total = np.zeros(len(predictions))
    for n in range(1, 5):
        vocabulary = sorted({g for words in everyone for g in grams(words, n)})
        within = [
            sum(any(occurrences(words, g) for words in wanted) for wanted in references)
            for g in vocabulary
        ]
        idf = np.array([math.log(len(references) / max(1, count)) for count in within])

        def vector(words, vocabulary=vocabulary, idf=idf):
            return np.array([occurrences(words, g) for g in vocabulary]) * idf

        for k, (words, wanted) in enumerate(zip(predictions, references, strict=True)):
            c = vector(words)
            for other in wanted:
                s = vector(other)
                norm = np.linalg.norm(c) * np.linalg.norm(s)
                if norm:
                    penalty = math.exp(-((len(words) - len(other)) ** 2) / (2 * sigma**2))
                    total[k] += penalty * np.minimum(c, s) @ s / norm / len(wanted)
    return 10 * total / 4


def longest_common(a, b):
    """All subsequences of the shorter one, longest first."""
    a, b = sorted((a, b), key=len)
    for n in range(len(a), 0, -1):
        for chosen in itertools.combinations(a, n):
            rest = iter(b)
            if all(word in rest for word in chosen):
                return n
    return 0


def best_in_order(worth):
    """Every set of pairs that does not cross."""
    rows, columns = worth.shape
    best = 0.0
    for size in range(1, min(rows, columns) + 1):
        for i in itertools.combinations(range(rows), size):
            for j in itertools.combinations(range(columns), size):
                best = max(best, float(sum(worth[a, b] for a, b in zip(i, j, strict=True))))
    return best


def server_iou(a, b):
    shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    union = min(max(a[1], b[1]) - min(a[0], b[0]), a[1] - a[0] + b[1] - b[0])
    return shared / (union + 1e-8)


def server(submission, files, tious, score_video):
    """The server's protocol on its own JSON, by loops; ``score_video`` scores a list of pairs."""
    videos = sorted({video for file in files for video in file})
    captions, recalls, precisions = [], [], []
    for tiou in tious:
        scored, recall, precision = [], [], []
        for video in videos:
            pairs = []
            told = submission.get(video, [])
            for event in told:
                met = [
                    sentence
                    for file in files
                    if video in file
                    for times, sentence in zip(
                        file[video]["timestamps"], file[video]["sentences"], strict=True
                    )
                    if server_iou(event["timestamp"], times) >= tiou
                ]
                pairs += [(event["sentence"], other) for other in met or ["xqzvwk"]]
            scored.append(score_video(pairs) if pairs else None)
            best = [0.0, 0.0]
            for file in files:
                if video not in file:
                    continue
                times = file[video]["timestamps"]
                hit = [[server_iou(e["timestamp"], t) > tiou for t in times] for e in told]
                found = sum(any(row[j] for row in hit) for j in range(len(times)))
                best[0] = max(best[0], found / len(times))
                if told:
                    best[1] = max(best[1], sum(any(row) for row in hit) / len(told))
            recall.append(best[0])
            precision.append(best[1])
        width = max(len(s) for s in scored if s is not None)
        rows = [[0.0] * width if s is None else s for s in scored]
        captions.append(np.mean(rows, 0))
        recalls.append(np.mean(recall))
        precisions.append(np.mean(precision))
    return 100 * np.mean(captions, 0), 100 * np.mean(recalls), 100 * np.mean(precisions)
