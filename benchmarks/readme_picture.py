"""The README's picture: blood cells of BCCD's test images with what `tiny_bccd` detects.

    python -m benchmarks.readme_picture

BCCD (MIT licence) is in the folder `bccd` of the one that the variable GRIDRT_DATA names, as benchmarks/README.md says.
At this score 26 of the 27 boxes match an annotation of their class at IoU 0.5.
"""

from __future__ import annotations

import os
from pathlib import Path

import gridrt
from gridrt.data.image import save_image
from gridrt.report.draw import draw
from gridrt.report.sheet import sheet

NAMES = ("BloodImage_00136.jpg", "BloodImage_00167.jpg")
SCORE = 0.7
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "blood-cells.jpg"


def main() -> None:
    """Write the picture: the images side by side, as JPEG."""
    folder = Path(os.environ["GRIDRT_DATA"]) / "bccd" / "images"
    detector = gridrt.open_detector("tiny_bccd")
    drawn = []
    for name in NAMES:
        image = gridrt.load_image(folder / name)
        drawn.append(draw(image, detector([image])[0].above(SCORE), detector.class_names))
    save_image(PICTURE, sheet(drawn, columns=2))


if __name__ == "__main__":
    main()
