"""NS-VQA's executor once more, as its semantics table says it, on plain lists; and programs for it.

Slow and independent of the package: items are dicts, sets are lists of them, everything that goes
wrong is the string "error".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sensorium.worlds.blocks.programs import TOKENS
from sensorium.worlds.blocks.scenes import Item
from sensorium.worlds.blocks.vocabulary import COLORS, FUNCTIONS, MATERIALS, SHAPES, SIZES, VALUES

KNOWN = {"size": SIZES, "color": COLORS, "material": MATERIALS, "shape": SHAPES}


def published(tokens: Sequence[str], items: Sequence[Item]) -> str:
    """What the published executor prints."""
    scene = [
        {"id": f"0-{k}", "position": i.position} | {a: getattr(i, a) for a in KNOWN}
        for k, i in enumerate(items)
    ]
    if "<END>" not in tokens or tokens[0] == "<END>":
        return "error"
    ans: Any = None
    temp: Any = None
    for token in reversed(tokens[: tokens.index("<END>")]):
        if token == "scene":
            if temp is not None:
                return "error"
            temp, ans = ans, list(scene)
        elif token in TOKENS:
            ans = module(token, ans, temp, scene)
            if ans == "error":
                return "error"
    return str(ans)


def module(token: str, ans: Any, temp: Any, scene: list[dict[str, Any]]) -> Any:
    name, _, value = token.rstrip("]").partition("[")
    kind, _, attribute = name.partition("_")
    if kind == "filter":
        return [o for o in ans if o[attribute] == value] if type(ans) is list else "error"
    if kind == "unique":
        return ans[0] if type(ans) is list and ans else "error"
    if kind == "count":
        return len(ans) if type(ans) is list else "error"
    if kind == "exist":
        return "error" if type(ans) is not list else ("yes" if ans else "no")
    if kind in ("relate", "same", "query") and type(ans) is not dict:
        return "error"
    if kind == "query":
        return ans[attribute]
    if kind == "same":
        return [o for o in scene if o["id"] != ans["id"] and o[attribute] == ans[attribute]]
    if kind == "relate":
        axis = 0 if value in ("left", "right") else 1
        there = ans["position"][axis]
        if value in ("left", "behind"):
            return [o for o in scene if o["position"][axis] < there]
        return [o for o in scene if o["position"][axis] > there]
    return both(name, ans, temp)


def both(name: str, ans: Any, temp: Any) -> Any:
    if name in ("union", "intersect"):
        if type(ans) is not list or type(temp) is not list:
            return "error"
        if name == "intersect":
            return [o for o in ans if o in temp]
        return temp + [o for o in ans if o not in temp]
    if name in ("equal_integer", "greater_than", "less_than"):
        if type(ans) is not int or type(temp) is not int:
            return "error"
        holds = {"equal": ans == temp, "greater": ans > temp, "less": ans < temp}
        return "yes" if holds[name.partition("_")[0]] else "no"
    known = KNOWN[name.removeprefix("equal_")]
    if ans not in known or temp not in known:
        return "error"
    return "yes" if ans == temp else "no"


def some_items(rng: random.Random, count: int) -> tuple[Item, ...]:
    """Items with few different places, so that some stand exactly level or nearly so."""
    places = (-2.0, -0.5, -0.4, 0.0, 0.1, 0.3, 1.0, 2.5)
    return tuple(
        Item(
            rng.choice(SIZES),
            rng.choice(COLORS[:4]),
            rng.choice(MATERIALS),
            rng.choice(SHAPES),
            (rng.choice(places), rng.choice(places), 0.7),
        )
        for _ in range(count)
    )


def typed(rng: random.Random, kind: str = "", branches: int = 1, depth: int = 0) -> list[str]:
    """A random program with kinds that fit, in prefix order; up to ``branches`` more `scene`s."""
    if not kind:
        kind = rng.choice(["integer", "boolean", *VALUES])
    fitting = [t for t in TOKENS if FUNCTIONS[t.partition("[")[0]].gives == kind]
    narrow = [t for t in fitting if len(FUNCTIONS[t.partition("[")[0]].takes) < 2]
    if depth > 12 and kind == "set":
        return ["scene"]
    if kind == "set" and rng.random() < 0.25:
        return ["scene"]
    token = rng.choice(fitting if branches and rng.random() < 0.5 else narrow)
    if branches and kind in ("boolean", "set") and rng.random() < 0.5:
        token = rng.choice([t for t in fitting if t not in narrow])
    takes = FUNCTIONS[token.partition("[")[0]].takes
    out = [token]
    left = branches - (len(takes) > 1)
    for other in takes:
        out += typed(rng, other, left, depth + 1)
        left = 0 if len(takes) > 1 and branches == 1 else left
    return out


def corrupted(rng: random.Random, tokens: Sequence[str]) -> list[str]:
    """With one to three tokens replaced, dropped, doubled or put in."""
    out = list(tokens)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(4):
            case 0 if at < len(out):
                out[at] = rng.choice(TOKENS)
            case 1 if len(out) > 1:
                del out[min(at, len(out) - 1)]
            case 2 if at < len(out):
                out.insert(at, out[at])
            case _:
                out.insert(at, rng.choice((*TOKENS, "<NULL>", "<UNK>", "unique", "union")))
    return out
