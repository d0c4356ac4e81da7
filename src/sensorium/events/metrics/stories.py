"""What the metrics of whole stories compare: events with their sentences, by video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sensorium.types import Span

Told = tuple[Span, str]
"""When, in seconds, and what."""

Stories = Mapping[str, Sequence[Told]]
"""The events of each video by its name."""


def annotated(
    predictions: Stories, references: Sequence[Stories]
) -> dict[str, list[Sequence[Told]]]:
    """The annotations of every video that has an event in one of them.

    Args:
        predictions: only looked at for whether any of their videos is annotated.
        references: one or more annotations, in which videos may be missing.

    Raises:
        ValueError: when there is no annotated event, or none of the predicted videos is annotated.
    """
    if isinstance(references, Mapping):
        raise ValueError("references must be a list of annotations, got one; put it in a list")
    out: dict[str, list[Sequence[Told]]] = {}
    for stories in references:
        for video, story in stories.items():
            if story:
                out.setdefault(video, []).append(story)
    if not out:
        raise ValueError(
            f"got {len(references)} annotations without any event; give at least one event"
        )
    known = {video for stories in references for video in stories}
    if predictions and not predictions.keys() & known:
        raise ValueError(
            f"none of the {len(predictions)} predicted videos is annotated (first predicted: "
            f"{next(iter(predictions))!r}, first annotated: {next(iter(out))!r}); name both alike"
        )
    return out
