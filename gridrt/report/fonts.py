"""Fonts that have the letters of a text: Pillow's own for ASCII, else one that is installed."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

NOT_A_CHARACTER = "\U0010ffff"  # Unicode assigns it to nothing, so every font draws its box for missing glyphs
FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
PROBE_SIZE = 16  # pixels


def font_for(text: str, size: int) -> Font:
    """A font with all letters of the text, else Pillow's own.

    Args:
        text: to be drawn.
        size: in pixels.
    """
    return _loaded(_file_for(_letters_beyond_ascii(text)), size)


def drawable_name(name: str, label: int) -> str:
    """The name of a class if some font has its letters, else `class N` by its label, with a warning."""
    letters = _letters_beyond_ascii(name)
    if _has_glyphs(_loaded(_file_for(letters), PROBE_SIZE), letters):
        return name
    warnings.warn(
        "Some class names have letters that no installed font has: the images show the numbers of these classes. "
        "Install a font with these letters, such as Noto Sans CJK.",
        stacklevel=2,
    )
    return f"class {label}"


def _letters_beyond_ascii(text: str) -> str:
    """Each of them once; every font that is considered has those of ASCII."""
    return "".join(sorted({letter for letter in text if not letter.isascii() and not letter.isspace()}))


@cache
def _file_for(letters: str) -> Path | None:
    """The first font file with all of these letters; None is Pillow's own font, also where no file has them."""
    if _has_glyphs(_loaded(None, PROBE_SIZE), letters):
        return None
    for path in _installed():
        try:
            font = _loaded(path, PROBE_SIZE)
        except OSError:  # damaged, or of bitmaps in other sizes
            continue
        if _has_glyphs(font, letters + "aZ0%"):
            return path
    return None


def _has_glyphs(font: Font, letters: str) -> bool:
    """Whether the font draws each letter as something other than its box for missing glyphs."""
    missing = font.getmask(NOT_A_CHARACTER)
    return all((mask.size, bytes(mask)) != (missing.size, bytes(missing)) for mask in map(font.getmask, letters))


@lru_cache(maxsize=64)
def _loaded(path: Path | None, size: int) -> Font:
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)


@cache
def _installed() -> tuple[Path, ...]:
    """The font files of matplotlib and of the system, upright sans serifs of regular weight first."""
    found = [path for folder in _folders() for path in folder.rglob("*") if path.suffix.lower() in FONT_SUFFIXES]
    return tuple(sorted((path for path in found if "LastResort" not in path.name), key=_preference))


def _preference(path: Path) -> tuple[bool, bool, str]:
    name = path.name.lower()
    is_styled = any(style in name for style in ("bold", "italic", "oblique", "light", "thin", "black", "mono", "serif"))
    return is_styled, "sans" not in name, name


def _folders() -> Iterator[Path]:
    """Where font files lie on Linux, macOS and Windows; matplotlib brings some of its own."""
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    data_dirs = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    yield from (Path(folder, "fonts") for folder in (data_home, *data_dirs))
    yield Path.home() / ".fonts"
    if sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library" / "Fonts")
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")
    matplotlib = find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin is not None:
        yield Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
