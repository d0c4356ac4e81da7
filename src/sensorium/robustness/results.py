"""`Robustness`: what an attack did to one picture or clip, and what the classifier says now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from sensorium.media.stills import write_still
from sensorium.system import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FRAMES = 4  # of a clip, in the figure


@dataclass(frozen=True)
class Robustness(Result):
    """One attacked picture or clip.

    Attributes:
        file: where it comes from.
        system: which classifier.
        attack: its name, and with what budget.
        eps: the budget in units of pixel values (0..1); ``None``: the least that does.
        classes: names, in the order of the logits.
        label: the truth, or what the classifier says of the clean sample.
        target: the label to reach; ``None``: any other.
        clean: as the classifier takes it, 0..1.
        adversarial: what the attack made of it.
        before: probabilities for the clean sample.
        after: for the adversarial one.
        written: for the adversarial one rounded to 8 bits, as the file has it.
        success: whether the attack reached its aim.
        norms: of the perturbation: ``l0``, ``l1``, ``l2``, ``linf``.
        passes: forward and backward passes.
        unfamiliarity: of the clean sample, 0..1, above 0.5 unlike anything the classifier knows;
            ``None``: it cannot tell.

    Shape:
        ``clean``, ``adversarial``: ``[C, H, W]`` or ``[T, C, H, W]``; probabilities ``[K]``.
    """

    file: str
    system: str
    attack: str
    eps: float | None
    classes: tuple[str, ...]
    label: str
    target: str | None
    clean: Float32[Tensor, "..."] = field(repr=False)
    adversarial: Float32[Tensor, "..."] = field(repr=False)
    before: Float32[Tensor, "K"] = field(repr=False)
    after: Float32[Tensor, "K"] = field(repr=False)
    written: Float32[Tensor, "K"] = field(repr=False)
    success: bool
    norms: Mapping[str, float]
    passes: tuple[int, int]
    unfamiliarity: float | None = None

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the clean sample is unlike anything it knows (``None``: cannot tell)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    @property
    def label_after(self) -> str:
        """What the classifier says of the adversarial sample."""
        return self.classes[int(self.after.argmax())]

    @property
    def success_as_written(self) -> bool:
        """Whether the aim is reached by the 8-bit file, too."""
        said = self.classes[int(self.written.argmax())]
        return said != self.label if self.target is None else said == self.target

    def to_dict(self) -> dict[str, Any]:
        """The labels with their scores before and after, the norms, and what it took."""
        said = int(self.before.argmax())
        return {
            "file": self.file,
            "system": self.system,
            "attack": self.attack,
            "eps": self.eps,
            "out_of_domain": self.out_of_domain,
            "label": self.label,
            "target": self.target,
            "label_before": self.classes[said],
            "score_before": round(float(self.before[said]), 4),
            "label_after": self.label_after,
            "score_after": round(float(self.after.max()), 4),
            "success": self.success,
            "success_as_written": self.success_as_written,
            "norms": {name: round(float(value), 6) for name, value in self.norms.items()},
            "forward_passes": self.passes[0],
            "backward_passes": self.passes[1],
        }

    def save(self, folder: str | Path) -> list[Path]:
        """``adversarial.png`` (a clip: numbered frames), ``robustness.png``, ``robustness.json``.

        A folder of frames is read by every command that reads a video.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        frames = as_bytes(self.adversarial)
        if frames.ndim == 3:
            pictures = {folder / "adversarial.png": frames}
        else:
            (folder / "adversarial").mkdir(exist_ok=True)
            for old in (folder / "adversarial").glob("[0-9]*.png"):  # of a longer clip
                old.unlink()
            pictures = {
                folder / "adversarial" / f"{n:04d}.png": frame for n, frame in enumerate(frames)
            }
        for path, picture in pictures.items():
            write_still(path, picture.expand(3, -1, -1).contiguous())
        first = folder / ("adversarial.png" if frames.ndim == 3 else "adversarial")
        record, drawn = folder / "robustness.json", folder / "robustness.png"
        record.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        self.figure().savefig(drawn, dpi=120, bbox_inches="tight")
        return [first, drawn, record]

    def figure(self) -> Figure:
        """Input, perturbation (around grey, made visible) and result; of a clip, 4 frames."""
        from matplotlib.figure import Figure

        clean, made = shown_frames(self.clean), shown_frames(self.adversarial)
        rows = len(clean)
        figure = Figure(figsize=(8.4, 2.7 * rows + 0.9), layout="constrained")
        axes = figure.subplots(rows, 3, squeeze=False)
        change = made - clean
        largest = float(change.abs().max())
        for row in range(rows):
            draw_picture(axes[row, 0], clean[row])
            draw_picture(axes[row, 1], 0.5 + change[row] * (0.5 / max(largest, 1e-9)))
            draw_picture(axes[row, 2], made[row])
        said = self.to_dict()
        axes[0, 0].set_title(f"{said['label_before']}  {said['score_before']:.2f}", fontsize=10)
        axes[0, 1].set_title(
            f"change, at most {255 * largest:.1f}/255\nshown {0.5 / max(largest, 1e-9):.0f} times",
            fontsize=10,
        )
        colour = "C3" if self.success else "0.2"
        title = f"{said['label_after']}  {said['score_after']:.2f}"
        axes[0, 2].set_title(title, fontsize=10, color=colour)
        wanted = "" if self.target is None else f", towards {self.target}"
        figure.suptitle(f"{self.system}: {self.attack}{wanted}", fontsize=10)
        return figure


def as_bytes(x: Float32[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """Values in 0..1 as the nearest of 0..255."""
    return x.mul(255).round_().clamp_(0, 255).to(torch.uint8)


def shown_frames(x: Float32[Tensor, "..."]) -> Float32[Tensor, "n C H W"]:
    """A picture, or evenly spaced frames of a clip, on the CPU."""
    x = x.detach().cpu()
    if x.ndim == 3:
        return x[None]
    count = min(_FRAMES, len(x))
    return x[torch.linspace(0, len(x) - 1, count).round().long()]


def draw_picture(axes: Axes, picture: Float32[Tensor, "C H W"]) -> None:
    """A picture with values in 0..1, grey where it has one channel."""
    colour = picture.clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0)  # [C, H, W] -> [H, W, C]
    axes.imshow(colour.numpy(), interpolation="nearest")
    axes.set_axis_off()
