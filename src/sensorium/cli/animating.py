"""``sensorium animate``: a face in a picture takes on an expression, as strong as told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from sensorium.cli.options import (
    SPEECH,
    Count,
    Device,
    Name,
    OptionalFile,
    OptionalName,
    Speaking,
    UsageError,
)

if TYPE_CHECKING:
    from torch import Tensor

    from sensorium.cli.console import Console
    from sensorium.expressions.faces import FaceFinder
    from sensorium.expressions.results import Animation
    from sensorium.expressions.systems import ExpressionsSystem
    from sensorium.media.marks import Marking

Images = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGE…", help_behavior_hint="")
]
Shares = Annotated[
    tuple[str, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(metavar="EXPRESSION=SHARE", help_behavior_hint="(repeatable)"),
]
Keys = Annotated[str | None, tyro.conf.arg(metavar="FRAME:DEGREE,…", help_behavior_hint="")]
Consent = Annotated[
    str | None, tyro.conf.arg(metavar="self|written|synthetic", help_behavior_hint="")
]
Format = Annotated[
    str | None, tyro.conf.arg(metavar="mp4|gif|webp|frames|sheet", help_behavior_hint="")
]

_FRAMES = 24
_SUFFIX = {"mp4": ".mp4", "gif": ".gif", "webp": ".webp", "frames": "", "sheet": ".png"}
_CONSENTS = ("self", "written", "synthetic")
_SIDE = 256  # pixels that a small frame is written with
_WHOLE = 1024  # of the longer side of a picture that faces are put back into


@dataclass(frozen=True)
class Animate:
    """Let the face in a picture take on an expression; what is made is marked as generated."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "sensorium animate me.png --expression happy --consent self --out smile.mp4",
        "sensorium animate me.png --expression happy --intensity 0:0,12:1,24:0.3 --consent self",
        "sensorium animate me.png --mix happy=0.6 --mix sad=0.3 --curve pulse --consent self",
        "sensorium animate me.png --expression angry --to happy --consent self --out sheet.png",
        "sensorium animate *.png --expression sad --consent written --format gif --out sad",
    )

    images: Images = ()
    """Pictures of a neutral face, from the front; of any kind and size."""

    expression: OptionalName = None
    """happy, sad, surprised, angry, disgusted, afraid or contemptuous, as the weights know them."""

    mix: Shares = ()
    """Instead: several expressions at once, such as happy=0.6."""

    to: OptionalName = None
    """Go on, through the neutral face, to this expression."""

    curve: Annotated[str, tyro.conf.arg(metavar="ramp|pulse|hold|ease")] = "ramp"
    """How the strength goes: up, up and down, full all along, or gently up."""

    intensity: Keys = None
    """Instead of a curve: degrees 0..1 at frames, straight in between, such as 0:0,12:1,24:0.3."""

    frames: Count = None
    """How many frames; by default 24, or up to the last key of --intensity."""

    rate: float = 24.0
    """Frames per second."""

    consent: Consent = None
    """Whose face it is: your own, of one who agreed in writing, or nobody's. Must be said."""

    out: OptionalFile = None
    """A file (.mp4 .mov .gif .webp; .png .jpg: contact sheet) or, without suffix, a folder."""

    format: Format = None
    """What to write where --out names no file; of several pictures --out is a folder."""

    size: Count = None
    """Pixels of the written frames' shorter side; by default at least 256. Adds no detail."""

    label: bool = True
    """--no-label leaves out the strip below the picture that says AI-GENERATED."""

    credentials: bool = True
    """--no-credentials leaves out the signature (Content Credentials, C2PA)."""

    certificate: OptionalFile = None
    """Sign with your own certificate chain (PEM); by default with one made on this machine."""

    key: OptionalFile = None
    """Its private key (PEM), where it is not in the same file."""

    face: Annotated[str, tyro.conf.arg(metavar="auto|whole|N")] = "auto"
    """Which face: the largest, the middle of the picture, or number N from the left."""

    face_model: OptionalFile = None
    """YuNet's .onnx file, to find faces; by default $SENSORIUM_FACE_MODEL."""

    paste: bool = False
    """Put the face back into the whole picture."""

    system: Name = "expressions"
    """Weights: a name, system folder, run folder or hf://owner/name."""

    device: Device = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    speech: Speaking = SPEECH

    def run(self, console: Console) -> int:
        """Animates picture after picture."""
        self._check()
        from sensorium.cli.devices import load_system
        from sensorium.expressions.faces import YuNet, model_file
        from sensorium.expressions.systems import ExpressionsSystem

        marking = self._marking()
        system = load_system(self.system, self.device)
        if not isinstance(system, ExpressionsSystem):
            raise UsageError(
                f"{self.system} is a {system.name}, expected a system that animates faces; "
                "sensorium models lists them"
            )
        degrees = self._degrees(system.expressions)
        finder: FaceFinder | None = None
        if self.face != "whole" and (model := model_file(self.face_model)) is not None:
            try:
                finder = YuNet(model)
            except ValueError as error:
                raise UsageError(f"--face-model: {error}") from error
        elif self.face.isdecimal():
            raise UsageError(f"--face {self.face} needs a face finder; give --face-model FILE")
        elif self.face != "whole":
            console.note(
                "note: no face finder (--face-model FILE: YuNet's .onnx): the middle of each "
                "picture is taken as the face; crop pictures to it, and say --face whole"
            )
        taken: set[Path] = set()

        def work(image: str) -> None:
            with console.working(f"animating {image}"):
                made, face = self._animate(system, finder, image, degrees, console)
                path = self._path(image, made.expression, taken)
                _spare(Path(image), path)
                consent = self._consent(image)
                side = self.size or (None if self.paste else max(_SIDE, min(made.frames.shape[2:])))
                made = made.write(path, consent=consent, size=side, marking=marking)
            console.record({**made.to_dict(), "consent": consent, "face": face})
            _show(made, console)

        return console.each(self.images, work)

    # --- what is asked ----------------------------------------------------------------------------

    def _check(self) -> None:
        """Refuses what does not go together, before anything is loaded.

        Raises:
            UsageError: in one line.
        """
        if not self.images:
            raise UsageError(
                "animate: got no picture, expected sensorium animate IMAGE… --expression happy"
            )
        if bool(self.expression) == bool(self.mix):
            got = "both" if self.mix else "neither"
            raise UsageError(f"animate: got {got}, expected either --expression or --mix")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"--frames must be 1 or more, got {self.frames}")
        if not 0 < self.rate < 1000:
            raise UsageError(f"--rate must be above 0 and below 1000 per second, got {self.rate:g}")
        if self.intensity is not None and self.curve != "ramp":
            raise UsageError("got both --curve and --intensity, expected one of them")
        if self.face not in ("auto", "whole") and not (self.face.isdecimal() and int(self.face)):
            raise UsageError(f"--face: got {self.face!r}, expected auto, whole or a number from 1")
        if self.consent not in (None, *_CONSENTS):
            raise UsageError(
                f"--consent: got {self.consent!r}, expected {' or '.join(_CONSENTS)}; see "
                "sensorium animate --help"
            )
        if self.format not in (None, *_SUFFIX):
            raise UsageError(f"--format: got {self.format!r}, expected one of {', '.join(_SUFFIX)}")
        from sensorium.expressions.writing import LARGEST

        if self.size is not None and not 1 <= self.size <= LARGEST:
            raise UsageError(f"--size is 1 to {LARGEST} pixels, got {self.size}")
        if self.out is not None:
            self._check_out(Path(self.out))

    def _check_out(self, out: Path) -> None:
        """Whether ``--out`` can be what is asked for."""
        from sensorium.expressions.writing import check_suffix

        try:
            suffix = check_suffix(out)
        except ValueError as error:
            raise UsageError(f"--out: {error}") from error
        if suffix and len(self.images) > 1:
            raise UsageError(
                f"--out: got the file {out} for {len(self.images)} pictures, expected a folder "
                "(a name without suffix; --format says what to write)"
            )
        if suffix and self.format is not None and _SUFFIX[self.format] != suffix:
            raise UsageError(f"--out {out} and --format {self.format} do not agree; leave one out")

    def _marking(self) -> Marking:
        """The marks, and whether the certificate can be used."""
        from sensorium.media.marks import Marking

        try:
            marking = Marking(self.label, self.credentials, self.certificate, self.key)
            if self.certificate is not None:
                marking.signatory()
        except ValueError as error:
            raise UsageError(f"--certificate: {error}") from error
        return marking

    def _degrees(self, expressions: Sequence[str]) -> Tensor:
        """``[T, E]``.

        Raises:
            UsageError: for an unknown expression or curve, or keys that are none.
        """
        from sensorium.expressions import curves

        try:
            if self.intensity is not None:
                curve = curves.keyframes(self.intensity, self.frames)
            else:
                curve = curves.curve(self.curve, self.frames or _FRAMES)
            mix = {self.expression: 1.0} if self.expression else _shares(self.mix)
            if self.to is not None:
                return curves.transition(mix, self.to, curve, expressions)
            return curves.mixing(curve, mix, expressions)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def _consent(self, image: str) -> str:
        """What was said; for a picture whose own marks say that it shows nobody, that.

        Raises:
            ValueError: when nothing is said.
        """
        from sensorium.media.marks import check_consent, read_marks

        if self.consent is None:
            marks = read_marks(image)
            nobody = marks.metadata is not None and marks.metadata.get("consent") == "synthetic"
            if nobody and marks.credentials.state != "broken":
                return "synthetic"
        return check_consent(self.consent)

    def _path(self, image: str, expression: str, taken: set[Path]) -> Path:
        """Where it goes; files of one name in one call do not meet."""
        out = None if self.out is None else Path(self.out)
        frames_alone = out is not None and len(self.images) == 1 and self.format is None
        if out is not None and (out.suffix or frames_alone):
            return out
        kind = self.format or ("mp4" if out is None else "frames")
        words = expression.replace("+", "-").replace(">", "-to-")
        stem = f"{Path(image).stem}-{words}"
        path = (out or Path()) / f"{stem}{_SUFFIX[kind]}"
        number = 2
        while path in taken:
            path, number = path.with_name(f"{stem}-{number}{_SUFFIX[kind]}"), number + 1
        taken.add(path)
        return path

    # --- what is done -----------------------------------------------------------------------------

    def _animate(
        self,
        system: ExpressionsSystem,
        finder: FaceFinder | None,
        image: str,
        degrees: Tensor,
        console: Console,
    ) -> tuple[Animation, dict[str, Any] | None]:
        """The animation, and what is known of the face."""
        from sensorium.expressions.faces import align, choose, middle, paste
        from sensorium.expressions.pictures import no_larger, read_picture

        self._consent(image)
        picture = read_picture(image)
        whole = no_larger(picture, _WHOLE) if self.paste else picture
        height, width = whole.shape[1:]
        size = system.config.size
        face, crop = None, middle(whole, size)
        if finder is not None:
            faces = finder.find(whole)
            number = int(self.face) if self.face.isdecimal() else None
            one = choose(faces, height, width, number)
            crop = align(whole, one, size)
            face = {"box": [round(v, 1) for v in one.box], "score": round(one.score, 4)}
            face["found"] = len(faces)
            if len(faces) > 1 and number is None:
                which = sorted(f.box[0] for f in faces).index(one.box[0]) + 1
                console.note(
                    f"note: {image}: {len(faces)} faces, number {which} from the left is taken; "
                    "--face N takes another"
                )
        made = system.animate(crop.picture, degrees, self.rate, image)
        if self.paste:
            made = replace(made, frames=paste(whole, made.frames, crop))
        return made, face


