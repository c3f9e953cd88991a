"""How shapes and images look: clutter, surfaces, shadows, and the effects of a camera.

A canvas is float32 [H, W, 3], RGB in 0..255.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import cv2
import numpy as np

from gridrt.types import Float32Array, Int32Array, UInt8Array

NOISE_CELLS = (3, 6, 12, 40)  # per side, coarse to fine
SHADOW_STRENGTH = 0.45
SHADOW_REACH = 16  # pixels around a shape, at most
MIN_CONTRAST = 90.0  # between a shape and the canvas behind it, as a distance in RGB


@dataclass(frozen=True)
class Surface:
    """The look of a shape.

    Attributes:
        colors: float32 [H, W, 3], for the whole canvas.
        shadow_offset: pixels, x and y.
        shadow_blur: standard deviation in pixels.
    """

    colors: Float32Array
    shadow_offset: tuple[float, float]
    shadow_blur: float


def background(random: np.random.Generator, height: int, width: int) -> Float32Array:
    """Two muted colours, mixed by noise of several scales, with strokes on top."""
    first, second = (_color(random, saturation=(0.08, 0.45), value=(0.25, 0.85)) for _ in range(2))
    mixed = _noise(random, height, width)[..., None]
    canvas = first * (1 - mixed) + second * mixed
    canvas *= 1 + 0.25 * (_noise(random, height, width)[..., None] - 0.5)
    return strokes(random, canvas, count=int(random.integers(8, 20)))


def strokes(random: np.random.Generator, canvas: Float32Array, count: int) -> Float32Array:
    """The canvas with `count` thin, curved, translucent lines of any colour."""
    canvas = canvas.copy()
    height, width = canvas.shape[:2]
    for _ in range(count):
        color = _color(random, saturation=(0.1, 0.8), value=(0.15, 1))
        layer = np.zeros((height, width), np.uint8)
        cv2.polylines(layer, [_curve(random, height, width)], False, (255,), int(random.integers(1, 4)), cv2.LINE_AA, 4)
        x, y, w, h = cv2.boundingRect(layer)
        opacity = layer[y : y + h, x : x + w].astype(np.float32) * np.float32(random.uniform(0.35, 0.9) / 255)
        canvas[y : y + h, x : x + w] = _blend(canvas[y : y + h, x : x + w], color, opacity)
    return canvas


def surface(random: np.random.Generator, behind: Float32Array, coverage: Float32Array) -> Surface:
    """A surface that contrasts with the canvas behind the shape."""
    height, width = coverage.shape
    mean_behind = behind[coverage > 0].mean(0)
    base = mean_behind
    while np.linalg.norm(base - mean_behind) < MIN_CONTRAST:
        base = _color(random, saturation=(0.2, 0.85), value=(0.3, 1))
    colors = base * (1 + random.uniform(0.1, 0.3) * _gradient(random, height, width)[..., None])
    colors = _patterned(random, colors, base)
    colors *= 1 + 0.3 * (_noise(random, height, width)[..., None] - 0.5)
    angle, blur = random.uniform(0, 2 * math.pi), random.uniform(1.5, 4)
    return Surface(colors, (1.2 * blur * math.cos(angle), 1.2 * blur * math.sin(angle)), blur)


def composite(canvas: Float32Array, coverage: Float32Array, appearance: Surface) -> Float32Array:
    """The canvas with a shape on it, and its shadow under it."""
    height, width = coverage.shape
    move = np.array([[1, 0, appearance.shadow_offset[0]], [0, 1, appearance.shadow_offset[1]]])
    shadow = cv2.warpAffine(coverage, move, (width, height))
    shadow = cv2.GaussianBlur(shadow, (0, 0), appearance.shadow_blur)
    shaded = canvas * (1 - SHADOW_STRENGTH * shadow[..., None])
    return _blend(shaded, appearance.colors, coverage)


def add_camera_effects(random: np.random.Generator, canvas: Float32Array) -> UInt8Array:
    """The canvas as a camera records it: light from one side, slight blur, noise; uint8 [H, W, 3]."""
    height, width = canvas.shape[:2]
    lit = canvas * (1 + random.uniform(0, 0.25) * _gradient(random, height, width)[..., None])
    blurred = cv2.GaussianBlur(lit, (0, 0), random.uniform(0.3, 0.8))
    noise = random.standard_normal((height, width, 1), np.float32) * np.float32(random.uniform(2, 7))
    return np.asarray(np.clip(np.rint(blurred + noise), 0, 255), np.uint8)


def _blend(canvas: Float32Array, color: Float32Array, opacity: Float32Array) -> Float32Array:
    return canvas + (color - canvas) * opacity[..., None]


def _color(random: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Float32Array:
    rgb = colorsys.hsv_to_rgb(random.random(), random.uniform(*saturation), random.uniform(*value))
    return np.array(rgb, np.float32) * 255


def _noise(random: np.random.Generator, height: int, width: int) -> Float32Array:
    """Smooth noise of several scales, float32 [height, width], normalized to 0..1."""
    total = np.zeros((height, width), np.float32)
    for cells in NOISE_CELLS:
        grid = random.random((cells, cells), np.float32)
        octave = np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        total += octave / np.float32(math.sqrt(cells))
    lowest, highest = total.min(), total.max()
    return np.asarray((total - lowest) / (highest - lowest), np.float32)


def _gradient(random: np.random.Generator, height: int, width: int) -> Float32Array:
    """A linear gradient in a random direction, float32 [height, width], within -1..1."""
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray((x * math.cos(angle) + y * math.sin(angle)) / math.sqrt(2), np.float32)


def _patterned(random: np.random.Generator, colors: Float32Array, base: Float32Array) -> Float32Array:
    """The surface, plain, striped or dotted in a lighter or darker shade of its colour."""
    kind = random.choice(["plain", "plain", "stripes", "dots"])
    height, width = colors.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, period = random.uniform(0, math.pi), random.uniform(5, 14)
    across = (x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period)
    along = (y * math.cos(angle) - x * math.sin(angle)) * (2 * math.pi / period)
    shade = base * random.choice([0.65, 1.35])
    if kind == "stripes":
        return _blend(colors, shade, _soft_step(np.cos(across)))
    if kind == "dots":
        return _blend(colors, shade, _soft_step(np.cos(across) + np.cos(along) - 0.8))
    return colors


def _soft_step(wave: Float32Array) -> Float32Array:
    return np.asarray(np.clip(wave * 3 + 0.5, 0, 1), np.float32)


def _curve(random: np.random.Generator, height: int, width: int) -> Int32Array:
    """A quadratic Bezier curve across part of the image, [25, 2], in sixteenths of a pixel."""
    start = random.uniform(0, 1, 2) * (width, height)
    length = random.uniform(0.15, 0.7) * min(height, width)
    bends = start + random.uniform(-1, 1, (2, 2)) * length
    t = np.linspace(0, 1, 25)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bends[0] + t**2 * bends[1]
    return np.asarray(np.rint(points * 16), np.int32)
