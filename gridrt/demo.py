"""What `gridrt demo` shows besides the output of other verbs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gridrt.api import open_detector
from gridrt.data.image import load_image, save_image
from gridrt.report.draw import draw
from gridrt.report.sheet import sheet

COLUMNS = 4
SCORE_THRESHOLD = 0.5  # of the detections that are drawn


def save_detection_sheet(model: Path, images: Sequence[Path], target: Path) -> None:
    """Detect in images, and write all of them with their detections as one image.

    Args:
        model: as `gridrt.open_detector` takes it.
        images: files, all of one size.
        target: the image to write.

    Raises:
        OutputError: `target` cannot be written.
    """
    detector = open_detector(model)
    drawn = []
    for image in map(load_image, images):
        found = detector([image])[0].above(SCORE_THRESHOLD)
        drawn.append(draw(image, found, detector.class_names))
    save_image(target, sheet(drawn, COLUMNS))
