"""From an `Episode` to pictures and masks, at any times and any size.

A frame is painted from back to front: scenery, then each performer (halo, fan, flag, body,
instrument), then the things in the foreground, then the light. All shapes are polygons, drawn
anti-aliased at 1/16 pixel. Pixels are computed in whole numbers and by OpenCV functions that give
the same bytes with and without a processor's vector instructions.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sensorium.seeds import generator
from sensorium.worlds.stage import backdrops
from sensorium.worlds.stage.looks import LOOKS, figure
from sensorium.worlds.stage.looks.paint import Shape, paint, shade
from sensorium.worlds.stage.posing import poses
from sensorium.worlds.stage.script import Camera, Episode

Curve = NDArray[np.float64]  # [T]
Frames = NDArray[np.uint8]  # [T, H, W, 3]
Owners = NDArray[np.uint8]  # [T, H, W]
Masks = NDArray[np.bool_]  # [T, P, H, W]
Picture = NDArray[np.uint8]  # [H, W, 3]
Affine = tuple[NDArray[np.float64], NDArray[np.float64]]  # [2, 2] and [2]: p @ matrix + shift

SHIFT = 4  # fractional bits of the coordinates given to OpenCV
LARGEST = 8192
LEAN = 0.6  # radians of a full nod


def camera_path(camera: Camera, seconds: float, times: Curve) -> tuple[Curve, Curve, Curve]:
    """Shift in x (widths) and y (heights), and magnification, at ``times``."""
    half = times / seconds - 0.5
    sway = camera.sway * np.cos(2.0 * np.pi * camera.sway_hertz * (times - 0.5 * seconds))
    zoom = 1.06 * camera.zoom**half
    return camera.drift[0] * half + sway, camera.drift[1] * half + 0.5 * sway, zoom


class _Scene:
    """What an episode's curves are at the asked times."""

    def __init__(self, episode: Episode, times: Sequence[float]) -> None:
        at = np.asarray(times, np.float64).reshape(-1)
        self.poses = [poses(episode, i, at) for i in range(len(episode.performers))]
        self.gestures = [LOOKS[p.kind].motion(p.notes, at) for p in episode.performers]
        self.camera = camera_path(episode.camera, episode.seconds, at)


