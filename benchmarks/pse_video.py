"""TSM attacked on clips of the stage, and what the perturbations do frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import sensorium
from pse_attacks import interval
from sensorium.robustness.attacks import BIM, CW, Attack, StrAttack
from sensorium.robustness.pse import Explanation, Looking, Names, explain
from sensorium.robustness.pse.ratio import KINDS
from sensorium.seeds import derive, split_seed
from sensorium.worlds import stage

SHOWN = "IFGSM 8/255"


def attacks(fast: float = 1.0) -> dict[str, Attack]:
    """By name."""
    steps = max(10, round(60 * fast))
    return {
        SHOWN: BIM(eps=8 / 255, stop=False),
        "C&W": CW(steps=steps, searches=4, constant=0.1),
        "StrAttack": StrAttack(window=4, steps=steps, searches=4, tau=1.5, gamma=1.0),
    }


def clips(system: Any, count: int) -> tuple[Tensor, Tensor]:
    """Clips of the test split that TSM answers rightly, ``[B, T, 3, S, S]``, and their moves."""
    view, classes = system.config.view, system.config.classes
    frames, labels, index = [], [], 0
    while len(frames) < count:
        move = stage.LABELS[index % len(stage.LABELS)]
        seed = derive(split_seed("test", 50_000 + index), "clip")
        video = stage.clip(stage.compose_clip(seed, move), height=64, width=64).need_video()
        window = view.windows(video.span)[:1]
        x = next(iter(view.batches(video, window))).float() / 255
        with torch.no_grad():
            right = classes[int(system(x).argmax())] == move
        if right and move in classes:
            frames.append(x[0])
            labels.append(classes.index(move))
        index += 1
    return torch.stack(frames), torch.tensor(labels)


def runner_up(system: Any, x: Tensor, true: Tensor) -> Tensor:
    """The likeliest other move."""
    with torch.no_grad():
        logits = system(x)
    return logits.scatter(1, true[:, None], -torch.inf).argmax(1)


def study(
    count: int, fast: float, say: Callable[[str], None]
) -> tuple[dict[str, Any], Explanation | None]:
    """Figures by attack, and one explanation to draw."""
    system = sensorium.load("tsm").eval()
    for parameter in system.parameters():
        parameter.requires_grad_(False)
    x, true = clips(system, count)
    target = runner_up(system, x, true)
    found: dict[str, Any] = {"clips": count, "frames": x.shape[1], "size": x.shape[-1]}
    drawn: Explanation | None = None
    for name, attack in attacks(fast).items():
        done = attack(system, x, true, target=target)
        rows = []
        for k in range(count):
            if not bool(done.success[k]):
                continue
            names = Names(system.config.classes, f"stage clip {k}", "tsm", name)
            pair = (x[k], done.x[k], int(true[k]), int(target[k]))
            rows.append(explain(system, *pair, names=names, looking=Looking(side=8)))
        found[name] = summarised(rows, float(done.success.double().mean()))
        found[name]["norms"] = {
            k: float(v[done.success].double().mean()) for k, v in done.norms.items()
        }
        if name == SHOWN and rows:
            drawn = rows[0]
        say(f"  {name}: {done.success.double().mean():.2f} of {count} clips")
    return found, drawn


def summarised(rows: list[Explanation], success: float) -> dict[str, Any]:
    """Means over clips."""
    if not rows:
        return {"success": success}
    words = [kind.word for kind in KINDS]
    column = lambda pick: torch.tensor([float(pick(row)) for row in rows])  # noqa: E731
    names = rows[0].look.scores
    return {
        "success": success,
        "kinds": {w: interval(column(lambda r, w=w: r.shares[w])) for w in words},
        "scores": {n: interval(column(lambda r, n=n: r.look.scores[n])) for n in names},
        "chance": {n: float(column(lambda r, n=n: r.look.chances[n]).mean()) for n in names},
        "method": rows[0].look.method,
        "frames": {
            "target": by_frame([row.target_contributions for row in rows], rows[0]),
            "true": by_frame([-row.true_contributions for row in rows], rows[0]),
        },
        "proxy_rank": interval(column(lambda r: r.proxy_rank[0])),
    }


def by_frame(values: list[Tensor], like: Explanation) -> list[float]:
    """Which share of the sum of all cells' contributions comes from each frame."""
    frames = torch.stack([v.view(like.cells.shape).sum((1, 2)) for v in values])
    part = frames / frames.sum(1, keepdim=True)
    return [round(float(v), 4) for v in part.median(0).values]
