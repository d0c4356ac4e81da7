"""What an explanation says, as sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sensorium.robustness.pse.ratio import Kind

if TYPE_CHECKING:
    from sensorium.robustness.pse.results import Explanation

_DOES = {
    Kind.SUPPRESSION: "mostly suppresses",
    Kind.BALANCED: "suppresses and promotes in balance",
    Kind.PROMOTION: "mostly promotes",
    Kind.ADVERSE: "does neither of what the attack wants",
}


def verdict(found: Explanation) -> str:
    """Five sentences: what came out, by what means, where, and what each kind is needed for."""
    return " ".join([_outcome(found), _means(found), _cells(found), _place(found), _needed(found)])


def _outcome(found: Explanation) -> str:
    """Whether the attack got what it wanted."""
    names, answer = found.names, found.answer
    far = float((found.attacked - found.clean).abs().amax()) * 255
    before = f"'{found.true_label}' ({found.probability(found.true, attacked=False):.2f})"
    by = f"by changing no value by more than {far:.1f}/255"
    if found.success:
        after = f"'{found.target_label}' ({found.probability(found.target, attacked=True):.2f})"
        return f"{_capital(names.attack)} turned {before} into {after} {by}."
    sure = found.probability(answer, attacked=True)
    still = "is still" if answer == found.true else "is now"
    return (
        f"{_capital(names.attack)} did not reach '{found.target_label}': {before} {still} "
        f"'{names.classes[answer]}' ({sure:.2f}), {by}."
    )


def _means(found: Explanation) -> str:
    """What the whole perturbation does."""
    whole = found.whole
    said = "" if math.isnan(whole.ratio) else f" (ratio {whole.ratio:+.1f})"
    return (
        f"It {_DOES[whole.kind]}: the target's logit changes by {whole.target:+.1f}, the true "
        f"label's by {whole.true:+.1f}{said}."
    )


def _cells(found: Explanation) -> str:
    """Shares of the kinds."""
    share = found.shares
    counts = f"{found.used} of {found.cells.count} cells are changed"
    return (
        f"{counts}: {share['suppression']:.0%} suppress, {share['balanced']:.0%} do both, "
        f"{share['promotion']:.0%} promote, {share['adverse']:.0%} work against the attack."
    )


def _place(found: Explanation) -> str:
    """Where it lies."""
    look, name = found.look, "C(x0, t0)"
    score, by_chance = look.scores[name], look.chances[name]
    if by_chance == 0:
        return f"The map of '{found.true_label}' is the same everywhere and says nothing."
    if score > 1.1 * by_chance:
        said = "it gathers there"
    elif score < 0.9 * by_chance:
        said = "it avoids them"
    else:
        said = "about what chance gives"
    return (
        f"{score:.2f} of its strength lies in the places that speak most for "
        f"'{found.true_label}' (by chance {by_chance:.2f}): {said}."
    )


def _needed(found: Explanation) -> str:
    """What still works with one kind only."""
    if not found.success:
        return "What single kinds of cells reach means nothing, as all of them do not."
    works = [
        kind for kind in ("suppressing", "balanced", "promoting")
        if found.kept[f"only {_KEY[kind]}"]["hits"] == 1 and found.shares[_KEY[kind]] > 0
    ]  # fmt: skip
    if not works:
        return "No kind of cell reaches the target alone."
    return f"Enough alone to reach the target: the {' or the '.join(works)} cells."


_KEY = {"suppressing": "suppression", "balanced": "balanced", "promoting": "promotion"}


def _capital(text: str) -> str:
    """A capital first letter, unless it is a name."""
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
