"""The bundled weights on whole episodes, as files: what `sensorium recognize` is right about.

    python benchmarks/actions_episodes.py [--episodes 40]

Held-out episodes of 20 s, several performers, overlapping moves, filmed in several sizes and
written as H.264. A move counts as found when it is named at its middle; an action counts as right
when it shares 0.3 s with a move of that name. Writes ``results/actions_episodes.json``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from report import write_results
from sensorium import media, store
from sensorium.actions.results import Actions
from sensorium.seeds import split_seed
from sensorium.worlds import stage

NAMES = ("tsm", "tsm-online", "stnet", "tsn")
SIZES = ((120, 160), (240, 320), (180, 320), (224, 224), (360, 640))


def film(index: int, folder: Path) -> tuple[Path, list[stage.Event]]:
    """One held-out episode as a file, and its moves."""
    episode = stage.compose(split_seed("test", index), 20.0)
    height, width = SIZES[index % len(SIZES)]
    video = stage.clip(episode, height, width, fps=24.0).need_video()
    path = folder / f"{index}.mp4"
    media.write(path, (frame for t in video.times() for frame in video.frames([t])), 24.0)
    return path, [e for e in episode.events if e.kind == "move"]


def shared(event: stage.Event, start: float, end: float) -> float:
    return max(0.0, min(event.end, end) - max(event.start, start))


def judged(result: Actions, moves: list[stage.Event]) -> dict[str, int]:
    """Counts over one episode."""
    found, alone, found_alone = 0, 0, 0
    for move in moves:
        middle = move.start + move.duration / 2
        hit = any(
            a.label == move.label and a.span.start <= middle <= a.span.end for a in result.actions
        )
        by_itself = all(m is move or shared(m, move.start, move.end) < 0.3 for m in moves)
        found += hit
        alone += by_itself
        found_alone += hit and by_itself
    right = sum(
        any(m.label == a.label and shared(m, a.span.start, a.span.end) > 0.3 for m in moves)
        for a in result.actions
    )
    return {
        "moves": len(moves),
        "found": found,
        "moves_alone": alone,
        "found_alone": found_alone,
        "actions": len(result.actions),
        "right": right,
        "out_of_domain": int(bool(result.out_of_domain)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=40)
    options = parser.parse_args()
    table: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        films = [film(i, Path(folder)) for i in range(options.episodes)]
        for name in NAMES:
            system = store.load(name)
            rows = [judged(system.predict(media.read(path)), moves) for path, moves in films]
            total = {key: sum(row[key] for row in rows) for key in rows[0]}
            table[name] = {
                "recall": total["found"] / total["moves"],
                "recall_alone": total["found_alone"] / total["moves_alone"],
                "precision": total["right"] / max(1, total["actions"]),
                "false_alarms": total["out_of_domain"] / options.episodes,
                **total,
            }
            print(name, table[name], flush=True)
    write_results("actions_episodes", {"episodes": options.episodes, "systems": table})


if __name__ == "__main__":
    main()
