"""Draws detections on an image: a box per object, with its name and score on a tag of the same colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from gridrt.report.fonts import drawable_name, font_for
from gridrt.types import Detections, Float32Array, UInt8Array

Color = tuple[int, int, int]

# Hues in steps of the golden section never repeat; the lightness alternates to separate similar hues.
GOLDEN_SECTION = 0.6180339887498949
FIRST_HUE = 0.08
LIGHTNESSES = (0.70, 0.80, 0.62)
CHROMA = 0.19
INK = (20, 20, 20)  # legible on every class colour, as these are light

# The matrices that define Oklab; rows are inputs.
CONES_OF_OKLAB = np.array([
    [1.0, 1.0, 1.0],
    [0.3963377774, -0.1055613458, -0.0894841775],
    [0.2158037573, -0.0638541728, -1.2914855480],
])  # fmt: skip
LINEAR_RGB_OF_CONES = np.array([
    [4.0767416621, -1.2684380046, -0.0041960863],
    [-3.3077115913, 2.6097574011, -0.7034186147],
    [0.2309699292, -0.3413193965, 1.7076147010],
])  # fmt: skip


@dataclass(frozen=True)
class _Style:
    """Sizes in pixels, in proportion to the image."""

    line: int
    edge: int
    padding: int
    font_size: int


def draw(image: UInt8Array, detections: Detections, class_names: Sequence[str]) -> UInt8Array:
    """A copy of `image` with every detection drawn, the best on top.

    A class is drawn by the number of its label, with a warning, if no font has the letters of its name.

    Args:
        image: uint8 [H, W, 3], RGB.
        detections: boxes in pixels of `image`; they are clipped to it.
        class_names: indexed by the labels.
    """
    texts = [f"{drawable_name(class_names[label], label)} {score:.0%}" for _, score, label in detections]
    return draw_boxes(image, detections.boxes, texts, [color_of(label) for _, _, label in detections])


def draw_boxes(image: UInt8Array, boxes: Float32Array, texts: Sequence[str], colors: Sequence[Color]) -> UInt8Array:
    """A copy of `image` with boxes [N, 4] drawn, each with its text on a tag of its colour, the first on top."""
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    mean_side = (canvas.width * canvas.height) ** 0.5
    line, font_size = max(2, round(mean_side / 180)), max(11, round(mean_side / 40))
    style = _Style(line, edge=max(1, line // 4), padding=max(2, font_size // 4), font_size=font_size)
    for box, text, color in reversed(list(zip(boxes, texts, colors, strict=True))):
        frame = _inside(box, canvas.size)
        if frame is not None:
            _draw_one(pen, frame, text, color, style)
    return np.array(canvas)


def color_of(label: int) -> Color:
    """The RGB colour of a class: the same in every image, and unlike those of the next labels.

    It is the nearest sRGB colour to one of Oklch, a colour space in which equal steps look equally large.
    """
    hue = 2 * math.pi * (FIRST_HUE + label * GOLDEN_SECTION)
    oklab = [LIGHTNESSES[label % len(LIGHTNESSES)], CHROMA * math.cos(hue), CHROMA * math.sin(hue)]
    linear = np.clip((np.array(oklab) @ CONES_OF_OKLAB) ** 3 @ LINEAR_RGB_OF_CONES, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(channel)) for channel in encoded)
    return red, green, blue


def _inside(box: Float32Array, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The pixels of `box` in an image of `size` (width, height), at least one; None if it lies outside."""
    left, right = sorted((float(box[0]), float(box[2])))
    top, bottom = sorted((float(box[1]), float(box[3])))
    width, height = size
    if right < 0 or bottom < 0 or left > width or top > height:
        return None
    return _pixel(left, width), _pixel(top, height), _pixel(right, width), _pixel(bottom, height)


def _pixel(coordinate: float, side: int) -> int:
    return min(max(round(coordinate), 0), side - 1)


def _draw_one(
    pen: ImageDraw.ImageDraw, frame: tuple[int, int, int, int], text: str, color: Color, style: _Style
) -> None:
    left, top, right, bottom = frame
    edge = style.edge
    around = (left - edge, top - edge, right + edge, bottom + edge)
    pen.rectangle(around, outline=INK, width=style.line + 2 * edge)  # separates the line from any background
    pen.rectangle(frame, outline=color, width=style.line)

    # The tag is on the upper edge, or below it at the upper border of the image, and moved left to stay in the image.
    font = font_for(text, style.font_size)
    width = pen.textlength(text, font=font) + 2 * style.padding
    height = pen.textbbox((0, 0), "Ag", font=font)[3] + style.padding
    x = max(0, min(left, pen.im.size[0] - width))
    y = top - height if top >= height else top
    pen.rectangle((x, y, x + width, y + height), fill=color)
    pen.text((x + style.padding, y + height / 2), text, fill=INK, font=font, anchor="lm")
