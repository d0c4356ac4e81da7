"""What `expressions_quality.py` measures of whatever makes faces: a row of figures each.

Shares, SSIM and cosines are 0..1, ``psnr`` in dB, ``landmark_nme`` and ``path_rmse`` in distances
between the outer eye corners. Means are over held-out people, expressions and the degrees above 0
of a sweep, unless the name says otherwise: ``mixed_`` for mixtures of two expressions, ``filmed_``
for clips as filmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from expressions_held_out import Asked, HeldOut, Maker
from sensorium.expressions import metrics
from sensorium.expressions.judges import Judged, Judges, bundled_judges
from sensorium.worlds.portraits import EXPRESSIONS

Row = dict[str, Any]

GROUPED = ("accuracy", "intensity_mae", "landmark_nme", "l1_face", "identity")
"""What is told by group of people."""


SAME = 99.0
"""Decibels from which a picture is the true one to the bit, as some of a cross-fade are."""


@dataclass
class Told:
    """Values of single pictures with whom and what they show.

    Attributes:
        values: by name.
        people: number of the person.
    """

    values: dict[str, list[Tensor]]
    people: list[int]

    def add(self, scores: dict[str, Tensor], people: list[int]) -> None:
        """Scores of pictures."""
        for name, value in scores.items():
            self.values.setdefault(name, []).append(value)
        self.people += people

    def means(self) -> Row:
        """Of every name; NaN (an empty mask) and PSNR of what is the same are left out."""
        out = {}
        for name, parts in self.values.items():
            values = torch.cat(parts)
            if name.startswith("psnr"):
                values = values.where(values < SAME, torch.nan)
            if not values.isnan().all():
                out[name] = mean(values)
        return out


@dataclass(frozen=True)
class Sweep:
    """What judges see in sweeps of one expression each.

    Attributes:
        commanded: degrees.
        strength: judged degrees of the commanded expression.
        landmarks: judged.
        identity: judged.
        features: judged, of the pictures above degree 0.
        said: named expression of the last picture.
        meant: commanded expression.
        people: number of the person.
    """

    commanded: Float[Tensor, "C T"]
    strength: Float[Tensor, "C T"]
    landmarks: Float[Tensor, "C T 68 2"]
    identity: Float[Tensor, "C T D"]
    features: Float[Tensor, "N F"]
    said: Int64[Tensor, " C"]
    meant: Int64[Tensor, " C"]
    people: Int64[Tensor, " C"]


def row_of(maker: Maker, held_out: HeldOut, reference: Float[Tensor, "N F"]) -> Row:
    """Everything that is measured of one maker.

    Args:
        maker: of pictures.
        held_out: people.
        reference: the judge's features of true pictures of other people (`true_features`).
    """
    judges = bundled_judges()
    row, sweep, true = sweep_row(maker, held_out, judges)
    row["frechet_judge"] = metrics.frechet(sweep.features, reference)
    row |= of_sweeps(sweep, true, judges, held_out)
    row |= jumps(maker, held_out)
    row |= mixed(maker, held_out, judges)
    return row | filmed(maker, held_out, judges)


# --- sweeps ---------------------------------------------------------------------------------------


def sweep_row(maker: Maker, held_out: HeldOut, judges: Judges) -> tuple[Row, Sweep, Sweep]:
    """Pictures of sweeps compared with the true ones, and what judges see in both."""
    told, neutral = Told({}, []), []
    mine: list[Sweep] = []
    truly: list[Sweep] = []
    given = judges.judge(held_out.pictures)
    for asked in held_out.sweeps():
        made = maker(asked)
        neutral.append(metrics.psnr(made[:, 0], asked.pictures))
        judged = judges.judge(made.flatten(0, 1))
        mine.append(swept(judged, asked))
        truly.append(swept(judges.judge(asked.true.flatten(0, 1)), asked))
        above = flat_rows(asked)
        scores = compared(made, asked, above)
        own = torch.tensor(asked.people).repeat_interleave(asked.degrees.shape[1])[above]
        places = asked.truth.landmarks.flatten(0, 1)[above]
        degrees = asked.degrees.flatten(0, 1)[above]
        scores |= metrics.judged_scores(judged[above], given[own], degrees, places)
        scores.pop("accuracy")  # of the full expression alone, below
        told.add(scores, own.tolist())
    sweep, true = joined(mine), joined(truly)
    row = told.means()
    right = (sweep.said == sweep.meant).float()
    row["accuracy"] = mean(right)
    table = metrics.confusion(sweep.said, sweep.meant, len(EXPRESSIONS))
    row["confusion"] = (table / table.sum(1, keepdim=True)).tolist()
    row["neutral_psnr"] = mean(torch.cat(neutral))
    groups = held_out.groups()
    named = metrics.by_group(right, [groups[p] for p in sweep.people.tolist()])
    row["groups"] = {"accuracy": named} | {
        name: metrics.by_group(torch.cat(told.values[name]), [groups[p] for p in told.people])
        for name in GROUPED[1:]
    }
    return row, sweep, true


def flat_rows(asked: Asked) -> Tensor:
    """Which of the pictures, ``[B, T]`` laid out in a row, are above degree 0."""
    return (asked.degrees > 0).any(2).flatten().nonzero()[:, 0]


def compared(made: Float[Tensor, "B T 3 S S"], asked: Asked, rows: Tensor) -> dict[str, Tensor]:
    """Pictures beside the true ones: frame, face, mouth."""
    masks = {"face": asked.truth.face, "mouth": asked.truth.mouth}
    return metrics.picture_scores(
        made.flatten(0, 1)[rows],
        asked.true.flatten(0, 1)[rows],
        {name: mask.flatten(0, 1)[rows] for name, mask in masks.items()},
    )


def swept(judged: Judged, asked: Asked) -> Sweep:
    """Sweeps from what judges saw in their pictures, ``[B, T]`` laid out in a row."""
    shape = asked.degrees.shape[:2]
    commanded = asked.degrees.amax(2)
    which = asked.degrees.amax(1).argmax(1)  # [B, T, E] -> [B, E] -> [B]
    each = which.repeat_interleave(shape[1])[:, None]
    logits = judged.logits.unflatten(0, shape)
    return Sweep(
        commanded,
        judged.degrees.gather(1, each).squeeze(1).unflatten(0, shape),
        judged.landmarks.unflatten(0, shape),
        judged.identity.unflatten(0, shape),
        judged.features[commanded.flatten() > 0],
        logits[:, -1].argmax(1),
        which,
        torch.tensor(asked.people),
    )


def joined(parts: list[Sweep]) -> Sweep:
    """All together."""
    return Sweep(*(torch.cat([getattr(p, name) for p in parts]) for name in vars(parts[0])))


def of_sweeps(sweep: Sweep, true: Sweep, judges: Judges, held_out: HeldOut) -> Row:
    """Order of the degrees, who it still is, and the way that landmarks go."""
    gallery = judges.judge(held_out.pictures).identity
    full = sweep.identity[:, -1]
    distances = (sweep.identity - gallery[sweep.people][:, None]).norm(dim=2)
    return {
        "intensity_spearman": mean(metrics.spearman(sweep.commanded, sweep.strength)),
        "monotone": mean(metrics.monotone(sweep.strength)),
        "strength_curve": sweep.strength.mean(0).tolist(),
        "reidentified": mean(metrics.reidentified(full, sweep.people, gallery)),
        "acd": mean(metrics.acd(sweep.identity)),
        "acd_input": mean(distances),
        "path_rmse": mean(metrics.path_rmse(sweep.landmarks, true.landmarks)),
        "path_monotone": mean(metrics.monotone(metrics.path(sweep.landmarks))),
        "path_curve": metrics.path(sweep.landmarks).mean(0).tolist(),
    }


def jumps(maker: Maker, held_out: HeldOut) -> Row:
    """How evenly pictures change in fine sweeps; nothing where they do not change at all."""
    found = [metrics.jump_ratio(clip) for asked in held_out.fine_sweeps() for clip in maker(asked)]
    value = mean(torch.tensor(found))
    return {} if value != value else {"jump_ratio": value}


# --- mixtures and clips ---------------------------------------------------------------------------


def mixed(maker: Maker, held_out: HeldOut, judges: Judges) -> Row:
    """Two expressions at a time, which nobody was trained on."""
    told = Told({}, [])
    for asked in held_out.mixtures():
        made = maker(asked)
        degrees = asked.degrees.flatten(0, 1)
        judged = judges.judge(made.flatten(0, 1))
        wanted = degrees > 0
        scores = compared(made, asked, flat_rows(asked))
        scores["degrees_mae"] = (judged.degrees - degrees)[wanted].abs()
        # both of the two strongest are those that were commanded
        top = judged.degrees.topk(2, dim=1).indices.sort(1).values
        meant = degrees.topk(2, dim=1).indices.sort(1).values
        scores["accuracy"] = (top == meant).all(1).float()
        scores["landmark_nme"] = metrics.nme(judged.landmarks, asked.truth.landmarks.flatten(0, 1))
        told.add(scores, [])
    wanted_names = ("ssim_face", "l1_face", "degrees_mae", "accuracy", "landmark_nme")
    return {f"mixed_{name}": value for name, value in told.means().items() if name in wanted_names}


def filmed(maker: Maker, held_out: HeldOut, judges: Judges) -> Row:
    """Clips: labels are times, heads move, eyes blink."""
    told = Told({}, [])
    for asked in held_out.filmed():
        made = maker(asked)
        rows = torch.arange(1, asked.degrees.shape[1])
        scores = compared(made, asked, rows)
        judged = judges.judge(made[0])
        true = asked.truth.landmarks
        scores["landmark_nme"] = metrics.nme(judged.landmarks, true[0])
        scores["path_rmse"] = metrics.path_rmse(judged.landmarks[None], true)
        told.add(scores, [])
    wanted = ("ssim", "ssim_face", "ssim_mouth", "psnr", "landmark_nme", "path_rmse")
    return {f"filmed_{name}": value for name, value in told.means().items() if name in wanted}


# --- the true ones --------------------------------------------------------------------------------


def true_features(held_out: HeldOut) -> Float[Tensor, "N F"]:
    """The judge's features of true sweeps, above degree 0."""
    judges = bundled_judges()
    parts = []
    for asked in held_out.sweeps():
        rows = flat_rows(asked)
        parts.append(judges.judge(asked.true.flatten(0, 1)[rows]).features)
    return torch.cat(parts)


def mean(values: Tensor) -> float:
    """Without NaN; NaN where there is nothing else."""
    there = values[~values.isnan()]
    return float(there.float().mean()) if len(there) else float("nan")
