"""Read a picture file as RGB pixels, the way a person sees it, and write one.

Pillow decodes: for 8-bit JPEG and PNG its pixels equal those of OpenCV, with which the published models were
trained and measured, and it refuses a file that was cut short, which OpenCV fills with grey.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gridrt.errors import ImageError
from gridrt.files import atomic_path, check_is_file
from gridrt.types import UInt8Array

# Named, because among Pillow's other formats are some that start a program (EPS) or match almost any bytes (TGA).
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
SIXTEEN_BIT_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
JPEG_SETTINGS = {"quality": 92, "subsampling": 0}  # colour at full resolution keeps thin lines crisp


def load_image(path: str | Path) -> UInt8Array:
    """Read a picture as uint8 [H, W, 3], RGB, turned upright as its EXIF orientation says.

    Gray, 1-bit, palette and CMYK pictures become RGB; transparent ones lie on white; 16-bit ones keep their
    high byte; of an animation the first frame is read.

    Raises:
        ImageError: missing, empty, cut short, too large, or not a picture of 8 or 16 bits a channel.
    """
    path = Path(path)
    _check_has_content(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow merely remarks on, such as odd EXIF, leaves the pixels sound
        try:
            return _decode(path)
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            raise ImageError("not a picture of a known format", place=path, remedy=_known_formats()) from error
        except Image.DecompressionBombError as error:
            raise ImageError("too many pixels for one picture", place=path, value=error) from error
        except Exception as error:  # broken files make Pillow raise anything from SyntaxError to struct.error
            raise ImageError("the picture is damaged or cut short", place=path, value=_reason(error)) from error


def _check_has_content(path: Path) -> None:
    check_is_file(path, ImageError)
    if not path.is_file():
        raise ImageError("a picture must be a file", place=path, value="a device or a pipe")
    if path.stat().st_size == 0:
        raise ImageError("the file is empty", place=path)


def _decode(path: Path) -> UInt8Array:
    with Image.open(path, formats=FORMATS) as image:
        image.load()
        stored_as = image.format
        pixels = _eight_bit(_upright(image), stored_as, path)
        return np.array(_on_white(pixels).convert("RGB"))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - EXIF that cannot be parsed says nothing about orientation; the pixels are sound
        return image


def _eight_bit(image: Image.Image, stored_as: str | None, path: Path) -> Image.Image:
    # Pillow holds the 16 bits of a PGM in 32, scaled to 0..65535.
    if image.mode in SIXTEEN_BIT_MODES or (image.mode == "I" and stored_as == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ImageError("a picture must have 8 or 16 bits a channel", place=path, value="32 bits")
    return image


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _known_formats() -> str:
    return f"Known are {', '.join(FORMATS)}."


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


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