class Renderer:
    """One episode at one picture size; keeps what does not change from frame to frame.

    Args:
        episode: what happens.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.

    Raises:
        ValueError: if a side is below 1 or above 8192 pixels.
    """

    def __init__(self, episode: Episode, height: int, width: int) -> None:
        if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
            raise ValueError(
                f"pictures must be 1 to {LARGEST} pixels on each side, got {height} x {width}; "
                "give another height and width"
            )
        self.episode, self.height, self.width = episode, height, width
        self.unit = float(min(height, width))
        self.paints = [paint(p) for p in episode.performers]
        self.scenery = backdrops.scenery(episode.backdrop, height, width)
        self.light = backdrops.light(episode.backdrop, height, width)
        self.foreground = self._foreground()

    def frames(self, times: Sequence[float]) -> Frames:
        """The pictures at ``times`` (seconds; outside the episode its first or last state).

        Shape:
            returns ``uint8 [T, H, W, 3]``, RGB.
        """
        scene = _Scene(self.episode, times)
        out = np.empty((len(times), self.height, self.width, 3), np.uint8)
        for t in range(len(times)):
            frame = self._background(scene, t)
            for index in range(len(self.episode.performers)):
                self._perform(frame, scene, index, t)
            _fill(frame, self.foreground, self._stage(scene, t))
            cv2.multiply(frame, self.light, dst=out[t], scale=1.0 / 128.0)
        return out

    def owners(self, times: Sequence[float]) -> Owners:
        """Which performer is seen at each pixel: 0 nobody, else the performer's index plus 1.

        What hides a performer, or fades it below a half, leaves the pixel to what is seen there.

        Shape:
            returns ``uint8 [T, H, W]``.
        """
        scene = _Scene(self.episode, times)
        out = np.zeros((len(times), self.height, self.width), np.uint8)
        for t in range(len(times)):
            for index in range(len(self.episode.performers)):
                if scene.poses[index]["presence"][t] >= 0.5:
                    shapes, place = self._shapes(scene, index, t), self._body(scene, index, t)
                    _stamp(out[t], shapes, place, index + 1)
            _stamp(out[t], self.foreground, self._stage(scene, t), 0)
        return out

    def masks(self, times: Sequence[float]) -> Masks:
        """Which pixels show which performer: `owners`, taken apart.

        Shape:
            returns ``bool [T, P, H, W]``.
        """
        numbers = np.arange(1, len(self.episode.performers) + 1, dtype=np.uint8)
        # [T, 1, H, W] == [P, 1, 1] -> [T, P, H, W]
        masks: Masks = self.owners(times)[:, None] == numbers[:, None, None]
        return masks

    def _background(self, scene: _Scene, t: int) -> Picture:
        x, y, zoom = (float(curve[t]) for curve in scene.camera)
        columns = _cut(self.width, self.scenery.shape[1], x, zoom)
        rows = _cut(self.height, self.scenery.shape[0], y, zoom)
        whole = np.empty((self.height, self.width, 2), np.int16)
        whole[..., 0], whole[..., 1] = columns >> 5, rows[:, None] >> 5
        part = ((rows[:, None] & 31) * 32 + (columns & 31)).astype(np.uint16)
        frame: Picture = cv2.remap(
            self.scenery, whole, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return frame

    def _stage(self, scene: _Scene, t: int) -> Affine:
        """From pixels relative to the middle of the stage to pixels of the picture."""
        x, y, zoom = (float(curve[t]) for curve in scene.camera)
        middle = (0.5 * (self.width - 1), 0.5 * (self.height - 1))
        shift = (middle[0] - x * self.width * zoom, middle[1] - y * self.height * zoom)
        return np.eye(2) * zoom, np.array(shift)

    def _body(self, scene: _Scene, index: int, t: int) -> Affine:
        """From the performer's own frame to pixels of the picture."""
        pose = {name: float(curve[t]) for name, curve in scene.poses[index].items()}
        stage, shift = self._stage(scene, t)
        facing = self.episode.performers[index].facing
        flip = np.array([[facing, 0.0], [0.0, 1.0]])
        bow = _rotation(LEAN * pose["nod"] * facing)
        foot = np.array([0.0, 0.5])
        turn = _rotation(pose["angle"]) * (pose["size"] * self.unit)
        place = np.array([pose["x"] * self.width, pose["y"] * self.height])
        matrix = flip @ bow @ turn @ stage
        return matrix, ((foot - foot @ bow) @ turn + place) @ stage + shift

    def _shapes(self, scene: _Scene, index: int, t: int) -> list[Shape]:
        """What the performer consists of, without its halo, from back to front."""
        performer, colours = self.episode.performers[index], self.paints[index]
        pose = scene.poses[index]
        gesture = {name: float(curve[t]) for name, curve in scene.gestures[index].items()}
        return [
            *figure.fan(colours, float(pose["fan"][t])),
            *figure.flag(colours, float(pose["wave"][t]), float(pose["swing"][t])),
            *figure.body(colours),
            *LOOKS[performer.kind].draw(colours, performer.design, gesture),
        ]

    def _perform(self, frame: Picture, scene: _Scene, index: int, t: int) -> None:
        presence = float(scene.poses[index]["presence"][t])
        if presence <= 0.0:
            return
        flash = float(scene.poses[index]["flash"][t])
        shapes = self._shapes(scene, index, t)
        if flash > 0.01:
            glow = 1.0 + 0.55 * flash
            shapes = [(points, shade(colour, glow)) for points, colour in shapes]
            shapes = [*figure.halo(flash), *shapes]
        place = self._body(scene, index, t)
        if presence >= 1.0:
            _fill(frame, shapes, place)
            return
        layer = frame.copy()
        _fill(layer, shapes, place)
        share = round(256 * presence)
        mixed = layer.astype(np.uint16) * share + frame.astype(np.uint16) * (256 - share)
        frame[:] = (mixed + 128) >> 8

    def _foreground(self) -> list[Shape]:
        """The things before the performers, in pixels relative to the middle of the stage."""
        shapes: list[Shape] = []
        for i, (name, x, size) in enumerate(self.episode.backdrop.props):
            rng = generator(self.episode.backdrop.seed, "prop", i)
            corner = np.array([x * self.width, 0.58 * self.height - size * self.unit])
            shapes += [
                (points * (size * self.unit) + corner, colour)
                for points, colour in backdrops.PROPS[name](rng)
            ]
        return shapes


def _cut(pixels: int, canvas: int, shift: float, zoom: float) -> NDArray[np.int64]:
    """Where along one side of the canvas each pixel lies, in 1/32 pixel."""
    place = (np.arange(pixels) - 0.5 * (pixels - 1)) / zoom + shift * pixels + 0.5 * (canvas - 1)
    fixed: NDArray[np.int64] = np.rint(place * 32.0).astype(np.int64)
    return fixed


def _rotation(angle: float) -> NDArray[np.float64]:
    """Clockwise on the screen, for row vectors."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def _corners(shapes: Sequence[Shape], place: Affine) -> list[NDArray[np.int32]]:
    """The shapes' corners in 1/16 pixel of the picture."""
    matrix, shift = place
    points = np.concatenate([p for p, _ in shapes]) @ (matrix * (1 << SHIFT))
    fixed = np.rint(points + shift * (1 << SHIFT)).astype(np.int32)
    corners, start = [], 0
    for p, _ in shapes:
        corners.append(fixed[start : start + len(p)])
        start += len(p)
    return corners


def _fill(frame: Picture, shapes: Sequence[Shape], place: Affine) -> None:
    """Paint the shapes, in order, with smooth edges."""
    if shapes:
        for corners, (_, colour) in zip(_corners(shapes, place), shapes, strict=True):
            cv2.fillPoly(frame, [corners], colour, cv2.LINE_AA, SHIFT)


def _stamp(owner: NDArray[np.uint8], shapes: Sequence[Shape], place: Affine, index: int) -> None:
    """Write ``index`` on the pixels that the shapes cover."""
    if shapes:
        for corners in _corners(shapes, place):
            cv2.fillPoly(owner, [corners], index, cv2.LINE_8, SHIFT)


def frames(episode: Episode, times: Sequence[float], height: int, width: int) -> Frames:
    """The episode's pictures at ``times`` (seconds).

    Shape:
        returns ``uint8 [T, H, W, 3]``, RGB.
    """
    return Renderer(episode, height, width).frames(times)


def masks(episode: Episode, times: Sequence[float], height: int, width: int) -> Masks:
    """Which pixels show which performer at ``times`` (seconds).

    Shape:
        returns ``bool [T, P, H, W]``.
    """
    return Renderer(episode, height, width).masks(times)
