"""Read an image file as RGB pixels, the way a person sees it, and write one.

Pillow decodes: for 8-bit JPEG and PNG its pixels equal those of OpenCV, with which the published models were
trained and measured, and it refuses a file that was cut short, which OpenCV fills with grey.
"""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from gridrt.data.warn_once import warn_once
from gridrt.errors import ImageError
from gridrt.files import atomic_path, check_is_file, head_of
from gridrt.limits import BYTES_PER_PIXEL, MOST_PIXELS
from gridrt.types import UInt8Array

# Named, because among Pillow's other formats are some that start a program (EPS) or match almost any bytes (TGA).
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
LOW_RANGE = 1 << 14  # of 16-bit values: fewer than 64 of the 256 levels that are left of them
JPEG_SETTINGS = {"quality": 92, "subsampling": 0}  # colour at full resolution keeps thin lines crisp

BAND_PIXELS = 1 << 20
"""Converted at a time, so that no form of the whole image lies in memory beside what Pillow decoded and the array."""

HEIC_REMEDY = "Convert HEIC images to JPEG, for example with `magick mogrify -format jpg *.heic`."

_ORIENTATION = 0x0112  # EXIF tag
_TURNED = (5, 6, 7, 8)  # its values that swap width and height
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_limit_lock, _filter_lock, _stderr_lock = threading.Lock(), threading.Lock(), threading.Lock()
_NOT_SHOWN = ("ignore", None, Warning, re.compile(r"PIL\."), 0)  # a filter of `warnings`, by module

ImageSource = str | Path | bytes | BinaryIO


@dataclass(frozen=True)
class Header:
    """What an image file says of itself before its pixels.

    Attributes:
        width: pixels, of the upright image.
        height: likewise.
        is_turned: stored with width and height swapped, which its EXIF orientation undoes.
    """

    width: int
    height: int
    is_turned: bool


def load_image(source: ImageSource, *, stretch: bool = False) -> UInt8Array:
    """Read an image as uint8 [H, W, 3], RGB, turned upright as its EXIF orientation says.

    Gray, 1-bit, palette and CMYK images become RGB; transparent ones are laid on white; of an animation the first frame
    is read. 16-bit images keep their high byte, so 10, 12 or 14 bits in a 16-bit file come out dark or black: a warning
    says so, once for a folder, where a gray image spans less than a quarter of the range.

    Args:
        source: a path, the bytes of an image file, or a binary file object.
        stretch: scale 16-bit gray linearly, the smallest value of the image to 0 and the largest to 255.

    Raises:
        ImageError: missing, empty, cut short, not an image of 8 or 16 bits a channel, or of more pixels than
            `check_pixels` allows, of which nothing is decoded.
    """
    place = _check_has_content(source)
    with _pillow_errors(source, place), _open(source) as image:
        check_pixels(image.width, image.height, place)
        with _libtiff_silenced(image):
            image.load()
        # Pillow holds the 16 bits of a PGM in 32, scaled to 0..65535.
        is_deep = image.mode in SIXTEEN_BIT_MODES or (image.mode == "I" and image.format == "PPM")
        if image.mode in ("I", "F") and not is_deep:
            raise ImageError("an image must have 8 or 16 bits a channel", place=place, value="32 bits")
        with suppress(Exception):  # EXIF that cannot be parsed says nothing about orientation; the pixels are sound
            ImageOps.exif_transpose(image, in_place=True)
        gray = np.asarray(image) if is_deep else np.zeros((1, 1), np.uint16)
        lowest, highest = int(gray.min()), int(gray.max())
        line = (lowest, 255, max(highest - lowest, 1)) if stretch else (0, 1, 256)
        pixels = np.empty((image.height, image.width, 3), np.uint8)
        for rows in _bands(image):
            pixels[rows] = _eight_bit(gray[rows], *line) if is_deep else _rgb(image, rows)
    if not stretch and 0 < highest - lowest < LOW_RANGE:
        where = Path(place).parent if isinstance(source, (str, Path)) else place
        warn_once(
            f"{where}: 16-bit images span less than a quarter of their range, so they are dark or black; "
            "gridrt detect and evaluate --stretch scale them, as does load_image(..., stretch=True)"
        )
    return pixels


def read_header(source: ImageSource) -> Header:
    """The size of an image as `load_image` returns it, of any number of pixels, without decoding them.

    Raises:
        ImageError: as `load_image`, as far as the header shows it.
    """
    place = _check_has_content(source)
    with _pillow_errors(source, place), _open(source) as image:
        width, height = image.size
        # Not by the PNG reader's own method, which decodes the pixels to look for EXIF behind them.
        is_turned = Image.Image.getexif(image).get(_ORIENTATION) in _TURNED
        if is_turned and image.format != "TIFF":  # of which Pillow gives the upright size
            width, height = height, width
        return Header(width, height, is_turned)


