"""What a user names, as files: pictures, videos, folders of them, and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from gridrt.errors import GridRTError
from gridrt.files import is_url

IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
VIDEO_SUFFIXES = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"))


def is_video(path: Path) -> bool:
    """Whether the file's name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def expand(names: Iterable[str]) -> list[Path]:
    """The files behind names of files, folders and patterns, each once, in order.

    A folder stands for the pictures and videos right in it, by name; a pattern (`*`, `?`, `[...]`, `**`) for the
    files that match. A name that is neither stands for itself, so that whoever reads it can say that it is missing.

    Raises:
        GridRTError: a folder without pictures or videos, or a pattern that matches no file.
    """
    unique: dict[tuple[Path, str], Path] = {}
    for name in names:
        for path in _files(name):
            unique.setdefault((path.parent.resolve(), path.name), path)
    return list(unique.values())


def _files(name: str) -> Iterator[Path]:
    path = Path(name)
    if path.is_dir():
        yield from _in_folder(path)
    elif glob.has_magic(name) and not path.exists() and not is_url(name):
        yield from _matching(name)
    else:
        yield path


def _in_folder(folder: Path) -> list[Path]:
    wanted = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    found = [path for path in folder.iterdir() if path.suffix.lower() in wanted and not path.name.startswith(".")]
    if not found:
        raise GridRTError(
            "there is no picture or video in this folder",
            place=folder,
            remedy=f"For those further down, quote a pattern: '{folder}/**/*.jpg'.",
        )
    return sorted(found)


def _matching(pattern: str) -> list[Path]:
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    found = sorted(path for path in map(Path, names) if path.is_file())
    if not found:
        raise GridRTError("no file matches this pattern", place=pattern, remedy="Check the path.")
    return found
