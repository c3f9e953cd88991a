"""What a user names, as files: images, videos, folders of them, and patterns."""

from __future__ import annotations

import glob
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from gridrt.data.image import HEIC_REMEDY
from gridrt.errors import GridRTError
from gridrt.files import is_url
from gridrt.formatting import format_count

# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".apng", ".avif", ".avifs", ".bmp", ".gif", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf",
    ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
))
VIDEO_SUFFIXES = frozenset((
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv",
))
# fmt: on
HEIC_SUFFIXES = frozenset((".heic", ".heif"))


def is_video(path: Path) -> bool:
    """Whether the file's name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def expand(names: Iterable[str]) -> list[Path]:
    """The files behind names of files, folders and patterns, each once, in order.

    A folder stands for the images and videos right in it, by name; a warning counts its other files by suffix. A
    pattern (`*`, `?`, `[...]`, `**`) stands for the files that match. A name that is neither stands for itself, so that
    whoever reads it can say that it is missing.

    Raises:
        GridRTError: a folder without images or videos, or a pattern that matches no file.
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
        matching = glob.glob(name, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
        found = sorted(path for path in map(Path, matching) if path.is_file())
        if not found:
            raise GridRTError("the pattern has no matching file", place=name, remedy="Check the path.")
        yield from found
    else:
        yield path


def readable_in(folder: Path) -> list[Path]:
    """The images and videos right in a folder, by name; none where there is no such folder."""
    return sorted(path for path in _visible_in(folder) if _is_readable(path)) if folder.is_dir() else []


def _visible_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _is_readable(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _in_folder(folder: Path) -> list[Path]:
    readable = readable_in(folder)
    others = Counter(
        path.suffix.lower() or "without a suffix"
        for path in _visible_in(folder)
        if not _is_readable(path) and path.is_file()
    )
    left_out = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
    remedy = HEIC_REMEDY if HEIC_SUFFIXES & others.keys() else ""
    if not readable:
        raise GridRTError(
            "the folder has no images or videos",
            place=folder,
            value=left_out or None,
            remedy=remedy or f"For those further down, quote a pattern: '{folder}/**/*.jpg'.",
        )
    if left_out:
        warnings.warn(
            f"{folder}: left out {format_count(others.total(), 'file')} that cannot be read as image or video: "
            f"{left_out}. {remedy}",
            stacklevel=4,
        )
    return readable
