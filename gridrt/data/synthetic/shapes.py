"""The classes of shapes: closed polygons with exact boxes, and how much of each pixel a shape covers.

Shapes: V vertices of an outline. Coordinates are continuous: pixel (row, column) covers [column, column + 1) in x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gridrt.types import Float32Array

Outline = npt.NDArray[np.float64]  # [V, 2], x and y
Outlines = tuple[Outline, ...]

CIRCLE_VERTICES = 120  # a multiple of 4: the extremes of a circle are vertices
SAMPLES = 4  # per pixel and axis
DISTRACTOR = -1
FRACTION_BITS = 4  # of the vertices that OpenCV draws


@dataclass(frozen=True)
class Shape:
    """One shape in an image.

    Attributes:
        outlines: of the shape, and of its hole if it has one; in pixels.
        label: index into `CLASS_NAMES`; `DISTRACTOR` for a shape that is not an object.
    """

    outlines: Outlines
    label: int

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The smallest (x1, y1, x2, y2) around the shape, with its hidden parts."""
        left, top = self.outlines[0].min(0)
        right, bottom = self.outlines[0].max(0)
        return float(left), float(top), float(right), float(bottom)

    def window(self, margin: int, height: int, width: int) -> tuple[slice, slice]:
        """The pixels of an image of [height, width] that the box touches, and `margin` around; rows, columns."""
        left, top, right, bottom = self.box
        rows = slice(max(math.floor(top) - margin, 0), min(math.ceil(bottom) + margin, height))
        columns = slice(max(math.floor(left) - margin, 0), min(math.ceil(right) + margin, width))
        return rows, columns

    def coverage(self, height: int, width: int) -> Float32Array:
        """How much of each pixel the shape covers, float32 [height, width] in 0..1; a hole is 0."""
        covered = np.zeros((height, width), np.float32)
        rows, columns = self.window(0, height, width)
        samples = np.zeros(((rows.stop - rows.start) * SAMPLES, (columns.stop - columns.start) * SAMPLES), np.uint8)
        corner = np.array([columns.start, rows.start])
        # OpenCV counts from the middle of a sample, and in fractions of one.
        fine = [((outline - corner) * SAMPLES - 0.5) * 2**FRACTION_BITS for outline in self.outlines]
        cv2.fillPoly(samples, [np.rint(one).astype(np.int32) for one in fine], (255,), cv2.LINE_8, FRACTION_BITS)
        pixels = cv2.resize(
            samples, (columns.stop - columns.start, rows.stop - rows.start), interpolation=cv2.INTER_AREA
        )
        covered[rows, columns] = pixels / np.float32(255)
        return covered


def _circle(_: np.random.Generator) -> Outlines:
    angles = np.arange(CIRCLE_VERTICES) * (2 * math.pi / CIRCLE_VERTICES)
    return (np.stack([np.cos(angles), np.sin(angles)], 1),)


def _rectangle(random: np.random.Generator) -> Outlines:
    aspect = random.uniform(0.45, 1)
    return (np.array([[-1, -aspect], [1, -aspect], [1, aspect], [-1, aspect]]),)


def _triangle(random: np.random.Generator) -> Outlines:
    apex = random.uniform(-0.4, 0.4)
    height = random.uniform(1.3, 2)
    return (np.array([[-1, height / 2], [apex, -height / 2], [1, height / 2]]),)


def _star(random: np.random.Generator) -> Outlines:
    angles = np.arange(10) * (math.pi / 5)
    radii = np.where(np.arange(10) % 2, random.uniform(0.38, 0.5), 1)
    return (np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1),)


def _ring(random: np.random.Generator) -> Outlines:
    (border,) = _circle(random)
    return border, border * random.uniform(0.5, 0.72)


def _cross(random: np.random.Generator) -> Outlines:
    arm = random.uniform(0.22, 0.36)
    quarter = np.array([[arm, arm], [arm, 1], [-arm, 1]])
    return (np.concatenate([_rotated((quarter,), turn * math.pi / 2)[0] for turn in range(4)]),)


KINDS: dict[str, Callable[[np.random.Generator], Outlines]] = {
    "circle": _circle,
    "rectangle": _rectangle,
    "triangle": _triangle,
    "star": _star,
    "ring": _ring,
    "cross": _cross,
}
CLASS_NAMES = tuple(KINDS)
ROUND = ("circle", "ring")  # rotating one moves its extremes off the vertices, and changes nothing visible


def random_object(random: np.random.Generator, size: float) -> Shape:
    """A shape of any class and angle, at the origin; its box has the area of a square of side `size`."""
    label = int(random.integers(len(CLASS_NAMES)))
    name = CLASS_NAMES[label]
    angle = 0.0 if name in ROUND else random.uniform(0, 2 * math.pi)
    return Shape(_scaled(_rotated(KINDS[name](random), angle), size), label)


def random_distractor(random: np.random.Generator, size: float) -> Shape:
    """A smooth blob or a half disc at the origin, which is not an object."""
    if random.random() < 0.5:
        angles = np.linspace(0, math.pi, CIRCLE_VERTICES // 2)
        outline = np.stack([np.cos(angles), np.sin(angles)], 1)
    else:
        outline = _blob(random)
    return Shape(_scaled(_rotated((outline,), random.uniform(0, 2 * math.pi)), size), DISTRACTOR)


def move_to(shape: Shape, x: float, y: float) -> Shape:
    """The shape with the upper left corner of its box at (x, y)."""
    left, top, _, _ = shape.box
    step = np.array([x - left, y - top])
    return Shape(tuple(outline + step for outline in shape.outlines), shape.label)


def _blob(random: np.random.Generator) -> Outline:
    """A closed curve whose radius is a sum of a few waves, with at least one dent."""
    angles = np.arange(CIRCLE_VERTICES) * (2 * math.pi / CIRCLE_VERTICES)
    radii = np.ones_like(angles)
    for waves, height in ((2, 0.35), (3, 0.3), (4, 0.12)):
        radii += random.uniform(0.4, 1) * height * np.cos(waves * angles + random.uniform(0, 2 * math.pi))
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)


def _rotated(outlines: Sequence[Outline], angle: float) -> Outlines:
    cosine, sine = math.cos(angle), math.sin(angle)
    return tuple(outline @ np.array([[cosine, sine], [-sine, cosine]]) for outline in outlines)


def _scaled(outlines: Outlines, size: float) -> Outlines:
    width, height = np.ptp(outlines[0], axis=0)
    return tuple(outline * (size / math.sqrt(width * height)) for outline in outlines)
