"""Which images of a folder to calibrate with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from gridrt.data.sources import expand, is_video
from gridrt.errors import DataError

T = TypeVar("T")


def images_in(folder: Path, at_most: int) -> list[Path]:
    """The images directly in a folder, by name; of more than `at_most`, so many, evenly spaced.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataError("calibration images must be in a folder: this is not a folder", place=folder)
    images = [path for path in expand([str(folder)]) if not is_video(path)]
    if not images:
        raise DataError("the folder has no image to calibrate with", place=folder)
    return spread(images, at_most)


def spread(items: Sequence[T], at_most: int) -> list[T]:
    """At most so many of `items`, evenly spaced, the first among them."""
    count = min(len(items), at_most)
    return [items[index * len(items) // count] for index in range(count)]
