"""What happens on the stage, as plain data: who stands where, plays which notes, makes which moves.

An `Episode` says everything; `render` draws it, `sounding` sounds it, `truth` writes it down.
Nothing here knows of pixels, frame rates or sampling rates. Places are measured from the middle
of the picture, x to the right in picture widths and y downwards in picture heights; sizes are in
units of the picture's shorter side. Times are in seconds on a grid of `TICK`, so that mirroring
them in time is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sensorium.types import Span

TICK = 1 / 256
"""The grid of all times in seconds: a power of two, so that sums of times are exact."""

Instrument = Literal[
    "guitar", "violin", "flute", "trumpet", "marimba", "drum", "accordion", "piano"
]
INSTRUMENTS: tuple[Instrument, ...] = (
    "guitar",
    "violin",
    "flute",
    "trumpet",
    "marimba",
    "drum",
    "accordion",
    "piano",
)


def on_grid(seconds: float) -> float:
    """The nearest time on the grid of `TICK`."""
    return round(seconds / TICK) * TICK


@dataclass(frozen=True)
class Note:
    """One note.

    Attributes:
        start: seconds.
        duration: seconds.
        pitch: MIDI number, 69 is A4; need not be whole. A drum takes it as which drum and where.
        velocity: 0..1.
        stroke: +1 or -1: direction of bow, pluck and bellows, or which hand strikes; seen, not
            heard.
    """

    start: float
    duration: float
    pitch: float
    velocity: float
    stroke: int = 1

    @property
    def end(self) -> float:
        """Seconds."""
        return self.start + self.duration


@dataclass(frozen=True)
class Pose:
    """Where a performer stands and in which state, apart from playing.

    Attributes:
        x: of the performer's middle, in picture widths to the right of the picture's middle.
        y: of the performer's middle, in picture heights below the picture's middle.
        size: height of the performer in units of the picture's shorter side.
        angle: clockwise, in radians.
        fan: 0 closed .. 1 open.
        presence: 0 not there .. 1 there.
    """

    x: float = 0.0
    y: float = 0.0
    size: float = 0.6
    angle: float = 0.0
    fan: float = 0.0
    presence: float = 1.0


@dataclass(frozen=True)
class Performer:
    """A player with an instrument.

    Attributes:
        kind: of instrument.
        design: which of the kind's designs.
        colour: name of the instrument's colour, a key of ``looks.paint.COLOURS``.
        costume: name of the costume's colour, a key of ``looks.paint.COSTUMES``.
        facing: +1 or -1 (mirrored).
        home: the pose at time 0.
        notes: in order of start.
        look: seed of what else can be seen: shade, skin, hair, hat.
        timbre: seed of the instrument's sound (build, tuning).
        gain: loudness in the mix, linear.
        pan: -1 left .. 1 right.
    """

    kind: Instrument
    design: int
    colour: str
    costume: str
    facing: int
    home: Pose
    notes: tuple[Note, ...] = ()
    look: int = 0
    timbre: int = 0
    gain: float = 0.3
    pan: float = 0.0


@dataclass(frozen=True)
class Course:
    """How one move runs, the same for both members of a pair (see ``moves``).

    Attributes:
        low: the moved quantity (height, x, size, angle, fan or presence) at its low end.
        high: at its high end.
        bend: 0 steady .. 1 gentle at both ends.
        lead: share of the first of two parts (for moves that have two).
        gap: share of the pause between them.
        cycles: of a wave, a flash or a nod.
    """

    low: float = 0.0
    high: float = 1.0
    bend: float = 0.5
    lead: float = 0.4
    gap: float = 0.1
    cycles: int = 2


@dataclass(frozen=True)
class Event:
    """Something that happens, with its sentence.

    Attributes:
        performer: index in ``Episode.performers``.
        kind: a ``move`` of the whole performer, or ``play`` (notes).
        label: a key of ``moves.MOVES`` or of ``compose.STYLES``.
        start: seconds.
        duration: seconds.
        course: of a move; ``None`` for playing.
        sentence: in English, without a full stop.
    """

    performer: int
    kind: Literal["move", "play"]
    label: str
    start: float
    duration: float
    course: Course | None = None
    sentence: str = ""

    @property
    def end(self) -> float:
        """Seconds."""
        return self.start + self.duration

    @property
    def span(self) -> Span:
        """The stretch of time."""
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Camera:
    """A slow drift: straight from ``-drift / 2`` to ``+drift / 2`` over the episode, plus a sway.

    Attributes:
        drift: of the picture's middle over the whole episode (x in widths, y in heights).
        zoom: ratio of the magnification at the end to that at the start.
        sway: amplitude in picture widths, the same shape forwards and backwards.
        sway_hertz: its rate.
    """

    drift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    sway: float = 0.0
    sway_hertz: float = 0.2


@dataclass(frozen=True)
class Backdrop:
    """What stands behind, before and above the performers.

    Attributes:
        pattern: a key of ``backdrops.PATTERNS``.
        hues: wall, second colour and floor, as names in ``looks.paint.WALLS``.
        grain: amplitude of the texture, 0..1.
        light: overall brightness, 1 is neutral.
        warmth: -1 cold .. 1 warm light.
        spot: x of a spotlight in picture widths, or ``None``.
        props: things in the foreground: (a key of ``backdrops.PROPS``, x, size).
        seed: of texture and details.
    """

    pattern: str = "plain"
    hues: tuple[str, str, str] = ("slate", "slate", "umber")
    grain: float = 0.1
    light: float = 1.0
    warmth: float = 0.0
    spot: float | None = None
    props: tuple[tuple[str, float, float], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Room:
    """How the place sounds.

    Attributes:
        reverb: 0 dry .. 1 wet.
        noise: level of the background noise, linear RMS.
        loudness: factor on the whole mix.
        seed: of the room's response and of the noise.
    """

    reverb: float = 0.2
    noise: float = 0.001
    loudness: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Episode:
    """Everything that happens in ``seconds`` seconds on one stage.

    Attributes:
        seed: the world seed that it was composed from.
        seconds: length.
        performers: from the back to the front: each hides those before it.
        events: in order of start.
        camera: its drift.
        backdrop: the scenery.
        room: the acoustics.
    """

    seed: int
    seconds: float
    performers: tuple[Performer, ...]
    events: tuple[Event, ...] = ()
    camera: Camera = field(default_factory=Camera)
    backdrop: Backdrop = field(default_factory=Backdrop)
    room: Room = field(default_factory=Room)

    @property
    def span(self) -> Span:
        """From 0 to the end."""
        return Span(0.0, self.seconds)

    def moves_of(self, performer: int) -> tuple[Event, ...]:
        """The moves of one performer, in order of start."""
        return tuple(e for e in self.events if e.kind == "move" and e.performer == performer)
