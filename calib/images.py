"""Which pictures of a folder to calibrate with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from gridrt.data.sources import expand, is_video
from gridrt.errors import DataError

T = TypeVar("T")


def pictures_in(folder: Path, at_most: int) -> list[Path]:
    """The pictures right in a folder, by name; of more than `at_most`, so many at even distances.

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError("the pictures to calibrate with are in a folder", place=folder, value="no folder")
    pictures = [path for path in expand([str(folder)]) if not is_video(path)]
    if not pictures:
        raise DataError("there is at least one picture to calibrate with", place=folder)
    return spread(pictures, at_most)


def spread(items: Sequence[T], at_most: int) -> list[T]:
    """At most so many of `items`, at even distances, the first among them."""
    count = min(len(items), at_most)
    return [items[index * len(items) // count] for index in range(count)]
