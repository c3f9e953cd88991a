"""One image: shapes placed so that each stays recognizable, then painted back to front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridrt.data.synthetic.paint import SHADOW_REACH, add_camera_effects, background, composite, strokes, surface
from gridrt.data.synthetic.shapes import DISTRACTOR, Shape, move_to, random_distractor, random_object
from gridrt.types import Float32Array, UInt8Array

OBJECTS = (3, 8)
DISTRACTORS = (0, 3)
FRONT_STROKES = (0, 2)
MIN_VISIBLE = 0.85  # of an object's pixels
ATTEMPTS = 30  # to place a shape before it is left out
# Probability, and the range of the side of a square of the box's area as a fraction of the image's short side.
SIZES = ((0.15, 0.1, 0.15), (0.5, 0.15, 0.32), (0.35, 0.32, 0.55))


@dataclass(frozen=True)
class Scene:
    """An image and the objects in it.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        objects: back to front.
    """

    image: UInt8Array
    objects: tuple[Shape, ...]


@dataclass(frozen=True)
class _Placed:
    shape: Shape
    coverage: Float32Array  # [H, W]


def draw_scene(random: np.random.Generator, height: int, width: int) -> Scene:
    """Draw an image of a few shapes, each wholly within it and at least `MIN_VISIBLE` of it visible."""
    placed = _place_all(random, height, width)
    canvas = background(random, height, width)
    for one in placed:
        part = one.shape.window(SHADOW_REACH, height, width)
        appearance = surface(random, canvas[part], one.coverage[part])
        canvas[part] = composite(canvas[part], one.coverage[part], appearance)
    canvas = strokes(random, canvas, int(random.integers(*FRONT_STROKES, endpoint=True)))
    objects = tuple(one.shape for one in placed if one.shape.label != DISTRACTOR)
    return Scene(add_camera_effects(random, canvas), objects)


def _place_all(random: np.random.Generator, height: int, width: int) -> list[_Placed]:
    side = min(height, width)
    shapes = [random_object(random, _size(random) * side) for _ in range(random.integers(*OBJECTS, endpoint=True))]
    shapes += [
        random_distractor(random, _size(random) * side) for _ in range(random.integers(*DISTRACTORS, endpoint=True))
    ]
    placed: list[_Placed] = []
    for index in random.permutation(len(shapes)):
        placed += _place(random, shapes[index], placed, height, width)
    return placed


def _size(random: np.random.Generator) -> float:
    share, lowest, highest = zip(*SIZES, strict=True)
    row = random.choice(len(SIZES), p=share)
    return float(np.exp(random.uniform(np.log(lowest[row]), np.log(highest[row]))))


def _place(
    random: np.random.Generator, shape: Shape, behind: Sequence[_Placed], height: int, width: int
) -> list[_Placed]:
    """The shape at a random place where it leaves the others visible; empty if no such place was found."""
    left, top, right, bottom = shape.box
    if right - left > width or bottom - top > height:
        return []
    for _ in range(ATTEMPTS):
        there = move_to(shape, random.uniform(0, width - (right - left)), random.uniform(0, height - (bottom - top)))
        candidate = _Placed(there, there.coverage(height, width))
        if _all_visible([*behind, candidate]):
            return [candidate]
    return []


def _all_visible(placed: Sequence[_Placed]) -> bool:
    """Whether the shapes in front of each object leave enough of it visible."""
    unhidden = np.ones_like(placed[-1].coverage)
    for one in reversed(placed):
        if one.shape.label != DISTRACTOR and (one.coverage * unhidden).sum() < MIN_VISIBLE * one.coverage.sum():
            return False
        unhidden *= 1 - one.coverage
    return True
