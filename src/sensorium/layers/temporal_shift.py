"""The temporal shift: part of the channels moved one frame along time, at no multiplication.

TSM (Lin, Gan, Han, arXiv:1811.08383), section 3. Of ``C`` channels, ``F = C // div`` take the next
frame's values and ``F`` the previous frame's (``direction="both"``), or ``F`` take the previous
frame's and the rest stay (``direction="past"``, for streams). Vacated places hold zeros; nothing
wraps around.

Written three ways, chosen by where it runs (figures in docs/decisions.md). In training: plain
copies into an uninitialised tensor, with the mirrored shift as backward. Without gradients: only
the moved channels, in place, read by the next layer and put back, so that the shortcut still finds
what it had. In a graph that is exported or compiled: pad + concatenate, free of indexed writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Direction = Literal["both", "past"]
FoldOrder = Literal["future-first", "past-first"]
Channels = tuple[int, int]


def folds(
    channels: int, div: int, direction: Direction, order: FoldOrder
) -> tuple[Channels, Channels]:
    """The half-open channel ranges that take the next and the previous frame's values."""
    fold = channels // div
    first, second = (0, fold), (fold, 2 * fold)
    if direction == "past":
        return (0, 0), first
    return (first, second) if order == "future-first" else (second, first)


def temporal_shift(
    x: Float[Tensor, "BT C H W"],
    frames: int,
    div: int = 8,
    direction: Direction = "both",
    order: FoldOrder = "future-first",
) -> Float[Tensor, "BT C H W"]:
    """Shift ``C // div`` channels each way along time; a new tensor, the input is left as it was.

    Args:
        x: frames folded into the batch, time the inner index.
        frames: ``T``.
        div: one in ``div`` channels is moved, each way.
        direction: ``"both"``, or ``"past"`` for the first fold from the past only.
        order: which fold takes the future, the first (the PyTorch release) or the second (Paddle).

    Example:
        >>> x = (10 * torch.arange(3.0)[:, None] + torch.arange(8.0)).reshape(3, 8, 1, 1)
        >>> temporal_shift(x, frames=3)[:, :3, 0, 0].T.tolist()
        [[10.0, 20.0, 0.0], [0.0, 1.0, 11.0], [2.0, 12.0, 22.0]]
    """
    future, past = folds(x.shape[1], div, direction, order)
    if _traced():
        return _padded(x, frames, future, past)
    if x.requires_grad and torch.is_grad_enabled():
        return _Shift.apply(x, frames, future, past)  # type: ignore[no-any-return, no-untyped-call]
    return _copied(x, frames, future, past)


@contextmanager
def shifted(
    x: Float[Tensor, "BT C H W"],
    frames: int,
    div: int = 8,
    direction: Direction = "both",
    order: FoldOrder = "future-first",
) -> Iterator[None]:
    """Inside the ``with`` block ``x`` itself is shifted; after it, it is as it was. No gradients.

    Moves twice the shifted channels instead of copying all of them.
    """
    future, past = folds(x.shape[1], div, direction, order)
    clips = x.view(-1, frames, *x.shape[1:])  # [B*T, C, H, W] -> [B, T, C, H, W]
    moving = clips[:, :, : max(future[1], past[1])]
    saved = moving.clone()
    _move(saved, moving, future, past)
    try:
        yield
    finally:
        moving.copy_(saved)


def _traced() -> bool:
    """Whether operations are being recorded rather than carried out."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]


def _move(source: Tensor, target: Tensor, future: Channels, past: Channels) -> None:
    """Write the shifted channels of ``[B, T, C, H, W]`` from one tensor into another."""
    a, b = future
    if b > a:
        target[:, :-1, a:b].copy_(source[:, 1:, a:b])
        target[:, -1, a:b].zero_()
    a, b = past
    if b > a:
        target[:, 1:, a:b].copy_(source[:, :-1, a:b])
        target[:, 0, a:b].zero_()


def _copied(x: Tensor, frames: int, future: Channels, past: Channels) -> Tensor:
    """One pass over the tensor by plain copies into an uninitialised one."""
    clips = x.view(-1, frames, *x.shape[1:])  # [B*T, C, H, W] -> [B, T, C, H, W]
    out = torch.empty_like(x)
    moved = out.view(-1, frames, *x.shape[1:])
    still = max(future[1], past[1])
    moved[:, :, still:].copy_(clips[:, :, still:])
    _move(clips, moved, future, past)
    return out


def _padded(x: Tensor, frames: int, future: Channels, past: Channels) -> Tensor:
    """The same by pad and concatenate: no indexed writes in the exported graph."""
    clips = x.view(-1, frames, *x.shape[1:])  # [B*T, C, H, W] -> [B, T, C, H, W]
    parts = []
    for a, b in sorted((future, past)):
        part = clips[:, :, a:b]
        if b > a and (a, b) == future:
            parts.append(F.pad(part[:, 1:], (0, 0, 0, 0, 0, 0, 0, 1)))
        elif b > a:
            parts.append(F.pad(part[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)))
    if not parts:
        return x
    parts.append(clips[:, :, max(future[1], past[1]) :])
    return torch.cat(parts, dim=2).flatten(0, 1)  # [B, T, C, H, W] -> [B*T, C, H, W]


class _Shift(torch.autograd.Function):
    """The shift, with its mirror image as backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, frames: int, future: Channels, past: Channels) -> Tensor:
        ctx.arguments = frames, past, future  # mirrored
        return _copied(x, frames, future, past)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        frames, future, past = ctx.arguments
        grad = _Shift.apply(grads[0], frames, future, past)  # type: ignore[no-untyped-call]
        return grad, None, None, None


class TemporalShift(nn.Module):
    """`temporal_shift` with its settings kept; no parameters.

    Args:
        div: one in ``div`` channels is moved, each way.
        direction: ``"both"`` or ``"past"``.
        order: which fold takes the future.

    Shape:
        ``[B*T, C, H, W]``, ``T`` given at call -> the same.
    """

    def __init__(
        self, div: int = 8, direction: Direction = "both", order: FoldOrder = "future-first"
    ) -> None:
        super().__init__()
        if div < 2 and direction == "both":
            raise ValueError(f"div must be at least 2 to shift both ways, got {div}")
        self.div, self.direction, self.order = div, direction, order

    def forward(self, x: Float[Tensor, "BT C H W"], frames: int) -> Float[Tensor, "BT C H W"]:
        """Shift ``x``, which holds clips of ``frames`` frames."""
        return temporal_shift(x, frames, self.div, self.direction, self.order)

    def then(
        self, layer: Callable[[Tensor], Tensor], x: Float[Tensor, "BT C H W"], frames: int
    ) -> Tensor:
        """``layer`` of the shifted ``x``; ``x`` is left as it was.

        One large copy spreads over threads, many small ones do not: in place with one thread only.
        """
        if torch.is_grad_enabled() or _traced() or torch.get_num_threads() > 1:
            return layer(self(x, frames))
        with shifted(x, frames, self.div, self.direction, self.order):
            return layer(x)

    def extra_repr(self) -> str:
        """The settings."""
        return f"div={self.div}, direction={self.direction!r}, order={self.order!r}"
