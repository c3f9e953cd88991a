"""Images with the mistakes of a detector drawn on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gridrt.data.coco import CocoDataset
from gridrt.data.image import load_image, save_image
from gridrt.eval import ImageMistakes
from gridrt.printable import escaped_name
from gridrt.report.draw import Color, draw_boxes
from gridrt.report.fonts import drawable_name
from gridrt.types import UInt8Array

MISSED_COLOR: Color = (255, 176, 60)
WRONG_COLOR: Color = (255, 110, 150)
MISTAKES_PATTERN = "mistakes_[0-9][0-9]_*.png"
"""Of the names of the files."""


def draw_mistakes(
    dataset: CocoDataset, mistakes: ImageMistakes, read: Callable[[Path], UInt8Array] = load_image
) -> UInt8Array:
    """The image, as `read` gives it, with its missed objects and wrong detections, uint8 [H, W, 3], RGB."""
    names = [drawable_name(name, label) for label, name in enumerate(dataset.class_names)]
    wrong = mistakes.wrong
    missed = [f"missed {names[label]}" for label in mistakes.missed_labels]
    texts = missed + [
        f"wrong {names[label]} {score:.0%}" for label, score in zip(wrong.labels, wrong.scores, strict=True)
    ]
    colors = [MISSED_COLOR] * len(missed) + [WRONG_COLOR] * len(wrong)
    boxes = np.concatenate([mistakes.missed_boxes, wrong.boxes])
    return draw_boxes(dataset.load_image(mistakes.index, read), boxes, texts, colors)


def save_mistakes(
    folder: Path,
    dataset: CocoDataset,
    worst_first: list[ImageMistakes],
    read: Callable[[Path], UInt8Array] = load_image,
) -> None:
    """Write a PNG of each image, as `read` gives it, to an existing folder, numbered from the worst.

    Raises:
        OutputError: they cannot be written.
    """
    for number, mistakes in enumerate(worst_first, 1):
        name = f"mistakes_{number:02d}_{escaped_name(dataset.path(mistakes.index).stem)}.png"
        save_image(folder / name, draw_mistakes(dataset, mistakes, read))
