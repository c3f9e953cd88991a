"""Draw detections on a picture: a frame per object, its name and score on a tag of the same colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gridrt.types import Detections, Float32Array, UInt8Array

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Hues a golden section of the circle apart never meet again; lightness alternates to part near ones.
GOLDEN_SECTION = 0.6180339887498949
FIRST_HUE = 0.08
LIGHTNESSES = (0.70, 0.80, 0.62)
CHROMA = 0.19
INK = (20, 20, 20)  # dark, as every class colour is light enough to read it on

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
    line: int
    edge: int
    padding: int
    font: Font


def draw(image: UInt8Array, detections: Detections, class_names: Sequence[str]) -> UInt8Array:
    """A copy of `image` with every detection drawn, the best on top.

    Args:
        image: uint8 [H, W, 3], RGB.
        detections: boxes in pixels of `image`; what reaches past its border is cut off in the drawing.
        class_names: indexed by the labels.
    """
    named = zip(detections.labels.tolist(), detections.scores.tolist(), strict=True)
    texts = [f"{class_names[label]} {score:.0%}" for label, score in named]
    return draw_boxes(image, detections.boxes, texts, [color_of(label) for label in detections.labels.tolist()])


def draw_boxes(image: UInt8Array, boxes: Float32Array, texts: Sequence[str], colors: Sequence[Color]) -> UInt8Array:
    """A copy of `image` with boxes [N, 4] drawn, each with its text on a tag of its colour, the first on top."""
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    style = _style_for(canvas.size)
    for box, text, color in reversed(list(zip(boxes, texts, colors, strict=True))):
        frame = _inside(box, canvas.size)
        if frame is not None:
            _draw_one(pen, frame, text, color, style)
    return np.array(canvas)


def color_of(label: int) -> Color:
    """The RGB colour of a class: the same in every picture, and unlike those of its neighbours."""
    lightness = LIGHTNESSES[label % len(LIGHTNESSES)]
    return _srgb_of_oklch(lightness, CHROMA, 2 * math.pi * (FIRST_HUE + label * GOLDEN_SECTION))


def _srgb_of_oklch(lightness: float, chroma: float, hue: float) -> Color:
    """The nearest sRGB colour to one of Oklch, where steps of equal size look equally large."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    cones = np.array([lightness, a, b]) @ CONES_OF_OKLAB
    linear = np.clip(cones**3 @ LINEAR_RGB_OF_CONES, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(channel)) for channel in encoded)
    return red, green, blue


def _style_for(size: tuple[int, int]) -> _Style:
    mean_side = (size[0] * size[1]) ** 0.5
    font_size = max(11, round(mean_side / 40))
    font = ImageFont.load_default(font_size)
    line = max(2, round(mean_side / 180))
    return _Style(line=line, edge=max(1, line // 4), padding=max(2, font_size // 4), font=font)


def _inside(box: Float32Array, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The pixels of `box` in an image of `size` (width, height), at least one; None where it lies wholly outside."""
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
    pen.rectangle(around, outline=INK, width=style.line + 2 * edge)  # parts the line from any background
    pen.rectangle(frame, outline=color, width=style.line)
    tag = _tag(pen, (left, top), text, style)
    pen.rectangle(tag, fill=color)
    middle = (tag[1] + tag[3]) / 2
    pen.text((tag[0] + style.padding, middle), text, fill=INK, font=style.font, anchor="lm")


def _tag(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, style: _Style
) -> tuple[float, float, float, float]:
    """Where the name goes: on the frame's upper edge, or below it where the picture ends, moved into the picture."""
    width = pen.textlength(text, font=style.font) + 2 * style.padding
    ascent_and_descent = pen.textbbox((0, 0), "Ag", font=style.font)
    height = ascent_and_descent[3] + style.padding
    left = max(0, min(corner[0], pen.im.size[0] - width))
    top = corner[1] - height if corner[1] >= height else corner[1]
    return left, top, left + width, top + height