def check_pixels(width: int, height: int, place: object) -> None:
    """Refuse an image of more pixels than `MOST_PIXELS`, or than GRIDRT_MAX_PIXELS where that is set.

    Raises:
        ImageError: it has more, or the variable is not a positive whole number.
    """
    text = os.environ.get("GRIDRT_MAX_PIXELS", str(MOST_PIXELS))
    if not text.isdecimal() or int(text) == 0:
        raise ImageError("must be a positive whole number", place="GRIDRT_MAX_PIXELS", value=repr(text))
    if width * height > int(text):
        memory = f"{BYTES_PER_PIXEL * width * height / 1e9:.1f} GB"
        raise ImageError(
            f"an image must have at most {int(text)} pixels",
            place=place,
            value=f"{width} x {height}",
            remedy=f"Set GRIDRT_MAX_PIXELS={width * height} to decode it nevertheless, in up to {memory}.",
        )


def _check_has_content(source: ImageSource) -> str:
    """Refuse what holds no bytes; return what to call the source in messages."""
    if isinstance(source, bytes):
        place, is_empty = "the bytes of an image", not source
    elif isinstance(source, (str, Path)):
        path, place = Path(source), str(source)
        check_is_file(path, ImageError)
        if not path.is_file():
            raise ImageError("an image must be a file", place=place, value="a device or a pipe")
        is_empty = path.stat().st_size == 0
    else:
        place, is_empty = str(getattr(source, "name", "a file object")), False
    if is_empty:
        raise ImageError("an image file must not be empty", place=place)
    return place


@contextmanager
def _pillow_errors(source: ImageSource, place: str) -> Iterator[None]:
    """What Pillow raises becomes an `ImageError`, and what it warns of is not shown."""
    with _pillow_is_quiet():
        try:
            yield
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            remedy = HEIC_REMEDY if _is_heic(source) else f"Known formats are {', '.join(FORMATS)}."
            raise ImageError("the file is not an image of a known format", place=place, remedy=remedy) from error
        except Exception as error:  # broken files make Pillow raise anything from SyntaxError to struct.error
            value = str(error) or type(error).__name__
            raise ImageError("cannot decode the image: damaged or cut short", place=place, value=value) from error


@contextmanager
def _pillow_is_quiet() -> Iterator[None]:
    """What Pillow merely remarks on, such as odd EXIF, leaves the pixels sound.

    Not by `warnings.catch_warnings`, which is for one thread alone: of two that read at a time, the second would put
    back the filters that it found while the first was at work.
    """
    with _filter_lock:
        warnings.filters.insert(0, _NOT_SHOWN)  # type: ignore[attr-defined]  # a list, of which typeshed knows no more
    try:
        yield
    finally:
        with _filter_lock, suppress(ValueError):  # someone else has put back other filters
            warnings.filters.remove(_NOT_SHOWN)  # type: ignore[attr-defined]


def _is_heic(source: ImageSource) -> bool:
    """As far as a path or bytes tell."""
    if isinstance(source, bytes):
        head = source[:12]
    else:
        head = head_of(Path(source), 12) if isinstance(source, (str, Path)) else b""
    return head[4:8] == b"ftyp" and head[8:] in _HEIC_BRANDS


def _open(source: ImageSource) -> Image.Image:
    """The image, its pixels not decoded yet."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with _without_pillows_limit():
        return Image.open(file, formats=FORMATS)


@contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Pillow's own limit is a global, and lower than what a user may ask for."""
    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _libtiff_silenced(image: Image.Image) -> Iterator[None]:
    """Keep libtiff from printing what Pillow raises: while a TIFF is decoded, this process has no stderr."""
    if image.format != "TIFF":
        yield
        return
    with _stderr_lock, ExitStack() as restored:
        with suppress(OSError):  # stderr is closed
            stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            restored.callback(os.close, stderr)
            restored.callback(os.dup2, stderr, 2)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        yield


def _bands(image: Image.Image) -> Iterator[slice]:
    """The rows of the image in parts of `BAND_PIXELS`."""
    step = max(BAND_PIXELS // image.width, 1)
    for top in range(0, image.height, step):
        yield slice(top, min(top + step, image.height))


def _eight_bit(values: npt.NDArray[np.integer[Any]], offset: int, factor: int, divisor: int) -> UInt8Array:
    """16-bit gray [H, W] as uint8 [H, W, 1], rounded down."""
    return ((values.astype(np.int64) - offset) * factor // divisor).astype(np.uint8)[..., None]


def _rgb(image: Image.Image, rows: slice) -> UInt8Array:
    """Rows of an image as uint8 [H, W, 3], laid on white."""
    with _without_pillows_limit():
        band = image.crop((0, rows.start, image.width, rows.stop))
    if band.has_transparency_data:
        layer = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(band.convert("RGB"))


def save_image(target: str | Path, pixels: UInt8Array) -> None:
    """Write uint8 [H, W, 3], RGB, as JPEG where the name ends in .jpg or .jpeg, else as PNG, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    is_jpeg = Path(target).suffix.lower() in (".jpg", ".jpeg")
    with atomic_path(target) as temporary:
        if is_jpeg:
            Image.fromarray(pixels).save(temporary, format="JPEG", **JPEG_SETTINGS)
        else:
            Image.fromarray(pixels).save(temporary, format="PNG")