def _shares(mix: Sequence[str]) -> dict[str, float]:
    """``happy=0.6`` as a number under a name.

    Raises:
        ValueError: for anything else.
    """
    shares: dict[str, float] = {}
    for part in mix:
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise ValueError(
                f"--mix: got {part!r}, expected EXPRESSION=SHARE as in happy=0.6"
            ) from None
    return shares


def _spare(image: Path, path: Path) -> None:
    """Refuses to write over the picture, or into the folder of frames that it is one of.

    Raises:
        ValueError: when that would happen.
    """
    if path.resolve() in (image.resolve(), image.resolve().parent):
        raise ValueError(f"{path} would be written over the picture itself; name another --out")


def _show(made: Animation, console: Console) -> None:
    """What was made, for people."""
    console.show(f"{made.file}  ({made.system})")
    if made.out_of_domain:
        console.show(
            f"NOT TO BE TRUSTED: this picture is unlike those that {made.system} was trained on "
            f"(unfamiliarity {made.unfamiliarity:.2f} of 1)."
        )
    peaks = ", ".join(f"{name} up to {peak:.2f}" for name, peak in made.peaks().items())
    console.show(f"{peaks or 'neutral'}: {len(made.frames)} frames, {made.seconds:.2f} s")
    console.show(f"wrote {made.path}")
    console.show("")
