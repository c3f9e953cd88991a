"""What `gridrt demo` draws beside what the other verbs do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gridrt.api import open_detector
from gridrt.data.image import load_image, save_image
from gridrt.report.draw import draw
from gridrt.report.sheet import sheet

COLUMNS = 4
SCORE_THRESHOLD = 0.5  # of what is drawn


def draw_sheet(model: Path, pictures: Sequence[Path], drawn: Path) -> None:
    """Detect in pictures, and draw what is found on one sheet.

    Args:
        model: as `gridrt.open_detector` takes it.
        pictures: all of one size.
        drawn: the picture to write.

    Raises:
        OutputError: `drawn` cannot be written.
    """
    detector, images = open_detector(model), [load_image(picture) for picture in pictures]
    found = [detector([image])[0].above(SCORE_THRESHOLD) for image in images]
    pairs = zip(images, found, strict=True)
    save_image(drawn, sheet([draw(image, one, detector.class_names) for image, one in pairs], COLUMNS))
