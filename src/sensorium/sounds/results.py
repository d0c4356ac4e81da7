"""`Stems`: a mixture taken apart, each source as its own track, computed when it is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from sensorium import media
from sensorium.system import Result
from sensorium.types import Span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sensorium.sounds.separation.overview import Overview
    from sensorium.sounds.separation.separator import Separator, Told

REST = "rest"
"""The last stem: what belongs to no source."""

Form = Literal["wav", "flac"]
_BITS = {"wav": 32, "flac": 24}
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Stem:
    """One track.

    Attributes:
        label: what it is: a class where the system has names, else ``source 1`` ...; ``rest``.
        score: 0..1, how decided the masks are that cut it out.
        at: where in the picture it sounds most, x and y in 0..1 from left and top; ``None`` for the
            rest.
    """

    label: str
    score: float
    at: tuple[float, float] | None

    def to_dict(self) -> dict[str, Any]:
        """``label``, ``score``, ``at``."""
        at = None if self.at is None else [round(v, 4) for v in self.at]
        return {"label": self.label, "score": round(self.score, 4), "at": at}


@dataclass(frozen=True)
class Stems(Result):
    """The stems of one clip; all of them sum to its sound, to float precision.

    Sound is computed when it is asked for and not kept: an hour needs no more memory than a minute.

    Attributes:
        file: the clip's name.
        system: which weights answered.
        rate: of the stems, in hertz: the input's own.
        channels: of each stem: the input's own.
        span: of the sound, in seconds on the clip's clock.
        stems: the sources, then the rest.
        unfamiliarity: 0..1, above 0.5 for pictures unlike anything the weights know; ``None`` when
            they carry no calibration.
        windows: the stretches of time that ``shares`` speaks of; neighbours overlap by half.
        shares: how much of each source's sound belongs to each place of the picture, 0..1.
        separator: what computes the sound.

    Shape:
        ``shares``: ``[W, S, h, w]``, without the rest.
    """

    file: str
    system: str
    rate: int
    channels: int
    span: Span
    stems: tuple[Stem, ...]
    unfamiliarity: float | None
    windows: tuple[Span, ...] = field(repr=False)
    shares: Float[Tensor, "W S h w"] = field(repr=False)
    separator: Separator = field(repr=False, compare=False)

    @property
    def out_of_domain(self) -> bool | None:
        """Whether the pictures are unlike anything the weights know (``None``: not calibrated)."""
        return None if self.unfamiliarity is None else self.unfamiliarity > 0.5

    # --- sound ------------------------------------------------------------------------------------

    def samples(self, span: Span | None = None) -> Float32[Tensor, "P C N"]:
        """The stems in a stretch of time (default: all of it), silence outside the sound."""
        span = span or self.span
        begin = self.separator.samples_of(span.start)
        end = begin + round(span.duration * self.rate)
        out = torch.zeros(len(self.stems), self.channels, end - begin)
        at = max(begin, 0)
        if at < min(end, self.separator.length):
            for block in self.separator.blocks(at, min(end, self.separator.length)):
                out[..., at - begin : at - begin + block.shape[-1]] = block
                at += block.shape[-1]
        return out

    def blocks(self, seconds: float = 1.0) -> Iterator[Float32[Tensor, "P C n"]]:
        """The stems from start to end, in blocks of about so many seconds; the last is shorter."""
        if not seconds > 0:
            raise ValueError(f"blocks last more than 0 seconds, got {seconds!r}")
        yield from _evened(self.separator.blocks(), max(1, round(seconds * self.rate)))

    def remix(
        self, gains_db: Sequence[float] | Mapping[str, float], span: Span | None = None
    ) -> Float32[Tensor, "C N"]:
        """The mixture with another loudness for each stem; all gains 0 dB give it back.

        Args:
            gains_db: one per stem, the rest last, or by label (others stay as they are).
            span: seconds (default: all).

        Raises:
            ValueError: for another number of gains, or a label that no stem has.
        """
        gains = 10 ** (torch.tensor(self._gains(gains_db)) / 20)
        return torch.einsum("pcn,p->cn", self.samples(span), gains)

    def _gains(self, gains_db: Sequence[float] | Mapping[str, float]) -> list[float]:
        labels = [stem.label for stem in self.stems]
        if isinstance(gains_db, Mapping):
            unknown = [label for label in gains_db if label not in labels]
            if unknown:
                raise ValueError(f"no stem {unknown[0]!r}; expected one of {', '.join(labels)}")
            return [float(gains_db.get(label, 0.0)) for label in labels]
        if len(gains_db) != len(labels):
            raise ValueError(
                f"got {len(gains_db)} gains, expected one for each of {', '.join(labels)}"
            )
        return [float(gain) for gain in gains_db]

    # --- where it comes from ----------------------------------------------------------------------

    @property
    def overview(self) -> Overview:
        """Loudness over time and small spectrograms; the first use goes through the sound once."""
        return self.separator.overview()

    @property
    def heat(self) -> Float[Tensor, "W h w"]:
        """Where sound comes from in each window: the sources' mean squares, shared out to places.

        The first use goes through the sound once.
        """
        energy = self.overview.energy[:, :-1]
        return torch.einsum("wshv,ws->whv", self.shares, energy)

    # --- files ------------------------------------------------------------------------------------

    def paths(self, form: Form = "wav") -> list[str]:
        """File names of the stems, relative to the folder that they are saved in."""
        plain = [re.sub(r"[^\w]+", "-", s.label.lower()).strip("-") for s in self.stems]
        names = [f"{k + 1}-{name[:_LONGEST_NAME] or 'stem'}" for k, name in enumerate(plain)]
        return [f"stems/{name}.{form}" for name in (*names[:-1], REST)]

    def to_dict(self, form: Form = "wav") -> dict[str, Any]:
        """``file``, ``system``, ``out_of_domain``, ``unfamiliarity``, ``start``, ``end``.

        And ``stems``: each a ``path`` (where `save` puts it), ``label``, ``score``, ``at``.
        """
        far = self.unfamiliarity
        return {
            "file": self.file,
            "system": self.system,
            "out_of_domain": self.out_of_domain,
            "unfamiliarity": None if far is None else round(far, 4),
            "start": round(self.span.start, 3),
            "end": round(self.span.end, 3),
            "stems": [
                {"path": path, **stem.to_dict()}
                for path, stem in zip(self.paths(form), self.stems, strict=True)
            ],
        }

    def save(
        self,
        folder: str | Path,
        *,
        form: Form = "wav",
        film: bool = True,
        told: Told = lambda share: None,
    ) -> list[Path]:
        """Write every stem in one pass, then ``heat.mp4``, ``heat.png``, ``stems.png`` and JSON.

        WAV stems are 32-bit floating point, and sum to the mixture exactly; FLAC ones have 24 bits,
        and what would not fit into -1..1 goes to the rest.

        Args:
            folder: made if missing.
            form: of the stems.
            film: whether to draw ``heat.mp4``, which for long videos takes longer than the stems.
            told: takes the share that is done, 0..1.
        """
        from sensorium.sounds.heat import heat_picture, write_heat_film

        if form not in _BITS:
            raise ValueError(f"stems are written as wav or flac, got {form!r}")
        folder = Path(folder)
        sound = 0.5 if film else 0.9
        written = self._write_stems(folder, form, lambda share: told(sound * share))
        if film:
            path = folder / "heat.mp4"
            written.append(write_heat_film(self, path, lambda s: told(sound + (1 - sound) * s)))
        for name, figure in (("heat.png", heat_picture(self)), ("stems.png", self.figure())):
            figure.savefig(folder / name, dpi=110, bbox_inches="tight")
            written.append(folder / name)
        data = folder / "stems.json"
        data.write_text(json.dumps(self.to_dict(form), indent=1) + "\n")
        told(1.0)
        return [*written, data]

    def _write_stems(self, folder: Path, form: Form, told: Told) -> list[Path]:
        paths = [folder / path for path in self.paths(form)]
        with ExitStack() as stack:
            files = [
                stack.enter_context(
                    media.SoundWriter(path, self.rate, self.channels, bits=_BITS[form])
                )
                for path in paths
            ]
            for block in self.separator.blocks(told=told):
                fitting = _fitted(block) if form == "flac" else block
                for file, samples in zip(files, fitting, strict=True):
                    file.write(samples)
        return paths

    def figure(self) -> Figure:
        """Pictures with heat over them, and a spectrogram of every stem."""
        from sensorium.sounds.heat import stems_figure

        figure: Figure = stems_figure(self)
        return figure


def _fitted(block: Float32[Tensor, "P C n"]) -> Float32[Tensor, "P C n"]:
    """Sources cut to -1..1, and what was cut away given to the rest."""
    sources = block[:-1].clamp(-1, 1)
    return torch.cat([sources, block[-1:] + (block[:-1] - sources).sum(0, keepdim=True)])


def _evened(blocks: Iterator[Tensor], size: int) -> Iterator[Float32[Tensor, "P C n"]]:
    """The same sound in blocks of ``size`` samples."""
    held: list[Tensor] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.shape[-1]
        if count >= size:
            whole = torch.cat(held, -1)
            full = count - count % size
            for at in range(0, full, size):
                yield whole[..., at : at + size]
            held, count = [whole[..., full:]], count - full
    if count:
        yield torch.cat(held, -1)
